"""Carbon monoxide: the standards' time tables, varying profiles, gaps, restarts, faults."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import SECOND, Block, Flag, Reading
from core.quantity import Quantity as Q
from detectors import carbon_monoxide as co
from detectors.dose import CURVES, minutes_to_alarm
from tests.detectors.alarm_home import T0, brief, made, tell


def alarm_at(ppm: float, minutes: float, step_s: float = 1.0, **params: object) -> float | None:
    """Minutes until the alarm at a steady concentration, None if not within ``minutes``."""
    detector = made(co.SPEC, **params)
    count = int(minutes * 60 / step_s) + 1
    t = [T0 + round(i * step_s * SECOND) for i in range(count)]
    block = Block.build("s", Q.CO_PPM, t, [ppm] * count, [0] * count)
    events = detector.process([block]) + detector.advance(t[-1] + 1)
    alarms = [e.t for e in events if e.kind == "co" and e.evidence.get("stage") == "alarm"]
    return (alarms[0] - T0) / 60e9 if alarms else None


EN = [(30, 120, None), (50, 60, 90), (100, 10, 40), (300, 0, 3), (500, 0, 3), (1000, 0, 3)]
UL = [(70, 60, 240), (150, 10, 50), (400, 4, 15)]


@pytest.mark.parametrize("step_s", [1.0, 10.0, 60.0])
@pytest.mark.parametrize(("ppm", "first", "last"), EN)
def test_en50291_table(ppm: float, first: float, last: float | None, step_s: float) -> None:
    at = alarm_at(ppm, last or 300, step_s)
    assert at is None or at >= first
    assert last is None or (at is not None and at <= last)


@pytest.mark.parametrize(("ppm", "first", "last"), UL)
def test_ul2034_table(ppm: float, first: float, last: float) -> None:
    at = alarm_at(ppm, last, standard="ul2034")
    assert at is not None
    assert first <= at <= last


def test_ul2034_thirty_ppm_for_thirty_days_is_silent() -> None:
    assert alarm_at(30, 30 * 24 * 60, 60.0, standard="ul2034") is None


@given(st.sampled_from(sorted(CURVES)), st.floats(0, 2000), st.floats(0, 2000))
def test_law_more_gas_never_means_more_time(standard: str, a: float, b: float) -> None:
    low, high = sorted((a, b))
    curve = CURVES[standard]
    assert minutes_to_alarm(curve, high) <= minutes_to_alarm(curve, low)


def test_warning_comes_before_the_alarm() -> None:
    rows = [(60.0 * i, Q.CO_PPM, 100.0) for i in range(30)]
    got = brief(tell(made(co.SPEC), rows), "stage")
    assert [e[1:] for e in got] == [("co", "onset", "warning"), ("co", "update", "alarm")]
    assert got[0][0] / 60 == pytest.approx(12.5)
    assert got[1][0] / 60 == pytest.approx(25)


def test_varying_profile_adds_up() -> None:
    """Half the dose at 50 ppm, the other half at 100 ppm."""
    rows = [(10.0 * i, Q.CO_PPM, 50.0) for i in range(225)]  # 37.5 min
    rows += [(2250 + 10.0 * i, Q.CO_PPM, 100.0) for i in range(90)]
    at = next(e[0] for e in brief(tell(made(co.SPEC), rows), "stage") if e[3] == "alarm")
    assert at / 60 == pytest.approx(37.5 + 12.5, abs=0.2)


def test_silent_sensor_at_a_deadly_level_still_alarms() -> None:
    got = brief(tell(made(co.SPEC), [(0, Q.CO_PPM, 400.0)], until_s=600), "stage")
    assert got[-1][3] == "alarm"
    assert got[-1][0] <= 180


def test_gap_between_equal_values_counts_in_full_up_to_its_limit() -> None:
    rows = [(0, Q.CO_PPM, 100.0), (20 * 60, Q.CO_PPM, 100.0)]
    got = brief(tell(made(co.SPEC), rows, until_s=26 * 60), "stage")
    assert got[-1] == (25 * 60, "co", "update", "alarm")
    long = [(0, Q.CO_PPM, 50.0), (6 * 3600, Q.CO_PPM, 50.0)]  # 30 min credited: no alarm yet
    assert [e for e in brief(tell(made(co.SPEC), long), "stage") if e[3] == "alarm"] == []


def test_clean_air_for_a_while_ends_it_and_silence_does_not() -> None:
    rows = [(0, Q.CO_PPM, 400.0), (200, Q.CO_PPM, 400.0), (210, Q.CO_PPM, 5.0)]
    assert [e[2] for e in brief(tell(made(co.SPEC), rows, until_s=86_400))] == ["onset", "update"]
    rows += [(210 + 30.0 * i, Q.CO_PPM, 3.0) for i in range(1, 12)]
    assert brief(tell(made(co.SPEC), rows))[-1] == (510, "co", "clear")


def test_restart_of_the_sensor_keeps_the_dose() -> None:
    rows = [(10.0 * i, Q.CO_PPM, 100.0) for i in range(91)]  # 15 min
    rows += [(901, Q.WARMING_UP, 1), (910, Q.CO_PPM, 0.0), (1080, Q.WARMING_UP, 0)]
    rows += [(1081 + 10.0 * i, Q.CO_PPM, 100.0) for i in range(60)]
    at = next(e[0] for e in brief(tell(made(co.SPEC), rows), "stage") if e[3] == "alarm")
    assert at / 60 == pytest.approx(25, abs=0.2)


def test_restart_of_the_gateway_keeps_the_dose() -> None:
    first, second = made(co.SPEC), made(co.SPEC)
    tell(first, [(60.0 * i, Q.CO_PPM, 100.0) for i in range(15)])
    second.restore(json.loads(json.dumps(first.snapshot())))
    rows = [(900 + 60.0 * i, Q.CO_PPM, 100.0) for i in range(15)]
    assert brief(tell(second, rows), "stage")[-1] == (1500, "co", "update", "alarm")


def test_own_verdict_is_relayed_whatever_the_number_says() -> None:
    got = brief(tell(made(co.SPEC), [(0, Q.CO_PPM, 0.0), (1, Q.CO, 1)]), "stage", "causes")
    assert got == [(1, "co", "onset", "alarm", ["own"])]


def test_impossible_value_is_trouble_and_no_clean_air() -> None:
    rows = [(0, Q.CO_PPM, 400.0), (200, Q.CO_PPM, 400.0)]
    rows += [(210.0 + 30 * i, Q.CO_PPM, -1.0) for i in range(20)]
    got = brief(tell(made(co.SPEC), rows), "reason")
    assert [e[1:] for e in got[2:]] == [("measuring_fault", "onset", "out_of_range")]


def test_numbers_of_a_faulty_sensor_do_not_count() -> None:
    rows = [(0, Q.FAULT, 1), *[(1.0 + 10 * i, Q.CO_PPM, 900.0) for i in range(30)], (400, Q.FAULT, 0)]
    assert brief(tell(made(co.SPEC), rows)) == []
    rows += [(401.0 + 10 * i, Q.CO_PPM, 900.0) for i in range(30)]
    assert brief(tell(made(co.SPEC), rows), "stage")[-1][3] == "alarm"


def test_stuck_warm_up_does_not_switch_it_off() -> None:
    rows = [(0, Q.WARMING_UP, 1), *[(1.0 + 10 * i, Q.CO_PPM, 400.0) for i in range(90)]]
    got = brief(tell(made(co.SPEC), rows), "stage")
    assert got[0] == (600, "measuring_fault", "onset", None)
    assert got[-1][1:] == ("co", "update", "alarm")
    assert got[-1][0] <= 600 + 180


def test_retained_number_counts_nothing() -> None:
    assert tell(made(co.SPEC), [(0, Q.CO_PPM, 900.0, Flag.RETAINED)], until_s=3600) == []


def test_weak_numbers_are_marked() -> None:
    rows = [(10.0 * i, Q.CO_PPM, 400.0, Flag.WEAK) for i in range(20)]
    assert {e[3] for e in brief(tell(made(co.SPEC), rows), "weak")} == {True}


@given(st.lists(st.floats(0, 26.9), min_size=3, max_size=200), st.integers(1, 100))
def test_law_swallowing_quiet_runs_is_the_same_as_taking_them(values: list[float], cut: int) -> None:
    """The quick way through quiet readings leaves the very state the slow way leaves."""
    readings = [Reading("s", Q.CO_PPM, T0 + i * 7 * SECOND, v) for i, v in enumerate(values)]
    quick, slow = made(co.SPEC), made(co.SPEC)
    told = quick.process([Block.of(readings)])
    still = Reading("s", Q.FAULT, T0, math.nan)  # a second block takes the slow way
    assert slow.process([Block.of(readings), Block.of([still])]) == told == []
    after = [Reading("s", Q.CO_PPM, readings[-1].t + SECOND * (1 + i), 400.0) for i in range(200)]
    assert quick.process([Block.of(after)]) == slow.process([Block.of(after)])
    assert quick.snapshot() == slow.snapshot()
