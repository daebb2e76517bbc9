"""Which quantity is a Home Assistant device class, with its unit, or a well-known entity name?

Classes and units are those of Home Assistant 2026.2. A binary sensor's ``on`` means what the class says:
open (door), wet (moisture), low (battery), detected (smoke), unsafe (safety), a problem (problem).
``safety`` and entities without a class get their meaning from the entity's name: mmWave fall radars
announce a fall as ``safety``, call buttons likewise.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from core.quantity import Quantity
from devices.payload import Field, number_field

Q = Quantity

BINARY: Final[dict[str, Quantity]] = {
    "battery": Q.BATTERY_LOW,
    "carbon_monoxide": Q.CO,
    "connectivity": Q.AVAILABLE,
    "door": Q.CONTACT_OPEN,
    "garage_door": Q.CONTACT_OPEN,
    "gas": Q.GAS,
    "heat": Q.HEAT,
    "moisture": Q.WATER,
    "motion": Q.MOTION,
    "moving": Q.VIBRATION,
    "occupancy": Q.PRESENCE,
    "opening": Q.CONTACT_OPEN,
    "presence": Q.PRESENCE,
    "problem": Q.FAULT,
    "smoke": Q.SMOKE,
    "tamper": Q.TAMPER,
    "vibration": Q.VIBRATION,
    "window": Q.CONTACT_OPEN,
}

# (class, unit) -> how to read the number; the divisor brings it into our unit
_SENSOR: Final[dict[tuple[str, str], Field]] = {
    ("temperature", "°C"): number_field(Q.TEMPERATURE_C, -60, 150),
    ("humidity", "%"): number_field(Q.HUMIDITY_PCT, 0, 100),
    ("illuminance", "lx"): number_field(Q.ILLUMINANCE_LX, 0, 200_000),
    ("battery", "%"): number_field(Q.BATTERY_PCT, 0, 100),
    ("carbon_monoxide", "ppm"): number_field(Q.CO_PPM, 0, 10_000),
    ("carbon_dioxide", "ppm"): number_field(Q.CO2_PPM, 0, 100_000),
    ("pressure", "hPa"): number_field(Q.PRESSURE_HPA, 300, 1200),
    ("pressure", "mbar"): number_field(Q.PRESSURE_HPA, 300, 1200),
    ("pressure", "kPa"): number_field(Q.PRESSURE_HPA, 30, 120, 0.1),
    ("pressure", "Pa"): number_field(Q.PRESSURE_HPA, 30_000, 120_000, 100),
    ("distance", "m"): number_field(Q.DISTANCE_M, 0, 20),
    ("distance", "cm"): number_field(Q.DISTANCE_M, 0, 2000, 100),
    ("distance", "mm"): number_field(Q.DISTANCE_M, 0, 20_000, 1000),
    ("signal_strength", "dBm"): number_field(Q.RSSI_DBM, -130, 0),
    ("signal_strength", "dB"): number_field(Q.RSSI_DBM, -130, 0),
    ("voltage", "V"): number_field(Q.VOLTAGE_V, 0, 500),
    ("voltage", "mV"): number_field(Q.VOLTAGE_V, 0, 500_000, 1000),
    ("power", "W"): number_field(Q.POWER_W, -100_000, 100_000),
    ("power", "kW"): number_field(Q.POWER_W, -100, 100, 0.001),
    ("pm25", "µg/m³"): number_field(Q.PM2_5_UGM3, 0, 10_000),
    ("volatile_organic_compounds_parts", "ppb"): number_field(Q.TVOC_PPB, 0, 1_000_000),
    ("volatile_organic_compounds_parts", "ppm"): number_field(Q.TVOC_PPB, 0, 1000, 0.001),
    ("water", "L"): number_field(Q.WATER_L, 0, 1e9),
    ("water", "m³"): number_field(Q.WATER_L, 0, 1e6, 0.001),
    ("methane", "ppm"): number_field(Q.METHANE_PPM, 0, 1_000_000),
    ("gas_level", "%LEL"): number_field(Q.GAS_LEL_PCT, 0, 100),
    ("formaldehyde", "ppm"): number_field(Q.FORMALDEHYDE_PPM, 0, 100),
    ("formaldehyde", "ppb"): number_field(Q.FORMALDEHYDE_PPM, 0, 100_000, 1000),
    ("heart_rate", "bpm"): number_field(Q.HEART_RATE_BPM, 1, 300),
    ("breath_rate", "bpm"): number_field(Q.BREATH_RATE_BPM, 1, 90),
    ("link_quality", "lqi"): number_field(Q.LINK_QUALITY, 0, 255),
    ("energy_moving", "%"): number_field(Q.MOVING_ENERGY, 0, 100),
    ("energy_still", "%"): number_field(Q.STILL_ENERGY, 0, 100),
    ("distance_moving", "cm"): number_field(Q.MOVING_DISTANCE_M, 0, 2000, 100),
    ("distance_still", "cm"): number_field(Q.STILL_DISTANCE_M, 0, 2000, 100),
    ("distance_moving", "m"): number_field(Q.MOVING_DISTANCE_M, 0, 20),
    ("distance_still", "m"): number_field(Q.STILL_DISTANCE_M, 0, 20),
    ("targets", ""): number_field(Q.TARGET_COUNT, 0, 100),
}
_DEFAULT_UNIT: Final[dict[str, str]] = {
    "temperature": "°C", "humidity": "%", "illuminance": "lx", "battery": "%", "carbon_monoxide": "ppm",
    "carbon_dioxide": "ppm", "distance_moving": "cm", "distance_still": "cm", "heart_rate": "bpm",
    "breath_rate": "bpm", "link_quality": "lqi", "energy_moving": "%", "energy_still": "%",
    "signal_strength": "dBm", "pressure": "hPa",
}  # fmt: skip
_SAME_UNIT: Final = {
    "lux": "lx", "lm": "lx", "C": "°C", "℃": "°C", "F": "°F", "℉": "°F", "μg/m³": "µg/m³", "ug/m3": "µg/m³",
    "l": "L", "%rh": "%", "%RH": "%", "beats/min": "bpm", "breaths/min": "bpm", "/min": "bpm", "rpm": "bpm",
    "LEL": "%LEL", "% LEL": "%LEL", "BPM": "bpm",
}  # fmt: skip
_CLASS_ALIAS: Final = {
    "atmospheric_pressure": "pressure", "volatile_organic_compounds": "volatile_organic_compounds_parts",
}  # fmt: skip
RATES: Final = frozenset({"heart_rate", "breath_rate"})

# words of an entity's name -> its class, first match counts; for entities announced without one
_BINARY_NAMES: Final[tuple[tuple[str, str], ...]] = (
    (r"enable|switch|setting|(^|_)(led|update|valve|relay|siren)(_|$)", ""),  # controls, not findings
    (r"battery_low|low_battery|(^|_)battery$", "battery"),
    (r"tamper", "tamper"),
    (r"(^|_)(fault|problem|error)(_|$)", "problem"),
    (r"(^|_)(self_)?test(_|$)", "test"),
    (r"(^|_)(fall(en|ing)?|fell)(_|$)|fall_detect|跌倒", "fall"),
    (r"(^|_)(sos|panic|emergency|help)(_|$)|呼救", "sos"),
    (r"carbon_monoxide|(^|_)co(_alarm|_detected|$)", "carbon_monoxide"),
    (r"smoke|烟", "smoke"),
    (r"(^|_)gas(_|$)|methane|燃气", "gas"),
    (r"water_leak|leak|flood|(^|_)water(_|$)|moisture|漏水", "moisture"),
    (r"still|static", "still"),
    (r"moving|(^|_)move", "moving_target"),
    (r"presence|people|person|occup|human|has_target|some_?one|bed_occ|mmwave|存在", "occupancy"),
    (r"motion|(^|_)pir(_|$)", "motion"),
    (r"door|window|contact|reed|门|窗", "door"),
    (r"vibration|shake", "vibration"),
)
_SENSOR_NAMES: Final[tuple[tuple[str, str], ...]] = (
    (r"(^|_)g\d+_|threshold|sensitiv|timeout|(^|_)(max|min|gate|delay|interval)(_|$)", ""),  # settings
    (r"heart_?(rate|beat)|(^|_)hr(_|$)|心率", "heart_rate"),
    (r"respir|breath|呼吸", "breath_rate"),
    (r"(moving|move|motion)_.*distance|distance_.*moving", "distance_moving"),
    (r"(still|static)_.*distance|distance_.*still", "distance_still"),
    (r"(moving|move|motion)_.*energy", "energy_moving"),
    (r"(still|static)_.*energy", "energy_still"),
    (r"target_(number|count)|(people|presence|person|target)_count|number_of_targets", "targets"),
    (r"distance", "distance"),
    (r"carbon_monoxide|(^|_)co(_ppm)?$", "carbon_monoxide"),
    (r"(^|_)(co2|carbon_dioxide)(_|$)", "carbon_dioxide"),
    (r"methane|(^|_)ch4(_|$)", "methane"),
    (r"temperature|温度", "temperature"),
    (r"humidity|湿度", "humidity"),
    (r"illumin|luminosity|(^|_)(lux|light)(_|$)|照度", "illuminance"),
    (r"wifi_signal|rssi|signal_strength", "signal_strength"),
    (r"link_?quality", "link_quality"),
    (r"battery(_level)?$", "battery"),
)
_BY_NAME: Final = {
    "fall": Q.FALL_STATE, "sos": Q.SOS, "test": Q.TEST, "still": Q.STILL, "moving_target": Q.MOVING,
}  # fmt: skip
_RADAR_CM: Final = frozenset({"distance"})  # a nameless distance on an mmWave node is centimetres


@lru_cache(maxsize=1024)
def binary_class(name: str) -> str:
    """Which class does a binary entity's name suggest? "" if none.

    >>> binary_class("falling_information"), binary_class("person_information"), binary_class("relay")
    ('fall', 'occupancy', '')
    """
    return _named(name, _BINARY_NAMES)


@lru_cache(maxsize=1024)
def sensor_class(name: str) -> str:
    """The same for a measuring entity.

    >>> sensor_class("real-time_respiratory_rate"), sensor_class("uptime")
    ('breath_rate', '')
    """
    return _named(name, _SENSOR_NAMES)


def _named(name: str, table: tuple[tuple[str, str], ...]) -> str:
    word = re.sub(r"[\s\-./]+", "_", name.strip().lower())
    return next((found for pattern, found in table if re.search(pattern, word)), "")


def binary_quantity(device_class: str, name: str, kind: str) -> Quantity | None:
    """Which quantity is ``on`` of a binary entity? Class first, then name, then the enrolled kind.

    >>> binary_quantity("safety", "Falling Information", "")
    <Quantity.FALL_STATE: 'fall_state'>
    """
    found = device_class
    if found in ("", "safety", "problem", "none"):
        by_name = binary_class(name)
        if by_name in ("fall", "sos") or not found:
            found = by_name
    special = {
        "fall": Q.FALL_STATE,
        "sos": Q.SOS,
        "test": Q.TEST,
        "still": Q.STILL,
        "moving_target": Q.MOVING,
    }
    quantity = special.get(found) or BINARY.get(found)
    if quantity is None and found == "safety":
        quantity = {"fall": Q.FALL_STATE, "button": Q.SOS}.get(kind)
    return quantity


def sensor_field(device_class: str, unit: str, name: str, diagnostic: bool = False) -> Field | None:
    """How is the number of a measuring entity read? None if it is nothing we know.

    >>> sensor_field("distance", "cm", "").read("144"), sensor_field("", "bpm", "Heart rate").read("0")
    (1.44, None)
    """
    unit = _SAME_UNIT.get(unit.strip(), unit.strip())
    found = _CLASS_ALIAS.get(device_class, device_class)
    named = sensor_class(name)
    if not found or named.startswith((found + "_", "heart", "breath")):
        found = named
    if not found and unit == "%LEL":
        found = "gas_level"
    if not unit:
        unit = "cm" if found in _RADAR_CM and not device_class else _DEFAULT_UNIT.get(found, "")
    if unit == "°F" and found == "temperature":
        return Field(Q.TEMPERATURE_C, None, -76, 302, rule="fahrenheit")
    field = _SENSOR.get((found, unit))
    if field is not None and field.quantity is Q.TEMPERATURE_C and diagnostic:
        field = field._replace(quantity=Q.DEVICE_TEMPERATURE_C)
    return field


def celsius(fahrenheit: float) -> float:
    """Degrees Celsius, to a thousandth.

    >>> celsius(212.0)
    100.0
    """
    return round((fahrenheit - 32) * 5 / 9, 3)
