"""Out of bed at night and not back."""

from __future__ import annotations

import pytest

from core.model import Reading
from core.quantity import Quantity as Q
from detectors.bed_absence import SPEC
from tests.detectors.daily_home import at, give, made, told, walk


def bed(hours: float, value: float) -> Reading:
    return Reading("bed", Q.BED_OCCUPIED, at(hours), value)


def asleep() -> list[Reading]:
    return [bed(12, 0.0), bed(22.5, 1.0)]


def test_question_warning_and_back() -> None:
    events = give(made(SPEC), [*asleep(), bed(26, 0.0), bed(27.5, 1.0)], at(28))
    assert told(events) == [
        (26.5, "bed_absence", "onset", "question"),
        (27.0, "bed_absence", "update", "warning"),
        (27.5, "bed_absence", "clear", ""),
    ]
    assert events[0].evidence["out_since"] == at(26)


def test_a_short_visit_to_the_toilet_is_nothing() -> None:
    assert give(made(SPEC), [*asleep(), bed(26, 0.0), bed(26.2, 1.0)], at(28)) == []


def test_stirring_puts_the_question_off_but_not_the_warning_for_ever() -> None:
    stir = [r for k in range(14) for r in walk(26.1 + k * 0.2, "kitchen", "living")]
    events = give(made(SPEC), [*asleep(), bed(26, 0.0), *stir], at(29))
    question = [t for t, _, _, stage in told(events) if stage == "question"]
    assert question
    assert question[0] > 28.5


def test_getting_up_in_the_morning_is_nothing() -> None:
    assert give(made(SPEC), [*asleep(), bed(29.8, 0.0)], at(40)) == []


def test_by_day_nothing_is_asked_and_the_end_of_the_night_ends_it() -> None:
    assert give(made(SPEC), [bed(12, 0.0), bed(13, 1.0), bed(15, 0.0)], at(20)) == []
    events = give(made(SPEC), [*asleep(), bed(28, 0.0)], at(40))
    assert told(events)[-1] == (30.0, "bed_absence", "clear", "")


def test_usual_absences_are_learned() -> None:
    nights = [
        r
        for d in range(12)
        for r in (
            bed(24 * d + 22.5, 1.0),
            bed(24 * d + 26, 0.0),
            bed(24 * d + 26.1, 1.0),
            bed(24 * d + 31, 0.0),
        )
    ]
    events = give(
        made(SPEC),
        [bed(12, 0.0), *nights, bed(24 * 12 + 22.5, 1.0), bed(24 * 12 + 26, 0.0)],
        at(24 * 12 + 29),
    )
    assert told(events)[0][0] == pytest.approx(24 * 12 + 26 + (6 * 1.5 + 10) / 60, abs=0.01)


def test_an_unknown_bed_says_nothing() -> None:
    assert give(made(SPEC), [bed(26, 0.0), bed(26.1, float("nan"))], at(40)) == []
