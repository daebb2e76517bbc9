"""What would Zigbee2MQTT publish for these readings? The inverse of the driver, for simulators."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from core.contracts import Span
from core.model import Flag, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices.kinds import Presses

Q = Quantity

_FLAGS: Final[dict[Quantity, str]] = {
    Q.SMOKE: "smoke", Q.GAS: "gas", Q.CO: "carbon_monoxide", Q.WATER: "water_leak", Q.MOTION: "occupancy",
    Q.PRESENCE: "presence", Q.VIBRATION: "vibration", Q.BATTERY_LOW: "battery_low", Q.TAMPER: "tamper",
    Q.TEST: "test", Q.FAULT: "trouble", Q.MAINS_LOST: "ac_status", Q.WARMING_UP: "preheat",
    Q.END_OF_LIFE: "end_of_life",
}  # fmt: skip
_NUMBERS: Final[dict[Quantity, str]] = {
    Q.BREATH_RATE_BPM: "breathing_rate", Q.HEART_RATE_BPM: "heart_rate", Q.DISTANCE_M: "target_distance",
    Q.CO_PPM: "co", Q.TEMPERATURE_C: "temperature", Q.DEVICE_TEMPERATURE_C: "device_temperature",
    Q.HUMIDITY_PCT: "humidity", Q.PRESSURE_HPA: "pressure", Q.ILLUMINANCE_LX: "illuminance",
    Q.CO2_PPM: "co2", Q.PM2_5_UGM3: "pm25", Q.POWER_W: "power", Q.BATTERY_PCT: "battery",
    Q.LINK_QUALITY: "linkquality",
}  # fmt: skip
_OF_KIND: Final[dict[tuple[str, Quantity], str]] = {
    ("heat", Q.HEAT): "smoke",
    ("bed", Q.BED_OCCUPIED): "occupancy",
    ("seat", Q.SEAT_OCCUPIED): "occupancy",
    ("use", Q.USE): "vibration",
    ("tap", Q.USE): "vibration",
    ("flush", Q.USE): "vibration",
    ("cupboard", Q.USE): "vibration",
    ("appliance", Q.USE): "state",
    ("switch", Q.USE): "state",
}
_FALL: Final = ("normal", "fall_warning", "fall_alarm")


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """Readings of one instant of one sensor as its messages: the JSON state, then availability.

    A call button's press is ``action`` emergency. Raises ValueError for a quantity no Zigbee sensor of
    this kind can say.
    """
    packets: list[Packet] = []
    state: dict[str, Any] = {}
    at, mark = 0, Mark.DATA
    for reading in readings:
        at = reading.t
        mark = Mark.RETAINED if reading.flags & Flag.RETAINED else Mark.DATA
        if reading.quantity is Q.AVAILABLE:
            word = "online" if reading.value else "offline"
            data = json.dumps({"state": word}).encode()
            packets.append(Packet(sensor.link, f"{sensor.address}/availability", at, data, mark))
            continue
        name, value = _field(sensor, reading)
        if name in state:
            packets.append(_packet(sensor, state, at, mark))
            state = {}
        state[name] = value
    if state:
        packets.append(_packet(sensor, state, at, mark))
    return packets


def _packet(sensor: Sensor, state: dict[str, Any], at: int, mark: Mark) -> Packet:
    data = json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode()
    return Packet(sensor.link, sensor.address, at, data, mark)


def _field(sensor: Sensor, reading: Reading) -> tuple[str, Any]:
    quantity, value = reading.quantity, reading.value
    if quantity is Q.BUTTON:
        return "action", str(value)
    if quantity is Q.SOS:
        return "action", Presses(sensor).word
    x = float(value)  # type: ignore[arg-type]
    if quantity is Q.CONTACT_OPEN:
        return "contact", bool(x) == (sensor.options.get("inverted") is True)
    if quantity is Q.FALL_STATE:
        return "fall_status", _FALL[int(x)]
    if quantity is Q.VOLTAGE_V:
        return "voltage", round(x * 1000)
    if quantity in _NUMBERS:
        return _NUMBERS[quantity], int(x) if x.is_integer() else x
    name = _OF_KIND.get((sensor.kind, quantity)) or _FLAGS.get(quantity)
    if name is None or (name == "occupancy" and quantity is Q.MOTION and sensor.kind in ("bed", "presence")):
        raise ValueError(f"a Zigbee sensor used as {sensor.kind or 'anything'!r} cannot say {quantity.value}")
    return name, ("ON" if x else "OFF") if name == "state" else bool(x)


SPANS: Final[tuple[tuple[Span, ...], ...]] = (
    (
        Span(Q.CONTACT_OPEN), Span(Q.SMOKE), Span(Q.GAS), Span(Q.CO), Span(Q.WATER), Span(Q.MOTION),
        Span(Q.PRESENCE), Span(Q.VIBRATION), Span(Q.BATTERY_LOW), Span(Q.TAMPER), Span(Q.FAULT),
        Span(Q.MAINS_LOST), Span(Q.WARMING_UP), Span(Q.END_OF_LIFE), Span(Q.FALL_STATE, 0, 2),
        Span(Q.BATTERY_PCT, 0, 100, 0.5), Span(Q.LINK_QUALITY, 0, 255),
    ),
    (
        Span(Q.TEMPERATURE_C, -50, 100, 0.25), Span(Q.DEVICE_TEMPERATURE_C, -50, 100),
        Span(Q.HUMIDITY_PCT, 0, 100, 0.25), Span(Q.PRESSURE_HPA, 300, 1100, 0.5),
        Span(Q.ILLUMINANCE_LX, 0, 100_000), Span(Q.CO2_PPM, 0, 10_000), Span(Q.PM2_5_UGM3, 0, 1000),
        Span(Q.CO_PPM, 0, 1000, 0.5), Span(Q.POWER_W, -4000, 4000, 0.125),
        Span(Q.VOLTAGE_V, 1.0, 5.0, 0.125), Span(Q.DISTANCE_M, 0, 10, 0.0625),
        Span(Q.BREATH_RATE_BPM, 1, 60), Span(Q.HEART_RATE_BPM, 30, 220),
    ),
    (Span(Q.SOS, 1, 1),),
    (Span(Q.TEST),),
    (Span(Q.AVAILABLE),),
)  # fmt: skip
