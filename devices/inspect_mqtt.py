"""What does a message on the broker seem to be, and to say, before anything is enrolled?

For ``hearthwatch scan`` and for measuring the drivers on payloads. The convention is guessed from topic and
payload; then the convention's own driver decodes the message for a sensor made up for the occasion, so what
is shown here is what would be read after enrolment. Nothing here alarms anybody.

Where only an enrolled kind gives a meaning, the bare fact is shown (``switch1`` ON, ``input0`` true,
``rf_code`` 4AF10A, ``ias_zone_status`` 1). ``device`` is what an inventory or a person tells about the
model; it settles what the payload leaves open (a bed pad's contact, a radar's occupancy).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from core.model import Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import (
    esphome,
    homie,
    payload,
    rtl_433,
    shelly_gen1,
    shelly_gen2,
    theengs,
    zigbee2mqtt,
    zwave_js_ui,
)
from devices.device_class import binary_class, sensor_class
from devices.ha_config import Entity, entities
from devices.kinds import model_kind
from devices.mqtt_driver import online
from devices.payload import Refusal, Wrong
from devices.tasmota_values import parts, raw_status
from devices.tasmota_values import said as tasmota_said
from devices.zigbee2mqtt_fields import FIELDS as ZIGBEE_FIELDS
from devices.zigbee2mqtt_fields import STATUS_PRESENCE
from devices.zwave_values import CLASSES, key

Q = Quantity


class Item(NamedTuple):
    """One statement in plain words: what kind, which value, in which unit."""

    kind: str
    value: float | bool | str
    unit: str | None = None


_DOMAINS: Final = frozenset(
    {"binary_sensor", "sensor", "event", "switch", "light", "lock", "cover", "button", "input_boolean",
     "person", "device_tracker", "climate", "media_player", "number", "select", "text_sensor", "sun"}
)  # fmt: skip
_ANNOUNCED: Final = frozenset(
    {*_DOMAINS, "device", "device_automation", "alarm_control_panel", "fan", "vacuum"}
)
_CLASS_NUMBERS: Final = frozenset(str(n) for n in CLASSES.values())
_GEN2_STATUS: Final = re.compile(r"/status/[a-z0-9]+(:\d+)?$")
_NAMES: Final[dict[Quantity, tuple[str, str | None]]] = {
    Q.CO_PPM: ("co_concentration", "ppm"), Q.METHANE_PPM: ("gas_concentration", "ppm"),
    Q.GAS_LEL_PCT: ("gas_concentration", "%LEL"), Q.BED_OCCUPIED: ("bed", None),
    Q.SEAT_OCCUPIED: ("seat", None), Q.BATTERY_PCT: ("battery", "%"), Q.LINK_QUALITY: ("link_quality", "lqi"),
    Q.VOLTAGE_V: ("battery_voltage", "V"), Q.TEMPERATURE_C: ("temperature", "°C"),
    Q.DEVICE_TEMPERATURE_C: ("device_temperature", "°C"), Q.HUMIDITY_PCT: ("humidity", "%"),
    Q.PRESSURE_HPA: ("pressure", "hPa"), Q.ILLUMINANCE_LX: ("illuminance", "lx"), Q.CO2_PPM: ("co2", "ppm"),
    Q.DISTANCE_M: ("distance", "m"), Q.BREATH_RATE_BPM: ("respiration", "/min"),
    Q.HEART_RATE_BPM: ("heart_rate", "bpm"), Q.RSSI_DBM: ("rssi", "dBm"), Q.TVOC_PPB: ("tvoc", "ppb"),
    Q.PM2_5_UGM3: ("pm25", "µg/m³"), Q.FORMALDEHYDE_PPM: ("formaldehyde", "ppm"), Q.POWER_W: ("power", "W"),
    Q.STILL_DISTANCE_M: ("still_distance", "m"), Q.MOVING_DISTANCE_M: ("moving_distance", "m"),
}  # fmt: skip
_FALL: Final = ("none", "suspected", "confirmed")


def inspect(topic: str, data: bytes, retained: bool = False, device: str = "") -> list[Item]:
    """What does this message seem to say, without any enrolment? Never raises.

    >>> inspect("zigbee2mqtt/front", b'{"contact":false,"battery":87}')
    [Item(kind='door', value='open', unit=None), Item(kind='battery', value=87.0, unit='%')]
    >>> inspect("tele/hall/LWT", b"Offline")
    [Item(kind='availability', value='offline', unit=None)]
    """
    found = convention(topic, data)
    if not found:
        return []
    packet = Packet("scan", topic, 0, data, Mark.RETAINED if retained else Mark.DATA)
    items = _READERS[found](packet, device)
    out: list[Item] = []
    for item in items:
        if item not in out:
            out.append(item)
    return out


def convention(topic: str, data: bytes) -> str:
    """Which convention's message is this? A driver's name, or "" if none is recognised.

    >>> convention("shellies/shellydw2-73C75E/sensor/state", b"open"), convention("a/b", b"21")
    ('shelly_gen1', '')
    """
    levels = topic.split("/")
    last = levels[-1]
    value = payload.json_value(data)
    message = value if type(value) is dict else {}
    if len(levels) < 2:
        return ""
    if levels[0] == "homie":
        return "homie"
    if last == "config" and len(levels) >= 4 and _ANNOUNCED & {levels[-4], levels[-3]}:
        return "ha_discovery"
    if levels[0] == "rtl_433" or (last == "events" and "model" in message):
        return "rtl_433"
    if "BTtoMQTT" in levels or last == "433toMQTT":
        return "theengs"
    if _zwave_at(levels) or levels[0] == "zwave":
        return "zwave_js_ui"
    if topic.endswith("/events/rpc") or str(message.get("method", "")).startswith("Notify"):
        return "shelly_gen2"
    if ({"tele", "stat"} & set(levels[:-1])) and len(levels) >= 3:
        return "tasmota"
    if _GEN2_STATUS.search(topic) and type(value) is dict:
        return "shelly_gen2"
    if last == "online":
        return "shelly_gen1"
    if levels[0] == "shellies" and len(levels) >= 3:
        return "shelly_gen1"
    if last == "LWT":
        return "theengs"
    if len(levels) >= 4 and levels[-3] in _DOMAINS and last == "state":
        forwarded = levels[0].startswith("homeassistant") or (data in (b"on", b"off"))
        return "ha_statestream" if forwarded else "esphome"
    if levels[0] == "homeassistant":
        return ""  # Home Assistant's own status, and attributes of forwarded entities
    if last == "status" and payload.text(data) in ("online", "offline"):
        return "esphome"
    return "zigbee2mqtt" if _zigbee(levels, message) else ""


def _zigbee(levels: list[str], message: dict[str, Any]) -> bool:
    if levels[-2:] == ["bridge", "state"] or levels[-1] == "availability":
        return True
    if "bridge" in levels[1:]:
        return False
    if message:
        return not ZIGBEE_FIELDS.keys().isdisjoint(message)
    return len(levels) >= 3 and levels[-1] in ZIGBEE_FIELDS


def _zwave_at(levels: list[str]) -> int:
    """Where the command class stands in a Z-Wave value topic; 0 if nowhere."""
    for i in range(1, len(levels) - 2):
        numbered = levels[i] in _CLASS_NUMBERS and levels[i + 1].isdigit()
        if numbered or (key(levels[i]) in CLASSES and levels[i + 1].startswith("endpoint_")):
            return i
    return 0


def zwave_node(topic: str) -> str:
    """The node a Z-Wave value topic belongs to; "" if it is none.

    >>> zwave_node("zwave/Cellar/Detector/113/0/Smoke_Alarm/Sensor_status"), zwave_node("zwave/x")
    ('zwave/Cellar/Detector', '')
    """
    levels = topic.split("/")
    at = _zwave_at(levels)
    return "/".join(levels[:at]) if at else ""


# -- words


def _items(readings: list[Reading]) -> list[Item]:
    """Readings in plain words."""
    out: list[Item] = []
    quantities = {r.quantity for r in readings}
    for _, quantity, _, value, _ in readings:
        if quantity is Q.BUTTON:
            out.append(Item("button", str(value)))
            continue
        x = float(value)  # type: ignore[arg-type]
        if quantity is Q.CONTACT_OPEN:
            out.append(Item("door", "open" if x else "closed"))
        elif quantity is Q.SOS:
            out.append(Item("sos", "pressed"))
        elif quantity is Q.AVAILABLE:
            out.append(Item("availability", "online" if x else "offline"))
        elif quantity is Q.FALL_STATE:
            out.append(Item("fall", _FALL[int(x)]))
        elif quantity is Q.MOVING:
            out.append(Item("motion", bool(x)))
        elif quantity is Q.STILL:
            out += [Item("still", bool(x)), *([Item("presence", True)] if x else [])]
        elif quantity in (Q.STILL_DISTANCE_M, Q.MOVING_DISTANCE_M) and Q.DISTANCE_M not in quantities:
            out.append(Item("distance", x, "m"))
        elif quantity in _NAMES:
            name, unit = _NAMES[quantity]
            out.append(Item(name, bool(x) if quantity.shape == "flag" else x, unit))
        elif quantity.shape == "flag":
            out.append(Item(quantity.value, bool(x)))
        else:
            out.append(Item(quantity.value, x, quantity.unit or None))
    return out


def _heard(packet: Packet) -> list[Item]:
    """An availability topic."""
    x = online(packet)
    return [Item("availability", "online" if x else "offline")] if isinstance(x, float) else []


def _driven(make: Any, address: str, packet: Packet, kind: str = "", **options: Any) -> list[Item]:
    """What the convention's driver reads for a sensor made up for the occasion."""
    return _items(
        make([Sensor("scan", "", "scan", kind=kind, address=address, options=options)]).feed(packet)
    )


# -- one reader a convention


def _zigbee2mqtt(packet: Packet, device: str) -> list[Item]:
    topic = packet.channel
    if topic.endswith(("/bridge/state", "/availability")):
        return _heard(packet)
    kind = model_kind(device)
    if kind == "heat":
        kind = ""  # its field says smoke, and so does the scan; enrolment makes it heat
    value = payload.json_value(packet.data)
    if type(value) is dict:
        if not kind and ({"fall_status", "fall_down_status", "target_distance"} & value.keys()):
            kind = "presence"
        items = _driven(zigbee2mqtt.SPEC.make, topic, packet, kind)
        status = value.get("status")
        if type(status) is str and status in STATUS_PRESENCE:
            items = [i for i in items if i != Item("fall", "none")]  # a posture is no verdict on a fall
            items.append(Item("posture", status))
        if kind == "bed" and "contact" in value:  # which of the two is occupied must be taught
            items = [Item("bed", "changed") if i.kind == "bed" else i for i in items]
        return items
    return _driven(zigbee2mqtt.SPEC.make, topic.rpartition("/")[0], packet, kind)


def _tasmota(packet: Packet, device: str) -> list[Item]:
    if packet.channel.endswith("/LWT"):
        return _heard(packet)
    message = payload.json_object(packet.data)
    if isinstance(message, Refusal):
        return []
    out: list[Item] = []
    below = packet.channel.split("/")[-2] if packet.channel.endswith("/SENSOR") else ""
    for part in parts(message, below):
        name = part.names[0] if part.names else ""
        if part.sort == "button" and type(part.value) is str:
            out.append(Item("button", part.value))
        elif part.sort == "switch" and part.value is not None:
            out.append(Item(name.lower(), str(part.value)))
        elif part.sort == "rf":
            out.append(Item("rf_code", name))
        elif part.sort == "beacon":
            present = payload.yes_no(part.value.get("STATE"))
            if isinstance(present, float):
                out.append(Item("beacon_present", bool(present)))
        statements = tasmota_said(part, message, [])
        out += _items([Reading("scan", q, 0, x) for q, x in statements if q is not Q.SOS or x])
        if part.sort == "zigbee":
            status = raw_status(part.value)
            if status is not None:
                out.append(Item("ias_zone_status", status))
            if type(part.value.get("Click")) is str:
                out.append(Item("button", part.value["Click"]))
    return out


def _shelly_gen1(packet: Packet, device: str) -> list[Item]:
    levels = packet.channel.split("/")
    if levels[-1] == "online":
        return _heard(packet)
    if levels[-2] in ("input", "ext_switch"):
        return _bare(f"{levels[-2]}{levels[-1]}", payload.plain(packet.data))
    address = "/".join(levels[:2])
    return _driven(shelly_gen1.SPEC.make, address, packet, sleeps=True)


def _shelly_gen2(packet: Packet, device: str) -> list[Item]:
    topic = packet.channel
    prefix, found, component = topic.rpartition("/status/")
    message = payload.json_object(packet.data)
    if isinstance(message, Refusal):
        return []
    params = {component: message} if found else message.get("params")
    if not found:
        prefix = topic.removesuffix("/events/rpc")
        packet = packet._replace(channel=f"{prefix}/events/rpc")
    out = _driven(shelly_gen2.SPEC.make, prefix, packet)
    for name, fields in params.items() if type(params) is dict else ():
        sort = name.partition(":")[0]
        bare = {"input": "state", "bthomesensor": "value", "boolean": "value"}.get(sort)
        if bare and type(fields) is dict:
            out += _bare(name.replace(":", ""), fields.get(bare))
    return out


def _bare(name: str, value: Any) -> list[Item]:
    """An input without a meaning of its own."""
    if type(value) is float or (type(value) is int and value not in (0, 1)):
        return [Item(name, value)]
    x = payload.yes_no(value)
    return [Item(name, bool(x))] if not isinstance(x, Wrong) and x is not None else []


def _esphome(packet: Packet, device: str) -> list[Item]:
    if packet.channel.endswith("/status"):
        return _heard(packet)
    return _driven(esphome.SPEC.make, esphome.split(packet.channel)[0], packet)


def _ha_statestream(packet: Packet, device: str) -> list[Item]:
    word = payload.text(packet.data)
    if isinstance(word, Refusal) or payload.is_absent(word):
        return []
    return [Item("statestream", word)]


def _ha_discovery(packet: Packet, device: str) -> list[Item]:
    found = entities(packet.channel, packet.data)
    return [] if isinstance(found, Refusal) else [_announced(entity) for entity in found]


def _announced(entity: Entity) -> Item:
    by_name = binary_class if entity.component == "binary_sensor" else sensor_class
    kind = entity.device_class or by_name(entity.name) or entity.component
    return Item("discovered", kind, entity.unit or None)


def _rtl_433(packet: Packet, device: str) -> list[Item]:
    topic = packet.channel
    if topic.endswith("/availability"):
        return _heard(packet)
    if "/devices/" in topic:
        return _driven(rtl_433.SPEC.make, topic.rpartition("/")[0], packet)
    message = payload.json_object(packet.data)
    if isinstance(message, Refusal) or not topic.endswith("/events"):
        return []
    base = topic.removesuffix("/events")
    ident = next((message[k] for k in ("id", "netid", "code", "data") if message.get(k) is not None), "")
    model = rtl_433.level(message.get("model", ""))
    out = _driven(rtl_433.SPEC.make, f"{base}/devices/{model}/{rtl_433.level(ident)}", packet)
    level = payload.number(message.get("rssi"), -200, 50)
    return [*out, Item("rssi", level, "dB")] if isinstance(level, float) else out


def _theengs(packet: Packet, device: str) -> list[Item]:
    if packet.channel.endswith("/LWT"):
        return _heard(packet)
    if packet.channel.endswith("/433toMQTT"):
        message = payload.json_object(packet.data)
        if isinstance(message, Refusal) or message.get("value") is None:
            return []
        return [Item("rf_code", str(message["value"]))]
    return _driven(theengs.SPEC.make, packet.channel, packet)


def _zwave_js_ui(packet: Packet, device: str) -> list[Item]:
    levels = packet.channel.split("/")
    if levels[-1] == "status":
        return _driven(zwave_js_ui.SPEC.make, "/".join(levels[:-1]), packet)
    at = _zwave_at(levels)
    return _driven(zwave_js_ui.SPEC.make, "/".join(levels[:at]), packet) if at else []


def _homie(packet: Packet, device: str) -> list[Item]:
    address, below = homie.split(packet.channel)
    if below == "$description":
        described = payload.json_object(packet.data)
        listed = [] if isinstance(described, Refusal) else homie.properties(described)
        return [Item("discovered", n, unit or None) for _, (_, unit, name) in listed if (n := _named(name))]
    return _driven(homie.SPEC.make, address, packet) if below else []


def _named(name: str) -> str:
    return sensor_class(name) or binary_class(name)


_READERS: Final[dict[str, Callable[[Packet, str], list[Item]]]] = {
    "zigbee2mqtt": _zigbee2mqtt,
    "tasmota": _tasmota,
    "shelly_gen1": _shelly_gen1,
    "shelly_gen2": _shelly_gen2,
    "esphome": _esphome,
    "ha_statestream": _ha_statestream,
    "ha_discovery": _ha_discovery,
    "rtl_433": _rtl_433,
    "theengs": _theengs,
    "zwave_js_ui": _zwave_js_ui,
    "homie": _homie,
}
