"""What do Z-Wave sensors say through zwave-js-ui?

Data sheet: value topics ``<prefix>/[<location>/]<node>/<class>/<endpoint>/<property>[/<key>]``, class as
number (``113``) or name (``notification``), endpoint ``0`` or ``endpoint_0``. Payload by setting: time and
value ``{"time":1606856089699,"value":22}``, the whole value object, or the bare value. ``<node>/status``
``{"value":true,"status":"Alive"}``; ``<prefix>/_CLIENTS/<gateway>/status``. ``time`` is epoch
milliseconds: readings are stamped with arrival.

``address`` is the node's topic (``zwave/Washok/Sensor``).

Values (notification class 113): Smoke Alarm 0 idle, 1 and 2 smoke, 3 **test**, 4 and 5 replace; CO alike;
Gas 1 to 4 gas, 5 test; Heat 1 to 4, 7 test; Water 1 and 2; Access Control 22 open, 23 closed; Home Security
3 cover, 7 and 8 motion, 1 and 2 intrusion (means what the enrolled kind says); Power Management 2 mains
lost, 10 and 11 battery; Emergency 1 to 4. Idle (0) ends what its variable tells (``Sensor_status``,
``Motion_sensor_status``, ...). Older devices use binary sensor (48), alarm sensor (156), basic (32). A
scene (91) is a button's press.

Composed from an issue's value list and the notification registry; no capture.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from core.contracts import DriverSpec, Span
from core.model import Flag, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import payload
from devices.device_class import celsius
from devices.kinds import PRESS_OPTIONS, SWITCHED
from devices.mqtt_driver import MqttDriver, Said
from devices.payload import Field, Refusal, Wrong, flag_field, number_field
from devices.zwave_values import (
    ALARM_SENSOR,
    BINARY,
    CLASSES,
    IDLE,
    INTRUSION,
    MULTILEVEL,
    NOTIFICATIONS,
    key,
)

Q = Quantity

_PRESSES: Final = {0: "single", 1: "released", 2: "held", 3: "double", 4: "triple"}


class ZwaveJsUi(MqttDriver):
    """Driver of all Z-Wave sensors behind one broker."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        super().__init__(sensors)
        self._nodes = {s.address: s for s in self._sensors}
        self._clients = {f"{s.address.split('/')[0]}/_CLIENTS" for s in self._sensors}

    def topics(self) -> list[str]:
        """All below each node, and the gateway's own status."""
        return [*(f"{node}/#" for node in self._nodes), *(f"{c}/+/status" for c in sorted(self._clients))]

    def _elsewhere(self, packet: Packet) -> list[Reading] | Refusal:
        topic = packet.channel
        if topic.endswith("/status") and topic.rsplit("/", 2)[0] in self._clients:
            return self._client(packet)
        levels = topic.split("/")
        for n in range(len(levels) - 1, 0, -1):
            sensor = self._nodes.get("/".join(levels[:n]))
            if sensor is not None:
                return self._value(sensor, levels[n:], packet)
        return payload.UNKNOWN_TOPIC

    def _client(self, packet: Packet) -> list[Reading] | Refusal:
        value = _inner(payload.plain(packet.data))
        if isinstance(value, Refusal):
            return value
        prefix = packet.channel.split("/")[0]
        mine = [s for s in self._sensors if s.address.split("/")[0] == prefix]
        return self._available(mine, packet, 0.0) if payload.yes_no(value) == 0.0 else []

    def _value(self, sensor: Sensor, below: list[str], packet: Packet) -> list[Reading] | Refusal:
        whole = payload.plain(packet.data)
        if isinstance(whole, Refusal):
            return whole
        if below == ["status"]:
            return self._status(sensor, whole, packet)
        if len(below) < 3:
            return []
        number = int(below[0]) if below[0].isdigit() else CLASSES.get(key(below[0]), 0)
        unit = whole.get("unit") if type(whole) is dict else None
        value = _inner(whole)
        if payload.is_absent(value):
            return []
        said = self._said(sensor, number, key(below[2]), key("/".join(below[3:])), value)
        if unit == "°F":
            said = [(q, celsius(float(x)) if q is Q.TEMPERATURE_C else x) for q, x in said]  # type: ignore[arg-type]
        return self._tell(sensor, packet, said)

    def _status(self, sensor: Sensor, whole: Any, packet: Packet) -> list[Reading]:
        word = whole.get("status") if type(whole) is dict else whole
        if type(word) is str and word.lower() in ("dead", "alive", "awake", "asleep"):
            return self._available([sensor], packet, float(word.lower() != "dead"))
        x = payload.yes_no(_inner(whole))
        return self._available([sensor], packet, x) if isinstance(x, float) else []

    def _said(self, sensor: Sensor, number: int, name: str, variable: str, value: Any) -> list[Said]:
        if number == 113:
            return self._notification(sensor, name, variable, value)
        if number == 48:
            quantity = BINARY.get(name) or SWITCHED.get(sensor.kind)
            return self._flag(sensor, name, quantity, value)
        if number == 156:
            return self._flag(sensor, variable or name, ALARM_SENSOR.get(variable or name), value)
        if number in (32, 37):
            words: Any = {255: 1.0, 99: 1.0}.get(value, value) if type(value) is int else value
            return self._flag(sensor, name, SWITCHED.get(sensor.kind), words)
        if number == 49:
            field = MULTILEVEL.get(name)
            return [] if field is None else self._field(name, field, value)
        if number == 128:
            fields = {
                "level": number_field(Q.BATTERY_PCT, 0, 100),
                "islow": flag_field(Q.BATTERY_LOW),
                "is_low": flag_field(Q.BATTERY_LOW),
            }
            return self._field(name, fields[name], value) if name in fields else []
        if number == 91 and name == "scene" and type(value) is int:
            press = _PRESSES.get(value, f"press_{value}")
            return self._press(sensor, f"{press}_{variable}" if variable else press)
        return []

    def _flag(self, sensor: Sensor, name: str, quantity: Quantity | None, value: Any) -> list[Said]:
        if quantity is None:
            return []
        x = Field(quantity, payload.YES_NO).read(value)
        if isinstance(x, Wrong):
            self._health.refuse("wrong_type:value")
            return []
        if x is None:
            return []
        return self._edge(sensor, name, x) if quantity is Q.SOS else [(quantity, x)]

    def _notification(self, sensor: Sensor, name: str, variable: str, value: Any) -> list[Said]:
        kinds = NOTIFICATIONS.get(name)
        if kinds is None:
            return []
        x = payload.number(value, 0, 65_535)
        if not isinstance(x, float):
            self._health.refuse("wrong_type:notification")
            return []
        number = int(x)
        if number == 0:
            ended = IDLE.get((name, variable))
            if name == "home_security" and variable in ("", "sensor_status"):
                ended = SWITCHED.get(sensor.kind)
            if ended is Q.SOS:
                return self._edge(sensor, name, 0.0)
            return [] if ended is None else [(ended, 0.0)]
        if number in INTRUSION.get(name, ()):
            return self._flag(sensor, name, SWITCHED.get(sensor.kind), True)
        said: list[Said] = []
        for quantity, told in kinds.get(number, []):
            said += self._edge(sensor, name, told) if quantity is Q.SOS else [(quantity, told)]
        return said


def _inner(whole: Any) -> Any:
    """The value of a time-and-value or whole-object payload, or the bare value."""
    return whole.get("value") if type(whole) is dict else whole


# -- the other direction

_SAID: Final[dict[Quantity, tuple[str, float, float]]] = {
    Q.CONTACT_OPEN: ("113/0/Access_Control/Door_state", 22, 23),
    Q.SMOKE: ("113/0/Smoke_Alarm/Sensor_status", 2, 0),
    Q.CO: ("113/0/CO_Alarm/Sensor_status", 2, 0),
    Q.GAS: ("113/0/Gas_Alarm/Sensor_status", 2, 0),
    Q.HEAT: ("113/0/Heat_Alarm/Sensor_status", 2, 0),
    Q.WATER: ("113/0/Water_Alarm/Sensor_status", 2, 0),
    Q.MOTION: ("113/0/Home_Security/Motion_sensor_status", 8, 0),
    Q.TAMPER: ("113/0/Home_Security/Cover_status", 3, 0),
    Q.TEST: ("113/0/Smoke_Alarm/Alarm_status", 3, 0),
    Q.MAINS_LOST: ("113/0/Power_Management/Mains_status", 2, 3),
}
_NUMBERS: Final = {
    Q.BATTERY_PCT: "128/0/level", Q.TEMPERATURE_C: "49/0/Air_temperature", Q.HUMIDITY_PCT: "49/0/Humidity",
    Q.ILLUMINANCE_LX: "49/0/Illuminance", Q.POWER_W: "49/0/Power",
}  # fmt: skip


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """Readings of one instant, one value topic each."""
    out: list[Packet] = []
    for reading in readings:
        quantity, value, at = reading.quantity, reading.value, reading.t
        mark = Mark.RETAINED if reading.flags & Flag.RETAINED else Mark.DATA
        said: list[tuple[str, Any]]
        if quantity is Q.AVAILABLE:
            word = {"time": at // 1_000_000, "value": bool(value), "status": "Alive" if value else "Dead"}
            out.append(Packet(sensor.link, f"{sensor.address}/status", at, json.dumps(word).encode(), mark))
            continue
        if quantity is Q.SOS:
            said = [("113/0/Emergency_Alarm", 4), ("113/0/Emergency_Alarm", 0)]
        elif quantity is Q.BATTERY_LOW:
            said = [("128/0/isLow", bool(value))]
        elif quantity in _SAID:
            topic, on, off = _SAID[quantity]
            said = [(topic, on if value else off)]
        elif quantity in _NUMBERS:
            said = [(_NUMBERS[quantity], value)]
        else:
            raise ValueError(f"a Z-Wave sensor is not made to say {quantity.value}")
        for topic, x in said:
            data = json.dumps({"time": at // 1_000_000, "value": x}).encode()
            out.append(Packet(sensor.link, f"{sensor.address}/{topic}", at, data, mark))
    return out


SPANS: Final[tuple[tuple[Span, ...], ...]] = (
    (*(Span(q) for q in _SAID), Span(Q.BATTERY_LOW), Span(Q.BATTERY_PCT, 0, 100)),
    (
        Span(Q.TEMPERATURE_C, -40, 85, 0.1), Span(Q.HUMIDITY_PCT, 0, 100), Span(Q.POWER_W, 0, 4000, 0.1),
        Span(Q.ILLUMINANCE_LX, 0, 100_000),
    ),
    (Span(Q.SOS, 1, 1),),
    (Span(Q.AVAILABLE),),
)  # fmt: skip

SPEC = DriverSpec(
    name="zwave_js_ui",
    title="Z-Wave sensors through zwave-js-ui",
    transport="mqtt",
    make=ZwaveJsUi,
    encode=encode,
    spans=SPANS,
    evidence="composed from the notification registry and an issue's value list; no capture",
    options=PRESS_OPTIONS,
    example=Sensor("cellar", "zwave_js_ui", "broker", address="zwave/Cellar/Detector"),
)
