"""Own alarm bits: relayed at once, level-triggered, never voted down (rules in detectors/relay.py)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.model import Flag, Home, Phase, Room, Sensor
from core.quantity import Quantity as Q
from detectors import smoke
from tests.detectors.alarm_home import brief, made, tell


def run(*rows: tuple, until_s: float | None = None, **relay: float) -> list[tuple]:
    params = {"relay": smoke.RelayRules(**relay)} if relay else {}
    events = tell(made(smoke.SPEC, "smoke", **params), rows, until_s=until_s)
    return brief(events, "found_at_connect", "test", "weak")


PLAIN = (None, None, None)
FOUND = (True, None, None)
TEST = (None, True, None)


def test_true_is_raised_at_its_own_time() -> None:
    assert run((0, Q.SMOKE, 0), (7, Q.SMOKE, 1)) == [(7, "smoke", "onset", *PLAIN)]


def test_true_at_the_very_start_is_raised() -> None:
    assert run((3, Q.SMOKE, 1)) == [(3, "smoke", "onset", *PLAIN)]


def test_burst_of_eight_repeats_is_one() -> None:
    rows = [(i * 0.25, Q.SMOKE, 1) for i in range(8)]
    assert run(*rows, until_s=3600) == [(0, "smoke", "onset", *PLAIN)]


def test_heat_is_its_own_kind() -> None:
    assert run((1, Q.HEAT, 1), (2, Q.SMOKE, 1)) == [
        (1, "heat", "onset", *PLAIN),
        (2, "smoke", "onset", *PLAIN),
    ]


def test_false_clears_after_it_lasted() -> None:
    got = run((0, Q.SMOKE, 1), (5, Q.SMOKE, 0), (9, Q.SMOKE, 0), until_s=15)
    assert got == [(0, "smoke", "onset", *PLAIN)]
    got = run((0, Q.SMOKE, 1), (5, Q.SMOKE, 0), (9, Q.SMOKE, 0), until_s=15.1)
    assert got[1:] == [(15, "smoke", "clear", *PLAIN)]


def test_true_at_the_deadline_still_holds() -> None:
    assert len(run((0, Q.SMOKE, 1), (5, Q.SMOKE, 0), (15, Q.SMOKE, 1), until_s=100)) == 1


def test_silence_never_clears() -> None:
    assert len(run((0, Q.SMOKE, 1), until_s=30 * 86_400)) == 1


def test_missing_value_neither_raises_nor_clears() -> None:
    nan = float("nan")
    assert run((0, Q.SMOKE, nan), until_s=60) == []
    assert len(run((0, Q.SMOKE, 1), (1, Q.SMOKE, nan), until_s=60)) == 1


def test_flapping_makes_a_handful_of_alerts() -> None:
    rows = [(i * 15.0, Q.SMOKE, float(i % 2 == 0)) for i in range(480)]  # two hours, 15 s each way
    onsets = [e for e in run(*rows) if e[2] == "onset"]
    assert 1 <= len(onsets) <= 2


def test_slower_flapping_still_bounded() -> None:
    rows = [(i * 90.0, Q.SMOKE, float(i % 2 == 0)) for i in range(480)]  # twelve hours, 90 s each way
    assert len([e for e in run(*rows) if e[2] == "onset"]) <= 5


def test_quiet_window_makes_the_wait_short_again() -> None:
    rows = [(0, Q.SMOKE, 1), (1, Q.SMOKE, 0), (20, Q.SMOKE, 1), (21, Q.SMOKE, 0)]
    late = [(2000, Q.SMOKE, 1), (2001, Q.SMOKE, 0)]
    clears = [e[0] for e in run(*rows, *late, until_s=4000) if e[2] == "clear"]
    assert clears == [11, 41, 2011]


def test_found_at_connect_is_told_once_and_upgraded_by_a_live_true() -> None:
    retained = Flag.RETAINED
    got = run((0, Q.SMOKE, 1, retained), (9, Q.SMOKE, 1, retained), (60, Q.SMOKE, 1), (61, Q.SMOKE, 1))
    assert got == [(0, "smoke", "onset", *FOUND), (60, "smoke", "update", *PLAIN)]


def test_retained_false_clears_only_what_was_found() -> None:
    assert len(run((0, Q.SMOKE, 1), (9, Q.SMOKE, 0, Flag.RETAINED), until_s=99)) == 1
    got = run((0, Q.SMOKE, 1, Flag.RETAINED), (9, Q.SMOKE, 0, Flag.RETAINED), until_s=99)
    assert [e[2] for e in got] == ["onset", "clear"]


def test_found_again_after_an_outage_is_news() -> None:
    got = run((0, Q.SMOKE, 0), (900, Q.SMOKE, 1, Flag.RETAINED))
    assert got == [(900, "smoke", "onset", *FOUND)]


def test_repeat_of_what_was_seen_is_nothing_and_of_what_was_lost_is_live() -> None:
    again = Flag.REPEAT
    assert run((0, Q.SMOKE, 1), (1, Q.SMOKE, 0), (2, Q.SMOKE, 1, again), until_s=60)[1][:3] == (
        11,
        "smoke",
        "clear",
    )
    assert run((5, Q.SMOKE, 1, again)) == [(5, "smoke", "onset", *PLAIN)]
    assert run((0, Q.SMOKE, 0), (500, Q.SMOKE, 1, again)) == [(500, "smoke", "onset", *PLAIN)]


def test_weak_until_a_checked_message_says_so_too() -> None:
    got = run((0, Q.SMOKE, 1, Flag.WEAK), (1, Q.SMOKE, 1, Flag.WEAK), (2, Q.SMOKE, 1))
    assert got == [(0, "smoke", "onset", None, None, True), (2, "smoke", "update", *PLAIN)]


def test_test_press_is_told_as_a_test() -> None:
    assert run((0, Q.TEST, 1), (2, Q.SMOKE, 1), (5, Q.SMOKE, 0), (5, Q.TEST, 0), until_s=60) == [
        (0, "smoke", "onset", *TEST),
        (5, "smoke", "clear", *PLAIN),  # the test flag fell: the test is over
    ]
    assert run((0, Q.SMOKE, 1, Flag.TEST)) == [(0, "smoke", "onset", *TEST)]
    assert run((0, Q.SMOKE, 1), (3, Q.TEST, 1))[1] == (3, "smoke", "update", *TEST)


def test_press_without_alarm_bit_ends_by_itself() -> None:
    assert run((0, Q.TEST, 1), until_s=999) == [(0, "smoke", "onset", *TEST), (120, "smoke", "clear", *PLAIN)]
    assert run((0, Q.TEST, 1), (4, Q.TEST, 0))[1] == (4, "smoke", "clear", *PLAIN)


def test_what_outlives_its_test_is_real() -> None:
    got = run((0, Q.TEST, 1), (2, Q.SMOKE, 1), until_s=999)
    assert got == [(0, "smoke", "onset", *TEST), (120, "smoke", "update", *PLAIN)]


def test_alarm_long_after_the_press_is_real() -> None:
    assert run((0, Q.TEST, 1), (60, Q.SMOKE, 1))[1] == (60, "smoke", "update", *PLAIN)


def test_stuck_test_flag_hides_nothing() -> None:
    assert run((0, Q.TEST, 1), (500, Q.TEST, 1), (500, Q.SMOKE, 1))[-1] == (500, "smoke", "onset", *PLAIN)


def test_test_press_during_a_fire_hides_nothing() -> None:
    assert len(run((0, Q.SMOKE, 1), (300, Q.TEST, 1), until_s=400)) == 1


def test_press_of_a_foreign_sensor_is_not_smoke() -> None:
    detector = made(smoke.SPEC, "water")
    assert tell(detector, [(0, Q.TEST, 1)], until_s=999) == []


@given(st.lists(st.tuples(st.integers(1, 900), st.booleans()), min_size=1, max_size=60))
def test_law_open_while_true_and_closed_after_lasting_false(steps: list[tuple[int, bool]]) -> None:
    """Whatever the levels do: while the last level is true it is open; after an hour of false, closed."""
    t, rows = 0, []
    for gap, level in steps:
        t += gap
        rows.append((t, Q.SMOKE, float(level)))
    detector = made(smoke.SPEC, "smoke")
    open_ = False
    for row in rows:
        for e in tell(detector, [row]):
            open_ = e.phase is not Phase.CLEAR
        assert open_ or row[2] == 0.0
    for e in tell(detector, [], until_s=t + 3600):
        open_ = e.phase is not Phase.CLEAR
    assert open_ == (rows[-1][2] == 1.0)


def room(rows: list[tuple], kind: str = "living") -> list[tuple]:
    """(seconds, quantity, value) of one sensor in a room of this kind; what was suspected."""
    home = Home("h", rooms={"r": Room("r", kind)}, sensors={"s": Sensor("s", "any", "broker", room="r")})
    detector = smoke.SPEC.make(smoke.SPEC.params(), home)
    return brief(tell(detector, rows, until_s=rows[-1][0] + 3600), "stage")


QUIET = [
    (2.0 * i, q, v) for i in range(30) for q, v in ((Q.SMOKE_OBSCURATION_PCT_M, 0.1), (Q.TEMPERATURE_C, 21.0))
]


def test_smoke_and_warmth_together_are_suspected_at_once() -> None:
    got = room([*QUIET, (62, Q.SMOKE_OBSCURATION_PCT_M, 2.6), (62, Q.TEMPERATURE_C, 22.9)])
    assert got == [(62, "smoke", "onset", "suspected")]


def test_one_wild_number_is_nothing() -> None:
    assert room([*QUIET, (62, Q.SMOKE_OBSCURATION_PCT_M, 40.0), (64, Q.SMOKE_OBSCURATION_PCT_M, 0.1)]) == []
    assert room([*QUIET, (62, Q.TEMPERATURE_C, -127.0), (64, Q.TEMPERATURE_C, 21.0)]) == []


def test_smoke_alone_needs_a_second_sample_or_time() -> None:
    more = [(62, Q.SMOKE_OBSCURATION_PCT_M, 9.0), (64, Q.SMOKE_OBSCURATION_PCT_M, 9.0)]
    assert room([*QUIET, *more])[0] == (64, "smoke", "onset", "suspected")
    assert room([*QUIET, more[0]])[0] == (67, "smoke", "onset", "suspected")


def test_cooking_takes_more_in_a_kitchen() -> None:
    frying = [*QUIET, *((62 + 2 * i, Q.SMOKE_OBSCURATION_PCT_M, 5.0) for i in range(9))]
    assert room(frying, "kitchen") == []
    assert len(room(frying, "living")) == 1


def test_warm_afternoon_and_heating_are_no_fire() -> None:
    rows = [(30.0 * i, Q.TEMPERATURE_C, 18 + 0.3 * i / 2) for i in range(60)]  # 0.3 K a minute
    assert room(rows) == []


def test_own_alarm_joins_the_suspicion_as_one_alert() -> None:
    got = room([*QUIET, (62, Q.SMOKE_OBSCURATION_PCT_M, 2.6), (62, Q.TEMPERATURE_C, 22.9), (80, Q.SMOKE, 1)])
    assert got == [(62, "smoke", "onset", "suspected"), (80, "smoke", "update", "alarm")]


def test_suspicion_ends_when_the_air_is_clear() -> None:
    rows = [*QUIET, (62, Q.SMOKE_OBSCURATION_PCT_M, 2.6), (62, Q.TEMPERATURE_C, 22.9)]
    rows += [
        (64.0 + 2 * i, q, v)
        for i in range(90)
        for q, v in ((Q.SMOKE_OBSCURATION_PCT_M, 0.1), (Q.TEMPERATURE_C, 21.0))
    ]
    got = room(rows)
    assert got[-1][2] == "clear"
    assert 64 + 120 <= got[-1][0] <= 64 + 130
