"""What do devices say that announce themselves by Home Assistant's MQTT discovery?

Data sheet: discovery as of Home Assistant 2026.2, device and single-component form, full and abbreviated
keys. ``address`` is the device's state topic or a topic above several of them. Class, unit, value path and
the payloads for on and off come from the announcement; nothing is guessed, no template is run (see
``ha_config.py``). Fall and call entities are told apart from other ``safety`` entities by their name.

Announced by: ESPHome, zwave-js-ui, Theengs Gateway, ring-mqtt, Zigbee2MQTT with its integration on.
``<prefix>/.../state`` topics are mqtt_statestream, not discovery, although they share the prefix.

Retained state from before the announcement is kept (one message a topic) and told, flagged retained,
once the announcement has come. Readings are stamped with arrival. A retained event is a memory: it is
told flagged retained, as no live press.

Confirmed by captures: doors, batteries, Z-Wave smoke, abbreviated BLE; by schema: the rest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from core.contracts import DriverSpec, Span
from core.model import Flag, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import payload
from devices.device_class import binary_quantity, celsius, sensor_field
from devices.ha_config import Availability, Entity, entities, follow, rendered
from devices.kinds import PRESS_OPTIONS, SWITCHED, Presses
from devices.mqtt_driver import MqttDriver, Said
from devices.payload import Refusal, Wrong

Q = Quantity

MAX_WAITING: Final = 256  # announcements kept, and messages kept until they are announced
_UNTOLD: Final = Refusal("not_announced")


def matches(topic_filter: str, topic: str) -> bool:
    """Does an MQTT filter cover this topic?

    >>> matches("+/+/BTtoMQTT/E6", "home/gw/BTtoMQTT/E6"), matches("a/#", "a/b/c"), matches("a/+", "a/b/c")
    (True, True, False)
    """
    asked, given = topic_filter.split("/"), topic.split("/")
    for i, part in enumerate(asked):
        if part == "#":
            return True
        if i >= len(given) or part not in ("+", given[i]):
            return False
    return len(asked) == len(given)


class HaDiscovery(MqttDriver):
    """Driver of all self-announcing sensors behind one broker."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        super().__init__(sensors)
        self._prefixes = {str(s.options.get("prefix", "homeassistant")) for s in self._sensors}
        self._announced: dict[str, tuple[bytes, list[Entity]]] = {}  # by config topic
        self._entities: list[tuple[Sensor, Entity]] = []
        self._by_topic: dict[str, list[tuple[Sensor, Entity]]] = {}
        self._availability: dict[str, list[tuple[Sensor, Availability]]] = {}
        self._waiting: dict[str, Packet] = {}

    def topics(self) -> list[str]:
        """The announcements, each address and all below it, and where availability usually is."""
        out: dict[str, None] = {}
        for prefix in sorted(self._prefixes):
            out |= dict.fromkeys((f"{prefix}/+/+/config", f"{prefix}/+/+/+/config"))
        for sensor in self._sensors:
            parts = sensor.address.split("/")
            for n in range(1, len(parts)):
                above = "/".join(parts[:n])
                out |= dict.fromkeys(f"{above}/{end}" for end in ("bridge/state", "status", "LWT"))
            out[f"{sensor.address}/#"] = None  # covers the address itself
        return list(out)

    def _elsewhere(self, packet: Packet) -> list[Reading] | Refusal:
        topic = packet.channel
        if topic.endswith("/config") and topic.split("/", 1)[0] in self._prefixes:
            return self._config(packet)
        out: list[Reading] = []
        known = False
        if topic in self._availability:
            known = True
            out += self._hear(topic, packet)
        pairs = self._by_topic.get(topic)
        if pairs is None:
            pairs = [(s, e) for s, e in self._entities if matches(e.state_topic, topic)]
            pairs = [(s, e) for s, e in pairs if _belongs(s.address, topic)]
        if pairs:
            told = self._state(pairs, packet)
            return told if isinstance(told, Refusal) else out + told
        if known:
            return out
        if any(_belongs(s.address, topic) for s in self._sensors):
            if topic in self._waiting or len(self._waiting) < MAX_WAITING:
                self._waiting[topic] = packet
            return _UNTOLD
        return [] if topic.endswith(("/bridge/state", "/status", "/LWT")) else payload.UNKNOWN_TOPIC

    # -- announcements

    def _config(self, packet: Packet) -> list[Reading] | Refusal:
        topic, data = packet.channel, packet.data
        known = self._announced.get(topic)
        if known is not None and known[0] == data:
            return []
        found = entities(topic, data)
        if isinstance(found, Refusal):
            return found
        mine = [e for e in found if any(self._mine(s, e) for s in self._sensors)]
        if not mine and known is None:
            return []  # somebody else's device: not kept
        if mine and known is None and len(self._announced) >= MAX_WAITING:
            return Refusal("too_many_announcements")
        if mine:
            self._announced[topic] = (data, mine)
        else:
            self._announced.pop(topic, None)
        self._index()
        out: list[Reading] = []
        for waiting in list(self._waiting):
            pairs = [(s, e) for e in mine for s in self._sensors if self._mine(s, e)]
            pairs = [(s, e) for s, e in pairs if matches(e.state_topic, waiting)]
            if pairs:
                late = self._waiting.pop(waiting)._replace(at=packet.at, mark=Mark.RETAINED)
                told = self._state(pairs, late)
                out += told if not isinstance(told, Refusal) else []
        return out

    def _mine(self, sensor: Sensor, entity: Entity) -> bool:
        return _belongs(sensor.address, entity.state_topic) or matches(entity.state_topic, sensor.address)

    def _index(self) -> None:
        listed = [e for _, found in self._announced.values() for e in found]
        self._entities = [(s, e) for e in listed for s in self._sensors if self._mine(s, e)]
        self._by_topic, self._availability = {}, {}
        for sensor, entity in self._entities:
            if "+" not in entity.state_topic and "#" not in entity.state_topic:
                self._by_topic.setdefault(entity.state_topic, []).append((sensor, entity))
            for availability in entity.availability:
                told = self._availability.setdefault(availability.topic, [])
                if (sensor, availability) not in told:
                    told.append((sensor, availability))

    # -- states

    def _hear(self, topic: str, packet: Packet) -> list[Reading]:
        out: list[Reading] = []
        value = payload.plain(packet.data)
        for sensor, availability in self._availability[topic]:
            if value is None or isinstance(value, Refusal):
                continue
            word = rendered(follow(value, availability.path) if availability.path else _flat(value))
            if word == availability.no:
                out += self._available([sensor], packet, 0.0)
            elif word == availability.yes and not topic.endswith("/bridge/state"):
                out += self._available([sensor], packet, 1.0)
        return out

    def _state(self, pairs: list[tuple[Sensor, Entity]], packet: Packet) -> list[Reading] | Refusal:
        bare = payload.text(packet.data)
        if isinstance(bare, Refusal):
            return bare
        needs_json = any(e.path is not None or e.component == "event" for _, e in pairs)
        value: Any = payload.json_value(packet.data) if needs_json else None
        if isinstance(value, Refusal):
            return value
        said: dict[str, tuple[Sensor, list[Said]]] = {}
        for sensor, entity in pairs:
            whole = value if entity.component == "event" else bare
            found = whole if entity.path is None else follow(value, entity.path)
            said.setdefault(sensor.id, (sensor, []))[1].extend(self._said(sensor, entity, found))
        return [r for sensor, told in said.values() for r in self._tell(sensor, packet, told)]

    def _said(self, sensor: Sensor, entity: Entity, value: Any) -> list[Said]:
        if entity.component == "event":
            return self._press(sensor, value.get("event_type") if type(value) is dict else value)
        if payload.is_absent(value):
            return []
        if entity.component == "device_automation":
            return self._press(sensor, str(value)) if rendered(value) == entity.press else []
        if entity.component == "binary_sensor":
            return self._binary(sensor, entity, value)
        field = sensor_field(entity.device_class, entity.unit, entity.name, entity.diagnostic)
        if field is None or field.quantity is None:
            return []
        x = field.read(value)
        if isinstance(x, Wrong):
            self._health.refuse(f"wrong_type:{field.quantity.value}")
            return []
        if x is None:
            return []
        return [(field.quantity, celsius(x) if field.rule == "fahrenheit" else x)]

    def _binary(self, sensor: Sensor, entity: Entity, value: Any) -> list[Said]:
        quantity = binary_quantity(entity.device_class, entity.name, sensor.kind)
        if quantity is None and entity.state_topic == sensor.address and entity.path is None:
            quantity = SWITCHED.get(sensor.kind)  # the entity itself was enrolled: its kind is known
        if quantity is None:
            return []
        word = rendered(value)
        x = 1.0 if word == entity.on else 0.0 if word == entity.off else None
        if x is None:
            self._health.refuse(f"wrong_type:{quantity.value}")
            return []
        if quantity is Q.SOS:
            return self._edge(sensor, "sos", x)
        return [(quantity, 2 * x if quantity is Q.FALL_STATE else x)]


def _belongs(address: str, topic: str) -> bool:
    return topic == address or topic.startswith(f"{address}/")


def _flat(value: Any) -> Any:
    return value.get("state") if type(value) is dict else value


# -- the other direction

_FLAGS: Final = {
    Q.CONTACT_OPEN: "door", Q.SMOKE: "smoke", Q.GAS: "gas", Q.CO: "carbon_monoxide", Q.WATER: "moisture",
    Q.HEAT: "heat", Q.MOTION: "motion", Q.PRESENCE: "occupancy", Q.VIBRATION: "vibration",
    Q.TAMPER: "tamper", Q.FAULT: "problem", Q.BATTERY_LOW: "battery",
}  # fmt: skip
_NUMBERS: Final = {
    Q.TEMPERATURE_C: ("temperature", "°C"), Q.HUMIDITY_PCT: ("humidity", "%"),
    Q.ILLUMINANCE_LX: ("illuminance", "lx"), Q.BATTERY_PCT: ("battery", "%"),
    Q.CO_PPM: ("carbon_monoxide", "ppm"), Q.CO2_PPM: ("carbon_dioxide", "ppm"),
    Q.PRESSURE_HPA: ("pressure", "hPa"), Q.DISTANCE_M: ("distance", "m"),
    Q.RSSI_DBM: ("signal_strength", "dBm"), Q.VOLTAGE_V: ("voltage", "V"), Q.POWER_W: ("power", "W"),
    Q.PM2_5_UGM3: ("pm25", "µg/m³"),
}  # fmt: skip


def announcement(sensor: Sensor) -> tuple[str, bytes]:
    """Config topic and device-form announcement of a sensor that can say all we can encode."""
    cmps: dict[str, Any] = {}
    for quantity, name in _FLAGS.items():
        cmps[quantity.value] = {"p": "binary_sensor", "dev_cla": name}
    for quantity, (name, unit) in _NUMBERS.items():
        cmps[quantity.value] = {"p": "sensor", "dev_cla": name, "unit_of_meas": unit}
    cmps["falling"] = {"p": "binary_sensor", "dev_cla": "safety", "name": "Falling"}
    cmps["heart_rate"] = {"p": "sensor", "unit_of_meas": "bpm", "name": "Heart rate"}
    cmps["breath_rate"] = {"p": "sensor", "unit_of_meas": "bpm", "name": "Breath rate"}
    for key, part in cmps.items():
        part |= {"val_tpl": f"{{{{ value_json.{key} }}}}", "uniq_id": f"{sensor.id}_{key}"}
    cmps["action"] = {"p": "event", "stat_t": "~/event", "uniq_id": f"{sensor.id}_action"}
    config = {
        "dev": {"ids": [sensor.id], "name": sensor.id},
        "o": {"name": "hearthwatch-sim"},
        "~": sensor.address,
        "stat_t": "~",
        "avty_t": "~/availability",
        "cmps": cmps,
    }
    prefix = str(sensor.options.get("prefix", "homeassistant"))
    return f"{prefix}/device/{sensor.id}/config", json.dumps(config, ensure_ascii=False).encode()


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """Readings of one instant as the device's announcement (retained) and its states."""
    state: dict[str, Any] = {}
    packets: list[Packet] = []
    if not readings:
        return []
    at, mark = readings[0].t, Mark.RETAINED if readings[0].flags & Flag.RETAINED else Mark.DATA
    topic, config = announcement(sensor)
    packets.append(Packet(sensor.link, topic, at, config, Mark.RETAINED))
    for reading in readings:
        quantity, value = reading.quantity, reading.value
        if quantity in (Q.SOS, Q.BUTTON):
            word = Presses(sensor).word if quantity is Q.SOS else str(value)
            data = json.dumps({"event_type": word}).encode()
            packets.append(Packet(sensor.link, f"{sensor.address}/event", at, data, mark))
        elif quantity is Q.AVAILABLE:
            data = b"online" if value else b"offline"
            packets.append(Packet(sensor.link, f"{sensor.address}/availability", at, data, mark))
        elif quantity is Q.FALL_STATE:
            state["falling"] = "ON" if value == 2 else "OFF"
        elif quantity in _FLAGS:
            state[quantity.value] = "ON" if value else "OFF"
        elif quantity in (Q.HEART_RATE_BPM, Q.BREATH_RATE_BPM):
            state[quantity.value.removesuffix("_bpm")] = value
        elif quantity in _NUMBERS:
            state[quantity.value] = value
        else:
            raise ValueError(f"a self-announcing sensor is not made to say {quantity.value}")
    if state:
        data = json.dumps(state, separators=(",", ":")).encode()
        packets.append(Packet(sensor.link, sensor.address, at, data, mark))
    return packets


SPANS: Final[tuple[tuple[Span, ...], ...]] = (
    (*(Span(q) for q in _FLAGS), Span(Q.FALL_STATE, 0, 2, 2)),
    (
        Span(Q.TEMPERATURE_C, -50, 100, 0.25), Span(Q.HUMIDITY_PCT, 0, 100, 0.5),
        Span(Q.ILLUMINANCE_LX, 0, 100_000), Span(Q.BATTERY_PCT, 0, 100), Span(Q.CO_PPM, 0, 1000),
        Span(Q.CO2_PPM, 0, 10_000), Span(Q.PRESSURE_HPA, 300, 1100, 0.5), Span(Q.DISTANCE_M, 0, 10, 0.125),
        Span(Q.RSSI_DBM, -120, 0), Span(Q.VOLTAGE_V, 0, 250, 0.125), Span(Q.POWER_W, -4000, 4000, 0.125),
        Span(Q.PM2_5_UGM3, 0, 1000), Span(Q.HEART_RATE_BPM, 30, 220), Span(Q.BREATH_RATE_BPM, 1, 60),
    ),
    (Span(Q.SOS, 1, 1),),
    (Span(Q.AVAILABLE),),
)  # fmt: skip

SPEC = DriverSpec(
    name="ha_discovery",
    title="Devices that announce themselves by Home Assistant MQTT discovery",
    transport="mqtt",
    make=HaDiscovery,
    encode=encode,
    spans=SPANS,
    evidence="captures: doors, batteries, Z-Wave smoke, abbreviated BLE; the rest from the schema",
    options={"prefix": "homeassistant", **PRESS_OPTIONS},
    example=Sensor("porch", "ha_discovery", "broker", address="porch/door"),
)
