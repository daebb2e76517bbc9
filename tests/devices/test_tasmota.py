"""Tasmota: whole devices, their parts, and what hangs behind their radios."""

from __future__ import annotations

from typing import Any

import pytest

from core.model import MINUTE, SECOND, Flag, Reading
from core.quantity import Quantity as Q
from devices.tasmota_values import parts
from tests.devices.mqtt_bench import Bench, T


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"LD2410": {"Distance": [200.0, 181.0, 144.0], "Energy": [13, 100]}},
         {Q.PRESENCE: 1.0, Q.MOVING_DISTANCE_M: 2.0, Q.STILL_DISTANCE_M: 1.81, Q.DISTANCE_M: 1.44,
          Q.MOVING_ENERGY: 13.0, Q.STILL_ENERGY: 100.0}),
        ({"LD2410": {"Moving energy": [13, 12], "Light": 103, "Out_pin": 1}},
         {Q.PRESENCE: 1.0, Q.ILLUMINANCE_LX: 103.0}),
        ({"LD2410S": {"Distance": 196.0, "People": 2}}, {Q.PRESENCE: 1.0, Q.DISTANCE_M: 1.96}),
        ({"LD2410S": {"Distance": 0.0, "People": 1}}, {Q.PRESENCE: 0.0}),
        ({"LD2410S": {"Update threshold": "2%"}}, {}),
        ({"BME280": {"Temperature": 21.4, "Humidity": 33.7, "Pressure": 1021.9}, "PressureUnit": "hPa"},
         {Q.TEMPERATURE_C: 21.4, Q.HUMIDITY_PCT: 33.7, Q.PRESSURE_HPA: 1021.9}),
        ({"BMP280": {"Pressure": 750.0}, "PressureUnit": "mmHg"}, {Q.PRESSURE_HPA: pytest.approx(999.92, abs=0.1)}),
        ({"SR04": {"Distance": 86.5}}, {Q.DISTANCE_M: 0.865}),
        ({"VL53L0X": {"Distance": 263}}, {Q.DISTANCE_M: 0.263}),
        ({"PMS5003": {"CF1": 3, "PM2.5": 12}}, {Q.PM2_5_UGM3: 12.0}),
        ({"ENERGY": {"Power": 42, "Voltage": 231}}, {Q.POWER_W: 42.0, Q.VOLTAGE_V: 231.0}),
        ({"ESP32": {"Temperature": 51.1}}, {Q.DEVICE_TEMPERATURE_C: 51.1}),
        ({"Switch1": "ON"}, {}),
        ({"StatusSNS": {"BH1750": {"Illuminance": 8}}}, {Q.ILLUMINANCE_LX: 8.0}),
        ({"MJ_HT_V1-1a2b": {"mac": "x", "Temperature": 20.0, "Battery": 90, "RSSI": -70}},
         {Q.BATTERY_PCT: 90.0, Q.RSSI_DBM: -70.0, Q.TEMPERATURE_C: 20.0}),
        ({"ZbReceived": {"0x1": {"Contact": 1, "LinkQuality": 5}}}, {}),  # a child, not the bridge
    ],
)  # fmt: skip
def test_modules_of_a_device(message: Any, expected: dict[Q, Any]) -> None:
    bench = Bench("tasmota", "tele/t")
    assert bench.values("tele/t/SENSOR", {"Time": "2021-01-01T00:00:00", **message}) == expected
    assert bench.refused == {}


@pytest.mark.parametrize("address", ["tele/t", "t", "home/bath/t/tele", "t/tele"])
def test_order_of_prefix_and_topic_is_free(address: str) -> None:
    bench = Bench("tasmota", address)
    tele = address if "tele" in address else f"tele/{address}"
    assert bench.values(f"{tele}/SENSOR", {"BH1750": {"Illuminance": 8}}) == {Q.ILLUMINANCE_LX: 8.0}
    stat = tele.replace("tele", "stat")
    assert bench.values(f"{stat}/RESULT", {"Button1": {"Action": "SINGLE"}}) == {Q.BUTTON: "SINGLE"}
    assert bench.values(f"{tele}/LWT", "Offline") == {Q.AVAILABLE: 0.0}
    assert set(bench.driver.topics()) == {f"{tele}/#", f"{stat}/#"}


def test_a_topic_that_holds_the_prefix_as_part_of_a_word() -> None:
    bench = Bench("tasmota", "tele/telephone")
    assert bench.values("stat/telephone/RESULT", {"Button1": {"Action": "HOLD"}}) == {Q.BUTTON: "HOLD"}


@pytest.mark.parametrize(
    ("kind", "inverted", "payload", "expected"),
    [
        ("door", False, "ON", {Q.CONTACT_OPEN: 1.0}),
        ("door", True, "ON", {Q.CONTACT_OPEN: 0.0}),
        ("motion", False, {"Action": "ON"}, {Q.MOTION: 1.0}),
        ("button", False, "ON", {Q.SOS: 1.0}),
        ("button", False, "OFF", {}),
        ("tap", False, "ON", {Q.USE: 1.0}),
        ("", False, "ON", {}),
    ],
)
def test_a_switch_means_what_its_kind_says(
    kind: str, inverted: bool, payload: Any, expected: dict[Q, Any]
) -> None:
    bench = Bench("tasmota", "tele/t/SENSOR/Switch2", kind, inverted=inverted)
    message = {"Switch1": "OFF", "Switch2": payload}
    assert bench.values("tele/t/SENSOR", message) == expected


def test_a_held_cord_calls_once() -> None:
    bench = Bench("tasmota", "tele/t/SENSOR/Switch1", "button")
    told = [bench.values("tele/t/SENSOR", {"Switch1": x}) for x in ("ON", "ON", "OFF", "ON")]
    assert told == [{Q.SOS: 1.0}, {}, {}, {Q.SOS: 1.0}]


@pytest.mark.parametrize(
    ("fields", "kind", "expected"),
    [
        (
            {"Contact": 1, "ZoneStatusChange": 33},
            "",
            {Q.CONTACT_OPEN: 1.0, Q.TAMPER: 0.0, Q.BATTERY_LOW: 0.0},
        ),
        (
            {"Contact": 0, "ZoneStatusChange": 40},
            "",
            {Q.CONTACT_OPEN: 0.0, Q.TAMPER: 0.0, Q.BATTERY_LOW: 1.0},
        ),
        ({"Occupancy": 1}, "", {Q.MOTION: 1.0}),
        ({"Occupancy": 1}, "presence", {Q.PRESENCE: 1.0}),
        ({"Water": 1, "BatteryPercentage": 80}, "", {Q.WATER: 1.0, Q.BATTERY_PCT: 80.0}),
        ({"CO": 1}, "", {Q.CO: 1.0}),
        ({"CO": 1}, "gas", {Q.GAS: 1.0}),
        ({"PersonalAlarm": 1}, "button", {Q.SOS: 1.0}),
        ({"Click": "single"}, "", {Q.BUTTON: "single"}),
        ({"0500!00": "010000FF0000"}, "", {Q.TAMPER: 0.0, Q.BATTERY_LOW: 0.0}),
        ({"0500!00": "010000FF0000"}, "water", {Q.WATER: 1.0, Q.TAMPER: 0.0, Q.BATTERY_LOW: 0.0}),
        ({"0500!00": "020000FF0000"}, "gas", {Q.GAS: 1.0, Q.TAMPER: 0.0, Q.BATTERY_LOW: 0.0}),
        ({"0500!00": "0C0000FF0000"}, "smoke", {Q.SMOKE: 0.0, Q.TAMPER: 1.0, Q.BATTERY_LOW: 1.0}),
        ({"0500!00": "zz"}, "smoke", {}),
    ],
)
@pytest.mark.parametrize("shape", ["nested", "bare", "own topic", "flat"])
def test_zigbee_devices_in_every_shape(
    fields: dict[str, Any], kind: str, expected: dict[Q, Any], shape: str
) -> None:
    bench = Bench("tasmota", "tele/zb/SENSOR/hall", kind)
    child = {"Device": "0x662E", "Name": "hall", **fields, "Endpoint": 1, "LinkQuality": 157}
    topic, message = {
        "nested": ("tele/zb/SENSOR", {"ZbReceived": {"0x662E": child}}),
        "bare": ("tele/zb/SENSOR", {"0x662E": child}),
        "own topic": ("tele/zb/662E/SENSOR", {"ZbReceived": {"0x662E": child}}),
        "flat": ("tele/zb/hall/SENSOR", {k: v for k, v in child.items() if k not in ("Device", "Name")}),
    }[shape]
    assert bench.values(topic, message) == {**expected, Q.LINK_QUALITY: 157.0}
    assert bench.refused == {}


def test_a_433_mhz_code_is_weak_and_its_copies_are_repeats() -> None:
    bench = Bench("tasmota", "tele/rf/SENSOR/4AF10A", "door", off_codes=["4AF10E"])

    def heard(code: str, t: int) -> list[Reading]:
        message = {"RfReceived": {"Sync": 10250, "Data": code, "RfKey": "None"}}
        return bench.say("tele/rf/RESULT", message, t=t)

    weak, copy = int(Flag.WEAK), int(Flag.WEAK | Flag.REPEAT)
    assert heard("4AF10A", T) == [Reading("s", Q.CONTACT_OPEN, T, 1.0, weak)]
    assert heard("4AF10A", T + SECOND) == [Reading("s", Q.CONTACT_OPEN, T + SECOND, 1.0, copy)]
    assert heard("4AF10E", T + SECOND) == [Reading("s", Q.CONTACT_OPEN, T + SECOND, 0.0, weak)]
    assert heard("FFFFFF", T + SECOND) == []
    assert heard("4AF10A", T + MINUTE)[0].flags == weak


def test_a_deep_sleeper_says_offline_on_purpose() -> None:
    bench = Bench("tasmota", "tele/t", sleeps=True)
    assert bench.values("tele/t/LWT", "Offline") == {}
    assert bench.values("tele/t/LWT", "Online") == {Q.AVAILABLE: 1.0}


def test_bad_messages_are_counted() -> None:
    bench = Bench("tasmota", "tele/t")
    assert bench.say("tele/t/SENSOR", b"{") == []
    assert bench.say("tele/t/SENSOR", {"BME280": {"Temperature": "hot"}}) == []
    assert bench.say("tele/t/LWT", "Perhaps") == []
    assert bench.say("tele/other/SENSOR", {}) == []
    assert bench.refused == {
        "not_json": 1, "wrong_type:Temperature": 1, "wrong_type:state": 1, "unknown_topic": 1,
    }  # fmt: skip


def test_parts_are_named_by_all_their_names() -> None:
    message = {"ZbReceived": {"0x1": {"Device": "0x1", "Name": " hall ", "IEEEAddr": "0xF"}}}
    assert [p.names for p in parts(message)] == [("0x1", "hall", "0x1", "0xF")]
