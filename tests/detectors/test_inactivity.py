"""Stillness: asked, warned, alarmed in time; never over an empty home, a blind gateway or a clock."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import HOUR, MINUTE, SECOND, Flag, Home, Phase, Reading
from core.quantity import Quantity as Q
from detectors.habits import HabitParams, Habits
from detectors.inactivity import SPEC, InactivityDetector
from tests.detectors.daily_home import T0, at, day_of, door, give, home, made, pulse, sensor, told, walk


def alarms(events: list) -> list[float]:
    return [t for t, _, _, stage in told(events) if stage == "alarm"]


# ---------------------------------------------------------------- stages


def test_question_warning_alarm_then_cleared_by_life() -> None:
    events = give(made(SPEC), walk(10, "kitchen", "living") + walk(19, "living", "hall"), at(20))
    start = 10 + 1 / 120
    assert [(stage or phase, round(t - start, 2)) for t, _, phase, stage in told(events)] == [
        ("question", 6.0),
        ("warning", 6.5),
        ("alarm", 7.0),
        ("clear", 9.0),
    ]
    assert {e.source for e in events} == {"ann"}
    assert events[0].evidence["room"] == "living"


def test_watching_begins_with_the_first_reading() -> None:
    """Nobody stirs from the start on: that is found too."""
    events = give(made(SPEC), [Reading("living", Q.MOTION, at(10), 0.0)], at(30))
    assert alarms(events) == [17.0]


def test_a_night_may_be_longer() -> None:
    assert alarms(give(made(SPEC), walk(22.5, "hall", "bedroom"), at(34))) == []
    assert alarms(give(made(SPEC), walk(22.5, "hall", "bedroom"), at(36))) == [pytest.approx(34.5, abs=0.02)]


def test_several_residents_share_the_home() -> None:
    where = home()
    both = replace(where, residents=(*where.residents, replace(where.residents[0], id="bob")))
    assert {e.source for e in give(made(SPEC, both), walk(10, "hall", "living"), at(40))} == {"home"}


# ---------------------------------------------------------------- what is life


def test_lone_firings_of_motion_sensors_do_not_hide_a_still_person() -> None:
    ghosts = [r for k, h in enumerate((12.0, 13.5, 15.0, 16.2)) for r in pulse(("hall", "kitchen")[k % 2], h)]
    still = alarms(give(made(SPEC), walk(10, "kitchen", "living"), at(40)))
    haunted = alarms(give(made(SPEC), walk(10, "kitchen", "living") + ghosts, at(40)))
    assert haunted == still


def test_a_lone_firing_in_the_same_room_only_puts_the_alarm_off() -> None:
    turn = pulse("living", 16.5)
    events = give(made(SPEC), walk(10, "kitchen", "living") + turn, at(40))
    assert alarms(events) == [pytest.approx(16.5 + 7 / 4, abs=0.01)]
    many = [r for k in range(20) for r in pulse("living", 11 + k)]
    late = alarms(give(made(SPEC), walk(10, "kitchen", "living") + many, at(60)))
    assert late == [pytest.approx(10 + 7 * 1.5, abs=0.02)], (
        "a sensor that ghosts for ever cannot put it off for ever"
    )


@pytest.mark.parametrize(
    "sign",
    [
        [Reading("tap", Q.USE, at(16), 1.0)],
        [Reading("bed", Q.BED_OCCUPIED, at(9), 0.0), Reading("bed", Q.BED_OCCUPIED, at(16), 1.0)],
        [Reading("tap", Q.BUTTON, at(16), "single")],
        [Reading("tap", Q.CONTACT_OPEN, at(9), 0.0), Reading("tap", Q.CONTACT_OPEN, at(16), 1.0)],
    ],
)
def test_a_hand_is_life_at_once(sign: list[Reading]) -> None:
    where = home(extra=[sensor("tap", "bathroom", "tap")])
    events = give(made(SPEC, where), walk(10, "kitchen", "living") + sign, at(18))
    assert alarms(events) == []


@pytest.mark.parametrize("quantity", [Q.PRESENCE, Q.TARGET_COUNT])
def test_a_radar_that_sees_somebody_for_ever_is_no_life(quantity: Q) -> None:
    """Somebody is there, and still: presence is a state, and its flicker confirms nothing."""
    where = home(extra=[sensor("radar", "living", "radar")])
    present = [Reading("radar", quantity, at(10) + k * MINUTE, 1.0) for k in range(20 * 60)]
    readings = walk(10, "kitchen", "living") + present
    assert alarms(give(made(SPEC, where), readings, at(30))) == [pytest.approx(17, abs=0.02)]
    flicker = [Reading("radar", quantity, at(10) + k * MINUTE, float(k % 2)) for k in range(20 * 60)]
    assert len(alarms(give(made(SPEC, where), walk(10, "kitchen", "living") + flicker, at(30)))) == 1


def test_retained_weak_and_test_values_are_no_life() -> None:
    where = home(extra=[sensor("tap", "bathroom", "tap")])
    for flags in (Flag.RETAINED, Flag.WEAK, Flag.TEST):
        sign = [Reading("tap", Q.USE, at(15), 1.0, int(flags))]
        assert alarms(give(made(SPEC, where), walk(10, "kitchen", "living") + sign, at(18))) == [
            pytest.approx(17, abs=0.02)
        ]


# ---------------------------------------------------------------- home and away


def test_an_empty_home_is_left_alone_for_two_weeks_with_ghosts() -> None:
    ghosts = [r for k in range(50) for r in pulse(("kitchen", "living", "bedroom")[k % 3], 12 + 6.3 * k)]
    events = give(made(SPEC), walk(10, "living", "hall") + door(10.1) + ghosts, at(14 * 24))
    assert events == []


def test_nobody_went_out_if_life_goes_on_after_the_door() -> None:
    events = give(made(SPEC), door(10) + walk(10.1, "hall", "living"), at(30))
    assert len(alarms(events)) == 1


def test_back_home_and_still() -> None:
    events = give(made(SPEC), walk(9, "living", "hall") + door(9.1) + door(14) + walk(14.01, "hall"), at(30))
    assert alarms(events) == [pytest.approx(21, abs=0.05)]


def test_without_a_door_sensor_always_at_home() -> None:
    assert len(alarms(give(made(SPEC, home(doors=False)), walk(10, "living", "hall"), at(40)))) == 1


# ---------------------------------------------------------------- blindness and clocks


def blind(hours: float, seconds: float) -> Reading:
    return Reading("gateway", Q.BLIND_S, at(hours), seconds)


def test_a_gateway_that_was_off_is_no_stillness() -> None:
    before = walk(10, "kitchen", "living")
    assert alarms(give(made(SPEC), [*before, blind(22, 8 * 3600.0)], at(22.1))) == []
    events = give(made(SPEC), [*before, blind(22, 8 * 3600.0)], at(40))
    assert alarms(events) == [pytest.approx(17 + 8, abs=0.02)], "and it hides nobody for ever"


def test_short_blindness_counts_on() -> None:
    events = give(made(SPEC), [*walk(10, "kitchen", "living"), blind(12, 600.0)], at(40))
    assert alarms(events) == [pytest.approx(17, abs=0.02)]


def test_a_broken_link_is_no_stillness() -> None:
    link = [Reading("link:broker", Q.LINK_UP, at(12), 0.0), Reading("link:broker", Q.LINK_UP, at(20), 1.0)]
    before = walk(10, "kitchen", "living")
    assert alarms(give(made(SPEC), [*before, link[0]], at(19))) == []
    assert alarms(give(made(SPEC), before + link, at(40))) == [pytest.approx(25, abs=0.02)]


def test_a_dead_sensor_in_the_room_of_the_last_life_is_no_stillness() -> None:
    dead = Reading("living", Q.AVAILABLE, at(11), 0.0)
    assert alarms(give(made(SPEC), [*walk(10, "kitchen", "living"), dead], at(40))) == []
    elsewhere = Reading("kitchen", Q.AVAILABLE, at(11), 0.0)
    three = walk(9.9, "hall", "bedroom") + walk(10, "kitchen", "living")
    assert len(alarms(give(made(SPEC), [*three, elsewhere], at(40)))) == 1


@given(st.floats(-5e6, 5e6), st.floats(0.1, 6.5))
def test_a_stepped_clock_neither_alarms_at_once_nor_for_ever(step_s: float, after_h: float) -> None:
    readings = [
        *walk(10, "kitchen", "living"),
        Reading("gateway", Q.WALL_OFFSET_S, at(10.1 + after_h), step_s),
    ]
    found = alarms(give(made(SPEC), readings, at(40)))
    assert len(found) == 1
    assert 16.9 < found[0] < 22.1, "between the shortest and the longest of the fixed rule"


@pytest.mark.parametrize("day_h", [27 * 24, (237 + 1) * 24], ids=["spring", "autumn"])
def test_daylight_saving_changes_no_duration(day_h: int) -> None:
    """Both nights the clocks of Berlin change in 2026 (29 March, 25 October, 01 UTC)."""
    plain, summer = (
        give(made(SPEC, home(zone)), walk(day_h - 2, "hall", "bedroom"), at(day_h + 40))
        for zone in ("Etc/GMT-1", "Europe/Berlin")
    )
    (a,), (b,) = alarms(plain), alarms(summer)
    assert abs(a - b) <= 1.01, "at most the hour by which the beginning reads differently"


# ---------------------------------------------------------------- learning


def weeks(days: int) -> list[Reading]:
    return [r for d in range(days) for r in day_of(24 * d)]


def test_learns_this_home_and_alarms_sooner_than_the_fixed_rule() -> None:
    life = weeks(21)
    freeze = 20 * 24 + 12.0
    until = [r for r in life if r.t <= at(freeze)]
    learned = alarms(give(made(SPEC), until, at(freeze + 30)))
    fixed = alarms(give(made(SPEC, learn=False), until, at(freeze + 30)))
    assert learned[-1] - freeze < 4 < 6.4 < fixed[-1] - freeze
    assert alarms(give(made(SPEC), life)) == [], "and the same three weeks raise nothing"


def test_no_show_in_the_morning_comes_before_the_night_rule() -> None:
    until = [r for r in weeks(21) if r.t <= at(20 * 24 - 1)]
    (alarm,) = alarms(give(made(SPEC), until, at(20 * 24 + 30)))
    assert 20 * 24 + 7 < alarm < 20 * 24 + 10


def test_a_holiday_is_not_learned_and_does_not_count_as_learning() -> None:
    """Two days at home, two weeks away: the fixed rule still holds on the day of return."""
    away_from = 2 * 24 + 12.0
    life = [r for r in weeks(3) if r.t < at(away_from)] + door(away_from) + door(16 * 24 + 12.0)
    back = walk(16 * 24 + 12.01, "hall", "living")
    events = give(made(SPEC), life + back, at(16 * 24 + 30))
    assert alarms(events) == [pytest.approx(16 * 24 + 19, abs=0.1)]


def test_long_absences_nobody_saw_do_not_make_it_blind() -> None:
    habits = Habits(HabitParams())
    for day in range(40):
        habits.fit(day)
        habits.add(day, 12.0, 2.0, "living|x")
        habits.add(day, 14.0, 60.0, "living|x")  # a lost weekend, every day
    habits.fit(40)
    limit = habits.limit("living|x", 12.0)
    assert limit is not None
    assert limit < 6


def test_forgets_what_is_months_old() -> None:
    habits = Habits(HabitParams())
    for day in range(140):
        habits.fit(day)
        habits.add(day, 12.0, 7.0 if day < 60 else 1.5, "living|x")
    habits.fit(140)
    limit = habits.limit("living|x", 12.0)
    assert limit is not None
    assert limit < 5


@given(st.floats(0.1, 0.9))
def test_a_smaller_budget_never_alarms_sooner(share: float) -> None:
    limits = []
    for budget in (2.0, 2.0 * share):
        habits = Habits(HabitParams(at_most_per_month=budget))
        for day in range(30):
            habits.fit(day)
            for hour in range(24):
                habits.add(day, float(hour), 0.3 + (day * 7 + hour * 3) % 11 / 5, "living|x")
        habits.fit(30)
        limits.append([habits.limit("living|x", h + 0.5) or 0.0 for h in range(24)])
    assert all(b >= a for a, b in zip(*limits, strict=True))


def test_memory_is_bounded() -> None:
    habits = Habits(HabitParams())
    for day in range(0, 2000):
        habits.fit(day)
        for k in range(30):
            habits.add(day, float(k % 24), 0.5, f"room{k}|s{k}{day % 7}")
    size = len(json.dumps(habits.snapshot()))
    assert size < 60_000


def test_a_restart_changes_nothing_and_keeps_what_was_learned() -> None:
    life = weeks(16)
    whole = give(made(SPEC), life, at(17 * 24))
    first, second = made(SPEC), made(SPEC)
    cut = len(life) * 2 // 3
    got = give(first, life[:cut])
    second.restore(json.loads(json.dumps(first.snapshot())))
    assert got + give(second, life[cut:], at(17 * 24)) == whole


@given(st.integers(1, 40), st.integers(1, 24 * 60))
def test_the_clock_of_stillness_survives_any_restart(cut_minutes: int, until: int) -> None:
    """A restart (up to ten minutes blind) moves no deadline."""
    detector = made(SPEC)
    give(detector, walk(10, "kitchen", "living"), at(10.1) + cut_minutes * MINUTE)
    other = made(SPEC)
    other.restore(json.loads(json.dumps(detector.snapshot())))
    t = at(10.1) + (cut_minutes + 10) * MINUTE
    events = give(other, [Reading("gateway", Q.BLIND_S, t, 600.0)], t + until * MINUTE)
    plain = give(made(SPEC), walk(10, "kitchen", "living"), t + until * MINUTE)
    assert told(events) == told(plain)


@pytest.mark.parametrize(
    "bad", [{"at_most_per_month": 0.0}, {"at_most_per_month": float("nan")}, {"longest_h": 0.5}]
)
def test_impossible_settings_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        SPEC.params(**bad)


def test_refuses_a_foreign_snapshot() -> None:
    with pytest.raises(ValueError, match="inactivity"):
        made(SPEC).restore({"door": 1})


def test_every_onset_is_cleared_or_open() -> None:
    events = give(made(SPEC, learn=False), weeks(5), at(8 * 24))
    open_ = False
    for e in events:
        assert (e.phase is Phase.ONSET) == (not open_)
        open_ = e.phase is not Phase.CLEAR


def test_a_home_nobody_described_works() -> None:
    detector = InactivityDetector(SPEC.params(), Home("bare"))
    t = T0 + 10 * HOUR
    readings = [
        Reading(s, Q.MOTION, t + k * SECOND, v)
        for k, (s, v) in enumerate((("a", 0.0), ("a", 1.0), ("b", 0.0), ("b", 1.0)))
    ]
    assert len(alarms(give(detector, readings, t + 20 * HOUR))) == 1
