"""Is every instant of a day in exactly one state, the same however it was read, and is unseen never quiet?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.localtime import LocalTime
from core.model import DAY, HOUR, MINUTE, SECOND, Block, Flag, Home, Reading
from core.quantity import Quantity
from detectors.day_facts import WANTED, Day, bounds, facts
from detectors.day_sleep import bridged, rest
from detectors.day_spans import clip, intersect, joined, subtract, total, union
from tests.detectors.daily_home import T0, at, door, home, sensor, walk
from tests.laws.blocks import START, cuts, example_home, slice_blocks, stories

Q = Quantity
MONDAY = date(2026, 3, 2)


def made(readings: Sequence[Reading], where: Home | None = None, reached: float = 24, **more: object) -> Day:
    rows = sorted(readings, key=lambda r: (r.t, r.source, r.quantity))
    return facts(slice_blocks(rows), where or home(), MONDAY, at(reached), **more)  # type: ignore[arg-type]


def bed(hours: float, occupied: bool, source: str = "bed") -> Reading:
    return Reading(source, Q.BED_OCCUPIED, at(hours), float(occupied))


def ordinary() -> list[Reading]:
    """To bed at 22 the evening before, up at 2:30 for six minutes, up at 7, out from 9 to 11, nap at 13."""
    out = [bed(-20, False), bed(-2, True), bed(2.5, False), bed(2.6, True), bed(7, False)]
    out += walk(-2.1, "hall", "bedroom") + walk(2.51, "hall") + walk(7.02, "bedroom", "kitchen")
    out += (
        walk(8, "kitchen", "living")
        + walk(8.98, "hall")
        + door(9)
        + door(11)
        + walk(11.02, "hall", "kitchen")
    )
    out += [bed(13, True), bed(13.75, False), bed(22.25, True), *walk(13.8, "bedroom", "living")]
    return out + walk(22.2, "living", "bedroom")


def test_an_ordinary_day_is_told_as_it_was() -> None:
    day = made(ordinary())
    assert day.night is not None
    assert (day.night.start, day.night.stop) == (at(-2), at(7))
    assert day.night.out == ((at(2.5), at(2.6)),)
    assert day.naps == ((at(13), at(13.75)),)
    assert day.outings is not None
    assert [round((b - a) / HOUR, 2) for a, b in day.outings] == [2.0]
    totals = day.totals()
    assert totals["unknown"] == totals["asleep"] == totals["ahead"] == 0
    assert totals["in_bed"] == round((2.5 + 4.4 + 0.75 + 1.75) * HOUR)
    assert day.night.asleep is None, "a bed that only says in and out gives no sleep"
    assert "sleep" not in day.sees


def test_an_empty_bed_that_says_so_again_draws_nobody_to_it() -> None:
    again = [bed(h / 4, False) for h in range(60, 80)]
    day = made([*ordinary(), *again])
    assert day.rooms() == made(ordinary()).rooms()


def test_sleep_is_estimated_only_where_movement_is_seen() -> None:
    where = home(extra=[sensor("radar", "bedroom", "presence")])
    rows = ordinary()
    for h in (-1.9, 1.0, 4.0, 4.02):
        rows += [Reading("radar", Q.MOVING, at(h), 1.0), Reading("radar", Q.MOVING, at(h) + 5 * SECOND, 0.0)]
    day = made([*rows, Reading("radar", Q.MOVING, at(-10), 0.0)], where)
    assert day.night is not None
    assert day.night.asleep is not None
    assert day.night.by == "movement"
    assert day.night.turns is not None
    assert len(day.night.turns) == 2  # the first stir came before sleep, the two at 4 h are one
    assert 8 * HOUR < total(day.night.asleep) < 8.9 * HOUR
    assert day.totals()["asleep"] > 0


def test_the_device_knows_better_than_an_estimate() -> None:
    stages = [Reading("bed", Q.SLEEP_STAGE, at(-2) + m * MINUTE, float(m // 60 % 4)) for m in range(540)]
    day = made([*ordinary(), *stages])
    assert day.night is not None
    assert day.night.by == "device"
    assert day.night.stages_s is not None
    assert sum(day.night.stages_s.values()) == round(8.9 * 3600), "out of bed is no stage"
    assert day.night.stages_s["awake"] == round(2.9 * 3600)


def test_a_rate_of_zero_or_while_moving_is_no_value() -> None:
    rows = [Reading("radar", Q.HEART_RATE_BPM, at(1) + k * SECOND, 60.0) for k in range(600)]
    rows += [Reading("radar", Q.HEART_RATE_BPM, at(2) + k * SECOND, 0.0) for k in range(600)]
    rows += [Reading("radar", Q.MOVING, at(3), 1.0), Reading("radar", Q.MOVING, at(4), 0.0)]
    rows += [Reading("radar", Q.HEART_RATE_BPM, at(3) + k * SECOND, 180.0) for k in range(600)]
    day = made(rows)
    assert day.heart is not None
    assert (day.heart.median, day.heart.high, day.heart.minutes) == (60.0, 60.0, 10)
    nothing = made([r for r in rows if r.value != 60.0])
    assert nothing.heart is None
    assert "heart" in nothing.sees


def test_a_missing_sensor_is_unknown_and_not_zero() -> None:
    day = made(walk(8, "kitchen", "living") + walk(9, "living", "kitchen"), home(doors=False))
    assert day.outings is None
    assert day.night is None
    assert day.naps is None
    assert day.visits is None
    assert day.heart is None
    assert "door" not in day.sees
    assert day.totals()["unknown"] >= 8 * HOUR, "before the first sign of life nobody knows"


@pytest.mark.parametrize("minutes", [5, 600])
def test_a_gateway_that_did_not_run_saw_nothing(minutes: int) -> None:
    rows = [r for r in ordinary() if not at(12) - minutes * MINUTE < r.t < at(12)]
    day = made([*rows, Reading("gateway", Q.BLIND_S, at(12), minutes * 60.0)])
    unknown = day.totals()["unknown"]
    if minutes <= 10:
        assert unknown == minutes * MINUTE
    else:  # and afterwards nobody knows until something is said again
        assert unknown == minutes * MINUTE + HOUR
        assert any(g.source == "gateway" and g.reason == "blind" for g in day.gaps)


def test_a_lost_link_and_a_silent_sensor_are_gaps_and_not_quiet() -> None:
    down = [Reading("link:broker", Q.LINK_UP, at(15), 0.0), Reading("link:broker", Q.LINK_UP, at(17), 1.0)]
    day = made([*ordinary(), *down])
    assert (
        total(clip([(s.start, s.stop) for s in day.spans if s.state == "unknown"], at(15), at(17)))
        == 2 * HOUR
    )
    assert {g.reason for g in day.gaps} == {"link"}
    everyone = [(s, at(14), at(20)) for s in ("hall", "kitchen", "living", "bedroom", "bed", "door")]
    quiet = made(ordinary(), silent=everyone)
    assert quiet.totals()["unknown"] >= 6 * HOUR
    assert {g.source for g in quiet.gaps if g.reason == "silent"} == {s for s, _, _ in everyone}


def test_what_has_not_happened_yet_is_neither_unknown_nor_quiet() -> None:
    day = made(ordinary(), reached=10, now=at(10.5))
    assert day.totals()["unknown"] == HOUR // 2
    assert day.totals()["ahead"] == round(13.5 * HOUR)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 5, 1), 24)]
)
def test_days_when_clocks_change_have_their_own_length(day: date, hours: int) -> None:
    where = home("Europe/Berlin")
    local = LocalTime("Europe/Berlin")
    start, stop = bounds(day, local)
    assert stop - start == hours * HOUR
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/Berlin"))
    assert local.at(start) == midnight
    rows = [
        Reading("bed", Q.BED_OCCUPIED, start - 2 * HOUR, 1.0),
        Reading("bed", Q.BED_OCCUPIED, start + 6 * HOUR, 0.0),
    ]
    found = facts(slice_blocks(rows), where, day, stop)
    assert sum(found.totals().values()) == hours * HOUR
    assert found.totals()["in_bed"] == 6 * HOUR
    assert len(found.activity) == hours


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_every_instant_has_one_state_and_the_cut_does_not_matter(data: st.DataObject) -> None:
    where = example_home()
    story = data.draw(stories(WANTED, where))
    rows = story.readings()
    day = LocalTime(where.zone).at(START).date() + timedelta(days=data.draw(st.integers(0, 3)))
    reached = data.draw(st.sampled_from([story.end(), START + DAY, START + 3 * DAY]))
    whole = facts(slice_blocks(rows), where, day, reached)
    assert whole.spans[0].start == whole.start
    assert whole.spans[-1].stop == whole.stop
    for a, b in zip(whole.spans, whole.spans[1:], strict=False):
        assert a.stop == b.start
    assert sum(whole.totals().values()) == whole.stop - whole.start
    pieces: list[Block] = []
    i = 0
    for cut in (*data.draw(cuts(story)), story.end()):
        j = i
        while j < len(rows) and rows[j].t < cut:
            j += 1
        pieces += slice_blocks(rows[i:j])
        i = j
    assert facts(pieces, where, day, reached) == whole


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_repeats_and_missing_values_change_no_state(data: st.DataObject) -> None:
    where = example_home()
    rows = data.draw(stories(WANTED - {Q.BLIND_S, Q.TURN_OVERS}, where)).readings()
    clean = [r for r in rows if r.value == r.value and not r.flags & Flag.REPEAT]
    day = LocalTime(where.zone).at(START).date()
    echo = [r._replace(flags=r.flags | Flag.REPEAT) for r in clean]
    both = sorted([*clean, *echo], key=lambda r: (r.t, r.source, r.quantity))
    if clean:
        reached = clean[-1].t + 1
        assert (
            facts(slice_blocks(both), where, day, reached).spans
            == facts(slice_blocks(clean), where, day, reached).spans
        )


spans = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8)


@given(spans, spans)
def test_spans_obey_set_laws(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    def points(pairs: list[tuple[int, int]]) -> set[int]:
        return {k for x, y in pairs for k in range(x, y)}

    assert points(union(a, b)) == points(a) | points(b)
    assert points(subtract(a, b)) == points(a) - points(b)
    assert points(intersect(a, b)) == points(a) & points(b)
    assert total(union(a)) == len(points(a))
    assert points(joined(a, 3)) >= points(a)


@given(st.lists(st.integers(0, 600), max_size=20))
def test_sleep_lies_inside_the_time_in_bed_and_after_the_first_quiet(minutes: list[int]) -> None:
    lying = (0, 480 * MINUTE)
    asleep, turns = rest(lying, sorted(m * MINUTE for m in minutes))
    for a, b in asleep:
        assert lying[0] + 10 * MINUTE <= a < b <= lying[1]
    assert all(any(a <= t < b for a, b in asleep) for t in turns)
    assert at(0) == T0


def test_a_mat_that_lets_go_of_a_sleeper_is_bridged_and_an_honest_one_is_not() -> None:
    flutter = [(k * 20 * MINUTE, k * 20 * MINUTE + 15 * MINUTE) for k in range(24)]
    assert bridged(flutter, []) == [(0, 475 * MINUTE)]
    up = 18 * MINUTE + 100 * MINUTE  # seen in the bathroom in one of the gaps
    assert bridged(flutter, [up]) == [(0, 115 * MINUTE), (120 * MINUTE, 475 * MINUTE)]
    honest = flutter[:8]
    assert bridged(honest, []) == honest
    assert bridged([(0, HOUR), (HOUR + 30 * SECOND, 2 * HOUR)], []) == [(0, 2 * HOUR)]


@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), max_size=40), st.lists(st.integers(0, 900))
)
def test_bridging_only_adds_time_without_life_elsewhere(
    pairs: list[tuple[int, int]], lives: list[int]
) -> None:
    spans = union([(a * MINUTE, b * MINUTE) for a, b in pairs])
    elsewhere = sorted(t * MINUTE for t in lives)
    found = bridged(spans, elsewhere)
    assert subtract(spans, found) == []
    for a, b in subtract(found, joined(spans, MINUTE)):
        assert not any(a <= t <= b for t in elsewhere)
