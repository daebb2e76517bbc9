"""An outer door that stands open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import HOUR, SECOND, Flag, Reading
from core.quantity import Quantity as Q
from detectors.door import SPEC
from tests.detectors.daily_home import T0, at, give, home, made, sensor, told


def contact(hours: float, value: float, flags: int = 0, source: str = "door") -> Reading:
    return Reading(source, Q.CONTACT_OPEN, at(hours), value, flags)


def test_by_day_a_question_then_a_warning_then_clear() -> None:
    events = give(made(SPEC), [contact(10, 1.0), contact(13, 0.0)])
    assert told(events) == [
        (10.25, "door_open", "onset", "question"),
        (11.0, "door_open", "update", "warning"),
        (13.0, "door_open", "clear", ""),
    ]
    assert events[-1].evidence["open_s"] == 3 * 3600


def test_at_night_sooner() -> None:
    events = give(made(SPEC), [contact(23, 1.0)], at(24))
    assert [t for t, *_ in told(events)] == [
        pytest.approx(23 + 5 / 60, abs=1e-3),
        pytest.approx(23 + 1 / 3, abs=1e-3),
    ]


def test_night_begins_while_it_stands_open() -> None:
    events = give(made(SPEC), [contact(21 + 55 / 60, 1.0)], at(23))
    assert told(events)[0][0] == pytest.approx(22 + 5 / 60, abs=1e-3)


def test_closed_in_time_and_inner_doors_say_nothing() -> None:
    where = home(extra=[sensor("bath_door", "bathroom", "door")])
    readings = [contact(10, 1.0), contact(10.2, 0.0), contact(11, 1.0, source="bath_door")]
    assert give(made(SPEC, where), readings, at(20)) == []


def test_closing_at_the_very_deadline_counts() -> None:
    assert give(made(SPEC), [contact(10, 1.0), contact(10.25, 0.0)], at(20)) == []


def test_unknown_is_not_closed() -> None:
    readings = [contact(10, 1.0), contact(10.1, float("nan")), contact(10.2, 0.5)]
    assert len(give(made(SPEC), readings, at(20))) == 2


def test_found_open_at_connect() -> None:
    detector = made(SPEC)
    events = give(detector, [contact(10, 1.0, Flag.RETAINED)], at(10.5))
    assert [(e.evidence["stage"], e.evidence.get("found_at_connect")) for e in events] == [("question", True)]
    events = give(detector, [contact(10.6, 1.0)], at(12))
    assert [e.evidence.get("found_at_connect") for e in events] == [None, None]


@given(st.integers(0, 24 * 60), st.integers(1, 300), st.sampled_from((-3600.0, 3600.0, 7200.0)))
def test_a_clock_step_neither_hurries_nor_forgets(minute: int, step_after: int, step: float) -> None:
    """Whatever the clock does, a door open for the day's limit has been told, and no sooner than the night's."""
    start = T0 + minute * 60 * SECOND
    readings = [
        Reading("door", Q.CONTACT_OPEN, start, 1.0),
        Reading("gateway", Q.WALL_OFFSET_S, start + step_after * SECOND, step),
    ]
    events = give(made(SPEC), readings, start + HOUR + 1)
    assert [e.evidence["stage"] for e in events] == ["question", "warning"] or minute is None
    assert start + 300 * SECOND <= events[0].t <= start + 900 * SECOND
    assert start + 1200 * SECOND <= events[1].t <= start + 3600 * SECOND


def test_refuses_a_foreign_snapshot() -> None:
    with pytest.raises(ValueError, match="door"):
        made(SPEC).restore({"silence": 1})
