"""What does each field of a Zigbee2MQTT message mean, given what the sensor is used as?

The names, units and value lists are those of the ``exposes`` of about 4,500 device definitions
(zigbee-herdsman-converters 26). A field does not always give the kind: a bed pad publishes ``contact``,
a heat alarm publishes ``smoke``, and ``occupancy`` comes from a PIR (a motion) and from a radar (a
presence); there the enrolled kind decides. Settings and counters are no measurements and not listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.quantity import Quantity
from devices.kinds import SWITCHED
from devices.kinds import USED as USED_KINDS
from devices.payload import YES_NO, Field, spellings
from devices.payload import flag_field as _flag
from devices.payload import number_field as _number

Q = Quantity
Words = dict[Any, float | None]


def _words(extra: Mapping[str, float | None]) -> Words:
    """The table of yes and no, and these words in the usual spellings.

    Where ``none`` is a word of the device (nobody, no fault), ``None`` is still Python's no value.
    """
    return {**YES_NO, **spellings(extra), "None": None}


def inverted(words: Words) -> Words:
    """The same table with yes and no exchanged."""
    return {word: None if x is None else 1.0 - x for word, x in words.items()}


# contact true = magnet at the reed = closed; some firmwares write the word instead
CLOSED: Final = _words({"closed": 1.0, "close": 1.0, "open": 0.0, "opened": 0.0})
OPEN: Final = inverted(CLOSED)
ALARM: Final = _words({"alarm": 1.0, "normal": 0.0, "clear": 0.0, "detecting": 0.0, "idle": 0.0})
SOMEBODY: Final = _words(
    {
        "presence": 1.0, "present": 1.0, "motion": 1.0, "move": 1.0, "moving": 1.0, "movement": 1.0,
        "occupied": 1.0, "peaceful": 1.0, "static": 1.0, "stationary": 1.0, "active": 1.0, "activity": 1.0,
        "small": 1.0, "medium": 1.0, "large": 1.0, "small_movement": 1.0, "large_movement": 1.0,
        "far": 1.0, "near": 1.0, "none": 0.0, "absence": 0.0, "absent": 0.0, "unoccupied": 0.0,
        "no_presence": 0.0, "no_motion": 0.0,
    }
)  # fmt: skip
# Tuya radars put presence into ``state``; ON, OFF, OPEN, LOCK ... there belong to switches and locks
SOMEBODY_STATE: Final[Words] = {
    **dict.fromkeys(("ON", "OFF", "on", "off", "OPEN", "CLOSE", "STOP", "LOCK", "UNLOCK", "TOGGLE")),
    **{w: x for w, x in SOMEBODY.items() if type(w) is str and w.lower() not in YES_NO},
    "none": 0.0,
    "NONE": 0.0,
    "None": None,
    None: None,
    True: None,
    False: None,
}
USED: Final = _words({"open": 1.0, "opened": 1.0, "close": 0.0, "closed": 0.0})
BATTERY_LOW: Final = _words(
    {"low": 1.0, "critical": 1.0, "empty": 1.0, "middle": 0.0, "medium": 0.0, "high": 0.0, "full": 0.0}
    | {"normal": 0.0, "usb": 0.0, "missing": None, "charging": 0.0, "charged": 0.0, "not_charging": None}
    | {"discharging": None}
)
FALL: Final[Words] = {
    "normal": 0.0, "fall_warning": 1.0, "fall_alarm": 2.0,  # Heiman HS2FD
    "none": 0.0, "maybe_fall": 1.0, "fall": 2.0,  # Tuya MIR-HE200
    "no_fall": 0.0, "suspected": 1.0, "confirmed": 2.0, "fall_detected": 2.0, "falling": 2.0,
    "unknown": None, "": None, None: None, "None": None,
}  # fmt: skip
FAULT: Final = _words(
    {"none": 0.0, "normal": 0.0, "clear": 0.0, "ok": 0.0, "fault": 1.0, "serious_fault": 1.0}
    | {"no_fault_detected": 0.0, "unreliable_other": 1.0, "process_error": 1.0}
    | {"sensor_fault": 1.0, "probe_fault": 1.0, "power_fault": 1.0, "comm_fault": 1.0, "radar_fault": 1.0}
)
SELF_TEST: Final = _words(
    {"checking": 1.0, "test": 1.0, "check_success": 0.0, "check success": 0.0, "clear": 0.0}
    | {
        "success": 0.0,
        "failure": 0.0,
        "check_failure": 0.0,
        "check failure": 0.0,
        "others": None,
        "comm_fault": None,
        "radar_fault": None,
    }
)
EXPIRY: Final = _words({"normal": 0.0, "expires_soon": 0.0, "expired": 1.0})
MOVES: Final = _words({"up": None, "down": None, "stop": None, "forward": None, "reverse": None})  # covers
PREHEAT: Final = _words({"preheating": 1.0, "normal": 0.0})
LEAKS: Final = _words({"water_leakage_yes": 1.0, "water_leakage_no": 0.0, "leak": 1.0, "dry": 0.0})
ALARM_LEVEL: Final = _words(
    {"normal": 0.0, "prealarm": 0.0, "alarmed": 1.0, "warning_alarm": 1.0, "critical_alarm": 1.0}
)

# OWON FDS315: what the person does. A low posture is left open: it may be the floor or a low stool.
STATUS_PRESENCE: Final[Words] = {
    "unoccupied": 0.0, "occupied": 1.0, "sitting": 1.0, "on_the_bed": 1.0, "low_posture": 1.0, "falling": 1.0,
}  # fmt: skip
STATUS_FALL: Final[Words] = {
    "unoccupied": 0.0, "occupied": 0.0, "sitting": 0.0, "on_the_bed": 0.0, "falling": 2.0,
}  # fmt: skip


FIELDS: Final[dict[str, Field]] = {
    "contact": _flag(Q.CONTACT_OPEN, OPEN),
    "opening_state": _flag(Q.CONTACT_OPEN, USED | {"tilted": 1.0, "tilt": 1.0}),
    "smoke_density_dbm": Field(None, rule="smoke_db"),
    "smoke": _flag(Q.SMOKE),
    "smoke_state": _flag(Q.SMOKE, ALARM),
    "gas": Field(None, rule="gas"),
    "carbon_monoxide": _flag(Q.CO),
    "water_leak": _flag(Q.WATER, LEAKS),
    "water_leakage_state": _flag(Q.WATER, LEAKS),
    "active_water_leak": _flag(Q.WATER),
    "occupancy": _flag(Q.MOTION, SOMEBODY),
    "presence": _flag(Q.PRESENCE, SOMEBODY),
    "presence_state": _flag(Q.PRESENCE, SOMEBODY),
    "human_motion_state": _flag(Q.PRESENCE, SOMEBODY),
    "motion_state": _flag(Q.PRESENCE, SOMEBODY),
    "state": _flag(Q.PRESENCE, SOMEBODY_STATE),
    "vibration": _flag(Q.VIBRATION),
    "moving": _flag(Q.VIBRATION, MOVES),
    "action": Field(None, rule="action"),
    "sos": Field(None, rule="sos"),
    "sos_alarm": Field(None, rule="sos"),
    "fall_status": Field(Q.FALL_STATE, FALL),
    "fall_down_status": Field(Q.FALL_STATE, FALL),
    "status": Field(None, rule="status"),
    "breathing_rate": _number(Q.BREATH_RATE_BPM, 1, 90),
    "heart_rate": _number(Q.HEART_RATE_BPM, 1, 300),
    "target_distance": Field(None, rule="distance"),
    "distance": Field(None, rule="distance"),
    "co_state": _flag(Q.CO, ALARM),
    "co": _number(Q.CO_PPM, 0, 10_000),
    "co_ppm": _number(Q.CO_PPM, 0, 10_000),
    "carbon_monoxide_value": _number(Q.CO_PPM, 0, 10_000),
    "gas_value": Field(None, rule="gas_value"),
    "gas_density": Field(None, rule="gas_value"),
    "temperature": _number(Q.TEMPERATURE_C, -60, 125),
    "local_temperature": _number(Q.TEMPERATURE_C, -60, 125),
    "device_temperature": _number(Q.DEVICE_TEMPERATURE_C, -60, 150),
    "humidity": _number(Q.HUMIDITY_PCT, 0, 100),
    "pressure": Field(None, rule="pressure"),
    "illuminance": _number(Q.ILLUMINANCE_LX, 0, 200_000),
    "illuminance_lux": _number(Q.ILLUMINANCE_LX, 0, 200_000),
    "ambient_light": _number(Q.ILLUMINANCE_LX, 0, 200_000),
    "co2": _number(Q.CO2_PPM, 0, 100_000),
    "eco2": _number(Q.CO2_PPM, 0, 100_000),
    "pm25": _number(Q.PM2_5_UGM3, 0, 10_000),
    "power": _number(Q.POWER_W, -100_000, 100_000),
    "battery": _number(Q.BATTERY_PCT, 0, 100),
    "battery_low": _flag(Q.BATTERY_LOW),
    "battery_state": _flag(Q.BATTERY_LOW, BATTERY_LOW),
    "battery_level": _flag(Q.BATTERY_LOW, BATTERY_LOW),
    "voltage": _number(Q.VOLTAGE_V, 500, 30_000, 1000),  # mV of a battery; less is volts, see the driver
    "tamper": _flag(Q.TAMPER),
    "test": _flag(Q.TEST),
    "test_alarm": _flag(Q.TEST),
    "test_in_progress": _flag(Q.TEST),
    "self_test": _flag(Q.TEST, SELF_TEST),
    "self_test_result": _flag(Q.TEST, SELF_TEST),
    "checking_result": _flag(Q.TEST, SELF_TEST),
    "trouble": _flag(Q.FAULT),
    "fault": _flag(Q.FAULT, FAULT),
    "fault_alarm": _flag(Q.FAULT, FAULT),
    "battery_defect": _flag(Q.FAULT),
    "reliability": _flag(Q.FAULT, FAULT),
    "ac_status": _flag(Q.MAINS_LOST),  # IAS zone status bit 7: 1 = mains fault
    "mains_power_connected": _flag(Q.MAINS_LOST, inverted(YES_NO)),
    "preheat": _flag(Q.WARMING_UP),
    "warming_up": _flag(Q.WARMING_UP),
    "preheating": _flag(Q.WARMING_UP, PREHEAT),
    "end_of_life": _flag(Q.END_OF_LIFE),
    "endoflife": _flag(Q.END_OF_LIFE, EXPIRY),
    "linkquality": _number(Q.LINK_QUALITY, 0, 255),
}  # fmt: skip

# some firmwares give both alarm bits of an IAS zone apart; either of them is the alarm
for _name in ("contact", "smoke", "gas", "carbon_monoxide", "water_leak", "occupancy", "vibration"):
    _field = FIELDS[_name] if _name != "gas" else _flag(Q.GAS)
    for _bit in ("alarm_1", "alarm_2"):
        FIELDS[f"{_name}_{_bit}"] = (
            _field._replace(words=YES_NO) if _name == "contact" else _field
        )  # an alarm bit of a contact: 1 = open

_PERSON: Final = {"presence", "radar", "fall"}


def fields_for(kind: str, options: Mapping[str, Any]) -> dict[str, Field]:
    """Which fields, with which meaning, does a sensor enrolled as ``kind`` have?

    >>> fields_for("bed", {})["contact"].quantity, fields_for("heat", {})["smoke"].quantity
    (<Quantity.BED_OCCUPIED: 'bed_occupied'>, <Quantity.HEAT: 'heat'>)
    """
    fields = dict(FIELDS)
    if kind in ("bed", "seat"):
        body = Q.BED_OCCUPIED if kind == "bed" else Q.SEAT_OCCUPIED
        for name in ("occupancy", "presence", "presence_state"):
            fields[name] = Field(body, SOMEBODY)
        # a pressure pad is an IAS zone: its alarm bit is the person, published as contact false
        fields["contact"] = Field(body, OPEN)
        fields["pressure"] = Field(body, YES_NO)
        fields["pressure_state"] = Field(body, SOMEBODY | {"sit": 1.0, "sedentary": 1.0})
    elif kind in _PERSON:
        fields["occupancy"] = Field(Q.PRESENCE, SOMEBODY)
    elif kind == "heat":
        for name in ("smoke", "smoke_state", "smoke_alarm_1", "smoke_alarm_2"):
            fields[name] = fields[name]._replace(quantity=Q.HEAT)
        fields["alarm"] = Field(Q.HEAT, ALARM)
    elif kind in USED_KINDS:
        for name in ("contact", "occupancy", "vibration", "state"):
            fields[name] = Field(Q.USE, OPEN if name == "contact" else USED)
    elif kind == "motion":
        fields["motion_state"] = fields["human_motion_state"] = Field(Q.MOTION, SOMEBODY)
    elif kind == "co":
        fields["alarm"] = _flag(Q.CO, ALARM)
    elif kind == "gas":
        fields["gas_sensor_state"] = _flag(Q.GAS, ALARM)
        fields["alarm_state"] = _flag(Q.GAS, ALARM_LEVEL)
    elif kind == "smoke":
        fields["alarm_state"] = _flag(Q.SMOKE, ALARM_LEVEL)
    elif kind in ("door", "window"):
        fields["alarm"] = _flag(Q.CONTACT_OPEN)
    if kind in ("water", "vibration"):
        fields["alarm_status"] = _flag(SWITCHED[kind], ALARM)
    if options.get("inverted") is True:
        fields["contact"] = fields["contact"]._replace(words=inverted(fields["contact"].words or OPEN))
    return mark_second(fields)


def mark_second(fields: dict[str, Field]) -> dict[str, Field]:
    """Rule ``also``: every field but the first of its quantity; the driver joins their readings."""
    first: set[Quantity] = {Q.TEST}  # a test colours the other readings: always looked at twice
    for name, field in fields.items():
        if field.quantity is not None:
            fields[name] = field._replace(rule="also" if field.quantity in first else "")
            first.add(field.quantity)
    return fields
