"""Packets are the same each time, in order, and say what was true in the home."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import Config
from core.config import load as load_config
from core.model import HOUR, SECOND, Home, Mark, Packet, Reading
from devices import DRIVERS
from simulators import home, scenario
from simulators.home import EMULATORS, SimulationError
from simulators.scenario import Scenario
from simulators.world import build

SHORT = [n for n in scenario.names() if scenario.load(n).duration_s <= 3600]


@pytest.fixture(scope="module")
def config(root: Path) -> Config:
    return load_config(root / "config.yaml")[0]


def start_of(played: Scenario, config: Config) -> int:
    return scenario.start_of(played, config.home.time_zone, date(2026, 3, 2))


def digest(packets: Iterator[Packet]) -> str:
    out = hashlib.sha256()
    for packet in packets:
        out.update(repr(tuple(packet)).encode())
    return out.hexdigest()


@pytest.mark.parametrize("name", SHORT)
def test_the_same_seed_gives_the_same_bytes(name: str, config: Config) -> None:
    played = scenario.load(name)
    first = digest(home.marked(played, config, start_of(played, config)))
    again = digest(home.marked(scenario.load(name), config, start_of(played, config)))
    other = digest(home.marked(played.model_copy(update={"seed": 99}), config, start_of(played, config)))
    assert first == again != other


def test_two_processes_with_other_hash_seeds_record_the_same_bytes(tmp_path: Path, root: Path) -> None:
    files = []
    for seed in ("1", "77"):
        file = tmp_path / f"{seed}.jsonl.zst"
        command = [sys.executable, "-m", "simulators.cli", "record", "-s", "fall_in_hall", "--out", str(file)]
        env = {"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"}
        subprocess.run(command, cwd=root, env=env, check=True, capture_output=True)
        files.append(file.read_bytes())
    assert files[0] == files[1]
    assert len(files[0]) > 1000


@pytest.mark.parametrize("name", scenario.names())
def test_packets_come_in_order_and_from_known_links(name: str, config: Config) -> None:
    played = scenario.load(name)
    start = start_of(played, config)
    last = start
    for packet in islice(home.packets(played, config, start), 20_000):
        assert last <= packet.at <= start + played.duration_s * SECOND
        assert packet.link in config.links
        assert packet.mark in (Mark.DATA, Mark.RETAINED)
        last = packet.at


def driving(played: Scenario, at: Home, start: int) -> Iterator[Reading]:
    world = build(played, at, start)
    for sensor in at.sensors.values():
        for group in EMULATORS[sensor.device](world, sensor):
            yield from group


@pytest.mark.parametrize("name", SHORT)
def test_decoding_gives_back_what_was_true(name: str, config: Config) -> None:
    played = scenario.load(name)
    start = start_of(played, config)
    at = home.played(played, config.as_home())
    truth = defaultdict(list)
    for r in driving(played, at, start):
        truth[r.source, r.quantity].append((r.t, r.value))
    drivers = {
        (s.link, s.device): DRIVERS[s.device].make([x for x in at.sensors.values() if x.link == s.link])
        for s in at.sensors.values()
    }
    by_link = {link: driver for (link, _), driver in drivers.items()}
    decoded = defaultdict(list)
    for packet in home.packets(played, config, start):
        for r in by_link[packet.link].feed(packet):
            if not r.flags & 1:
                decoded[r.source, r.quantity].append((r.t, r.value))
    for key, values in truth.items():
        assert decoded[key] == values, key
    for driver in by_link.values():
        assert not driver.health().refused


@settings(max_examples=max(5, settings().max_examples // 10))
@given(st.integers(0, 2**32))
def test_whatever_the_seed_decoding_gives_back_what_was_true(config: Config, seed: int) -> None:
    played = scenario.load("call_button").model_copy(
        update={"seed": seed, "sensors": "all", "duration_s": 40.0, "rate_per_s": None, "truth": []}
    )
    start = start_of(played, config)
    at = home.played(played, config.as_home())
    wanted = {(r.source, r.quantity, r.t, r.value) for r in driving(played, at, start)}
    drivers = {
        s.link: DRIVERS[s.device].make([x for x in at.sensors.values() if x.link == s.link])
        for s in at.sensors.values()
    }
    got = {
        (r.source, r.quantity, r.t, r.value)
        for p in home.packets(played, config, start)
        for r in drivers[p.link].feed(p)
    }
    assert wanted <= got


def test_a_sensor_less_changes_nothing_for_the_others(config: Config) -> None:
    played = scenario.load("fall_in_hall")
    start = start_of(played, config)
    fewer = played.model_copy(update={"sensors": ["radar_hall", "motion_hall"]})

    def of(one: Scenario) -> list[Packet]:
        return [
            p
            for p in home.packets(one, config, start)
            if p.link == "radar_hall" or "motion_hall" in p.channel
        ]

    assert of(played) == of(fewer) != []


@pytest.mark.parametrize("name", ["fall_in_hall", "sensor_dies", "pulled_cable", "water_leak"])
def test_a_longer_play_begins_with_the_same_packets(name: str, config: Config) -> None:
    played = scenario.load(name)
    start = start_of(played, config)
    end = start + round(played.duration_s * SECOND)
    longer = played.model_copy(update={"duration_s": 2 * played.duration_s})
    short = [p for p in home.marked(played, config, start) if p.mark is not Mark.END]
    assert short == [p for p in home.marked(longer, config, start) if p.at < end]


def test_later_by_whole_days_is_the_same_later(config: Config) -> None:
    played = scenario.load("smoke_at_night")
    start = start_of(played, config)
    shift = 240 * HOUR
    now = list(home.packets(played, config, start))
    later = list(home.packets(played, config, start + shift))
    assert [p._replace(at=p.at + shift) for p in now] == later


def test_a_full_rate_is_ten_frames_a_second(config: Config) -> None:
    played = scenario.load("call_button").model_copy(
        update={"rate_per_s": None, "sensors": ["radar_bedroom"]}
    )
    frames = sum(1 for _ in home.packets(played, config, start_of(played, config)))
    assert abs(frames / played.duration_s - 10) < 0.1


def test_faults_of_the_script_reach_the_wire(config: Config) -> None:
    steps = [
        {"at_s": 5, "do": "unplug", "link": "radar_bedroom"},
        {"at_s": 10, "do": "die", "sensor": "button_bedroom"},
        {"at_s": 20, "do": "replug", "link": "radar_bedroom"},
        {"at_s": 25, "do": "press", "sensor": "button_bedroom"},
        {"at_s": 30, "do": "revive", "sensor": "button_bedroom"},
        {"at_s": 35, "do": "press", "sensor": "button_bedroom"},
        {"at_s": 36, "do": "battery", "sensor": "button_bedroom", "to": 7},
    ]
    data = scenario.load("call_button").model_dump() | {"steps": steps, "duration_s": 60, "truth": []}
    played = Scenario.model_validate(data)
    start = start_of(played, config)
    seen = [((p.at - start) / SECOND, p) for p in home.marked(played, config, start)]
    radar = [t for t, p in seen if p.link == "radar_bedroom" and p.mark is Mark.DATA]
    assert not [t for t in radar if 5 <= t < 20]
    assert [t for t in radar if t < 5]
    assert [t for t in radar if t >= 20]
    assert [(t, p.mark) for t, p in seen if p.link == "radar_bedroom" and p.mark] == [
        (0, Mark.UP), (5, Mark.DOWN), (20, Mark.UP)
    ]  # fmt: skip
    presses = [t for t, p in seen if b"emergency" in p.data]
    assert presses == [35]
    assert any(b'"battery":7' in p.data and t == 36 for t, p in seen)
    assert seen[-1][1].mark is Mark.END


def test_what_cannot_be_imitated_is_said(config: Config) -> None:
    played = scenario.load("call_button")
    at = config.as_home()
    with pytest.raises(SimulationError, match="button_bedroom"):
        home.played(played, Home(at.id, sensors={}))
    odd = dict(at.sensors)
    radar = odd["radar_bedroom"]
    odd["radar_bedroom"] = type(radar)(radar.id, "gira", radar.link, radar.room)
    with pytest.raises(SimulationError, match="gira"):
        home.played(played, Home(at.id, rooms=at.rooms, sensors=odd))
