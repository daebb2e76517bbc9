"""Each scenario, through the real drivers and detectors: what must be found is found in time, no more."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from core.config import load as load_config
from core.model import SECOND, Block, Event, Mark, Phase, Reading
from core.quantity import Quantity
from detectors import DETECTORS
from devices import DRIVERS
from simulators import home, scenario
from simulators.scenario import Scenario

WORST = {"alarm": {"alarm", "confirmed", "long_lie", ""}, "warning": {"warning", "alarm", ""}}


def events_of(played: Scenario, root: Path) -> tuple[int, list[Event]]:
    config, _ = load_config(root / "config.yaml")
    start = scenario.start_of(played, config.home.time_zone, date(2026, 3, 2))
    at = home.played(played, config.as_home())
    drivers = {
        s.link: DRIVERS[s.device].make([x for x in at.sensors.values() if x.link == s.link])
        for s in at.sensors.values()
    }
    detectors = [spec.make(spec.params(), at) for spec in DETECTORS.values()]
    found: list[Event] = []
    readings: list[Reading] = []
    cut = round(max(10.0, played.duration_s / 400) * SECOND)  # detectors do not care where
    until = start + cut
    for packet in home.marked(played, config, start):
        while packet.at >= until:
            groups: dict[tuple[str, Quantity], list[Reading]] = defaultdict(list)
            for r in readings:
                groups[r.source, r.quantity].append(r)
            for detector in detectors:
                blocks = [Block.of(rs) for (_, q), rs in groups.items() if q in detector.wants]
                found += detector.process(blocks)
                found += detector.advance(until)
            readings, until = [], until + cut
        if packet.mark in (Mark.UP, Mark.DOWN):
            up = float(packet.mark is Mark.UP)
            readings.append(Reading(f"link:{packet.link}", Quantity.LINK_UP, packet.at, up))
        if packet.link in drivers:
            readings += drivers[packet.link].feed(packet)
    return start, found


@pytest.mark.parametrize("name", scenario.names())
def test_truth(name: str, root: Path) -> None:
    played = scenario.load(name)
    start, found = events_of(played, root)
    at = load_config(root / "config.yaml")[0].as_home()
    for truth in played.truth:
        in_time = [
            e
            for e in found
            if e.kind == truth.kind
            and e.phase is not Phase.CLEAR
            and truth.from_s <= (e.known - start) / SECOND <= truth.by_s
            and (not truth.source or e.source == truth.source)
            and (not truth.room or at.room_of(e.source) == truth.room)
            and e.evidence.get("stage", "") in WORST.get(truth.severity, {e.evidence.get("stage", "")})
        ]
        assert in_time, (truth, [(e.kind, e.source, (e.t - start) / SECOND, e.evidence) for e in found])
    wrong = [(e.kind, e.source, (e.t - start) / SECOND, e.evidence) for e in found if e.kind in played.never]
    assert not wrong
    expected = {t.kind for t in played.truth}
    alarms = [e for e in found if e.evidence.get("stage") == "alarm" and e.kind not in expected]
    assert not alarms
