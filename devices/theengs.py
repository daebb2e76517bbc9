"""What do Bluetooth sensors say that Theengs Gateway or OpenMQTTGateway hears, and 433 MHz codes?

Data sheet (Theengs decoder 2.5): ``<base>/<gateway>/BTtoMQTT/<MAC without colons>``, JSON with common
fields ``id, rssi, brand, model, model_id, type, batt, volt``; ``<base>/<gateway>/433toMQTT``
``{"value":1315156,...}``; ``<base>/<gateway>/LWT`` ``online``/``offline``, retained.

``address`` is ``<base>/<gateway>/BTtoMQTT/<MAC>``; the same sensor heard by another gateway below the same
base counts too, and its copies (same ``packet`` number, or the same within 2 s) are flagged repeats. A
433 MHz code is ``<base>/<gateway>/433toMQTT/<code>``: it carries no check (flagged weak), means what the
enrolled kind says, and ends that state with the codes in ``off_codes``.

Values: ``open`` true/false (door; a number is a blind's percentage and no door), ``contact``
open/closed, ``motion``, ``button`` 1, 2, 3 ... (0 none), ``bpm``, ``tempc``, ``hum``, ``lux``, ``co2``,
``pm25``, ``pres`` (hPa), ``for`` (mg/m³). ``cont`` means *needs continuous scanning*, ``acts`` *needs
active scanning*: no contacts. ``encr`` with a cipher: encrypted, the device is blind and told as a fault.

Upstream tests: Shelly BLU, Sensor Easy, XOSS; from the decoder: SwitchBot, Qingping, Xiaomi.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from core.contracts import DriverSpec, Span
from core.model import Flag, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import payload
from devices.kinds import PRESS_OPTIONS, SWITCHED, Presses
from devices.mqtt_driver import MqttDriver, Said, online
from devices.payload import Field, Refusal, flag_field, number_field, spellings

Q = Quantity

_MG_M3_TO_PPM: Final = 24.45 / 30.026  # formaldehyde at 25 °C
FIELDS: Final[dict[str, Field]] = {
    "contact": Field(
        Q.CONTACT_OPEN, spellings({"open": 1.0, "closed": 0.0, "close": 0.0, "timeout not closed": 1.0})
    ),
    "motion": flag_field(Q.MOTION),
    "bpm": number_field(Q.HEART_RATE_BPM, 1, 300),
    "tempc": number_field(Q.TEMPERATURE_C, -60, 150),
    "hum": number_field(Q.HUMIDITY_PCT, 0, 100),
    "lux": number_field(Q.ILLUMINANCE_LX, 0, 200_000),
    "co2": number_field(Q.CO2_PPM, 0, 100_000),
    "pm25": number_field(Q.PM2_5_UGM3, 0, 10_000),
    "pres": number_field(Q.PRESSURE_HPA, 300, 1200),
    "for": number_field(Q.FORMALDEHYDE_PPM, 0, 100, 1 / _MG_M3_TO_PPM),
    "batt": number_field(Q.BATTERY_PCT, 0, 100),
    "batt_low": flag_field(Q.BATTERY_LOW),
    "lowbatt": flag_field(Q.BATTERY_LOW),
    "volt": number_field(Q.VOLTAGE_V, 0, 60),
    "rssi": number_field(Q.RSSI_DBM, -130, -1),
    "water_leak": flag_field(Q.WATER),
    "leak": flag_field(Q.WATER),
}


class Theengs(MqttDriver):
    """Driver of all sensors behind the gateways of one broker."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        super().__init__(sensors)
        self._radio: dict[tuple[str, str], list[Sensor]] = {}  # (base, MAC)
        self._codes: dict[str, list[Sensor]] = {}  # base
        self._gateways: dict[str, bool] = {}
        for sensor in self._sensors:
            base, sort, ident = split(sensor.address)
            if sort == "433toMQTT":
                self._codes.setdefault(base, []).append(sensor)
            else:
                self._radio.setdefault((base, ident.upper()), []).append(sensor)

    def topics(self) -> list[str]:
        """Each sensor through any gateway of its base, the gateways' wills, and 433 MHz where enrolled."""
        out = {f"{base}/+/BTtoMQTT/{mac}": None for base, mac in self._radio}
        out |= {f"{split(s.address)[0]}/+/LWT": None for s in self._sensors}
        out |= {f"{base}/+/433toMQTT": None for base in self._codes}
        return list(out)

    def _elsewhere(self, packet: Packet) -> list[Reading] | Refusal:
        if packet.channel.endswith("/LWT"):
            return self._will(packet)
        base, sort, ident = split(packet.channel)
        if sort == "BTtoMQTT" and (base, ident.upper()) in self._radio:
            return self._advert(self._radio[(base, ident.upper())], packet)
        if packet.channel.endswith("/433toMQTT"):
            base = "/".join(packet.channel.split("/")[:-2])
            if base in self._codes:
                return self._code(self._codes[base], packet)
        return payload.UNKNOWN_TOPIC

    def _will(self, packet: Packet) -> list[Reading] | Refusal:
        gateway = packet.channel.removesuffix("/LWT")
        base = gateway.rpartition("/")[0]
        mine = [s for s in self._sensors if split(s.address)[0] == base]
        if not mine:
            return payload.UNKNOWN_TOPIC
        x = online(packet)
        if isinstance(x, Refusal):
            return x
        if x is None or (gateway not in self._gateways and len(self._gateways) >= 64):
            return []
        self._gateways[gateway] = bool(x)
        working = [up for name, up in self._gateways.items() if name.rpartition("/")[0] == base]
        if any(working):
            return []  # another gateway may still hear them
        return self._available(mine, packet, 0.0)

    def _advert(self, sensors: list[Sensor], packet: Packet) -> list[Reading] | Refusal:
        message = payload.json_object(packet.data)
        if isinstance(message, Refusal):
            return message
        out: list[Reading] = []
        for sensor in sensors:
            said = self._said(sensor, message)
            number = message.get("packet")
            mark = (sensor.id, number) if type(number) is int else (sensor.id, tuple(_kept(said)))
            out += self._tell(sensor, packet, said, self._repeat(mark, packet.at))
        return out

    def _said(self, sensor: Sensor, message: dict[str, Any]) -> list[Said]:
        said = self._fields(FIELDS, message)
        if type(message.get("open")) is bool:
            said.append((Q.CONTACT_OPEN, float(message["open"])))
        for name, value in message.items():
            if name == "button" or (name.startswith("button") and name[6:].isdigit()):
                number = payload.number(value, 0, 255)
                if isinstance(number, float) and number:
                    said += self._press(sensor, f"{name[6:] and name + '_'}press_{int(number)}")
        if message.get("encr") in (1, 2) and "cipher" in message:
            said.append((Q.FAULT, 1.0))
        return said

    def _code(self, sensors: list[Sensor], packet: Packet) -> list[Reading] | Refusal:
        message = payload.json_object(packet.data)
        if isinstance(message, Refusal):
            return message
        code = str(message.get("value"))
        out: list[Reading] = []
        for sensor in sensors:
            off = sensor.options.get("off_codes")
            ends = isinstance(off, (list, tuple)) and code in map(str, off)
            quantity = SWITCHED.get(sensor.kind)
            if quantity is None or not (ends or split(sensor.address)[2] == code):
                continue
            if not (ends and quantity is Q.SOS):
                flags = int(Flag.WEAK) | self._repeat((sensor.id, code), packet.at)
                out += self._tell(sensor, packet, [(quantity, 0.0 if ends else 1.0)], flags)
        return out


def _kept(said: list[Said]) -> list[Said]:
    return [s for s in said if s[0] is not Q.RSSI_DBM]


def split(topic: str) -> tuple[str, str, str]:
    """Base above the gateway, BTtoMQTT or 433toMQTT, and MAC or code.

    >>> split("home/gw/BTtoMQTT/3C2EF5AABBCC")
    ('home', 'BTtoMQTT', '3C2EF5AABBCC')
    """
    levels = topic.split("/")
    if len(levels) < 4 or levels[-2] not in ("BTtoMQTT", "433toMQTT"):
        return "/".join(levels[:-2]), "", ""
    return "/".join(levels[:-3]), levels[-2], levels[-1].replace(":", "")


# -- the other direction

_TOPIC_FIELD: Final = {
    Q.MOTION: "motion", Q.HEART_RATE_BPM: "bpm", Q.TEMPERATURE_C: "tempc", Q.HUMIDITY_PCT: "hum",
    Q.ILLUMINANCE_LX: "lux", Q.CO2_PPM: "co2", Q.PM2_5_UGM3: "pm25", Q.PRESSURE_HPA: "pres",
    Q.BATTERY_PCT: "batt", Q.VOLTAGE_V: "volt", Q.RSSI_DBM: "rssi", Q.CONTACT_OPEN: "open",
    Q.BATTERY_LOW: "lowbatt",
}  # fmt: skip


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """Readings of one instant as one advert heard by the gateway, or as a 433 MHz code."""
    _, sort, ident = split(sensor.address)
    gateway = sensor.address.rsplit("/", 2)[0]
    out: list[Packet] = []
    fields: dict[str, Any] = {}
    for reading in readings:
        quantity, value, at = reading.quantity, reading.value, reading.t
        mark = Mark.RETAINED if reading.flags & Flag.RETAINED else Mark.DATA
        if quantity is Q.AVAILABLE:
            if not value:
                out.append(Packet(sensor.link, f"{gateway}/LWT", at, b"offline", Mark.RETAINED))
        elif sort == "433toMQTT":
            off = sensor.options.get("off_codes") or [""]
            code = ident if value else str(off[0])
            data = json.dumps({"value": int(code) if code.isdigit() else code, "protocol": 1}).encode()
            out.append(Packet(sensor.link, f"{gateway}/433toMQTT", at, data, mark))
        elif quantity in (Q.SOS, Q.BUTTON):
            word = Presses(sensor).word if quantity is Q.SOS else str(value)
            number = word.removeprefix("press_")
            if not number.isdigit():
                raise ValueError("a Bluetooth button counts its presses: press_1, press_2 ...")
            fields["button"] = int(number)
        elif quantity in _TOPIC_FIELD:
            flag = quantity.shape == "flag"
            fields[_TOPIC_FIELD[quantity]] = bool(value) if flag else value
        else:
            raise ValueError(f"a Bluetooth sensor is not made to say {quantity.value}")
    if fields:
        mac = ":".join(ident[i : i + 2] for i in range(0, len(ident), 2))
        data = json.dumps({"id": mac, "packet": readings[0].t // 1_000_000 % 65536, **fields}).encode()
        out.append(Packet(sensor.link, sensor.address, readings[0].t, data))
    return out


SPANS: Final[tuple[tuple[Span, ...], ...]] = (
    (
        Span(Q.CONTACT_OPEN), Span(Q.MOTION), Span(Q.BATTERY_LOW), Span(Q.BATTERY_PCT, 0, 100),
        Span(Q.RSSI_DBM, -120, -1), Span(Q.ILLUMINANCE_LX, 0, 100_000), Span(Q.VOLTAGE_V, 0, 5, 0.001),
        Span(Q.TEMPERATURE_C, -40, 85, 0.1), Span(Q.HUMIDITY_PCT, 0, 100, 0.1),
        Span(Q.PRESSURE_HPA, 300, 1100, 0.1), Span(Q.CO2_PPM, 0, 10_000), Span(Q.PM2_5_UGM3, 0, 1000),
        Span(Q.HEART_RATE_BPM, 30, 220),
    ),
)  # fmt: skip

SPEC = DriverSpec(
    name="theengs",
    title="Bluetooth sensors and 433 MHz codes through Theengs Gateway or OpenMQTTGateway",
    transport="mqtt",
    make=Theengs,
    encode=encode,
    spans=SPANS,
    evidence="upstream tests: Shelly BLU, Sensor Easy, XOSS; from the decoder: the rest",
    options={"off_codes": [], **PRESS_OPTIONS},
    example=Sensor("balcony", "theengs", "broker", address="home/TheengsGateway/BTtoMQTT/3C2EF5AABBCC"),
)
