"""The eighteen traps of home MQTT payloads, each as a test named after it.

Each is a way in which a reader of such messages has gone wrong somewhere: polarity, kinds that the field
does not give, values that are no values, copies, memories, clocks, units, and blind devices.
"""

from __future__ import annotations

from typing import Any

import pytest

from core.model import MINUTE, SECOND, Flag, Mark, Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices import DRIVERS
from tests.devices.mqtt_bench import Bench, T


def zigbee(kind: str = "", **options: Any) -> Bench:
    return Bench("zigbee2mqtt", "z/thing", kind, **options)


def radio(kind: str = "", model: str = "Kerui-Security", ident: str = "246261", **options: Any) -> Bench:
    return Bench("rtl_433", f"rtl_433/vm/devices/{model}/{ident}", kind, **options)


def test_trap_01_door_polarity_differs_by_format() -> None:
    opened = {Q.CONTACT_OPEN: 1.0}
    assert zigbee().values("z/thing", {"contact": False}) == opened
    tasmota = Bench("tasmota", "tele/zb/SENSOR/0x662E")
    assert tasmota.values("tele/zb/SENSOR", {"ZbReceived": {"0x662E": {"Contact": 1}}}) == opened
    shelly = Bench("shelly_gen1", "shellies/shellydw2-73C75E")
    assert shelly.values("shellies/shellydw2-73C75E/sensor/state", "open") == opened
    assert shelly.values("shellies/shellydw2-73C75E/sensor/state", "close") == {Q.CONTACT_OPEN: 0.0}
    kerui = {"model": "Kerui-Security", "id": 246261}
    assert radio().values("rtl_433/vm/events", {**kerui, "opened": 1}) == opened
    dsc = {"model": "DSC-Security", "id": 7}
    assert radio(model="DSC-Security", ident="7").values("rtl_433/vm/events", {**dsc, "closed": 0}) == opened


def test_trap_02_a_field_does_not_give_the_kind() -> None:
    assert zigbee("bed").values("z/thing", {"contact": False}) == {Q.BED_OCCUPIED: 1.0}
    assert zigbee("bed").values("z/thing", {"occupancy": True}) == {Q.BED_OCCUPIED: 1.0}
    assert zigbee("heat").values("z/thing", {"smoke": True}) == {Q.HEAT: 1.0}
    assert zigbee("presence").values("z/thing", {"state": "move"}) == {Q.PRESENCE: 1.0}


def test_trap_03_a_detector_that_never_reports_is_not_read_as_an_alarm_nor_as_absent() -> None:
    tested = {"battery_low": False, "gas": False, "linkquality": 42, "tamper": False}
    assert zigbee("gas").values("z/thing", tested)[Q.GAS] == 0.0
    # where the raw zone status is told, both of its alarm bits count: 34 is alarm 2
    raw = Bench("tasmota", "tele/zb/SENSOR/gas", "gas")
    child = {"Device": "0x1", "ZoneStatus": 34, "LinkQuality": 42}
    assert raw.values("tele/zb/SENSOR", {"ZbReceived": {"gas": child}})[Q.GAS] == 1.0


def test_trap_04_the_alarm_value_is_told_so_that_commissioning_can_see_it() -> None:
    told = zigbee("gas").say("z/thing", {"gas": True, "test": False})
    assert Reading("s", Q.GAS, T, 1.0, 0) in told


def test_trap_05_one_call_for_help_is_counted_once() -> None:
    bench = zigbee("button")
    told = bench.say("z/thing", {"action": None})
    told += bench.say("z/thing", {"action": "emergency"})
    told += bench.say("z/thing/action", "emergency")
    told += bench.say("z/thing", {"action": ""})
    assert told == [Reading("s", Q.SOS, T, 1.0, 0)]


def test_trap_06_an_emergency_button_may_only_say_single() -> None:
    assert zigbee("button").values("z/thing", {"action": "single"}) == {Q.BUTTON: "single"}
    assert zigbee("button", any_press=True).values("z/thing", {"action": "single"}) == {Q.SOS: 1.0}


@pytest.mark.parametrize(
    ("device", "address", "topic", "payload", "quantity"),
    [
        ("esphome", "n", "n/binary_sensor/falling_information/state", "ON", Q.FALL_STATE),
        ("esphome", "n", "n/event/sos/state", '{"event_type":"sos"}', Q.SOS),
        ("zigbee2mqtt", "z/s", "z/s", '{"smoke":true}', Q.SMOKE),
        ("shelly_gen1", "shellies/x", "shellies/x/sensor/flood", "true", Q.WATER),
        ("tasmota", "tele/s/SENSOR/a", "tele/s/SENSOR", '{"ZbReceived":{"a":{"Fire":1}}}', Q.SMOKE),
        ("zwave_js_ui", "zwave/a", "zwave/a/113/0/Smoke_Alarm/Sensor_status", '{"value":2}', Q.SMOKE),
    ],
)
def test_trap_07_retained_is_of_unknown_age(
    device: str, address: str, topic: str, payload: str, quantity: Q
) -> None:
    told = Bench(device, address).say(topic, payload, mark=Mark.RETAINED)
    assert [(r.quantity, r.flags & Flag.RETAINED) for r in told] == [(quantity, Flag.RETAINED)]


def test_trap_08_one_radio_packet_decoded_as_two_models_alarms_only_the_enrolled_one() -> None:
    bench = radio("door")
    door = {"model": "Kerui-Security", "id": 246261, "cmd": 14, "opened": 1, "state": "open"}
    ghost = {"model": "Smoke-GS558", "id": 22465, "unit": 28, "learn": 0, "code": "7af83c"}
    assert bench.values("rtl_433/vm/events", door) == {Q.CONTACT_OPEN: 1.0}
    assert bench.say("rtl_433/vm/events", ghost) == []
    assert bench.driver.health().refused == {"not_enrolled": 1}


def test_trap_09_copies_of_one_radio_message_are_one_event() -> None:
    bench = radio("water")
    wet = {"model": "Kerui-Security", "id": 246261, "water": 1}
    told = [bench.say("rtl_433/vm/events", wet, t=T + i * SECOND // 5) for i in range(8)]
    assert [[r.flags & Flag.REPEAT for r in readings] for readings in told] == [[0]] + [[Flag.REPEAT]] * 7
    later = bench.say("rtl_433/vm/events", wet, t=T + MINUTE)
    assert [r.flags & Flag.REPEAT for r in later] == [0]


def test_trap_09_a_change_back_is_no_copy() -> None:
    bench = radio("door")
    told: list[Reading] = []
    for i, opened in enumerate((1, 0, 1)):
        message = {"model": "Kerui-Security", "id": 246261, "opened": opened}
        told += bench.say("rtl_433/vm/events", message, t=T + i)
    assert [r.flags & Flag.REPEAT for r in told] == [0, 0, 0]


def test_trap_10_the_healthy_report_of_a_smoke_detector_is_no_smoke() -> None:
    bench = radio("smoke", "Interlogix-Security", "29cd45")
    head = {"model": "Interlogix-Security", "subtype": "smoke", "id": "29cd45", "battery_ok": 1}
    shut = {f"switch{n}": "CLOSED" for n in range(1, 6)}
    idle = {**head, **shut, "switch1": "OPEN"}
    smoke = {**idle, "switch2": "OPEN", "switch3": "OPEN"}
    assert bench.values("rtl_433/vm/events", idle)[Q.SMOKE] == 0.0
    assert bench.values("rtl_433/vm/events", smoke)[Q.SMOKE] == 1.0


@pytest.mark.parametrize(
    ("device", "address", "topic", "message"),
    [
        ("shelly_gen2", "p", "p/events/rpc",
         {"method": "NotifyStatus", "params": {"ts": 2.46, "smoke:0": {"alarm": True}}}),
        ("rtl_433", "r/devices/M/1", "r/events", {"time": "@0.13s", "model": "M", "id": 1, "water": 1}),
        ("rtl_433", "r/devices/M/1", "r/events", {"time": "1795310342.28", "model": "M", "id": 1, "water": 1}),
        ("tasmota", "tele/t", "tele/t/SENSOR", {"Time": "2021-01-01T00:00:00", "BME280": {"Humidity": 40}}),
        ("zigbee2mqtt", "z/t", "z/t", {"last_seen": "2001-01-01T00:00:00Z", "smoke": True}),
        ("zwave_js_ui", "zwave/t", "zwave/t/128/0/level", {"time": 1675245082645, "value": 90}),
    ],
)  # fmt: skip
def test_trap_11_device_clocks_are_not_believed(device: str, address: str, topic: str, message: Any) -> None:
    assert {r.t for r in Bench(device, address).say(topic, message)} == {T}


@pytest.mark.parametrize("nothing", ["", "null", "nan", "None", "unknown", "unavailable", "-1"])
@pytest.mark.parametrize(
    ("device", "address", "topic"),
    [
        ("zigbee2mqtt", "z/t", "z/t/contact"),
        ("zigbee2mqtt", "z/t", "z/t/battery"),
        ("esphome", "n", "n/sensor/real-time_heart_rate/state"),
        ("esphome", "n", "n/binary_sensor/person_information/state"),
        ("shelly_gen1", "shellies/g", "shellies/g/sensor/vibration"),
        ("shelly_gen1", "shellies/g", "shellies/g/sensor/concentration"),
        ("ha_statestream", "h/binary_sensor/smoke", "h/binary_sensor/smoke/state"),
        ("zwave_js_ui", "zwave/t", "zwave/t/128/0/level"),
    ],
)
def test_trap_12_absent_is_no_value(device: str, address: str, topic: str, nothing: str) -> None:
    told = Bench(device, address).values(topic, nothing)
    told.pop(Q.AVAILABLE, None)  # ``unavailable`` is told as such, and as no value
    assert told == {}


def test_trap_13_text_false_is_false_and_text_numbers_are_numbers() -> None:
    message = {"contact": "false", "battery": "87"}
    assert zigbee().values("z/thing", message) == {Q.CONTACT_OPEN: 1.0, Q.BATTERY_PCT: 87.0}
    bench = zigbee()
    assert bench.say("z/thing", '{"temperature":NaN}') == []
    assert bench.driver.health().refused == {"not_json": 1}


def test_trap_14_units_differ_by_place() -> None:
    lora = Bench("tasmota", "tele/l/SENSOR/dw")
    assert lora.values("tele/l/SENSOR", {"LwReceived": {"dw": {"Battery": 3.05}}}) == {Q.VOLTAGE_V: 3.05}
    wifi = Bench("tasmota", "tele/t")
    assert wifi.values("tele/t/STATE", {"Wifi": {"RSSI": 86, "Signal": -57}}) == {Q.RSSI_DBM: -57.0}
    assert zigbee().values("z/thing", {"voltage": 3015}) == {Q.VOLTAGE_V: 3.015}
    chip = wifi.values("tele/t/SENSOR", {"MHZ19B": {"CarbonDioxide": 424, "Temperature": 19.0}})
    assert chip == {Q.CO2_PPM: 424.0, Q.DEVICE_TEMPERATURE_C: 19.0}
    fahrenheit = {"DS18B20": {"Temperature": 68.0}, "TempUnit": "F"}
    assert wifi.values("tele/t/SENSOR", fahrenheit) == {Q.TEMPERATURE_C: 20.0}


def test_trap_15_tests_are_tests() -> None:
    told = zigbee("smoke").say("z/thing", {"smoke": True, "test": True})
    assert {(r.quantity, r.flags & Flag.TEST) for r in told} == {(Q.SMOKE, Flag.TEST), (Q.TEST, 0)}
    shelly = Bench("shelly_gen1", "shellies/g", "gas")
    assert shelly.values("shellies/g/sensor/gas", "test") == {Q.TEST: 1.0}
    zwave = Bench("zwave_js_ui", "zwave/d")
    assert zwave.values("zwave/d/113/0/Smoke_Alarm/Alarm_status", {"value": 3}) == {Q.TEST: 1.0}


@pytest.mark.parametrize(
    ("device", "addresses", "topic", "payload"),
    [
        ("zigbee2mqtt", ("z/a", "z/b"), "z/bridge/state", '{"state":"offline"}'),
        ("rtl_433", ("r/devices/M/1", "r/devices/M/2"), "r/availability", "offline"),
        ("theengs", ("h/g/BTtoMQTT/A1", "h/g/BTtoMQTT/A2"), "h/g/LWT", "offline"),
        ("tasmota", ("tele/z/SENSOR/a", "tele/z/SENSOR/b"), "tele/z/LWT", "Offline"),
        ("zwave_js_ui", ("zwave/a", "zwave/b"), "zwave/_CLIENTS/ZWAVE_GATEWAY-x/status", '{"value":false}'),
    ],
)
def test_trap_16_a_lost_bridge_makes_all_its_sensors_unknown(
    device: str, addresses: tuple[str, ...], topic: str, payload: str
) -> None:
    sensors = [Sensor(f"s{i}", device, "b", address=a) for i, a in enumerate(addresses)]
    told = DRIVERS[device].make(sensors).feed(Packet("b", topic, T, payload.encode()))
    assert [(r.source, r.quantity, r.value) for r in told] == [
        ("s0", Q.AVAILABLE, 0.0),
        ("s1", Q.AVAILABLE, 0.0),
    ]


def test_trap_17_a_blind_device_is_a_fault_and_not_quiet() -> None:
    shelly = Bench("shelly_gen2", "p")
    blind = {"id": 0, "alarm": False, "mute": False, "errors": ["cable_unplugged"]}
    assert shelly.values("p/status/flood:0", blind) == {Q.FAULT: 1.0}
    assert shelly.values("p/status/flood:0", {"id": 0, "alarm": False}) == {Q.WATER: 0.0, Q.FAULT: 0.0}
    ble = Bench("theengs", "h/g/BTtoMQTT/3C2EF5AABBCC")
    encrypted = {"model": "ShellyBLU Door/Window encrypted", "encr": 2, "cipher": "38ef", "rssi": -67}
    assert ble.values("h/g/BTtoMQTT/3C2EF5AABBCC", encrypted) == {Q.RSSI_DBM: -67.0, Q.FAULT: 1.0}


def test_trap_18_statestream_is_not_discovery_although_they_share_the_prefix() -> None:
    discovery = Bench("ha_discovery", "kitchen/smoke")
    assert discovery.say("homeassistant/binary_sensor/kitchen_smoke/state", "on") == []
    forwarded = Bench("ha_statestream", "homeassistant/binary_sensor/kitchen_smoke")
    assert forwarded.say("homeassistant/binary_sensor/kitchen_smoke/config", '{"device_class":"smoke"}') == []
    assert forwarded.driver.health().refused == {"unknown_topic": 1}
    forwarded.say("homeassistant/binary_sensor/kitchen_smoke/device_class", '"smoke"')
    assert forwarded.values("homeassistant/binary_sensor/kitchen_smoke/state", "on") == {Q.SMOKE: 1.0}
