"""What do Tasmota devices, and the Zigbee and 433 MHz devices behind them, say?

Data sheet (documentation of August 2026): ``tele/<t>/SENSOR`` every TelePeriod (300 s) and on events,
``tele/<t>/STATE`` (Wi-Fi, relays), ``stat/<t>/RESULT`` and ``STATUS10``, ``tele/<t>/LWT``
``Online``/``Offline`` (capitals, retained). Order of prefix and topic is the user's (FullTopic).

``address`` is the topic of the device with its ``tele``: ``tele/<t>`` or ``<t>/tele``. One part of a
device is named behind ``SENSOR``: ``tele/<t>/SENSOR/Switch1``, ``.../SENSOR/BME280``, and for a Zigbee or
BLE device its name or short address (``.../SENSOR/0x662E``; the short address changes when it re-joins,
so name it). ``tele/<t>/SENSOR/4AF10A`` is one 433 MHz code.

Polarity: Zigbee ``Contact`` 1 = **open** (the opposite of Zigbee2MQTT). Switches, buttons and codes say
nothing of their meaning: the enrolled kind gives it (``inverted: true`` where ON is the safe state; for
codes, ``off_codes: [...]`` lists those that end the state). Raw zone status (``0500!00``) becomes an alarm
only with a kind; both alarm bits count.

Units: distances of the LD2410 in cm (order moving, static, detection; the energies moving, static), sent
only while something moves, so silence is not absence: take presence from its OUT pin (``SwitchN``).
``MHZ19B`` and ``ESP32`` temperatures are the chip's. ``TempUnit`` may be F. ``Wifi.RSSI`` is a quality,
``Signal`` is dBm. ``Time`` has no zone: readings are stamped with arrival. Deep sleepers announce
``Offline`` on purpose: ``sleeps: true``. 433 MHz codes carry no check: they are flagged weak, and a code
heard again within 2 s is flagged a repeat.

Confirmed by captures: climate, Zigbee contact and occupancy, 433 MHz; by documentation: the rest; the
names of other Zigbee alarms (Fire, Water, CO, PersonalAlarm) by one source.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from core.contracts import DriverSpec
from core.model import Flag, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import payload
from devices.kinds import PRESS_OPTIONS, SWITCHED
from devices.mqtt_driver import MqttDriver, Said, online
from devices.payload import Refusal, Wrong
from devices.tasmota_encode import SPANS, encode
from devices.tasmota_values import ZIGBEE, Part, parts, raw_status, said, split

Q = Quantity

_ALARMS: Final = frozenset({Q.CONTACT_OPEN, Q.MOTION, Q.WATER, Q.SMOKE, Q.CO, Q.GAS, Q.SOS, Q.VIBRATION})
_CHILDREN: Final = ("zigbee", "lora", "rf", "beacon")


class Tasmota(MqttDriver):
    """Driver of all Tasmota sensors behind one broker."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        super().__init__(sensors)
        self._devices: dict[str, list[tuple[Sensor, str]]] = {}  # by topic of tele
        self._stat: dict[str, str] = {}
        for sensor in self._sensors:
            device, part = split(sensor.address)
            tele = device.replace("{}", "tele")
            self._devices.setdefault(tele, []).append((sensor, part))
            self._stat[device.replace("{}", "stat")] = tele
            self._routes[f"{tele}/LWT"] = partial(self._will, tele)

    def topics(self) -> list[str]:
        """All below each device's tele, and its answers below stat."""
        out: dict[str, None] = {}
        for sensor in self._sensors:
            device, _ = split(sensor.address)
            out[device.replace("{}", "tele") + "/#"] = None
            out[device.replace("{}", "stat") + "/#"] = None
        return list(out)

    def _will(self, tele: str, packet: Packet) -> list[Reading] | Refusal:
        x = online(packet)
        if isinstance(x, Refusal):
            return x
        if x is None:
            return []
        mine = [s for s, _ in self._devices[tele] if x or s.options.get("sleeps") is not True]
        return self._available(mine, packet, x)

    def _elsewhere(self, packet: Packet) -> list[Reading] | Refusal:
        topic = packet.channel
        device, end, below = self._device_of(topic)
        if device is None:
            return payload.UNKNOWN_TOPIC
        if end not in ("SENSOR", "STATE", "RESULT", "STATUS8", "STATUS10", "ZbReceived"):
            return []
        message = payload.json_object(packet.data)
        if isinstance(message, Refusal):
            return message
        told: dict[str, tuple[Sensor, list[Said], int]] = {}
        for part in parts(message, below):
            for sensor, name in self._devices[device]:
                if not _concerns(sensor, name, part):
                    continue
                statements, flags = self._said(sensor, part, message, bool(name), packet.at)
                if statements:
                    entry = told.setdefault(sensor.id, (sensor, [], 0))
                    told[sensor.id] = (sensor, entry[1] + statements, entry[2] | flags)
        return [r for s, statements, flags in told.values() for r in self._tell(s, packet, statements, flags)]

    def _device_of(self, topic: str) -> tuple[str | None, str, str]:
        """Which device a topic belongs to, its last level, and a level between (a Zigbee device's own)."""
        head, _, end = topic.rpartition("/")
        for root in (head, head.rpartition("/")[0]):
            device = root if root in self._devices else self._stat.get(root)
            if device is not None:
                return device, end, head[len(root) + 1 :]
        return None, end, ""

    def _said(
        self, sensor: Sensor, part: Part, units: dict[str, Any], named: bool, t: int
    ) -> tuple[list[Said], int]:
        """What one part says of one sensor, and the flags that go with it."""
        if part.sort == "button":
            return self._press(sensor, part.value), 0
        if part.sort in ("switch", "relay"):
            if part.sort == "relay" and not named:
                return [], 0
            return self._switch(sensor, part.names[0], part.value), 0
        if part.sort == "rf":
            return self._code(sensor, part.names[0], t)
        wrong: list[str] = []
        statements: list[Said] = list(said(part, units, wrong))
        for name in wrong:
            self._health.refuse(f"wrong_type:{name}")
        if part.sort == "beacon":
            statements += self._switch(sensor, "STATE", part.value.get("STATE"))
        elif part.sort == "zigbee":
            statements = self._zone(sensor, part.value, statements)
            statements += self._press(sensor, part.value.get("Click"))
        return statements, 0

    def _zone(self, sensor: Sensor, fields: dict[str, Any], statements: list[Said]) -> list[Said]:
        """Calls for help as presses; an alarm that Tasmota left raw, by the enrolled kind."""
        out: list[Said] = []
        for quantity, x in statements:
            if quantity is Q.SOS:
                out += self._edge(sensor, "zone", float(x))  # type: ignore[arg-type]
            elif quantity is Q.CO and sensor.kind == "gas":
                out.append((Q.GAS, x))  # gas detectors enrol as the carbon monoxide zone type
            else:
                out.append((quantity, x))
        status = raw_status(fields)
        decoded = any(name in fields and ZIGBEE[name].quantity in _ALARMS for name in ZIGBEE)
        if status is not None and not decoded:
            out += self._switch(sensor, "zone", bool(status & 3))
        return out

    def _switch(self, sensor: Sensor, name: str, value: Any) -> list[Said]:
        """A bare on or off, meaning what the enrolled kind says."""
        quantity = SWITCHED.get(sensor.kind)
        if quantity is None:
            return []
        x = payload.yes_no(value)
        if isinstance(x, Wrong):
            self._health.refuse("wrong_type:switch")
            return []
        if x is None:
            return []
        if sensor.options.get("inverted") is True:
            x = 1.0 - x
        return self._edge(sensor, name, x) if quantity is Q.SOS else [(quantity, x)]

    def _code(self, sensor: Sensor, code: str, t: int) -> tuple[list[Said], int]:
        """A 433 MHz code: no integrity check, repeats within 2 s."""
        quantity = SWITCHED.get(sensor.kind)
        if quantity is None:
            return [], 0
        x = 0.0 if code in _off_codes(sensor) else 1.0
        if quantity is Q.SOS and not x:
            return [], 0
        return [(quantity, x)], int(Flag.WEAK) | self._repeat((sensor.id, code), t)


def _off_codes(sensor: Sensor) -> list[str]:
    codes = sensor.options.get("off_codes")
    return [str(code) for code in codes] if isinstance(codes, (list, tuple)) else []


def _concerns(sensor: Sensor, name: str, part: Part) -> bool:
    """Is this part the sensor's? A whole device has its modules and switches, not its radio children."""
    if not name:
        return part.sort not in _CHILDREN
    return name in part.names or (part.sort == "rf" and part.names[0] in _off_codes(sensor))


SPEC = DriverSpec(
    name="tasmota",
    title="Tasmota devices, their Zigbee bridge and 433 MHz bridge",
    transport="mqtt",
    make=Tasmota,
    encode=encode,
    spans=SPANS,
    evidence="captures: climate, Zigbee contact and occupancy, 433 MHz codes; documentation: the rest",
    options={"sleeps": False, "inverted": False, "off_codes": [], **PRESS_OPTIONS},
    example=Sensor("front_door", "tasmota", "broker", address="tele/zbbridge/SENSOR/front door"),
)
