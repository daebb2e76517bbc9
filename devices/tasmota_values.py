"""What do the parts of a Tasmota message mean? Modules, switches, Zigbee, BLE, LoRaWAN, 433 MHz.

:func:`parts` takes a message apart into named parts; :func:`said` gives what one part says. Both are
pure; see ``tasmota.py`` for the data sheet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from core.quantity import Quantity
from devices.device_class import celsius
from devices.payload import Field, Wrong, flag_field, number, number_field, spellings

Q = Quantity
Said = tuple[Quantity, float | str | tuple[float, ...]]


class Part(NamedTuple):
    """One part of a message: its names, what sort it is, and its fields or bare value."""

    names: tuple[str, ...]
    sort: str  # module, zigbee, lora, switch, button, relay, rf, beacon, wifi
    value: Any


_ROOTS: Final = ("tele", "stat", "cmnd")
_CHILDREN: Final = {"ZbReceived": "zigbee", "LwReceived": "lora", "LwDecoded": "lora"}
_SWITCH: Final = re.compile(r"Switch\d*$")
_BUTTON: Final = re.compile(r"Button\d*$")
_RELAY: Final = re.compile(r"POWER\d*$")


def split(address: str) -> tuple[str, str]:
    """The device's topic with ``{}`` for the prefix, and the part of the device ("" for all of it).

    >>> split("tele/radar"), split("home/bath/tele/SENSOR/Switch1"), split("radar")
    (('{}/radar', ''), ('home/bath/{}', 'Switch1'), ('{}/radar', ''))
    """
    head, _, part = address.partition("/SENSOR")
    levels = head.split("/")
    at = next((i for i, level in enumerate(levels) if level in _ROOTS), -1)
    if at < 0:
        levels = ["{}", *levels]
    else:
        levels[at] = "{}"
    return "/".join(levels), part.lstrip("/")


def parts(message: dict[str, Any], below: str = "") -> Iterator[Part]:
    """Every part of a SENSOR, STATE or RESULT message. ``below``: topic level of a Zigbee device's own.

    >>> [p.names for p in parts({"Time": "x", "Switch1": "ON", "BME280": {"Temperature": 1}})]
    [('Switch1',), ('BME280',)]
    """
    if "LinkQuality" in message and ("Endpoint" in message or below):
        yield Part(_names(message, below), "zigbee", message)
        return
    for name, value in message.items():
        fields = type(value) is dict
        if name in _CHILDREN and fields:
            for child, data in value.items():
                if type(data) is dict:
                    yield Part(_names(data, child), _CHILDREN[name], data)
        elif name in ("StatusSNS", "StatusSTS") and fields:
            yield from parts(value)
        elif _SWITCH.match(name):
            yield Part((name,), "switch", value.get("Action") if fields else value)
        elif _BUTTON.match(name):
            yield Part((name,), "button", value.get("Action") if fields else value)
        elif _RELAY.match(name):
            yield Part((name,), "relay", value)
        elif not fields:
            continue
        elif name == "RfReceived":
            yield Part((str(value.get("Data", "")),), "rf", value)
        elif name == "IBEACON":
            yield Part((str(value.get("MAC", "")), name), "beacon", value)
        elif name == "Wifi":
            yield Part((name,), "wifi", value)
        elif "LinkQuality" in value or "Endpoint" in value:
            yield Part(_names(value, name), "zigbee", value)
        else:
            yield Part((name,), "module", value)


def _names(data: dict[str, Any], name: str) -> tuple[str, ...]:
    known = [name, *(data.get(k) for k in ("Name", "Device", "IEEEAddr", "mac"))]
    return tuple(n.strip() for n in known if type(n) is str and n.strip())


# -- fields

_VALUES: Final[dict[str, Field]] = {
    "Humidity": number_field(Q.HUMIDITY_PCT, 0, 100),
    "Illuminance": number_field(Q.ILLUMINANCE_LX, 0, 200_000),
    "Light": number_field(Q.ILLUMINANCE_LX, 0, 200_000),
    "Lux": number_field(Q.ILLUMINANCE_LX, 0, 200_000),
    "CarbonDioxide": number_field(Q.CO2_PPM, 0, 100_000),
    "CarbonMonoxide": number_field(Q.CO_PPM, 0, 10_000),
    "eCO2": number_field(Q.CO2_PPM, 0, 100_000),
    "TVOC": number_field(Q.TVOC_PPB, 0, 1_000_000),
    "PM2.5": number_field(Q.PM2_5_UGM3, 0, 10_000),
    "PIR": flag_field(Q.MOTION),
    "Leak": flag_field(Q.WATER),
    "RSSI": number_field(Q.RSSI_DBM, -130, 0),
}
_BLE: Final = _VALUES | {"Battery": number_field(Q.BATTERY_PCT, 0, 100)}
_ENERGY: Final = {
    "Power": number_field(Q.POWER_W, -100_000, 100_000),
    "Voltage": number_field(Q.VOLTAGE_V, 0, 500),
}
_DISTANCE_DIVISOR: Final = {"VL53L0X": 1000, "VL53L1X": 1000, "TOF10120": 1000}  # millimetres
_CHIP: Final = ("MHZ19", "ESP32", "ANALOG0")  # their temperature is the chip's
_OPEN: Final = spellings({"open": 1.0, "closed": 0.0, "close": 0.0}) | {True: 1.0, False: 0.0}
ZIGBEE: Final[dict[str, Field]] = {
    "Contact": flag_field(Q.CONTACT_OPEN),  # 1 = open
    "Occupancy": flag_field(Q.MOTION),
    "Water": flag_field(Q.WATER),
    "Leak": flag_field(Q.WATER),
    "Fire": flag_field(Q.SMOKE),
    "Smoke": flag_field(Q.SMOKE),
    "CO": flag_field(Q.CO),
    "Gas": flag_field(Q.GAS),
    "PersonalAlarm": flag_field(Q.SOS),
    "Panic": flag_field(Q.SOS),
    "Movement": flag_field(Q.VIBRATION),
    "Vibration": flag_field(Q.VIBRATION),
    "Tamper": flag_field(Q.TAMPER),
    "BatteryLow": flag_field(Q.BATTERY_LOW),
    "BatteryPercentage": number_field(Q.BATTERY_PCT, 0, 100),
    "BatteryVoltage": number_field(Q.VOLTAGE_V, 0, 30),
    "Humidity": number_field(Q.HUMIDITY_PCT, 0, 100),
    "Pressure": number_field(Q.PRESSURE_HPA, 300, 1200),
    "Illuminance": number_field(Q.ILLUMINANCE_LX, 0, 200_000),
    "LinkQuality": number_field(Q.LINK_QUALITY, 0, 255),
}
_LORA: Final[dict[str, Field]] = {
    "Battery": number_field(Q.VOLTAGE_V, 0, 30),  # volts here, not percent
    "DoorOpen": flag_field(Q.CONTACT_OPEN, _OPEN),
    "Leak": flag_field(Q.WATER),
    "RSSI": number_field(Q.RSSI_DBM, -200, 0),
    "Humidity": number_field(Q.HUMIDITY_PCT, 0, 100),
}
_MMHG: Final = 1.333224


def said(part: Part, units: dict[str, Any], wrong: list[str]) -> list[Said]:
    """What a part with fields says. Names of fields of no use are put on ``wrong``."""
    value = part.value
    if type(value) is not dict:
        return []
    name = part.names[0] if part.names else ""
    if part.sort == "wifi":
        return _read(value, {"Signal": number_field(Q.RSSI_DBM, -130, 0)}, wrong)
    if part.sort == "beacon":
        return _read(value, {"RSSI": number_field(Q.RSSI_DBM, -130, 0)}, wrong)
    if part.sort == "zigbee":
        out = _read(value, ZIGBEE, wrong) + zone_status(value)
        return out + _temperature(value, units, Q.TEMPERATURE_C, wrong)
    if part.sort == "lora":
        return _read(value, _LORA, wrong) + _temperature(value, units, Q.TEMPERATURE_C, wrong)
    if name.startswith("LD24") or name.startswith("HLKLD"):
        return _radar(value, wrong)
    if name == "ENERGY":
        return _read(value, _ENERGY, wrong)
    chip = name.startswith(_CHIP)
    out = _read(value, _BLE if "mac" in value else _VALUES, wrong)
    out += _temperature(value, units, Q.DEVICE_TEMPERATURE_C if chip else Q.TEMPERATURE_C, wrong)
    out += _pressure(value, units, wrong)
    if "Distance" in value:
        divisor = _DISTANCE_DIVISOR.get(name, 100)
        out += _read(value, {"Distance": number_field(Q.DISTANCE_M, 0, 20 * divisor, divisor)}, wrong)
    return out


def _read(value: dict[str, Any], fields: dict[str, Field], wrong: list[str]) -> list[Said]:
    out: list[Said] = []
    for name, field in fields.items():
        if name in value:
            x = field.read(value[name])
            if isinstance(x, Wrong):
                wrong.append(name)
            elif x is not None and field.quantity is not None:
                out.append((field.quantity, x))
    return out


def _temperature(
    value: dict[str, Any], units: dict[str, Any], quantity: Quantity, wrong: list[str]
) -> list[Said]:
    fahrenheit = units.get("TempUnit") == "F"
    said = _read(value, {"Temperature": number_field(quantity, -76 if fahrenheit else -60, 302)}, wrong)
    return [(q, celsius(float(x)) if fahrenheit else x) for q, x in said]  # type: ignore[arg-type]


def _pressure(value: dict[str, Any], units: dict[str, Any], wrong: list[str]) -> list[Said]:
    factor = {"mmHg": _MMHG, "inHg": 33.8639}.get(str(units.get("PressureUnit")), 1.0)
    low, high = 300 / factor, 1200 / factor
    return _read(value, {"Pressure": number_field(Q.PRESSURE_HPA, low, high, 1 / factor)}, wrong)


def _radar(value: dict[str, Any], wrong: list[str]) -> list[Said]:
    """LD2410: three distances and two energies; LD2410S: one distance and the state code ``People``."""
    out: list[Said] = []
    distance, energy = value.get("Distance"), value.get("Energy")
    if type(distance) is list and len(distance) == 3:
        metres = [number(d, 0, 2000) for d in distance]
        if all(isinstance(m, float) for m in metres):
            out.append((Q.PRESENCE, float(any(metres))))
            kinds = (Q.MOVING_DISTANCE_M, Q.STILL_DISTANCE_M, Q.DISTANCE_M)
            out += [(q, m / 100) for q, m in zip(kinds, metres, strict=True) if isinstance(m, float) and m]
        else:
            wrong.append("Distance")
    elif "Distance" in value:
        out += [
            s for s in _read(value, {"Distance": number_field(Q.DISTANCE_M, 0, 2000, 100)}, wrong) if s[1]
        ]
    if type(energy) is list and len(energy) == 2:
        for quantity, raw in zip((Q.MOVING_ENERGY, Q.STILL_ENERGY), energy, strict=True):
            out += _read({"Energy": raw}, {"Energy": number_field(quantity, 0, 100)}, wrong)
    people = {0: 0.0, 1: 0.0, 2: 1.0, 3: 1.0}  # the module's state code, no head count
    out += _read(value, {"People": Field(Q.PRESENCE, dict(people)), "Out_pin": flag_field(Q.PRESENCE)}, wrong)
    return out + _read(value, {"Light": number_field(Q.ILLUMINANCE_LX, 0, 200_000)}, wrong)


def raw_status(value: dict[str, Any]) -> int | None:
    """The zone status of an IAS message that Tasmota left raw, as an integer.

    >>> raw_status({"0500!00": "010000FF0000"}), raw_status({"ZoneStatusChange": 33}), raw_status({})
    (1, 33, None)
    """
    for name in ("ZoneStatusChange", "ZoneStatus"):
        if type(value.get(name)) is int:
            return int(value[name]) & 0xFFFF
    for name in ("0500!00", "0500<00"):
        word = value.get(name)
        if type(word) is str and re.fullmatch(r"(?:[0-9A-Fa-f]{2}){2,16}", word):
            return int(word[2:4] + word[:2], 16)
    return None


def zone_status(value: dict[str, Any]) -> list[Said]:
    """Tamper (bit 2) and low battery (bit 3) of an IAS zone status; the alarm bits need a kind."""
    status = raw_status(value)
    if status is None:
        return []
    return [(Q.TAMPER, float(status >> 2 & 1)), (Q.BATTERY_LOW, float(status >> 3 & 1))]
