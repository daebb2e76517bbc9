"""Scenarios through the real pipeline without hardware, for the tests of the gateway."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from pathlib import Path

from core.config import load
from core.model import Alert, Packet
from gateway import build, canonical
from gateway.pipeline import Pipeline
from gateway.replay import replay_packets
from simulators import home, scenario
from simulators.rewrite import write_config
from simulators.scenario import Scenario

ROOT = Path(__file__).resolve().parent.parent.parent
DAY = date(2026, 3, 2)
QUICK = ("fall_in_bathroom", "smoke_at_night", "door_left_open", "call_button", "kitchen_gas_leak")


@lru_cache(maxsize=4)
def played(name: str) -> tuple[Scenario, int, tuple[Packet, ...]]:
    """A scenario, its start, and all its packets as a gateway would record them."""
    story = scenario.load(name)
    config, _ = load(ROOT / "config.yaml")
    start = scenario.start_of(story, config.home.time_zone, DAY)
    return story, start, tuple(home.marked(story, config, start))


def plan_of(name: str, folder: Path) -> build.Plan:
    """The plan of the sensors the scenario plays, with its state in ``folder``."""
    story, _, _ = played(name)
    config, _ = load(ROOT / "config.yaml")
    path = folder / "config.yaml"
    write_config(ROOT / "config.yaml", path, story, home.played(story, config.as_home()), {})
    return build.plan(path)


def pipeline_of(name: str, folder: Path) -> Pipeline:
    """A cold pipeline for the scenario's sensors."""
    return build.make_pipeline(plan_of(name, folder))


def run(name: str, folder: Path, chunk: int = 4096) -> list[Alert]:
    """All alert revisions of a scenario."""
    _, _, packets = played(name)
    return replay_packets(pipeline_of(name, folder), iter(packets), chunk).alerts


def lines(alerts: Iterable[Alert]) -> list[str]:
    """Canonical lines of what follows from packets."""
    return canonical.lines(canonical.from_packets(alerts))
