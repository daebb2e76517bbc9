"""How is the gateway? One JSON answer for ``hearthwatch status``, and the words to show it.

Unknown is never shown as safe: a sensor that has not spoken is ``unknown``, a link that is down makes its
sensors ``blind``, and the sum on top says how many rooms nobody can see.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from core.model import Alert
from core.quantity import Quantity
from gateway import equipment
from gateway.pipeline import Pipeline

if TYPE_CHECKING:
    from gateway.app import Gateway


def describe(gateway: Gateway) -> dict[str, Any]:
    """Everything a person or program may ask of a running gateway."""
    pipeline = gateway.pipeline
    links = {name: dict(source.status()) for name, source in gateway.sources.items()}
    told = sensors(pipeline, links)
    return {
        "home": gateway.plan.home.id,
        "now": gateway.clock.now(),
        "reached": pipeline.reached,
        "alerts": [brief(a) for a in pipeline.open_alerts()],
        "unproven": gateway.unproven(),
        "proofs": gateway.proofs.status(),
        "past_life": gateway.duties.status().get("lifetime", {}).get("past", []),
        "links": links,
        "sensors": told,
        "rooms": equipment.rooms(pipeline.home, told),
        "drivers": drivers(pipeline),
        "detectors": {
            g.name: {"working": g.working, "failures": g.failures}
            for lane in pipeline.lanes()
            for g in lane.guards
        },
        "counts": {**pipeline.counts, **gateway.counts},
        "inbox": dict(gateway.inbox.counters()),
        "store": dict(gateway.store.status()) if gateway.store is not None else {},
        "influx": dict(gateway.influx.status()) if gateway.influx is not None else {},
        "channels": dict(gateway.delivery.status()) if gateway.delivery else {},
        "duties": gateway.duties.status(),
        "outbox": {
            "unwritten": gateway.outbox.unwritten,
            "fault": gateway.outbox.fault,
            "set_aside": list(gateway.outbox.set_aside),
        },
    }


def brief(alert: Alert) -> dict[str, Any]:
    """An alert as JSON."""
    return {**asdict(alert), "evidence": dict(alert.evidence)}


def sensors(pipeline: Pipeline, links: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each enrolled sensor: its state in one word, when it last spoke, its last values."""
    out = {}
    for name, sensor in pipeline.home.sensors.items():
        seen = pipeline.latest.seen(name)
        values = pipeline.latest.of(name)
        available = values.get(Quantity.AVAILABLE.value, {}).get("value")
        if links and not links.get(sensor.link, {}).get("up", False):
            state = "blind"  # its link is down: whatever it says, we do not hear it
        elif seen is None or available == 0:
            state = "unknown"
        else:
            state = "heard"
        troubles = {a.kind for a in pipeline.patient.book.open_alerts() if a.source == name}
        out[name] = {
            "room": sensor.room,
            "device": sensor.device,
            "state": "silent" if "sensor_silent" in troubles and state == "heard" else state,
            "unreliable": sorted(troubles & equipment.UNRELIABLE),
            "seen": seen,
            "health": equipment.figures(values),
            "values": values,
        }
    return out


def drivers(pipeline: Pipeline) -> dict[str, dict[str, Any]]:
    """Each driver's counters, refusals by reason."""
    return {name: asdict(health) for name, health in pipeline.health().items()}
