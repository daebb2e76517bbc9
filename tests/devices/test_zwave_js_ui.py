"""Z-Wave: notifications by number, idle by variable, every payload form."""

from __future__ import annotations

from typing import Any

import pytest

from core.quantity import Quantity as Q
from tests.devices.mqtt_bench import Bench

NODE = "zwave/Washok/Sensor"


@pytest.mark.parametrize(
    ("topic", "value", "kind", "expected"),
    [
        ("113/0/Smoke_Alarm/Sensor_status", 1, "", {Q.SMOKE: 1.0}),
        ("113/0/Smoke_Alarm/Sensor_status", 2, "", {Q.SMOKE: 1.0}),
        ("113/0/Smoke_Alarm/Sensor_status", 0, "", {Q.SMOKE: 0.0}),
        ("113/0/Smoke_Alarm/Alarm_status", 3, "", {Q.TEST: 1.0}),
        ("113/0/Smoke_Alarm/Alarm_status", 0, "", {Q.TEST: 0.0}),
        ("113/0/Smoke_Alarm/Alarm_status", 6, "", {}),
        ("113/0/Smoke_Alarm/Maintenance_status", 5, "", {Q.END_OF_LIFE: 1.0}),
        ("notification/endpoint_0/Smoke_Alarm/Sensor_status", 2, "", {Q.SMOKE: 1.0}),
        ("113/0/CO_Alarm/Sensor_status", 2, "", {Q.CO: 1.0}),
        ("113/0/Gas_Alarm/Sensor_status", 1, "", {Q.GAS: 1.0}),
        ("113/0/Gas_Alarm/Alarm_status", 5, "", {Q.TEST: 1.0}),
        ("113/0/Heat_Alarm/Heat_sensor_status", 2, "", {Q.HEAT: 1.0}),
        ("113/0/Water_Alarm/Sensor_status", 2, "", {Q.WATER: 1.0}),
        ("113/0/Access_Control/Door_state", 22, "", {Q.CONTACT_OPEN: 1.0}),
        ("113/0/Access_Control/Door_state_(simple)", 23, "", {Q.CONTACT_OPEN: 0.0}),
        ("113/0/Access_Control/Door_state", 5633, "", {Q.CONTACT_OPEN: 1.0}),
        ("113/0/Access_Control/Keypad_state", 6, "", {}),
        ("113/0/Home_Security/Motion_sensor_status", 8, "", {Q.MOTION: 1.0}),
        ("113/0/Home_Security/Motion_sensor_status", 0, "", {Q.MOTION: 0.0}),
        ("113/0/Home_Security/Cover_status", 3, "", {Q.TAMPER: 1.0}),
        ("113/0/Home_Security/Sensor_status", 2, "door", {Q.CONTACT_OPEN: 1.0}),
        ("113/0/Home_Security/Sensor_status", 0, "door", {Q.CONTACT_OPEN: 0.0}),
        ("113/0/Home_Security/Sensor_status", 2, "", {}),
        ("113/0/Power_Management/Mains_status", 2, "", {Q.MAINS_LOST: 1.0}),
        ("113/0/Power_Management/Battery_maintenance_status", 11, "", {Q.BATTERY_LOW: 1.0}),
        ("113/0/System/Hardware_status", 1, "", {Q.FAULT: 1.0}),
        ("48/0/Motion", True, "", {Q.MOTION: 1.0}),
        ("48/0/Door-Window", True, "", {Q.CONTACT_OPEN: 1.0}),
        ("48/0/Any", True, "water", {Q.WATER: 1.0}),
        ("48/0/Any", True, "", {}),
        ("156/0/state/Water_Leak_Alarm", True, "", {Q.WATER: 1.0}),
        ("32/0/event", 255, "door", {Q.CONTACT_OPEN: 1.0}),
        ("49/0/Air_temperature", 21.4, "", {Q.TEMPERATURE_C: 21.4}),
        ("49/0/Carbon_monoxide_(CO)_level", 30, "", {Q.CO_PPM: 30.0}),
        ("128/0/level", 90, "", {Q.BATTERY_PCT: 90.0}),
        ("128/0/isLow", False, "", {Q.BATTERY_LOW: 0.0}),
        ("91/0/scene/001", 0, "", {Q.BUTTON: "single_001"}),
        ("91/0/scene/001", None, "", {}),
        ("112/0/Parameter_1", 5, "", {}),
        ("lastActive", 1675245082645, "", {}),
    ],
)
@pytest.mark.parametrize("form", ["time and value", "whole object", "bare"])
def test_values(topic: str, value: Any, kind: str, expected: dict[Q, Any], form: str) -> None:
    bench = Bench("zwave_js_ui", NODE, kind)
    message = {
        "time and value": {"time": 1675245082645, "value": value, "nodeName": "Sensor"},
        "whole object": {"id": "5-113-0", "commandClass": 113, "value": value, "unit": "°C"},
        "bare": "null" if value is None else value,
    }[form]
    assert bench.values(f"{NODE}/{topic}", message) == expected
    assert bench.refused == {}


def test_fahrenheit_is_told_by_the_whole_object() -> None:
    bench = Bench("zwave_js_ui", NODE)
    assert bench.values(f"{NODE}/49/0/Air_temperature", {"value": 68, "unit": "°F"}) == {
        Q.TEMPERATURE_C: 20.0
    }


def test_a_call_for_help_counts_once_until_it_ends() -> None:
    bench = Bench("zwave_js_ui", NODE)
    told = [bench.values(f"{NODE}/113/0/Emergency_Alarm", {"value": v}) for v in (4, 4, 0, 3)]
    assert told == [{Q.SOS: 1.0}, {}, {}, {Q.SOS: 1.0}]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"value": False, "status": "Dead"}, {Q.AVAILABLE: 0.0}),
        ({"value": True, "status": "Alive"}, {Q.AVAILABLE: 1.0}),
        ({"value": False, "status": "Asleep"}, {Q.AVAILABLE: 1.0}),
        ({"value": True}, {Q.AVAILABLE: 1.0}),
        ({"value": None}, {}),
    ],
)
def test_node_status(message: Any, expected: dict[Q, Any]) -> None:
    assert Bench("zwave_js_ui", NODE).values(f"{NODE}/status", message) == expected


def test_what_is_no_number_is_counted() -> None:
    bench = Bench("zwave_js_ui", NODE)
    assert bench.say(f"{NODE}/113/0/Smoke_Alarm/Sensor_status", {"value": "on fire"}) == []
    assert bench.say("zwave/other/113/0/Smoke_Alarm/Sensor_status", {"value": 2}) == []
    assert bench.refused == {"wrong_type:notification": 1, "unknown_topic": 1}
