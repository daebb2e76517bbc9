"""A home with radars of points for tests of falls: what its sensors send, through the real pipeline."""

from __future__ import annotations

import heapq
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from core.model import SECOND, Alert, Packet, Reading
from core.quantity import Quantity
from devices import DRIVERS
from gateway import build
from ingest.replay import chunks
from simulators import home, scenario
from simulators.scenario import Scenario

HOME = """\
home: {{id: falls, time_zone: Asia/Shanghai, language: en}}
residents: {residents}
rooms: {{bedroom: {{kind: bedroom}}, hall: {{kind: hall}}, kitchen: {{kind: kitchen}}}}
links:
  broker: {{type: mqtt}}
  port: {{type: serial, port: /dev/ttyUSB0}}
  other: {{type: serial, port: /dev/ttyUSB1}}
sensors:
  radar: {{device: ti_iwrl6432, link: port, room: bedroom, mounting: {{height_m: 2.0, tilt_deg: 15}}}}
  module: {{device: ld6002c, link: other, room: hall}}
  bed: {{device: zigbee2mqtt, link: broker, topic: zigbee2mqtt/bed, room: bedroom, kind: bed}}
  motion: {{device: zigbee2mqtt, link: broker, topic: zigbee2mqtt/motion, room: kitchen, kind: motion}}
detectors:
  fall: {{long_lie_after_s: 60, rest_zones: {{radar: [[0.2, 1.6, 1.4, 3.6]]}}}}
store: {{state_dir: {state}}}
"""
ONE, TWO = "{li: {name: Li}}", "{li: {name: Li}, wu: {name: Wu}}"
Stage = tuple[str, str]


def plan_of(folder: Path, residents: str = ONE) -> build.Plan:
    """The checked configuration, with its state in ``folder``."""
    path = folder / "config.yaml"
    path.write_text(HOME.format(residents=residents, state=folder / "state"), encoding="utf-8")
    return build.plan(path)


def story(steps: Sequence[dict[str, Any]], duration_s: float, **more: Any) -> Scenario:
    """A scenario of the bedroom (radar) unless told otherwise."""
    text = {"en": "a test", "zh": "test"}
    return Scenario.model_validate({
        "name": "fall_test", "title": text, "about": text, "start": "10:00", "duration_s": duration_s,
        "speed": 1, "sensors": ["radar"], "steps": list(steps), "seed": 3,
        "actors": {"resident": {"room": "bedroom", "place": "wardrobe"}}, **more,
    })  # fmt: skip


def packets(
    plan: build.Plan, played: Scenario, said: Sequence[tuple[str, Quantity, float, float]] = ()
) -> list[Packet]:
    """All packets of the scenario, and what other sensors say: (sensor, quantity, at s, value)."""
    start = scenario.start_of(played, plan.home.zone, date(2026, 3, 2))
    extra: list[Packet] = []
    for name, quantity, at_s, value in said:
        sensor = plan.home.sensors[name]
        reading = Reading(name, quantity, start + round(at_s * SECOND), value)
        extra += DRIVERS[sensor.device].encode(sensor, [reading])
    shown = home.marked(played, plan.config, start)
    return list(heapq.merge(shown, extra, key=lambda p: p.at))


def alerts(plan: build.Plan, through: Sequence[Packet], restart_every: int = 0) -> list[Alert]:
    """All revisions of fall alerts; with a new pipeline from the old one's snapshot every so many chunks."""
    pipeline = build.make_pipeline(plan)
    found: list[Alert] = []
    for n, batch in enumerate(chunks(iter(through), 64)):
        if restart_every and n % restart_every == restart_every - 1:
            kept = json.loads(json.dumps(pipeline.snapshot()))
            pipeline = build.make_pipeline(plan)
            assert pipeline.restore(kept) == []
        found += pipeline.turn(pipeline.stamp(batch))
    found += pipeline.advance()
    return [a for a in found if a.kind == "fall"]


def stages(found: Sequence[Alert]) -> list[str]:
    """The stages of fall alerts in order, each once."""
    out: list[str] = []
    for alert in found:
        stage = "recovered" if alert.state == "cleared" else str(alert.evidence.get("stage"))
        if not out or out[-1] != stage:
            out.append(stage)
    return out
