"""In the bathroom for too long."""

from __future__ import annotations

import pytest

from core.model import Home, Reading
from detectors.bathroom import SPEC
from tests.detectors.daily_home import at, give, home, made, sensor, told, walk


def bath() -> Home:
    return home(extra=[sensor("bath", "bathroom", "motion")])


def test_question_then_warning_then_cleared() -> None:
    events = give(made(SPEC, bath()), walk(10, "hall", "bath") + walk(12, "bath", "hall"), at(13))
    start = 10 + 1 / 120
    assert [(stage or phase, round(t - start, 2)) for t, _, phase, stage in told(events)] == [
        ("question", 0.75),
        ("warning", 1.12),
        ("clear", pytest.approx(2.0, abs=0.01)),
    ]
    assert events[0].evidence["room"] == "bathroom"


def test_a_bath_of_forty_minutes_is_nothing() -> None:
    assert give(made(SPEC, bath()), walk(10, "hall", "bath") + walk(10.66, "bath", "hall"), at(13)) == []


def test_long_stays_are_learned() -> None:
    def stay(h: float, minutes: float) -> list[Reading]:
        return walk(h, "hall", "bath") + walk(h + minutes / 60, "hall", "living")

    usual = [r for d in range(12) for r in stay(24 * d + 9, 60)]
    late = give(made(SPEC, bath()), usual + walk(24 * 12 + 9, "hall", "bath"), at(24 * 12 + 12))
    last = [t - 24 * 12 - 9 for t, _, _, stage in told(late) if t > 24 * 12 and stage == "question"]
    assert last == [pytest.approx((60 * 1.5 + 15) / 60, abs=0.05)]


def test_where_leaving_cannot_be_seen_nothing_is_asked() -> None:
    only = Home("h", rooms=bath().rooms, sensors={s: bath().sensors[s] for s in ("bath", "bed")})
    assert give(made(SPEC, only), walk(10, "bath") + walk(10.05, "bath"), at(20)) == []
