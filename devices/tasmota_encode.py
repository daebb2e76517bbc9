"""What would a Tasmota device publish for these readings? The inverse of the driver, for simulators."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from core.contracts import Span
from core.model import Flag, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices.kinds import SWITCHED, Presses
from devices.tasmota_values import split

Q = Quantity

_ZIGBEE: Final = {
    Q.CONTACT_OPEN: "Contact", Q.MOTION: "Occupancy", Q.WATER: "Water", Q.SMOKE: "Fire", Q.CO: "CO",
    Q.VIBRATION: "Movement", Q.TAMPER: "Tamper", Q.BATTERY_LOW: "BatteryLow",
    Q.BATTERY_PCT: "BatteryPercentage", Q.VOLTAGE_V: "BatteryVoltage", Q.TEMPERATURE_C: "Temperature",
    Q.HUMIDITY_PCT: "Humidity", Q.PRESSURE_HPA: "Pressure", Q.ILLUMINANCE_LX: "Illuminance",
    Q.LINK_QUALITY: "LinkQuality",
}  # fmt: skip
_MODULES: Final = {
    Q.TEMPERATURE_C: ("BME280", "Temperature"), Q.HUMIDITY_PCT: ("BME280", "Humidity"),
    Q.PRESSURE_HPA: ("BME280", "Pressure"), Q.ILLUMINANCE_LX: ("BH1750", "Illuminance"),
    Q.CO2_PPM: ("MHZ19B", "CarbonDioxide"), Q.DEVICE_TEMPERATURE_C: ("MHZ19B", "Temperature"),
    Q.PM2_5_UGM3: ("PMS5003", "PM2.5"), Q.TVOC_PPB: ("SGP30", "TVOC"), Q.POWER_W: ("ENERGY", "Power"),
    Q.RSSI_DBM: ("Wifi", "Signal"),
}  # fmt: skip
_RADAR: Final = (Q.MOVING_DISTANCE_M, Q.STILL_DISTANCE_M, Q.DISTANCE_M)
_ENERGY: Final = (Q.MOVING_ENERGY, Q.STILL_ENERGY)
_FLAGS: Final = frozenset(
    {Q.CONTACT_OPEN, Q.MOTION, Q.WATER, Q.SMOKE, Q.CO, Q.VIBRATION, Q.TAMPER, Q.BATTERY_LOW}
)


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """Readings of one instant as SENSOR, LWT and RESULT messages.

    A part that is no switch or button is a Zigbee device; without a part they are modules of the device.
    """
    device, part = split(sensor.address)
    tele = device.replace("{}", "tele")
    out: list[Packet] = []
    fields: dict[str, Any] = {}
    at, mark = 0, Mark.DATA
    for reading in readings:
        quantity, value, at = reading.quantity, reading.value, reading.t
        mark = Mark.RETAINED if reading.flags & Flag.RETAINED else Mark.DATA
        if quantity is Q.AVAILABLE:
            word = b"Online" if value else b"Offline"
            out.append(Packet(sensor.link, f"{tele}/LWT", at, word, mark))
        elif quantity in (Q.SOS, Q.BUTTON) and SWITCHED.get(sensor.kind) is not Q.SOS:
            press = Presses(sensor).word if quantity is Q.SOS else str(value)
            button = {"Button1": {"Action": press}}
            if part and not part.startswith("Button"):
                fields["Click"] = press
            else:
                topic = device.replace("{}", "stat") + "/RESULT"
                out.append(Packet(sensor.link, topic, at, _json(button), mark))
        elif part.startswith("Switch") or (not part and quantity is SWITCHED.get(sensor.kind)):
            on = bool(value) != (sensor.options.get("inverted") is True)
            fields[part or "Switch1"] = "ON" if on else "OFF"
        elif part:
            fields[_known(_ZIGBEE, quantity)] = int(value) if quantity in _FLAGS else value  # type: ignore[arg-type]
        elif quantity in _RADAR or quantity in _ENERGY or quantity is Q.PRESENCE:
            _radar(fields, quantity, float(value))  # type: ignore[arg-type]
        else:
            module, name = _known(_MODULES, quantity)
            fields.setdefault(module, {})[name] = value
    if fields:
        if part and not part.startswith("Switch"):
            fields = {"ZbReceived": {part: {"Device": "0x1A2B", "Name": part, **fields, "Endpoint": 1}}}
        end = "STATE" if "Wifi" in fields and len(fields) == 1 else "SENSOR"
        out.append(Packet(sensor.link, f"{tele}/{end}", at, _json(fields), mark))
    return out


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _radar(fields: dict[str, Any], quantity: Quantity, value: float) -> None:
    """An LD2410's message holds all three distances (cm) and both energies; presence is a distance."""
    module = fields.setdefault("LD2410", {"Distance": [0.0, 0.0, 0.0], "Energy": [0, 0]})
    if quantity in _RADAR:
        module["Distance"][_RADAR.index(quantity)] = round(value * 100, 1)
    elif quantity in _ENERGY:
        module["Energy"][_ENERGY.index(quantity)] = int(value)
    elif value and not any(module["Distance"]):
        module["Distance"][2] = 100.0


def _known(table: dict[Quantity, Any], quantity: Quantity) -> Any:
    if quantity not in table:
        raise ValueError(f"a Tasmota part of this sort cannot say {quantity.value}")
    return table[quantity]


SPANS: Final[tuple[tuple[Span, ...], ...]] = (
    (*(Span(q) for q in sorted(_FLAGS)), Span(Q.BATTERY_PCT, 0, 100), Span(Q.LINK_QUALITY, 0, 255)),
    (
        Span(Q.TEMPERATURE_C, -40, 85, 0.1), Span(Q.HUMIDITY_PCT, 0, 100, 0.1),
        Span(Q.PRESSURE_HPA, 300, 1100, 0.1), Span(Q.ILLUMINANCE_LX, 0, 100_000),
        Span(Q.VOLTAGE_V, 0, 5, 0.01), Span(Q.LINK_QUALITY, 0, 255),
    ),
    (Span(Q.SOS, 1, 1),),
    (Span(Q.AVAILABLE),),
)  # fmt: skip
