"""What do Home Assistant's own entities say through its ``mqtt_statestream`` option?

Data sheet: ``<base>/<domain>/<entity>/state`` holds the state as bare text, and each attribute has a topic
``<base>/<domain>/<entity>/<attribute>`` holding JSON text; QoS 1, all retained, base chosen by the user
(often ``homeassistant``, which it then shares with discovery: only ``.../config`` is discovery). One
option forwards any entity: Matter, Aqara FP2, Tuya Wi-Fi, Xiaomi.

``address`` is ``<base>/<domain>/<entity>``. What the state means comes from the attributes
``device_class`` and ``unit_of_measurement``, then from the enrolled kind, then from the entity's name.
Since attributes may arrive after the state, the last state is told (once) when they do. ``unavailable``
means the entity cannot be heard; ``unknown`` is no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from core.contracts import DriverSpec, Span
from core.model import Flag, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import payload
from devices.device_class import BINARY, binary_quantity, celsius, sensor_field
from devices.kinds import PRESS_OPTIONS, SWITCHED, Presses
from devices.mqtt_driver import MqttDriver, Said
from devices.payload import Refusal, Wrong

Q = Quantity

_ON: Final = {"on": 1.0, "off": 0.0, "open": 1.0, "closed": 0.0}
_ATTRIBUTES: Final = ("device_class", "unit_of_measurement", "event_type")


class _Entity:
    """What is known of one forwarded entity."""

    def __init__(self, sensor: Sensor) -> None:
        self.sensor = sensor
        self.domain, _, self.name = "/".join(sensor.address.split("/")[-2:]).partition("/")
        self.device_class = ""
        self.unit = ""
        self.waiting: Packet | None = None  # a state whose meaning is not known yet


class HaStatestream(MqttDriver):
    """Driver of all forwarded entities behind one broker."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        super().__init__(sensors)
        for sensor in self._sensors:
            entity = _Entity(sensor)
            self._routes[f"{sensor.address}/state"] = partial(self._state, entity)
            for name in _ATTRIBUTES:
                self._routes[f"{sensor.address}/{name}"] = partial(self._attribute, entity, name)

    def _attribute(self, entity: _Entity, name: str, packet: Packet) -> list[Reading] | Refusal:
        value = payload.plain(packet.data)
        if isinstance(value, Refusal):
            return value
        word = value.strip()[:64] if type(value) is str else ""
        if name == "device_class":
            entity.device_class = word
        elif name == "unit_of_measurement":
            entity.unit = word
        elif entity.domain == "event":  # published anew after every state, which is only a time
            return self._tell(entity.sensor, packet, self._press(entity.sensor, word))
        late, entity.waiting = entity.waiting, None
        if late is None:
            return []
        told = self._state(entity, late._replace(at=packet.at, mark=Mark.RETAINED))
        return told if not isinstance(told, Refusal) else []

    def _state(self, entity: _Entity, packet: Packet) -> list[Reading] | Refusal:
        word = payload.text(packet.data)
        if isinstance(word, Refusal):
            return word
        if word == "unavailable":
            return self._available([entity.sensor], packet, 0.0)
        if payload.is_absent(word):
            return []
        said = self._said(entity, word)
        if said is None:
            entity.waiting = packet
            self._health.refuse("meaning_not_known_yet")
            return []
        return self._tell(entity.sensor, packet, said)

    def _said(self, entity: _Entity, word: str) -> list[Said] | None:
        sensor = entity.sensor
        if entity.domain == "event":
            return []
        if entity.domain in ("binary_sensor", "input_boolean", "switch", "lock", "cover"):
            quantity = SWITCHED.get(sensor.kind)
            if entity.domain == "binary_sensor" and (entity.device_class or quantity is None):
                quantity = binary_quantity(entity.device_class, entity.name, sensor.kind) or quantity
            if quantity is None:
                return None
            x = _ON.get(word.lower())
            if x is None:
                self._health.refuse("wrong_type:state")
                return []
            if quantity is Q.SOS:
                return self._edge(sensor, "sos", x)
            return [(quantity, 2 * x if quantity is Q.FALL_STATE else x)]
        field = sensor_field(entity.device_class, entity.unit, entity.name)
        if field is None or field.quantity is None:
            return None
        number = field.read(word)
        if isinstance(number, Wrong):
            self._health.refuse("wrong_type:state")
            return []
        if number is None:
            return []
        return [(field.quantity, celsius(number) if field.rule == "fahrenheit" else number)]


_CLASS_OF: Final = {
    **{quantity: name for name, quantity in reversed(BINARY.items())},
    Q.FALL_STATE: "safety",
}
_ENCODED: Final = (Q.CONTACT_OPEN, Q.SMOKE, Q.GAS, Q.CO, Q.WATER, Q.HEAT, Q.MOTION, Q.PRESENCE, Q.TAMPER)


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """Readings of one instant of one binary entity: its class (retained), then its state."""
    out: list[Packet] = []
    for reading in readings:
        quantity, at = reading.quantity, reading.t
        mark = Mark.RETAINED if reading.flags & Flag.RETAINED else Mark.DATA

        def say(name: str, word: str, mark: Mark, at: int = at) -> None:
            out.append(Packet(sensor.link, f"{sensor.address}/{name}", at, word.encode(), mark))

        if quantity is Q.AVAILABLE:
            if not reading.value:
                say("state", "unavailable", mark)
        elif quantity in (Q.SOS, Q.BUTTON):
            word: Any = Presses(sensor).word if quantity is Q.SOS else reading.value
            say("state", "2026-01-01T00:00:00.000+00:00", mark)
            say("event_type", f'"{word}"', mark)
        elif quantity in _CLASS_OF:
            say("device_class", f'"{_CLASS_OF[quantity]}"', Mark.RETAINED)
            say("state", "on" if reading.value else "off", mark)
        else:
            raise ValueError(f"a forwarded binary entity cannot say {quantity.value}")
    return out


SPANS: Final[tuple[tuple[Span, ...], ...]] = tuple((Span(q),) for q in _ENCODED)

SPEC = DriverSpec(
    name="ha_statestream",
    title="Home Assistant entities forwarded by mqtt_statestream",
    transport="mqtt",
    make=HaStatestream,
    encode=encode,
    spans=SPANS,
    evidence="from Home Assistant's source; no capture",
    options=PRESS_OPTIONS,
    example=Sensor(
        "kitchen", "ha_statestream", "broker", address="homeassistant/binary_sensor/kitchen_entity"
    ),
)
