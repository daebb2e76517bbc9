"""Water: leak sensors are relayed like smoke alarms."""

from __future__ import annotations

from core.model import Flag
from core.quantity import Quantity as Q
from detectors import water
from tests.detectors.alarm_home import brief, made, tell


def test_leak_is_relayed_and_ends() -> None:
    rows = [(0, Q.WATER, 0), (5, Q.WATER, 1), (6, Q.WATER, 1), (100, Q.WATER, 0)]
    got = brief(tell(made(water.SPEC), rows, until_s=200))
    assert got == [(5, "water", "onset"), (110, "water", "clear")]


def test_found_wet_at_connect() -> None:
    got = brief(tell(made(water.SPEC), [(0, Q.WATER, 1, Flag.RETAINED)]), "found_at_connect")
    assert got == [(0, "water", "onset", True)]


def meter(rows: list[tuple[float, float]]) -> list[tuple]:
    """(minutes, litres on the counter) through the detector."""
    told = [(60 * t, Q.WATER_L, litres) for t, litres in rows]
    return [(e[0] / 60, *e[2:]) for e in brief(tell(made(water.SPEC), told), "reason")]


def test_flow_that_never_stops_for_a_day_is_a_leak() -> None:
    """Six litres an hour, one litre a pulse, read every minute."""
    got = meter([(m, 1000 + m // 10) for m in range(26 * 60)])
    assert [e[1:] for e in got] == [("onset", "never_stops")]
    assert 24 * 60 <= got[0][0] <= 24 * 60 + 20


def test_an_ordinary_day_with_one_quiet_hour_is_none() -> None:
    drawn = [m // 10 if m % 720 > 61 else (m - m % 720) // 10 + 6 for m in range(4 * 1440)]
    rows = [(m, float(max(drawn[: m + 1]))) for m in range(0, 4 * 1440, 5)]
    assert meter(rows) == []


def test_bath_left_running_is_told_within_the_hour_and_ends() -> None:
    rows = [(m, 12.0 * min(m, 80)) for m in range(200)]
    got = meter(rows)
    assert [e[1:] for e in got] == [("onset", "left_running"), ("clear", None)]
    assert got[0][0] == 50
    assert 80 < got[1][0] <= 90


def test_new_counter_and_missing_days_are_no_flow() -> None:
    rows = [(m, 5000.0) for m in range(10)] + [(10 + m, 0.0) for m in range(10)]
    rows += [(1500, 900.0), (1501, 900.0), (1502, 90_000.0), (1503, 90_000.0)]
    assert meter(rows) == []


def test_meter_read_once_a_day_cannot_show_a_pause() -> None:
    assert meter([(1440.0 * d, 150.0 * d) for d in range(60)]) == []
