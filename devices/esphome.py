"""What does an ESPHome node say on its own topics?

Data sheet (ESPHome 2026.6): ``<prefix>/<component>/<object_id>/state``; binary sensors ``ON``/``OFF``,
sensors decimal text with ``nan`` (or ``None``) for no value, events ``{"event_type": ...}``; QoS 0 and
*retained*, events too. ``<prefix>/status`` ``online``/``offline``, retained (birth, will, shutdown).
``<prefix>/debug`` carries logs and is not subscribed.

The topics carry no class and no unit. ``address`` is one entity (``<prefix>/binary_sensor/has_target``) or
a whole node (``<prefix>``); what its entities mean comes from a name table made of the example names of
the mmWave radars (LD2410, LD2450, MR60FDA2, MR60BHA2) and common words. Nameless units are those of the
stock components: distances of radars in centimetres. For an enrolled single binary entity with a name
that tells nothing the enrolled kind decides. Nodes that announce themselves are better enrolled as
``ha_discovery``, where class and unit are told.

A retained event is a memory, told flagged retained. From the source; no capture.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Final

from core.contracts import DriverSpec, Span
from core.model import Flag, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import payload
from devices.device_class import binary_quantity, celsius, sensor_field
from devices.kinds import PRESS_OPTIONS, SWITCHED, Presses
from devices.mqtt_driver import MqttDriver, Said, online
from devices.payload import Refusal, Wrong

Q = Quantity

COMPONENTS: Final = ("binary_sensor", "sensor", "text_sensor", "event", "button", "switch")


class Esphome(MqttDriver):
    """Driver of all ESPHome sensors behind one broker."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        super().__init__(sensors)
        self._nodes: dict[str, list[Sensor]] = {}
        self._entities: dict[str, list[Sensor]] = {}
        for sensor in self._sensors:
            node, entity = split(sensor.address)
            if entity:
                self._entities.setdefault(f"{node}/{entity}", []).append(sensor)
            else:
                self._nodes.setdefault(node, []).append(sensor)
            self._routes.setdefault(f"{node}/status", partial(self._status, node))

    def topics(self) -> list[str]:
        """The status of each node, and its states: all of a node or the enrolled ones."""
        nodes = [f"{node}/+/+/state" for node in self._nodes]
        alone = [f"{e}/state" for e in self._entities if split(e)[0] not in self._nodes]
        return [*self._routes, *nodes, *alone]

    def _status(self, node: str, packet: Packet) -> list[Reading] | Refusal:
        x = online(packet)
        if isinstance(x, Refusal):
            return x
        if x is None:
            return []
        mine = [s for s in self._sensors if split(s.address)[0] == node]
        return self._available(mine, packet, x)

    def _elsewhere(self, packet: Packet) -> list[Reading] | Refusal:
        topic = packet.channel
        node, entity = split(topic)
        component, _, object_id = entity.partition("/")
        if not object_id or not topic.endswith("/state"):
            return payload.UNKNOWN_TOPIC
        alone = self._entities.get(f"{node}/{entity}", [])
        sensors = [*alone, *self._nodes.get(node, [])]
        if not sensors:
            return payload.UNKNOWN_TOPIC
        value = payload.plain(packet.data)
        if isinstance(value, Refusal):
            return value
        out: list[Reading] = []
        for sensor in sensors:
            said = self._said(sensor, component, object_id, value, sensor in alone)
            out += self._tell(sensor, packet, said)
        return out

    def _said(self, sensor: Sensor, component: str, name: str, value: object, alone: bool) -> list[Said]:
        if component == "event":
            return self._press(sensor, value.get("event_type") if type(value) is dict else value)
        if payload.is_absent(value):
            return []
        if component in ("binary_sensor", "switch"):
            quantity = binary_quantity("", name, sensor.kind) if component == "binary_sensor" else None
            if alone:
                quantity = quantity or SWITCHED.get(sensor.kind)
            x = payload.yes_no(value)
            if isinstance(x, Wrong):
                self._health.refuse("wrong_type:state")
                return []
            if quantity is None or x is None:
                return []
            if quantity is Q.SOS:
                return self._edge(sensor, name, x)
            return [(quantity, 2 * x if quantity is Q.FALL_STATE else x)]
        field = sensor_field("", "", name) if component == "sensor" else None
        if field is None or field.quantity is None:
            return []
        number = field.read(value)
        if isinstance(number, Wrong):
            self._health.refuse(f"wrong_type:{field.quantity.value}")
            return []
        if number is None:
            return []
        return [(field.quantity, celsius(number) if field.rule == "fahrenheit" else number)]


def split(topic: str) -> tuple[str, str]:
    """Node prefix, and component and object of a single entity ("" for a whole node).

    >>> split("bed-radar/sensor/heart/state"), split("home/bed-radar")
    (('bed-radar', 'sensor/heart'), ('home/bed-radar', ''))
    """
    levels = topic.removesuffix("/state").split("/")
    if len(levels) >= 3 and levels[-2] in COMPONENTS:
        return "/".join(levels[:-2]), "/".join(levels[-2:])
    return topic, ""


# -- the other direction

_BINARY: Final = {
    Q.PRESENCE: "person_information", Q.FALL_STATE: "falling_information", Q.MOTION: "motion",
    Q.MOVING: "has_moving_target", Q.STILL: "has_still_target", Q.CONTACT_OPEN: "door", Q.SMOKE: "smoke",
    Q.GAS: "gas", Q.CO: "carbon_monoxide", Q.WATER: "water_leak", Q.TAMPER: "tamper",
    Q.VIBRATION: "vibration",
}  # fmt: skip
_SENSOR: Final = {
    Q.HEART_RATE_BPM: ("real-time_heart_rate", 1), Q.BREATH_RATE_BPM: ("real-time_respiratory_rate", 1),
    Q.MOVING_DISTANCE_M: ("moving_distance", 100), Q.STILL_DISTANCE_M: ("still_distance", 100),
    Q.MOVING_ENERGY: ("moving_energy", 1), Q.STILL_ENERGY: ("still_energy", 1),
    Q.DISTANCE_M: ("detection_distance", 100), Q.TARGET_COUNT: ("target_number", 1),
    Q.TEMPERATURE_C: ("temperature", 1), Q.HUMIDITY_PCT: ("humidity", 1),
    Q.ILLUMINANCE_LX: ("illuminance", 1), Q.RSSI_DBM: ("wifi_signal", 1),
}  # fmt: skip


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """Readings of one instant as the states of one node, one topic each."""
    node = split(sensor.address)[0]
    out: list[Packet] = []
    for reading in readings:
        quantity, value = reading.quantity, reading.value
        mark = Mark.RETAINED if reading.flags & Flag.RETAINED else Mark.DATA
        if quantity is Q.AVAILABLE:
            topic, word = "status", "online" if value else "offline"
        elif quantity in (Q.SOS, Q.BUTTON):
            press = Presses(sensor).word if quantity is Q.SOS else str(value)
            topic, word = "event/button/state", json.dumps({"event_type": press})
        elif quantity in _BINARY:
            topic, word = f"binary_sensor/{_BINARY[quantity]}/state", "ON" if value else "OFF"
        elif quantity in _SENSOR:
            name, factor = _SENSOR[quantity]
            topic, word = f"sensor/{name}/state", f"{float(value) * factor:.10g}"  # type: ignore[arg-type]
        else:
            raise ValueError(f"an ESPHome node is not made to say {quantity.value}")
        out.append(Packet(sensor.link, f"{node}/{topic}", reading.t, word.encode(), mark))
    return out


SPANS: Final[tuple[tuple[Span, ...], ...]] = (
    (*(Span(q) for q in _BINARY if q is not Q.FALL_STATE), Span(Q.FALL_STATE, 0, 2, 2)),
    (
        Span(Q.HEART_RATE_BPM, 30, 220), Span(Q.BREATH_RATE_BPM, 1, 60), Span(Q.DISTANCE_M, 0, 6, 0.01),
        Span(Q.MOVING_DISTANCE_M, 0, 6, 0.01), Span(Q.STILL_DISTANCE_M, 0, 6, 0.01),
        Span(Q.MOVING_ENERGY, 0, 100), Span(Q.STILL_ENERGY, 0, 100), Span(Q.TARGET_COUNT, 0, 3),
        Span(Q.TEMPERATURE_C, -40, 85, 0.1), Span(Q.HUMIDITY_PCT, 0, 100, 0.1),
        Span(Q.ILLUMINANCE_LX, 0, 100_000, 0.1), Span(Q.RSSI_DBM, -120, 0),
    ),
    (Span(Q.SOS, 1, 1),),
    (Span(Q.AVAILABLE),),
)  # fmt: skip

SPEC = DriverSpec(
    name="esphome",
    title="ESPHome nodes (mmWave radars and others) without discovery",
    transport="mqtt",
    make=Esphome,
    encode=encode,
    spans=SPANS,
    evidence="from the source of the components; no capture",
    options=PRESS_OPTIONS,
    example=Sensor("bath_radar", "esphome", "broker", address="bath-radar"),
)
