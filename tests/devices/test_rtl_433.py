"""Radio sensors: enrolled by model and id only, weak, copies flagged, fields of many decoders."""

from __future__ import annotations

from typing import Any

import pytest

from core.model import Flag
from core.quantity import Quantity as Q
from tests.devices.mqtt_bench import Bench


def enrolled(message: dict[str, Any], kind: str = "", **options: Any) -> dict[Q, Any]:
    address = f"rtl_433/vm/devices/{message['model']}/{message.get('id', message.get('code'))}"
    bench = Bench("rtl_433", address, kind, **options)
    told = bench.say("rtl_433/vm/events", message)
    assert all(r.flags & Flag.WEAK for r in told)
    assert bench.refused == {}
    return {r.quantity: r.value for r in told}


@pytest.mark.parametrize(
    ("fields", "kind", "expected"),
    [
        ({"opened": 1, "state": "open"}, "", {Q.CONTACT_OPEN: 1.0}),
        ({"opened": 0, "state": "close"}, "", {Q.CONTACT_OPEN: 0.0}),
        ({"motion": 1, "state": "motion"}, "", {Q.MOTION: 1.0}),
        ({"tamper": 1, "state": "tamper"}, "", {Q.TAMPER: 1.0}),
        ({"water": 1, "state": "water"}, "", {Q.WATER: 1.0}),
        ({"battery_ok": 0, "state": "battery"}, "", {Q.BATTERY_LOW: 1.0}),
        ({"battery_ok": 1}, "", {Q.BATTERY_LOW: 0.0}),
        ({"battery_ok": 0.6, "detect_wet": 1, "event": "Water Leak"}, "",
         {Q.WATER: 1.0, Q.BATTERY_LOW: 0.0, Q.BATTERY_PCT: 60.0}),
        ({"detect_wet": 0, "event": "Heartbeat", "battery_mV": 2900}, "", {Q.WATER: 0.0, Q.VOLTAGE_V: 2.9}),
        ({"event": "Open"}, "", {Q.CONTACT_OPEN: 1.0}),
        ({"state": "closed", "contact_open": 0, "reed_open": 1, "alarm": 1, "tamper": 0}, "smoke",
         {Q.CONTACT_OPEN: 0.0, Q.TAMPER: 0.0, Q.SMOKE: 1.0}),
        ({"alarm": 1, "tamper": 0}, "motion", {Q.TAMPER: 0.0, Q.MOTION: 1.0}),
        ({"alarm": 1, "tamper": 0}, "", {Q.TAMPER: 0.0}),
        ({"text": "Fire alarm"}, "", {Q.SMOKE: 1.0}),
        ({"text": "Test alarm"}, "", {Q.TEST: 1.0}),
        ({"text": "Warning/Water detected"}, "", {Q.WATER: 1.0}),
        ({"event": "KEYFOB PANIC"}, "", {Q.SOS: 1.0}),
        ({"state": "ON"}, "door", {Q.CONTACT_OPEN: 1.0}),
        ({"state": "ON"}, "", {}),
        ({"data": "0x3 (Alarm)"}, "button", {}),
        ({"temperature_F": 68.0, "humidity": 40}, "", {Q.HUMIDITY_PCT: 40.0, Q.TEMPERATURE_C: 20.0}),
    ],
)  # fmt: skip
def test_fields_of_many_decoders(fields: dict[str, Any], kind: str, expected: dict[Q, Any]) -> None:
    assert enrolled({"model": "Some-Model", "id": 5, **fields}, kind) == expected


def test_the_alarm_bit_of_a_honeywell_loop_is_not_read() -> None:
    message = {"model": "Honeywell-Security", "id": 5, "state": "open", "alarm": 1}
    assert enrolled(message, "smoke") == {Q.CONTACT_OPEN: 1.0}


def test_a_leak_alarm_of_a_leak_sensor_needs_no_kind() -> None:
    assert enrolled({"model": "Bresser-Leakage", "id": 5, "alarm": 1}) == {Q.WATER: 1.0}


def test_what_only_ever_sends_one_code_acts_when_told_so() -> None:
    leak = {"model": "DY-SQ100B-WaterLeak-EV1527", "code": 983141}
    assert enrolled(leak, "water") == {}
    assert enrolled(leak, "water", on_receipt=True) == {Q.WATER: 1.0}
    smoke = {"model": "Smoke-GS558", "id": 22465, "unit": 28, "learn": 0}
    assert enrolled(smoke, "smoke") == {Q.SMOKE: 1.0}
    assert enrolled(smoke, "") == {}


def test_inverted_exchanges_open_and_closed_only() -> None:
    message = {"model": "M", "id": 1, "opened": 1, "water": 1}
    assert enrolled(message, inverted=True) == {Q.CONTACT_OPEN: 0.0, Q.WATER: 1.0}


def test_subtype_and_channel_narrow_an_enrolment() -> None:
    bench = Bench("rtl_433", "rtl_433/vm/devices/Interlogix-Security/contact/29cd45")
    head = {"model": "Interlogix-Security", "id": "29cd45", "switch1": "OPEN"}
    assert bench.values("rtl_433/vm/events", {**head, "subtype": "contact"}) == {Q.CONTACT_OPEN: 1.0}
    assert bench.values("rtl_433/vm/events", {**head, "subtype": "smoke"}) == {}
    assert bench.refused == {"not_enrolled": 1}


def test_one_field_a_topic() -> None:
    bench = Bench("rtl_433", "rtl_433/vm/devices/Kerui-Security/246261")
    topic = "rtl_433/vm/devices/Kerui-Security/246261"
    assert bench.values(f"{topic}/opened", "1") == {Q.CONTACT_OPEN: 1.0}
    assert bench.values(f"{topic}/battery_ok", "0") == {Q.BATTERY_LOW: 1.0}
    assert bench.values(f"{topic}/time", "2026-11-22 01:18:21") == {}
    assert bench.values("rtl_433/vm/devices/Kerui-Security/7/opened", "1") == {}


def test_the_same_packet_on_both_topics_is_a_copy() -> None:
    bench = Bench("rtl_433", "rtl_433/vm/devices/Kerui-Security/246261")
    first = bench.say("rtl_433/vm/events", {"model": "Kerui-Security", "id": 246261, "water": 1})
    second = bench.say("rtl_433/vm/devices/Kerui-Security/246261/water", "1")
    assert [r.flags & Flag.REPEAT for r in first + second] == [0, Flag.REPEAT]


def test_an_online_receiver_says_nothing_of_its_sensors() -> None:
    bench = Bench("rtl_433", "rtl_433/vm/devices/M/1")
    assert bench.values("rtl_433/vm/availability", "offline") == {Q.AVAILABLE: 0.0}
    assert bench.values("rtl_433/vm/availability", "online") == {}
    message = {"model": "M", "id": 1, "opened": 0}
    assert bench.values("rtl_433/vm/events", message) == {Q.CONTACT_OPEN: 0.0, Q.AVAILABLE: 1.0}
