"""What do Shelly devices of the first generation say?

Data sheet (vendor's documentation): ``shellies/<model>-<id>/sensor/<x>`` with plain text, one value a
topic; ``.../input/<n>`` 0 or 1, ``.../input_event/<n>`` ``{"event":"S","event_cnt":2}``, ``.../relay/<n>``;
``.../info`` JSON (the HTTP status); ``.../online`` true/false (last will). QoS 0, retain off, updates each
30 s on mains; battery models sleep and check in every 6 to 12 h. No TLS.

``address`` is the device (``shellies/shellydw2-73C75E``) or one input of it (``.../input/0``), whose
meaning is the enrolled kind's (``inverted: true`` where 1 is the safe state).

Values: door ``open``/``close``; flood, smoke ``true``/``false``; gas ``none``/``mild``/``heavy`` (both are
alarms), ``test`` (a test, no alarm), ``unknown`` (no value); operation ``unknown``/``warmup``/``normal``/
``fault``; concentration in ppm, -1 while warming up (methane; for the LPG model set ``gas: lpg``, its ppm
are of another gas and are left out); vibration 0/1, -1 unknown. Temperature topics follow the device's
setting: ``fahrenheit: true``. Values whose ``is_valid`` is false are no values.

A press counts when ``event_cnt`` changes; mains devices repeat the last event every 30 s, so the first one
heard from them is flagged retained. ``online`` false means nothing on sleeping models and is ignored
there (``sleeps`` says otherwise).

From the documentation; ``info`` of Smoke and the Gas topics from captures.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from core.contracts import DriverSpec, Span
from core.model import Flag, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import payload
from devices.device_class import celsius
from devices.kinds import PRESS_OPTIONS, SWITCHED, Presses
from devices.mqtt_driver import MAX_HEARD, MqttDriver, Said, online
from devices.payload import Field, Refusal, Wrong, flag_field, number_field, spellings

Q = Quantity

SLEEPERS: Final = ("shellydw", "shellyflood", "shellysmoke", "shellyht", "shellybutton", "shellymotion")
PRESSED: Final = {
    "S": "short", "SS": "double", "SSS": "triple", "L": "long", "SL": "short_long", "LS": "long_short",
}  # fmt: skip

FIELDS: Final[dict[str, Field]] = {
    "sensor/state": Field(Q.CONTACT_OPEN, spellings({"open": 1.0, "close": 0.0, "unknown": None, "": None})),
    "sensor/flood": flag_field(Q.WATER),
    "sensor/smoke": flag_field(Q.SMOKE),
    "sensor/motion": flag_field(Q.MOTION),
    "sensor/vibration": flag_field(Q.VIBRATION),
    "sensor/lux": number_field(Q.ILLUMINANCE_LX, 0, 200_000),
    "sensor/battery": number_field(Q.BATTERY_PCT, 0, 100),
    "sensor/humidity": number_field(Q.HUMIDITY_PCT, 0, 100),
    "sensor/temperature": number_field(Q.TEMPERATURE_C, -60, 302),
    "sensor/concentration": number_field(Q.METHANE_PPM, 0, 1_000_000),
    "temperature": number_field(Q.DEVICE_TEMPERATURE_C, -60, 200),
    "overtemperature": flag_field(Q.FAULT),
    "ext_temperature/0": number_field(Q.TEMPERATURE_C, -60, 302),
    "ext_humidity/0": number_field(Q.HUMIDITY_PCT, 0, 100),
    "relay/0/power": number_field(Q.POWER_W, -100_000, 100_000),
    "voltage": number_field(Q.VOLTAGE_V, 0, 500),
}
_GAS: Final = {"none": (0.0, 0.0), "mild": (1.0, 0.0), "heavy": (1.0, 0.0), "test": (None, 1.0)}
_SELF_TEST: Final = {"running": 1.0, "completed": 0.0, "not_completed": 0.0, "pending": 0.0}


class ShellyGen1(MqttDriver):
    """Driver of all first-generation Shelly sensors behind one broker."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        super().__init__(sensors)
        self._devices: dict[str, list[tuple[Sensor, str]]] = {}
        self._counts: dict[str, Any] = {}
        for sensor in self._sensors:
            device, part = split(sensor.address)
            self._devices.setdefault(device, []).append((sensor, part))
            self._routes[f"{device}/online"] = partial(self._online, device)

    def topics(self) -> list[str]:
        """All below each device."""
        return [f"{device}/#" for device in self._devices]

    def _online(self, device: str, packet: Packet) -> list[Reading] | Refusal:
        x = online(packet)
        if isinstance(x, Refusal):
            return x
        if x is None:
            return []
        mine = [s for s, _ in self._devices[device] if x or not _sleeps(s, device)]
        return self._available(mine, packet, x)

    def _elsewhere(self, packet: Packet) -> list[Reading] | Refusal:
        topic = packet.channel
        found = [d for d in self._devices if topic.startswith(f"{d}/")]
        if not found:
            return payload.UNKNOWN_TOPIC
        device = max(found, key=len)
        below = topic[len(device) + 1 :]
        value = payload.plain(packet.data)
        if isinstance(value, Refusal):
            return value
        out: list[Reading] = []
        for sensor, part in self._devices[device]:
            said, flags = self._said(sensor, part, device, below, value)
            out += self._tell(sensor, packet, said, flags)
        return out

    def _said(self, sensor: Sensor, part: str, device: str, below: str, value: Any) -> tuple[list[Said], int]:
        what, _, index = below.partition("/")
        if what in ("input", "ext_switch"):
            if (part and part != below) or SWITCHED.get(sensor.kind) is None:
                return [], 0
            return self._input(sensor, below, value), 0
        if what == "input_event":
            if part and part != f"input/{index}":
                return [], 0
            return self._pressed(sensor, device, below, value)
        if part:
            return [], 0
        if below in ("info", "status", "sensor/status"):
            return (self._info(sensor, value) if type(value) is dict else []), 0
        return self._value(sensor, below, value), 0

    def _value(self, sensor: Sensor, below: str, value: Any) -> list[Said]:
        if below == "sensor/gas":
            return self._gas(value)
        if below == "sensor/operation":
            return self._operation(value)
        if below == "sensor/self_test":
            x = _SELF_TEST.get(value) if type(value) is str else None
            return [] if x is None else [(Q.TEST, x)]
        field = FIELDS.get(below)
        if field is None:
            return []
        if field.quantity is Q.METHANE_PPM and sensor.options.get("gas") == "lpg":
            return []
        said = self._field(below, field, value)
        if field.quantity is Q.TEMPERATURE_C and sensor.options.get("fahrenheit") is True:
            return [(q, celsius(float(x))) for q, x in said]  # type: ignore[arg-type]
        return said

    def _gas(self, value: Any) -> list[Said]:
        if payload.is_absent(value) and value != "none":
            return []
        if type(value) is not str or value not in _GAS:
            self._health.refuse("wrong_type:sensor/gas")
            return []
        alarm, test = _GAS[value]
        said: list[Said] = [] if alarm is None else [(Q.GAS, alarm)]
        return [*said, (Q.TEST, test)]

    def _operation(self, value: Any) -> list[Said]:
        if value in ("warmup", "normal", "fault"):
            return [(Q.FAULT, float(value == "fault")), (Q.WARMING_UP, float(value == "warmup"))]
        if not payload.is_absent(value):
            self._health.refuse("wrong_type:sensor/operation")
        return []

    def _input(self, sensor: Sensor, name: str, value: Any) -> list[Said]:
        x = payload.yes_no(value)
        if isinstance(x, Wrong):
            self._health.refuse("wrong_type:input")
            return []
        if x is None:
            return []
        if sensor.options.get("inverted") is True:
            x = 1.0 - x
        quantity = SWITCHED[sensor.kind]
        return self._edge(sensor, name, x) if quantity is Q.SOS else [(quantity, x)]

    def _pressed(self, sensor: Sensor, device: str, below: str, value: Any) -> tuple[list[Said], int]:
        if type(value) is not dict:
            self._health.refuse("wrong_type:input_event")
            return [], 0
        event, count = value.get("event"), value.get("event_cnt")
        key = f"{sensor.id}/{below}"
        known = self._counts.get(key)
        if key in self._counts or len(self._counts) < MAX_HEARD:
            self._counts[key] = count
        if type(event) is not str or not event or (count == known and count is not None):
            return [], 0
        first_of_mains = known is None and not _sleeps(sensor, device)
        said = self._press(sensor, PRESSED.get(event, event))
        return said, int(Flag.RETAINED) if first_of_mains else 0

    def _info(self, sensor: Sensor, info: dict[str, Any]) -> list[Said]:
        """The device's whole status: the same values nested, some with ``is_valid``."""

        def part(name: str) -> dict[str, Any]:
            inner = info.get(name)
            return inner if type(inner) is dict and inner.get("is_valid") is not False else {}

        said: list[Said] = []
        if info.get("is_valid") is not False:
            for name in ("smoke", "flood", "motion", "vibration"):
                if type(info.get(name)) is bool:
                    said += self._field(name, FIELDS[f"sensor/{name}"], info[name])
        said += self._field("state", FIELDS["sensor/state"], part("sensor").get("state"))
        said += self._field("vibration", FIELDS["sensor/vibration"], part("accel").get("vibration"))
        said += self._field("lux", FIELDS["sensor/lux"], part("lux").get("value"))
        said += self._field("tmp", FIELDS["sensor/temperature"], part("tmp").get("tC"))
        said += self._field("hum", FIELDS["sensor/humidity"], part("hum").get("value"))
        said += self._field("bat", FIELDS["sensor/battery"], part("bat").get("value"))
        said += self._field("bat_voltage", number_field(Q.VOLTAGE_V, 0, 30), part("bat").get("voltage"))
        said += self._field("rssi", number_field(Q.RSSI_DBM, -130, -1), part("wifi_sta").get("rssi"))
        if type(info.get("bat")) in (int, float):
            said += self._field("bat", FIELDS["sensor/battery"], info["bat"])
        gas = part("gas_sensor")
        said += self._gas(gas.get("alarm_state")) + self._operation(gas.get("sensor_state"))
        if sensor.options.get("gas") != "lpg":
            ppm = part("concentration").get("ppm")
            said += self._field("ppm", FIELDS["sensor/concentration"], ppm)
        return said


def split(address: str) -> tuple[str, str]:
    """The device's topic, and its input if one was enrolled.

    >>> split("shellies/shelly1-ABC/input/0"), split("shellies/shellydw2-73C75E")
    (('shellies/shelly1-ABC', 'input/0'), ('shellies/shellydw2-73C75E', ''))
    """
    levels = address.split("/")
    if len(levels) > 2 and levels[-2] in ("input", "ext_switch", "input_event"):
        return "/".join(levels[:-2]), f"{levels[-2].removesuffix('_event')}/{levels[-1]}"
    return address, ""


def _sleeps(sensor: Sensor, device: str) -> bool:
    told = sensor.options.get("sleeps")
    return told if isinstance(told, bool) else device.rpartition("/")[2].startswith(SLEEPERS)


# -- the other direction

_TOPIC: Final = {f.quantity: name for name, f in reversed(FIELDS.items()) if f.quantity is not None}


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """Readings of one instant, one topic each."""
    device, part = split(sensor.address)
    out: list[Packet] = []
    for i, reading in enumerate(readings):
        quantity, value = reading.quantity, reading.value
        mark = Mark.RETAINED if reading.flags & Flag.RETAINED else Mark.DATA
        if quantity is Q.AVAILABLE:
            below, word = "online", "true" if value else "false"
        elif part and quantity is SWITCHED.get(sensor.kind):
            below, word = part, str(int(bool(value) != (sensor.options.get("inverted") is True)))
        elif quantity in (Q.SOS, Q.BUTTON):
            press = Presses(sensor).word if quantity is Q.SOS else str(value)
            event = next((k for k, v in PRESSED.items() if v == press), press)
            below = "input_event/0"
            word = json.dumps({"event": event, "event_cnt": (reading.t // 1_000_000 + i) % 1_000_000_000})
        elif quantity is Q.GAS:
            below, word = "sensor/gas", "heavy" if value else "none"
        elif quantity is Q.CONTACT_OPEN:
            below, word = "sensor/state", "open" if value else "close"
        elif quantity in _TOPIC:
            below = _TOPIC[quantity]
            flag = quantity.shape == "flag"
            word = ("true" if value else "false") if flag else f"{float(value):.10g}"  # type: ignore[arg-type]
        else:
            raise ValueError(f"a first-generation Shelly cannot say {quantity.value}")
        out.append(Packet(sensor.link, f"{device}/{below}", reading.t, word.encode(), mark))
    return out


SPANS: Final[tuple[tuple[Span, ...], ...]] = (
    (
        Span(Q.CONTACT_OPEN), Span(Q.WATER), Span(Q.SMOKE), Span(Q.MOTION), Span(Q.VIBRATION), Span(Q.GAS),
        Span(Q.BATTERY_PCT, 0, 100), Span(Q.ILLUMINANCE_LX, 0, 100_000), Span(Q.HUMIDITY_PCT, 0, 100, 0.5),
        Span(Q.TEMPERATURE_C, -40, 60, 0.25), Span(Q.METHANE_PPM, 0, 50_000),
        Span(Q.DEVICE_TEMPERATURE_C, -40, 120, 0.25),
    ),
    (Span(Q.SOS, 1, 1),),
    (Span(Q.AVAILABLE),),
)  # fmt: skip

SPEC = DriverSpec(
    name="shelly_gen1",
    title="Shelly, first generation (Door/Window, Flood, Smoke, Gas, Motion, Button1, i3)",
    transport="mqtt",
    make=ShellyGen1,
    encode=encode,
    spans=SPANS,
    evidence="vendor's documentation; captures: Smoke info, Gas topics",
    options={"sleeps": None, "inverted": False, "fahrenheit": False, "gas": "methane", **PRESS_OPTIONS},
    example=Sensor("gas_kitchen", "shelly_gen1", "broker", address="shellies/shellygas-10521CF29E18"),
)
