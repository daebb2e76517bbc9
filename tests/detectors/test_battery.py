"""Devices that ask for care."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import DAY, HOUR, MINUTE, Flag, Phase, Reading
from core.quantity import Quantity as Q
from detectors.battery import SPEC
from tests.detectors.daily_home import T0, at, give, home, made, sensor


def row(hours: float, quantity: Q, value: float, flags: int = 0, source: str = "hall") -> Reading:
    return Reading(source, quantity, at(hours), value, flags)


def brief(events: list) -> list[tuple[str, str]]:
    return [(e.kind, e.phase.value) for e in events]


@pytest.mark.parametrize(
    ("quantity", "kind"),
    [
        (Q.TAMPER, "tamper"),
        (Q.MAINS_LOST, "mains_lost"),
        (Q.FAULT, "fault"),
        (Q.END_OF_LIFE, "end_of_life"),
    ],
)
def test_told_at_once_and_cleared_at_once(quantity: Q, kind: str) -> None:
    events = give(made(SPEC), [row(1, quantity, 1.0), row(2, quantity, 1.0), row(3, quantity, 0.0)])
    assert brief(events) == [(kind, "onset"), (kind, "clear")]
    assert events[0].t == at(1), "within the minute: at the very instant"


def test_repeated_every_seven_days_while_it_lasts() -> None:
    detector = made(SPEC)
    events = give(detector, [row(0, Q.TAMPER, 1.0)], at(24 * 22))
    assert [(e.phase, (e.t - T0) // DAY, e.evidence.get("repeat")) for e in events] == [
        (Phase.ONSET, 0, None),
        (Phase.UPDATE, 7, 1),
        (Phase.UPDATE, 14, 2),
        (Phase.UPDATE, 21, 3),
    ]


def test_a_tired_battery_that_recovers_for_a_moment_is_one_trouble() -> None:
    flips = [row(h, Q.BATTERY_LOW, float(h % 2 == 0)) for h in range(0, 40)]
    assert brief(give(made(SPEC), flips, at(41))) == [("battery_low", "onset")]


def test_cleared_after_a_day_without_the_flag_or_at_once_by_charge() -> None:
    calm = give(made(SPEC), [row(0, Q.BATTERY_LOW, 1.0), row(1, Q.BATTERY_LOW, 0.0)], at(26))
    assert [(e.phase.value, (e.t - T0) // HOUR) for e in calm] == [("onset", 0), ("clear", 25)]
    new = give(
        made(SPEC), [row(0, Q.BATTERY_PCT, 9.0), row(1, Q.BATTERY_PCT, 22.0), row(2, Q.BATTERY_PCT, 100.0)]
    )
    assert [(e.phase.value, (e.t - T0) // HOUR) for e in new] == [("onset", 0), ("clear", 2)]


def test_a_full_battery_does_not_outvote_the_flag() -> None:
    events = give(made(SPEC), [row(0, Q.BATTERY_LOW, 1.0), row(1, Q.BATTERY_PCT, 100.0)], at(30))
    assert brief(events) == [("battery_low", "onset")]


def test_impossible_charge_is_no_value() -> None:
    assert give(made(SPEC), [row(0, Q.BATTERY_PCT, -1.0), row(1, Q.BATTERY_PCT, 255.0)], at(9)) == []


def test_gas_sensors_tell_their_faults_elsewhere() -> None:
    where = home(extra=[sensor("gas", "kitchen", "gas")])
    assert give(made(SPEC, where), [row(0, Q.FAULT, 1.0, source="gas")], at(9)) == []
    assert brief(give(made(SPEC, where), [row(0, Q.BATTERY_LOW, 1.0, source="gas")])) == [
        ("battery_low", "onset")
    ]


def test_found_at_connect_once_then_confirmed() -> None:
    readings = [
        row(0, Q.TAMPER, 1.0, Flag.RETAINED),
        row(1, Q.TAMPER, 1.0, Flag.RETAINED),
        row(2, Q.TAMPER, 1.0),
    ]
    events = give(made(SPEC), readings)
    assert [(e.phase.value, e.evidence.get("found_at_connect")) for e in events] == [
        ("onset", True),
        ("update", None),
    ]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 60 * 24),
            st.sampled_from((Q.BATTERY_LOW, Q.BATTERY_PCT, Q.TAMPER)),
            st.sampled_from((0.0, 1.0, 9.0, 20.0, 80.0)),
        ),
        max_size=25,
    )
)
def test_every_thread_alternates(steps: list[tuple[int, Q, float]]) -> None:
    """Onset, updates, clear, onset, ...; and a restart in between changes nothing."""
    readings, t = [], T0
    for gap, quantity, value in steps:
        t += gap * MINUTE
        readings.append(Reading("hall", quantity, t, value))
    events = give(made(SPEC), readings, t + 30 * DAY)
    open_: set[str] = set()
    for e in events:
        assert (e.phase is Phase.ONSET) == (e.kind not in open_)
        (open_.discard if e.phase is Phase.CLEAR else open_.add)(e.kind)
    first, second = made(SPEC), made(SPEC)
    half = len(readings) // 2
    got = give(first, readings[:half])
    second.restore(json.loads(json.dumps(first.snapshot())))
    assert got + give(second, readings[half:], t + 30 * DAY) == events
