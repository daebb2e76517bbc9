from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import load as load_config
from core.model import DAY, HOUR, SECOND, Home
from simulators import scenario
from simulators.people import Occupants, Span
from simulators.rooms import plan_of
from simulators.scenario import Scenario
from simulators.world import Level, World, build

RAMPS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.floats(0, 100)), max_size=5)


@given(RAMPS, st.floats(0.01, 99))
def test_crossings_alternate_and_lie_where_the_level_crosses(
    ramps: list[tuple[int, int, float]], at: float
) -> None:
    level = Level(0, 0.0)
    now = 0
    for wait, length, to in ramps:
        now += wait * SECOND
        level.ramp(now, now + length * SECOND, to)
        now += length * SECOND
    edges = level.crossings(at)
    assert [above for _, above in edges] == [i % 2 == 0 for i in range(len(edges))]
    assert [t for t, _ in edges] == sorted(t for t, _ in edges)
    bounds = [0, *(t for t, _ in edges), now + SECOND]
    for i, (a, b) in enumerate(pairwise(bounds)):
        if b - a > 2:  # strictly inside, the level stays on its side
            middle = level.at((a + b) // 2)
            assert (middle >= at - 1e-6) if i % 2 else (middle <= at + 1e-6)


@pytest.fixture(scope="module")
def example(root: Path) -> Home:
    return load_config(root / "config.yaml")[0].as_home()


def day_of(home: Home, seed: int, days: int = 2, start: str = "00:00") -> World:
    quiet = scenario.load("quiet_day")
    played: Scenario = quiet.model_copy(update={"seed": seed, "duration_s": days * 86400.0, "start": start})
    return build(played, home, scenario.start_of(played, home.zone, date(2026, 3, 2)))


@given(st.integers(0, 2**32))
def test_nobody_is_in_two_places_or_in_a_wall(example: Home, seed: int) -> None:
    world = day_of(example, seed)
    spans = world.people.spans["resident"]
    assert spans[0].start == world.start
    for one, two in pairwise(spans):
        assert one.start < one.stop <= two.start
    for span in spans:
        plan = plan_of(example, span.room)
        for x, y in (span.a, span.b):
            assert abs(x) <= plan.half_m
            assert 0 <= y <= plan.depth_m
        assert 0 <= span.stir <= 1
        if span.a != span.b:
            assert sum(v * v for v in span.velocity()) ** 0.5 <= 0.71


@given(st.integers(0, 2**32))
def test_gaps_in_the_spans_are_absences_through_the_front_door(example: Home, seed: int) -> None:
    world = day_of(example, seed)
    spans = world.people.spans["resident"]
    gaps = [(a.stop, b.start) for a, b in pairwise(spans) if b.start > a.stop]
    outs = [d.t for d in world.people.doorways if d.out]
    backs = [d.t for d in world.people.doorways if not d.out]
    assert len(gaps) == len(backs)
    for (left, back), out, home_again in zip(gaps, outs, backs, strict=False):
        assert out <= left < home_again == back
    contacts = world.doors["front_door"]
    assert contacts == sorted(contacts)
    assert len(contacts) == 2 * len(world.people.doorways)


def test_days_have_all_rooms_and_a_night_in_bed(example: Home) -> None:
    world = day_of(example, 1, days=7)
    spans = world.people.spans["resident"]
    assert {s.room for s in spans} == {"hall", "living", "bedroom", "bathroom", "kitchen"}
    lying = sum(s.stop - s.start for s in spans if s.posture == "lie")
    assert 7 * 8 * HOUR < lying < 7 * 12 * HOUR
    assert sum(s.stop - s.start for s in spans if s.posture == "floor") == 0


def test_a_day_begun_in_the_middle_finds_the_resident_where_the_day_has_them(example: Home) -> None:
    whole, half = day_of(example, 4), day_of(example, 4, days=1, start="12:00")

    def room(world: World, at: int) -> str:
        return next((s.room for s in world.people.spans["resident"] if s.start <= at < s.stop), "")

    same = sum(
        room(whole, half.start + i * HOUR // 4) == room(half, half.start + i * HOUR // 4)
        for i in range(1, 48)
    )
    assert same >= 40  # walks differ by seconds


def test_occupants_are_those_whose_span_holds_the_instant(example: Home) -> None:
    world = day_of(example, 2, days=1)
    room = Occupants(world.people, "kitchen")
    for i in range(0, DAY, 5 * 60 * SECOND):
        t = world.start + i
        expected = [
            s for s in world.people.spans["resident"] if s.room == "kitchen" and s.start <= t < s.stop
        ]
        found: list[Span] = room.at(t)
        assert found == expected
