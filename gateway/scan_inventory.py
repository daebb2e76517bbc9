"""What do inventories on the broker tell of things that may stay silent while a scan listens?

A door sensor behind Zigbee2MQTT may not speak for an hour; the retained ``bridge/devices`` names it and what
it can say. The same for Home Assistant's discovery messages and Tasmota's own. Nothing here is a reading:
an inventory tells what a thing could say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from core.model import Packet
from core.quantity import Quantity
from devices import payload
from devices.device_class import binary_quantity, sensor_field
from devices.ha_config import Entity, entities
from devices.kinds import SOS_WORDS, model_kind
from devices.payload import Refusal
from devices.zigbee2mqtt import INVENTORY_BYTES
from devices.zigbee2mqtt_fields import fields_for
from devices.zigbee2mqtt_inventory import adapt, leaves
from gateway.scan_heard import Heard

Q = Quantity

_RULES: Final[dict[str, Quantity]] = {
    "gas": Q.GAS, "gas_value": Q.GAS_LEL_PCT, "smoke_db": Q.SMOKE_OBSCURATION_PCT_M, "sos": Q.SOS,
    "distance": Q.DISTANCE_M, "distance_cm": Q.DISTANCE_M, "pressure": Q.PRESSURE_HPA,
}  # fmt: skip
DEVICES_MOST = 500


@dataclass(frozen=True, slots=True)
class Listed:
    """One thing an inventory names."""

    address: str
    name: str
    model: str
    told: frozenset[Quantity]
    topics: tuple[str, ...] = ()
    presses: frozenset[str] = frozenset()
    ieee: str = ""  # a Zigbee device's hardware address
    configs: tuple[str, ...] = ()  # the topics of its announcements


def bridges(heard: Heard) -> dict[str, bool]:
    """Zigbee2MQTT's base topics, and whether each gave its inventory."""
    found: dict[str, bool] = {}
    for topic in heard.topics:
        base, bridge, what = topic.rpartition("/bridge/")
        if bridge and what in ("state", "devices", "info", "groups", "health", "definitions"):
            found[base] = found.get(base, False) or (what == "devices" and heard.last(topic) is not None)
    return found


def zigbee_devices(heard: Heard) -> Iterator[Listed]:
    """Every device of every Zigbee2MQTT inventory, but coordinators and what was switched off."""
    for base in bridges(heard):
        last = heard.last(f"{base}/bridge/devices")
        listed = payload.json_value(last.data, INVENTORY_BYTES) if last is not None else None
        for device in listed[:DEVICES_MOST] if type(listed) is list else ():
            if type(device) is not dict or device.get("disabled") is True:
                continue
            name, definition = device.get("friendly_name"), device.get("definition")
            if type(name) is not str or device.get("type") == "Coordinator":
                continue
            about = definition if type(definition) is dict else {}
            model = " ".join(w for k in ("vendor", "model", "description") if type(w := about.get(k)) is str)
            told, presses = exposed(about.get("exposes"), model)
            ieee = device.get("ieee_address")
            ieee = ieee if type(ieee) is str and len(ieee) <= 32 else ""
            yield Listed(f"{base}/{name}", name, model[:300], told, presses=presses, ieee=ieee)


def exposed(exposes: Any, model: str) -> tuple[frozenset[Quantity], frozenset[str]]:
    """Which quantities, and which button actions, does an ``exposes`` tree promise?"""
    kind = model_kind(model)
    fields, _ = adapt(fields_for(kind, {}), exposes, kind)
    told: set[Quantity] = set()
    presses: set[str] = set()
    for leaf in leaves(exposes):
        name = leaf["property"]
        field = fields.get(name)
        if name == "action":
            values = leaf.get("values")
            words = [v for v in values if type(v) is str] if type(values) is list else []
            presses |= {w.lower() for w in words}
            told.add(Q.SOS if presses & SOS_WORDS else Q.BUTTON)
        elif field is None or name == "state":
            continue  # a switch's state; radars that put presence there expose more
        elif field.quantity is not None:
            told.add(field.quantity)
        elif field.rule == "status" and "falling" in (leaf.get("values") or ()):
            told |= {Q.PRESENCE, Q.FALL_STATE}
        elif field.rule in _RULES:
            told.add(_RULES[field.rule])
    return frozenset(told), frozenset(presses)


def announced(heard: Heard) -> Iterator[Listed]:
    """Every device that announces itself by Home Assistant's discovery, its entities joined."""
    groups: dict[str, list[tuple[Entity, dict[str, Any]]]] = {}
    for topic in heard.topics:
        last = heard.last(topic) if topic.endswith("/config") and topic.count("/") in (3, 4) else None
        found = entities(topic, last.data) if last is not None else []
        if isinstance(found, Refusal) or last is None:
            continue
        about = _device(payload.json_value(last.data))
        for entity in found:
            groups.setdefault(about["key"] or entity.state_topic, []).append((entity, about))
    taken: set[str] = set()
    for group in groups.values():
        yield from _joined(heard, [e for e, _ in group], group[0][1], taken)


def _joined(heard: Heard, group: list[Entity], about: dict[str, Any], taken: set[str]) -> Iterator[Listed]:
    told: set[Quantity] = set()
    spoken: dict[str, None] = {}
    for entity in group:
        quantity = _quantity(entity)
        if quantity is not None:
            told.add(quantity)
            for topic in _real(heard, entity.state_topic):
                spoken[topic] = None
    if not spoken:
        return
    address = _common(list(spoken))
    if not address or address in taken:
        address = next(iter(spoken))
    if address in taken:
        return
    taken.add(address)
    name = about["name"] or group[0].name
    topics = tuple(dict.fromkeys(e.state_topic for e in group))
    configs = tuple(dict.fromkeys(e.key[0] for e in group))
    model = about["model"] or group[0].model
    yield Listed(address, name, model, frozenset(told), topics, configs=configs)


def _quantity(entity: Entity) -> Quantity | None:
    if entity.component == "binary_sensor":
        return binary_quantity(entity.device_class, entity.name, "")
    if entity.component == "sensor":
        field = sensor_field(entity.device_class, entity.unit, entity.name, entity.diagnostic)
        return field.quantity if field is not None else None
    press = entity.press.lower()
    return Q.SOS if press in SOS_WORDS else Q.BUTTON


def _real(heard: Heard, topic: str) -> list[str]:
    """A state topic may be a filter; then the topics it stands for that were heard."""
    return heard.under([topic]) if "+" in topic or "#" in topic else [topic]


def _common(topics: list[str]) -> str:
    """The topic itself, or the levels above all of them."""
    if len(topics) == 1:
        return topics[0]
    rows = [t.split("/")[:-1] for t in topics]
    shared: list[str] = []
    for levels in zip(*rows, strict=False):
        if len(set(levels)) > 1:
            break
        shared.append(levels[0])
    return "/".join(shared)


def _device(config: Any) -> dict[str, Any]:
    """Identity, name and model of a discovery message's device."""
    about = config.get("device", config.get("dev")) if type(config) is dict else None
    about = about if type(about) is dict else {}
    ids = about.get("identifiers", about.get("ids", about.get("connections", about.get("cns"))))
    words = (about.get(k) for k in ("manufacturer", "mf", "model", "mdl"))
    name = about.get("name")
    return {
        "key": repr(ids) if ids else "",
        "name": name if type(name) is str else "",
        "model": " ".join(w for w in words if type(w) is str)[:200],
    }


def tasmota_says(heard: Heard, tele: str) -> list[Packet]:
    """What Tasmota's own discovery lets us expect of a device before its next report (each 300 s)."""
    out = []
    for topic in heard.topics:
        if not (topic.startswith("tasmota/discovery/") and topic.endswith("/sensors")):
            continue
        about, said = heard.last(topic.replace("/sensors", "/config")), heard.last(topic)
        config = payload.json_value(about.data) if about is not None else None
        sensors = payload.json_value(said.data) if said is not None else None
        if type(config) is not dict or type(sensors) is not dict or said is None:
            continue
        full, own, prefixes = config.get("ft"), config.get("t"), config.get("tp")
        if type(full) is not str or type(own) is not str or type(sensors.get("sn")) is not dict:
            continue
        prefix = prefixes[2] if type(prefixes) is list and len(prefixes) == 3 else "tele"
        root = full.replace("%prefix%", str(prefix)).replace("%topic%", own).strip("/")
        if root == tele:
            text = _json(sensors["sn"])
            out.append(said._replace(channel=f"{tele}/SENSOR", data=text))
    return out


def _json(value: Any) -> bytes:
    import json

    return json.dumps(value).encode()
