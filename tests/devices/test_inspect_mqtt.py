"""What a scan says of a message it knows nothing about, against published and captured payloads."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.inspect_mqtt import Item, convention, inspect

LIFE_SAFETY = {"smoke", "gas", "co", "water", "sos", "fall"}
DATA = Path(os.environ.get("HEARTHWATCH_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.mark.parametrize(
    ("topic", "payload", "found", "items"),
    [
        ("zigbee2mqtt/a/b", '{"contact":true}', "zigbee2mqtt", [("door", "closed")]),
        ("zigbee2mqtt/door/contact", "false", "zigbee2mqtt", [("door", "open")]),
        ("zigbee2mqtt/b/action", "emergency", "zigbee2mqtt", [("sos", "pressed")]),
        ("zigbee2mqtt/b", '{"action":"hold"}', "zigbee2mqtt", [("button", "hold")]),
        ("zigbee2mqtt/r", '{"status":"falling"}', "zigbee2mqtt",
         [("presence", True), ("fall", "confirmed"), ("posture", "falling")]),
        ("zigbee2mqtt/r", '{"status":"sitting"}', "zigbee2mqtt", [("presence", True), ("posture", "sitting")]),
        ("zigbee2mqtt/r", '{"fall_status":"fall_warning","occupancy":true}', "zigbee2mqtt",
         [("fall", "suspected"), ("presence", True)]),
        ("zigbee2mqtt/bridge/devices", "[]", "", []),
        ("zigbee2mqtt/bridge/event", '{"type":"device_leave"}', "", []),
        ("z/bridge/state", "offline", "zigbee2mqtt", [("availability", "offline")]),
        ("tele/x/LWT", "Online", "tasmota", [("availability", "online")]),
        ("tele/x/SENSOR", '{"Switch1":{"Action":"ON"}}', "tasmota", [("switch1", "ON")]),
        ("tele/x/RESULT", '{"RfReceived":{"Data":"4AF10A"}}', "tasmota", [("rf_code", "4AF10A")]),
        ("tele/x/SENSOR", '{"ZbReceived":{"0x1":{"0500!00":"010000FF0000","LinkQuality":70}}}', "tasmota",
         [("link_quality", 70), ("tamper", False), ("battery_low", False), ("ias_zone_status", 1)]),
        ("shellies/shellysmoke-1/sensor/smoke", "true", "shelly_gen1", [("smoke", True)]),
        ("shellies/shellygas-1/sensor/gas", "test", "shelly_gen1", [("test", True)]),
        ("shellies/s/input/0", "1", "shelly_gen1", [("input0", True)]),
        ("shellies/plus1pm/online", "true", "shelly_gen1", [("availability", "online")]),
        ("a/b/status/input:0", '{"id":0,"state":false}', "shelly_gen2", [("input0", False)]),
        ("a/b/status/flood:0", '{"alarm":false,"errors":["cable_unplugged"]}', "shelly_gen2", [("fault", True)]),
        ("n/binary_sensor/falling_information/state", "ON", "esphome", [("fall", "confirmed")]),
        ("n/sensor/still_distance/state", "144", "esphome", [("distance", 1.44)]),
        ("n/binary_sensor/has_moving_target/state", "ON", "esphome", [("motion", True)]),
        ("n/binary_sensor/has_still_target/state", "ON", "esphome", [("still", True), ("presence", True)]),
        ("tele/l/SENSOR", '{"LwReceived":{"LDS01":{"DoorOpen":1,"Battery":3.006,"RSSI":-49.0}}}', "tasmota",
         [("battery_voltage", 3.006), ("door", "open"), ("rssi", -49)]),
        ("n/status", "online", "esphome", [("availability", "online")]),
        ("homeassistant/status", "online", "", []),
        ("homeassistant/binary_sensor/kitchen_smoke/state", "on", "ha_statestream", [("statestream", "on")]),
        ("homeassistant/binary_sensor/x/config", '{"device_class":"smoke","state_topic":"a"}', "ha_discovery",
         [("discovered", "smoke")]),
        ("homeassistant/binary_sensor/x/config", "", "ha_discovery", []),
        ("rtl_433/h/events", '{"model":"Smoke-GS558","id":1,"learn":0}', "rtl_433", []),
        ("rtl_433/h/events", '{"model":"Akhan-100F14","id":1,"data":"0x3 (Alarm)"}', "rtl_433", []),
        ("rtl_433/h/devices/M/1/opened", "1", "rtl_433", [("door", "open")]),
        ("rtl_433/h/availability", "offline", "rtl_433", [("availability", "offline")]),
        ("home/g/433toMQTT", '{"value":7}', "theengs", [("rf_code", "7")]),
        ("home/g/LWT", "offline", "theengs", [("availability", "offline")]),
        ("home/g/BTtoMQTT/A1", '{"button":1}', "theengs", [("button", "press_1")]),
        ("zwave/a/113/0/Access_Control/Door_state", '{"value":23}', "zwave_js_ui", [("door", "closed")]),
        ("homie/5/car/engine/temperature", "21.5", "homie", []),
        ("homie/5/car/$state", "lost", "homie", [("availability", "offline")]),
        ("zigbee/send", '{"cmd":"report","rssi":-31}', "", []),
        ("zigbee2mqtt/door", '{"contact":fal', "", []),
        ("zigbee2mqtt/door", '{"contact":NaN}', "", []),
    ],
)  # fmt: skip
def test_what_a_scan_says(topic: str, payload: str, found: str, items: list[tuple[str, Any]]) -> None:
    data = payload.encode()
    assert convention(topic, data) == found
    assert [(i.kind, i.value) for i in inspect(topic, data)] == items


@pytest.mark.parametrize(
    ("device", "payload", "item"),
    [
        ("OWON SPM915 sleeping pad", '{"contact":false}', Item("bed", "changed")),
        ("Tuya bed pressure strap", '{"occupancy":true}', Item("bed", True)),
        ("Sonoff SNZB-06P", '{"occupancy":true}', Item("presence", True)),
        ("Aqara RTCGQ11LM PIR", '{"occupancy":true}', Item("motion", True)),
        ("frient HESZB-120 heat alarm", '{"smoke":true}', Item("smoke", True)),
    ],
)
def test_the_model_settles_what_the_payload_leaves_open(device: str, payload: str, item: Item) -> None:
    assert inspect("z/x", payload.encode(), device=device) == [item]


@given(
    st.sampled_from(
        ["z/x", "tele/x/SENSOR", "stat/x/RESULT", "shellies/a/info", "a/events/rpc", "n/sensor/x/state",
         "homeassistant/sensor/x/config", "homeassistant/device/x/config", "rtl_433/h/events",
         "home/g/BTtoMQTT/A1", "home/g/433toMQTT", "zwave/a/113/0/Smoke_Alarm", "homie/5/a/$description",
         "a/status/flood:0", "x", ""]
    ),
    st.binary(max_size=40)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=6),
        lambda c: st.lists(c, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["ZbReceived", "LD2410", "Distance", "Energy", "model", "id", "method", "params", "smoke:0",
                 "alarm", "events", "cmps", "nodes", "properties", "value", "contact", "action", "Switch1",
                 "RfReceived", "IBEACON", "0500!00", "smoke", "status", "open", "button", "input:0"]
            ),
            c, max_size=4,
        ),
        max_leaves=8,
    ).map(lambda v: json.dumps(v).encode()),
)  # fmt: skip
def test_nothing_raises(topic: str, data: bytes) -> None:
    for item in inspect(topic, data, device="any"):
        assert item.kind
        assert isinstance(item.value, (bool, str, int, float))


def captures() -> list[dict[str, Any]]:
    path = DATA / "home" / "mqtt-captures" / "captures.jsonl"
    if not path.exists():
        pytest.skip("HEARTHWATCH_DATA holds no home/mqtt-captures")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_captured_payloads_raise_no_alarm_of_their_own() -> None:
    """An alarm is said only where the captured field says so; ``false`` and absent never become one."""
    alarming = {"smoke": "smoke", "gas": "gas", "water": "water_leak", "co": "carbon_monoxide"}
    seen = 0
    for capture in captures():
        payload = capture["payload"]
        data = payload if isinstance(payload, str) else json.dumps(payload)
        items = inspect(capture["topic"] or "zigbee2mqtt/x", data.encode(), device=capture["device"])
        for item in items:
            if item.kind in alarming and item.value is True:
                assert isinstance(payload, dict)
                assert payload[alarming[item.kind]] is True
                seen += 1
            assert item.kind != "fall"
            assert item.kind != "sos" or payload["action"] == "emergency"
    assert seen >= 3
