"""What do Z-Wave command classes, notification types and their numbers mean?

From the Z-Wave notification registry, and zwave-js' names of variables. See ``zwave_js_ui.py``.
"""

from __future__ import annotations

import re
from typing import Final

from core.quantity import Quantity
from devices.payload import Field, number_field

Q = Quantity
Told = tuple[Quantity, float]

CLASSES: Final = {
    "basic": 32, "switch_binary": 37, "binary_switch": 37, "sensor_binary": 48, "binary_sensor": 48,
    "sensor_multilevel": 49, "multilevel_sensor": 49, "meter": 50, "central_scene": 91,
    "alarm": 113, "notification": 113, "battery": 128, "sensor_alarm": 156, "alarm_sensor": 156,
}  # fmt: skip
"""Command classes by the names of named topics."""

_GONE: Final = re.compile(r"[^a-z0-9]+")


def key(name: str) -> str:
    """A name without regard to case and separators.

    >>> key("Door state (simple)"), key("Door_state_(simple)")
    ('door_state_simple', 'door_state_simple')
    """
    return _GONE.sub("_", name.lower()).strip("_")


# notification type -> value -> statements
_DETECTOR: Final = {3: [(Q.TEST, 1.0)], 4: [(Q.END_OF_LIFE, 1.0)], 5: [(Q.END_OF_LIFE, 1.0)]}
_MAINTENANCE: Final = {7: [(Q.FAULT, 1.0)], 8: [(Q.FAULT, 1.0)]}
NOTIFICATIONS: Final[dict[str, dict[int, list[Told]]]] = {
    "smoke_alarm": {1: [(Q.SMOKE, 1.0)], 2: [(Q.SMOKE, 1.0)], **_DETECTOR, **_MAINTENANCE},
    "co_alarm": {1: [(Q.CO, 1.0)], 2: [(Q.CO, 1.0)], **_DETECTOR, **_MAINTENANCE},
    "heat_alarm": {
        **{n: [(Q.HEAT, 1.0)] for n in (1, 2, 3, 4)},
        7: [(Q.TEST, 1.0)],
        8: [(Q.END_OF_LIFE, 1.0)],
    },
    "water_alarm": {1: [(Q.WATER, 1.0)], 2: [(Q.WATER, 1.0)]},
    "gas_alarm": {
        **{n: [(Q.GAS, 1.0)] for n in (1, 2, 3, 4)},
        5: [(Q.TEST, 1.0)],
        6: [(Q.END_OF_LIFE, 1.0)],
    },
    "access_control": {
        22: [(Q.CONTACT_OPEN, 1.0)],
        23: [(Q.CONTACT_OPEN, 0.0)],
        5632: [(Q.CONTACT_OPEN, 1.0)],  # open in regular position
        5633: [(Q.CONTACT_OPEN, 1.0)],  # open in tilt position
    },
    "home_security": {
        3: [(Q.TAMPER, 1.0)],
        4: [(Q.TAMPER, 1.0)],
        5: [(Q.VIBRATION, 1.0)],
        6: [(Q.VIBRATION, 1.0)],
        7: [(Q.MOTION, 1.0)],
        8: [(Q.MOTION, 1.0)],
        9: [(Q.TAMPER, 1.0)],
        10: [(Q.VIBRATION, 1.0)],
        11: [(Q.TAMPER, 1.0)],
    },
    "power_management": {
        2: [(Q.MAINS_LOST, 1.0)],
        3: [(Q.MAINS_LOST, 0.0)],
        10: [(Q.BATTERY_LOW, 1.0)],
        11: [(Q.BATTERY_LOW, 1.0)],
    },
    "system": {n: [(Q.FAULT, 1.0)] for n in (1, 2, 3, 4)},
    "emergency_alarm": {n: [(Q.SOS, 1.0)] for n in (1, 2, 3, 4)},
    "home_health": {
        1: [(Q.BED_OCCUPIED, 0.0)],
        2: [(Q.BED_OCCUPIED, 1.0)],
        3: [(Q.BED_OCCUPIED, 1.0)],
        5: [(Q.BED_OCCUPIED, 1.0)],
    },
}

# what value 0 (idle) ends, by type and variable; the type's own quantity where no variable is named
IDLE: Final[dict[tuple[str, str], Quantity]] = {
    **{
        (kind, variable): quantity
        for kind, quantity in (
            ("smoke_alarm", Q.SMOKE), ("co_alarm", Q.CO), ("heat_alarm", Q.HEAT),
            ("water_alarm", Q.WATER), ("gas_alarm", Q.GAS),
        )
        for variable in ("", "sensor_status")
    },
    **{
        (kind, variable): quantity
        for kind in ("smoke_alarm", "co_alarm", "heat_alarm", "gas_alarm")
        for variable, quantity in (("alarm_status", Q.TEST), ("maintenance_status", Q.FAULT))
    },
    ("home_security", "motion_sensor_status"): Q.MOTION,
    ("home_security", "cover_status"): Q.TAMPER,
    ("home_security", "tampering_product_cover_removed"): Q.TAMPER,
    ("power_management", "mains_status"): Q.MAINS_LOST,
    ("power_management", "battery_maintenance_status"): Q.BATTERY_LOW,
    ("system", "hardware_status"): Q.FAULT,
    ("emergency_alarm", ""): Q.SOS,
}  # fmt: skip

# Home Security 1 and 2 (intrusion) mean what the enrolled kind says
INTRUSION: Final = {"home_security": frozenset({1, 2})}

BINARY: Final = {
    "motion": Q.MOTION, "door_window": Q.CONTACT_OPEN, "smoke": Q.SMOKE, "co": Q.CO, "heat": Q.HEAT,
    "water": Q.WATER, "tamper": Q.TAMPER, "glass_break": Q.VIBRATION,
}  # fmt: skip
ALARM_SENSOR: Final = {
    "smoke_alarm": Q.SMOKE, "co_alarm": Q.CO, "heat_alarm": Q.HEAT, "water_leak_alarm": Q.WATER,
    "smoke": Q.SMOKE, "co": Q.CO, "heat": Q.HEAT, "water_leak": Q.WATER,
}  # fmt: skip
MULTILEVEL: Final[dict[str, Field]] = {
    "air_temperature": number_field(Q.TEMPERATURE_C, -60, 302),
    "humidity": number_field(Q.HUMIDITY_PCT, 0, 100),
    "illuminance": number_field(Q.ILLUMINANCE_LX, 0, 200_000),
    "carbon_monoxide_co_level": number_field(Q.CO_PPM, 0, 10_000),
    "carbon_dioxide_co2_level": number_field(Q.CO2_PPM, 0, 100_000),
    "methane_ch4_density": number_field(Q.METHANE_PPM, 0, 1_000_000),
    "particulate_matter_2_5": number_field(Q.PM2_5_UGM3, 0, 10_000),
    "heart_rate": number_field(Q.HEART_RATE_BPM, 1, 300),
    "respiratory_rate": number_field(Q.BREATH_RATE_BPM, 1, 90),
    "power": number_field(Q.POWER_W, -100_000, 100_000),
    "distance": number_field(Q.DISTANCE_M, 0, 20),
}
