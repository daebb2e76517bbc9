"""Is a rate told only when it was read well and out of range for long, and is lost sight no illness?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from core.contracts import DetectorSpec
from core.model import DAY, HOUR, MINUTE, SECOND, Event, Flag, Reading
from core.quantity import Quantity
from detectors.vital_range import Usual
from detectors.vitals import SPEC
from tests.detectors.daily_home import T0, home, made, sensor
from tests.laws import test_detector_laws as laws
from tests.laws.blocks import slice_blocks

Q = Quantity
RADAR = home(extra=[sensor("radar", "bedroom", "vitals")])


def read(
    quantity: Quantity, start: float, stop: float, rate: float, every: float = 3.0, flags: int = 0
) -> list[Reading]:
    """One value every few seconds from minute ``start`` to ``stop``."""
    n = int((stop - start) * 60 / every)
    t = [T0 + round((start * 60 + k * every) * SECOND) for k in range(n)]
    return [Reading("radar", quantity, at, rate, flags) for at in t]


def heart(*span: Any, **more: Any) -> list[Reading]:
    return read(Q.HEART_RATE_BPM, *span, **more)


def breath(*span: Any, **more: Any) -> list[Reading]:
    return read(Q.BREATH_RATE_BPM, *span, **more)


def events(rows: Iterable[Reading], until_min: float, **params: Any) -> list[Event]:
    detector = made(SPEC, RADAR, **params)
    ordered = sorted(rows, key=lambda r: (r.t, r.source, r.quantity))
    return detector.process(slice_blocks(ordered)) + detector.advance(T0 + round(until_min * MINUTE))


def told(found: Iterable[Event]) -> list[tuple[float, str, str, str]]:
    return [((e.t - T0) / MINUTE, e.kind, e.phase.value, e.evidence.get("stage", "")) for e in found]


def test_a_high_rate_asks_and_then_warns_and_ends_when_back() -> None:
    found = events(heart(0, 40, 135.0) + heart(40, 60, 70.0), 61)
    assert told(found) == [  # the first minute is (-1, 0]
        (14, "vitals", "onset", "question"),
        (29, "vitals", "update", "warning"),
        (45, "vitals", "clear", ""),
    ]
    assert found[0].evidence["heart_rate_bpm"] == 135.0
    assert "reason" not in found[-1].evidence


@pytest.mark.parametrize(
    "rows",
    [
        heart(0, 60, 0.0),
        breath(0, 60, 0.0),
        heart(0, 60, 300.0),
        heart(0, 60, 135.0, flags=int(Flag.RETAINED)),
        heart(0, 60, 135.0, flags=int(Flag.TEST)),
        heart(0, 10, 135.0) + heart(10, 60, 70.0),
        [Reading("radar", Q.MOVING, T0 + SECOND, 1.0), *heart(0.1, 60, 135.0)],
        [Reading("radar", Q.PRESENCE, T0 + SECOND, 0.0), *heart(0.1, 60, 135.0)],
        [r for k in range(6) for r in heart(10 * k, 10 * k + 3, 135.0)],
    ],
    ids=["0", "0 breath", "impossible", "retained", "test", "short", "moving", "nobody", "seldom"],
)
def test_what_is_no_good_value_tells_nothing(rows: list[Reading]) -> None:
    first = [Reading("radar", Q.HEART_RATE_BPM, T0, 70.0)]
    assert events(first + rows, 300) == []


def test_lost_rates_are_unknown_and_not_well() -> None:
    found = events(heart(0, 40, 30.0), 120)
    assert found[-1].phase.value == "clear"
    assert found[-1].evidence == {"reason": "unseen"}
    assert told(found)[-1][0] == 70  # half an hour after the last minute


def test_the_usual_range_is_learnt_and_narrower_than_the_fixed_one() -> None:
    detector = made(SPEC, RADAR)
    out: list[Event] = []
    for day in range(9):
        rows = [
            Reading("radar", Q.HEART_RATE_BPM, T0 + day * DAY + m * MINUTE + k * 20 * SECOND, 58.0 + m % 7)
            for m in range(300)
            for k in range(3)
        ]
        out += detector.process(slice_blocks(rows))
    assert out == []
    odd = [r._replace(t=r.t + 9 * DAY) for r in heart(0, 40, 88.0)]
    out = detector.process(slice_blocks(odd)) + detector.advance(T0 + 9 * DAY + HOUR)
    assert [e.evidence.get("stage") for e in out if e.phase.value != "clear"] == ["question"]
    assert out[0].evidence["heart_rate_bpm_range"][1] < 88


def test_a_usual_range_needs_days_and_forgets() -> None:
    usual = Usual()
    for day in range(60):
        for m in range(150):
            usual.add(day * DAY + m * MINUTE, 50.0 if day < 30 else 70.0)
        if day == 6:
            assert usual.range() is None
    assert usual.range() == (58.3, 81.7)


def test_a_breathing_pause_needs_a_beating_heart_and_steady_breathing_before() -> None:
    pause = breath(0, 12, 14.0) + breath(14, 20, 14.0)
    found = events(pause + heart(0, 20, 60.0), 20)
    assert [(k, p, s) for _, k, p, s in told(found)] == [
        ("apnea", "onset", "warning"),
        ("apnea", "clear", ""),
    ]
    assert found[1].evidence["duration_s"] >= 119
    gone = events(pause + heart(0, 12, 60.0) + heart(14, 20, 60.0), 20)
    assert gone == [], "both rates gone: the sensor lost the person"
    moved = [Reading("radar", Q.MOVING, T0 + round(12.2 * MINUTE), 1.0)]
    assert events([*pause, *heart(0, 20, 60.0), *moved], 20) == []
    patchy = [r for r in pause if (r.t - T0) // MINUTE % 3]
    assert events(patchy + heart(0, 20, 60.0), 20) == []


def test_a_gateway_that_did_not_run_saw_no_pause() -> None:
    blind = Reading("gateway", Q.BLIND_S, T0 + 14 * MINUTE, 119.0)
    rows = breath(0, 12, 14.0) + heart(0, 12, 60.0) + breath(14.1, 20, 14.0) + heart(14.1, 20, 60.0)
    assert events([*rows, blind], 20) == []


def test_weak_readings_say_so() -> None:
    found = events(heart(0, 40, 135.0, flags=int(Flag.WEAK)), 41)
    assert found
    assert all(e.evidence["weak"] is True for e in found)


HASTY = DetectorSpec(
    SPEC.name,
    SPEC.question,
    SPEC.params,
    lambda p, h: SPEC.make(SPEC.params(question_s=120, warning_s=240, steady_s=5, pause_s=7), h),
    SPEC.kinds,
)


@pytest.mark.parametrize(
    "law",
    [
        laws.test_cut_invariant,
        laws.test_snapshot_changes_nothing,
        laws.test_events_are_ordered_and_never_ahead,
    ],
)
def test_the_laws_hold_also_where_it_often_speaks(law: Callable[[DetectorSpec], None]) -> None:
    law(HASTY)
