"""Bodies in a room, through the bytes of a radar of points, to the stages of a fall. All simulated."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import load as load_config
from core.model import SECOND, Block, Event, Home, Mounting, Reading, Sensor
from core.quantity import Quantity
from detectors import DETECTORS
from devices import DRIVERS
from simulators import home, scenario
from simulators.bodies import echoes, stays
from simulators.points import ti
from simulators.prng import Prng
from simulators.scenario import Scenario
from simulators.world import World, build

FEW = settings(max_examples=max(5, settings().max_examples // 10))


@pytest.fixture(scope="module")
def example(root: Path) -> Home:
    return load_config(root / "config.yaml")[0].as_home()


def with_radar(at: Home, room: str, device: str, tilt_deg: float = 15.0) -> Home:
    radar = Sensor("points", device, "port", room, mounting=Mounting(2.0, tilt_deg))
    return replace(at, sensors={**at.sensors, "points": radar})


def start_of(played: Scenario, at: Home) -> int:
    return scenario.start_of(played, at.zone, date(2026, 3, 2))


def world_of(name: str, at: Home, **change: object) -> World:
    played = scenario.load(name).model_copy(update=change)
    return build(played, at, start_of(played, at))


@FEW
@given(st.integers(0, 2**32), st.sampled_from(["living", "kitchen", "bathroom", "hall", "bedroom"]))
def test_stays_cover_the_spans_and_bodies_are_where_the_spans_say(
    example: Home, seed: int, room: str
) -> None:
    world = world_of("quiet_day", example, seed=seed, duration_s=4 * 3600.0)
    found = stays(world, room)["resident"]
    spans = [s for s in world.people.spans["resident"] if s.room == room]
    assert sum(s.stop - s.start for s in found) == sum(s.stop - s.start for s in spans)
    for one, two in pairwise(found):
        assert one.stop < two.start
    for span in spans:
        t = span.start + 6 * SECOND  # they may have had to rise and to turn first
        if span.a != span.b or t >= span.stop:
            continue
        stay = next(s for s in found if s.start <= t < s.stop)
        x, y = stay.moves.poses(np.array([(t - stay.start) / SECOND]))[0, :2]
        expected = span.at(t)
        assert abs(x - expected[0]) + abs(y - expected[1]) < 0.1


def test_who_is_not_in_the_room_makes_no_echoes(example: Home) -> None:
    world = world_of("fall_in_bathroom", example)
    found = stays(world, "bathroom")["resident"]
    early, late = world.start + SECOND, world.start + 60 * SECOND
    at, velocity, _, _ = echoes(found, 0, [early, late], Prng(1))
    assert np.isnan(at[0]).all()
    assert np.isfinite(at[1]).all()
    assert np.isfinite(velocity[1]).all()
    assert at[1, :, 2].max() < 0.8  # on the floor


@pytest.mark.parametrize("device", ["ti_iwr6843", "ti_iwrl6432"])
def test_decoding_gives_back_what_was_seen(example: Home, device: str) -> None:
    at = with_radar(example, "living", device)
    played = scenario.load("call_button").model_copy(update={"sensors": ["points"], "truth": []})
    played = played.model_copy(
        update={"actors": {"resident": scenario.ActorConfig(room="living")}, "duration_s": 30.0}
    )
    start = start_of(played, at)
    shown = home.played(played, at)
    truth = [r for group in ti(build(played, shown, start), shown.sensors["points"]) for r in group]
    driver = DRIVERS[device].make([shown.sensors["points"]])
    got = [r for p in home.packets(played, at, start) for r in driver.feed(p)]
    kept = {
        q for q in (Quantity.CLOUD, Quantity.TRACK, Quantity.HEIGHT) if any(r.quantity is q for r in truth)
    }
    assert Quantity.CLOUD in kept
    for quantity in kept:
        said = [r for r in got if r.quantity is quantity]
        meant = [r for r in truth if r.quantity is quantity]
        assert [r.t for r in said] == [r.t for r in meant]
        for a, b in zip(said, meant, strict=True):
            np.testing.assert_allclose(np.asarray(a.value), np.asarray(b.value), rtol=1e-6)


def falls(played: Scenario, at: Home) -> tuple[int, list[Event]]:
    start = start_of(played, at)
    shown = home.played(played, at)
    driver = DRIVERS[shown.sensors["points"].device].make([shown.sensors["points"]])
    spec = DETECTORS["fall"]
    detector = spec.make(spec.params(), shown)
    found: list[Event] = []
    waiting: list[Reading] = []
    until = start + SECOND
    for packet in home.packets(played, at, start):
        while packet.at >= until:
            groups: dict[Quantity, list[Reading]] = defaultdict(list)
            for r in waiting:
                groups[r.quantity].append(r)
            found += detector.process([Block.of(rs) for q, rs in groups.items() if q in detector.wants])
            found += detector.advance(until)
            waiting, until = [], until + SECOND
        waiting += driver.feed(packet)
    return start, found + detector.advance(until)


@pytest.mark.parametrize(
    ("name", "room", "down_s", "last", "play_s"),
    [
        ("fall_in_bathroom", "bathroom", 45.8, "long_lie", 370.0),
        ("fall_in_hall", "hall", 75.8, "recovered", 230.0),
    ],
)
def test_each_stage_is_reached_from_points(
    example: Home, name: str, room: str, down_s: float, last: str, play_s: float
) -> None:
    at = with_radar(example, room, "ti_iwrl6432")
    seen = 0
    for seed in range(1, 5):
        change = {"sensors": ["points"], "rate_per_s": None, "duration_s": play_s, "seed": seed, "truth": []}
        start, found = falls(scenario.load(name).model_copy(update=change), at)
        if not found:
            continue  # a radar with six points a frame may miss one of them
        seen += 1
        stages = [str(e.evidence.get("stage")) for e in found]
        assert stages[:2] == ["suspected", "confirmed"]
        assert stages[-1] == last
        assert -1 <= (found[0].known - start) / SECOND - down_s <= 3
    assert seen >= 3


def test_a_tracking_radar_sees_the_fall_too(example: Home) -> None:
    at = with_radar(example, "hall", "ti_iwr6843")
    change = {"sensors": ["points"], "rate_per_s": 10.0, "duration_s": 130.0, "truth": []}
    start, found = falls(scenario.load("fall_in_hall").model_copy(update=change), at)
    assert [str(e.evidence.get("stage")) for e in found][:2] == ["suspected", "confirmed"]
    assert -1 <= (found[0].known - start) / SECOND - 75.8 <= 3


@pytest.mark.parametrize(("name", "top_m"), [("pet", 0.6), ("robot_vacuum", 0.4)])
def test_animals_and_robots_are_seen_low(example: Home, name: str, top_m: float) -> None:
    at = with_radar(example, "living", "ti_iwrl6432", 0.0)
    played = scenario.load(name).model_copy(update={"sensors": ["points"], "rate_per_s": 1.0})
    start = start_of(played, at)
    shown = home.played(played, at)
    seen = [
        row[2] + 2.0
        for group in ti(build(played, shown, start), shown.sensors["points"])
        for r in group
        if 950 < (r.t - start) / SECOND < 2300  # it is in this room
        for row in np.asarray(r.value)
    ]
    assert len(seen) > 200
    assert np.median(seen) < top_m


@pytest.mark.slow
def test_an_ordinary_morning_holds_no_fall(example: Home) -> None:
    at = with_radar(example, "living", "ti_iwrl6432")
    change = {"sensors": ["points"], "rate_per_s": None, "duration_s": 6 * 3600.0}
    played = scenario.load("quiet_day").model_copy(update=change)
    _, found = falls(played, at)
    assert [(e.source, e.evidence) for e in found] == []
