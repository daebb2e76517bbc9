"""Short stories for the tests of the pains: a home of Zigbee sensors, packets by hand, alerts out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from core.model import SECOND, Alert, Home, Mark, Packet, Resident, Room, Sensor
from devices import DRIVERS
from gateway import build
from gateway.pipeline import Pipeline

T0 = 1_772_000_000 * SECOND  # 2026-02-25 06:13:20 UTC


def home(*sensors: str, zone: str = "Asia/Shanghai") -> Home:
    """A home whose sensors are ``id:kind[:room]``, all Zigbee2MQTT on link ``broker``."""
    made = {}
    for item in sensors:
        name, kind, *room = item.split(":")
        made[name] = Sensor(
            id=name,
            device="zigbee2mqtt",
            link="broker",
            room=room[0] if room else "hall",
            kind=kind,
            address=f"zigbee2mqtt/{name}",
        )
    rooms = {
        s.room: Room(s.room, s.room if s.room in ("hall", "bathroom") else "living") for s in made.values()
    }
    return Home("home", zone, "en", (Resident("li", "Li"),), rooms, made)


def plan(of: Home, **settings: dict[str, Any]) -> build.Plan:
    """All detectors with their defaults, or with ``settings`` by detector name."""
    base = build.plan_for(of)
    detectors = tuple(
        build.DetectorPlan(d.spec, d.spec.params(**settings.get(d.spec.name, {}))) for d in base.detectors
    )
    spec = DRIVERS["zigbee2mqtt"]
    drivers = (build.DriverPlan("broker", spec, tuple(of.sensors.values())),) if of.sensors else ()
    return build.Plan(base.config, of, drivers, detectors, (), config_hash="story")


def says(name: str, at_s: float, mark: Mark = Mark.DATA, **state: Any) -> Packet:
    """A Zigbee2MQTT state message."""
    return Packet(
        "broker", f"zigbee2mqtt/{name}", T0 + round(at_s * SECOND), json.dumps(state).encode(), mark
    )


def raw(channel: str, at_s: float, data: bytes, mark: Mark = Mark.DATA) -> Packet:
    """Any message."""
    return Packet("broker", channel, T0 + round(at_s * SECOND), data, mark)


def marked(mark: Mark, at_s: float, data: bytes = b"", link: str = "broker") -> Packet:
    """A mark, such as link up or down."""
    return Packet(link, "", T0 + round(at_s * SECOND), data, mark)


def clock(at_s: float, offset_s: float) -> Packet:
    """The wall clock as told to the pipeline."""
    return Packet("", "", T0 + round(at_s * SECOND), str(round(offset_s * SECOND)).encode(), Mark.CLOCK)


def tell(pipeline: Pipeline, packets: Sequence[Packet], until_s: float | None = None) -> list[Alert]:
    """Packets one by one, then time up to ``until_s`` (plus what the lateness holds back)."""
    alerts: list[Alert] = []
    for packet in packets:
        alerts += pipeline.turn(pipeline.stamp([packet]))
    if until_s is not None:
        alerts += pipeline.advance(T0 + round(until_s * SECOND) + 2 * SECOND)
    return alerts


def of_kind(alerts: Sequence[Alert], kind: str) -> list[Alert]:
    """Only these."""
    return [a for a in alerts if a.kind == kind]
