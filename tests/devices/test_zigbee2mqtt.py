"""Zigbee2MQTT: what its messages mean, and the traps on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import MINUTE, SECOND, Flag, Mark, Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices.zigbee2mqtt import SPEC

T = 1_700_000_000 * SECOND


class Bench:
    """A driver with some sensors, and messages thrown at it."""

    def __init__(self, kind: str = "", address: str = "zigbee2mqtt/thing", **options: Any) -> None:
        self.sensor = Sensor("s", "zigbee2mqtt", "b", kind=kind, address=address, options=options)
        self.driver = SPEC.make([self.sensor])
        self.address = address

    def say(
        self, message: Any, topic: str | None = None, t: int = T, mark: Mark = Mark.DATA
    ) -> list[Reading]:
        if isinstance(message, bytes):
            data = message
        elif isinstance(message, str):
            data = message.encode()
        else:
            data = json.dumps(message).encode()
        return self.driver.feed(Packet("b", topic or self.address, t, data, mark))

    def values(self, message: Any, topic: str | None = None, **more: Any) -> dict[Q, Any]:
        return {r.quantity: r.value for r in self.say(message, topic, **more)}

    @property
    def refused(self) -> dict[str, int]:
        return self.driver.health().refused


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        ("door", {"contact": False}, {Q.CONTACT_OPEN: 1}),
        ("window", {"contact": True}, {Q.CONTACT_OPEN: 0}),
        ("bed", {"contact": False}, {Q.BED_OCCUPIED: 1}),
        ("bed", {"occupancy": True}, {Q.BED_OCCUPIED: 1}),
        ("seat", {"presence": False}, {Q.SEAT_OCCUPIED: 0}),
        ("motion", {"occupancy": True}, {Q.MOTION: 1}),
        ("", {"occupancy": False}, {Q.MOTION: 0}),
        ("presence", {"occupancy": True}, {Q.PRESENCE: 1}),
        ("presence", {"state": "move", "distance": 1.5}, {Q.PRESENCE: 1, Q.DISTANCE_M: 1.5}),
        ("", {"state": "none"}, {Q.PRESENCE: 0}),
        ("", {"state": "ON"}, {}),
        ("heat", {"smoke": True}, {Q.HEAT: 1}),
        ("smoke", {"smoke": True}, {Q.SMOKE: 1}),
        ("gas", {"gas": True}, {Q.GAS: 1}),
        ("co", {"carbon_monoxide": True, "co": 55}, {Q.CO: 1, Q.CO_PPM: 55}),
        ("water", {"water_leak": True}, {Q.WATER: 1}),
        ("tap", {"vibration": True}, {Q.USE: 1}),
        ("cupboard", {"contact": False}, {Q.USE: 1}),
        ("fall", {"fall_status": "fall_warning"}, {Q.FALL_STATE: 1}),
        ("fall", {"fall_down_status": "fall"}, {Q.FALL_STATE: 2}),
        ("fall", {"fall_down_status": "none"}, {Q.FALL_STATE: 0}),
        ("fall", {"status": "falling"}, {Q.FALL_STATE: 2, Q.PRESENCE: 1}),
        ("fall", {"status": "low_posture"}, {Q.PRESENCE: 1}),
        ("fall", {"status": "unoccupied", "breathing_rate": 0}, {Q.PRESENCE: 0, Q.FALL_STATE: 0}),
        ("", {"temperature": -1, "humidity": 40.5}, {Q.TEMPERATURE_C: -1, Q.HUMIDITY_PCT: 40.5}),
        ("", {"pressure": 1008.8}, {Q.PRESSURE_HPA: 1008.8}),
        ("", {"pressure": 100.5}, {Q.PRESSURE_HPA: 1005}),
        ("", {"voltage": 3015, "battery": 87}, {Q.VOLTAGE_V: 3.015, Q.BATTERY_PCT: 87}),
        ("", {"voltage": 230.5}, {Q.VOLTAGE_V: 230.5}),
        ("", {"battery_state": "low", "tamper": True}, {Q.BATTERY_LOW: 1, Q.TAMPER: 1}),
        ("", {"device_temperature": 30, "linkquality": 80}, {Q.DEVICE_TEMPERATURE_C: 30, Q.LINK_QUALITY: 80}),
        ("", {"trouble": True, "ac_status": True}, {Q.FAULT: 1, Q.MAINS_LOST: 1}),
        ("", {"fault": "none", "battery_defect": True}, {Q.FAULT: 1}),
        ("", {"smoke_alarm_1": False, "smoke_alarm_2": True}, {Q.SMOKE: 1}),
        ("", {"smoke_alarm_1": True, "smoke_alarm_2": False}, {Q.SMOKE: 1}),
        ("", {"gas": 0.4}, {}),
        ("", {"detection_delay": 1, "radar_sensitivity": 2, "update": {"state": "idle"}}, {}),
    ],
)
def test_what_a_field_means_for_the_kind(kind: str, message: Any, expected: dict[Q, float]) -> None:
    bench = Bench(kind)
    assert bench.values(message) == expected
    assert bench.refused == {}


def test_a_bed_pad_wired_the_other_way_round_is_said_in_the_options() -> None:
    assert Bench("bed", inverted=True).values({"contact": True}) == {Q.BED_OCCUPIED: 1}


def test_every_reading_is_stamped_with_its_arrival() -> None:
    readings = Bench().say({"smoke": True, "last_seen": "2001-01-01T00:00:00Z"}, t=T)
    assert readings == [Reading("s", Q.SMOKE, T, 1.0, 0)]


@pytest.mark.parametrize("nothing", [None, "", "null", "nan", "None", "unknown", "unavailable", -1, "-1"])
@pytest.mark.parametrize(
    "field", ["contact", "smoke", "battery", "linkquality", "fall_status", "battery_low"]
)
def test_trap_12_absent_is_no_value(field: str, nothing: Any) -> None:
    bench = Bench()
    assert bench.say({field: nothing}) == []


@pytest.mark.parametrize("written", ["false", "False", "FALSE", "OFF", "off", False, 0])
def test_trap_13_text_false_is_false(written: Any) -> None:
    assert Bench().values({"contact": written, "battery": "87"}) == {Q.CONTACT_OPEN: 1, Q.BATTERY_PCT: 87}


@pytest.mark.parametrize("bad", [[], {}, "perhaps", 17, 1e400])
def test_what_is_no_yes_or_no_is_refused_by_name(bad: Any) -> None:
    bench = Bench()
    assert bench.say(json.dumps({"smoke": bad, "contact": False}).replace("Infinity", "1e999")) == [
        Reading("s", Q.CONTACT_OPEN, T, 1.0, 0)
    ]
    assert bench.refused == {"wrong_type:smoke": 1}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"contact":fal', "not_json"),
        (b'{"contact":NaN}', "not_json"),
        (b'{"contact":"\xff"}', "not_utf8"),
        (b"[1]", "not_object"),
        (b"true", "not_object"),
        (b'{"contact":' + b"[" * 5000, "nesting"),
        (b" " * (1 << 20) + b"{}", "too_large"),
    ],
)
def test_a_bad_message_is_refused_by_name(data: bytes, reason: str) -> None:
    bench = Bench()
    assert bench.say(data) == []
    assert bench.refused == {reason: 1}
    health = bench.driver.health()
    assert (health.bytes_in, health.bytes_discarded, health.frames_good) == (len(data), len(data), 0)


def test_a_foreign_topic_is_refused() -> None:
    bench = Bench()
    assert bench.say({"contact": False}, "zigbee2mqtt/other") == []
    assert bench.refused == {"unknown_topic": 1}


def test_marks_other_than_data_say_nothing() -> None:
    bench = Bench()
    for mark in set(Mark) - {Mark.DATA, Mark.RETAINED}:
        assert bench.say("x", mark=mark) == []
    assert bench.driver.health().bytes_in == 0


def test_a_removed_device_clears_its_topic() -> None:
    bench = Bench()
    assert bench.say(b"", mark=Mark.RETAINED) == []
    assert bench.refused == {}


def test_trap_7_retained_values_are_flagged() -> None:
    assert {r.flags for r in Bench().say({"smoke": True, "battery": 9}, mark=Mark.RETAINED)} == {
        Flag.RETAINED
    }


# -- the call button


def test_trap_5_one_press_is_told_once() -> None:
    bench = Bench("button")
    told = bench.say({"action": None, "battery": 100})
    told += bench.say({"action": "emergency", "battery": 100}, t=T + 1)
    told += bench.say("emergency", "zigbee2mqtt/thing/action", t=T + 2)
    told += bench.say({"action": "", "battery": 100}, t=T + 3)
    told += bench.say("", "zigbee2mqtt/thing/action", t=T + 4)
    assert [r for r in told if r.quantity is Q.SOS] == [Reading("s", Q.SOS, T + 1, 1.0, 0)]


def test_the_text_copy_may_come_first() -> None:
    bench = Bench("button")
    assert bench.values("emergency", "zigbee2mqtt/thing/action") == {Q.SOS: 1}
    assert bench.values({"action": "emergency"}, t=T + SECOND) == {}


def test_two_presses_are_two() -> None:
    bench = Bench("button")
    told: list[Reading] = []
    for i in range(3):
        told += bench.say({"action": "emergency"}, t=T + i * SECOND)
        told += bench.say("emergency", "zigbee2mqtt/thing/action", t=T + i * SECOND + 1)
    assert [r.t for r in told] == [T, T + SECOND, T + 2 * SECOND]


def test_a_press_long_after_is_not_a_copy() -> None:
    bench = Bench("button")
    assert bench.values({"action": "emergency"}) == {Q.SOS: 1}
    assert bench.values("emergency", "zigbee2mqtt/thing/action", t=T + MINUTE) == {Q.SOS: 1}


def test_trap_6_an_ordinary_press_is_a_button_unless_enrolled_as_a_call() -> None:
    assert Bench("button").values({"action": "single"}) == {Q.BUTTON: "single"}
    assert Bench("button", any_press=True).values({"action": "single"}) == {Q.SOS: 1}
    assert Bench("button", any_press=True).values({"action": "hold_release"}) == {Q.BUTTON: "hold_release"}
    assert Bench("button", sos_actions=["hold"]).values({"action": "hold"}) == {Q.SOS: 1}
    assert Bench("button", sos_actions=["hold"]).values({"action": "single"}) == {Q.BUTTON: "single"}


def test_a_vibration_action_is_no_press() -> None:
    assert Bench().values({"action": "vibration", "vibration": True}) == {Q.VIBRATION: 1}


def test_a_call_flag_counts_when_it_becomes_true() -> None:
    bench = Bench()
    told = [bench.values({"sos": x}, t=T + i) for i, x in enumerate([False, True, True, False, True])]
    assert told == [{}, {Q.SOS: 1}, {}, {}, {Q.SOS: 1}]


# -- attribute output, tests


def test_attribute_output_and_any_script() -> None:
    bench = Bench(address="zigbee2mqtt/楼上/客厅 门磁")
    assert bench.values("false", "zigbee2mqtt/楼上/客厅 门磁/contact") == {Q.CONTACT_OPEN: 1}
    assert bench.values("21.5", "zigbee2mqtt/楼上/客厅 门磁/temperature") == {Q.TEMPERATURE_C: 21.5}
    assert bench.values("x", "zigbee2mqtt/楼上/客厅 门磁/set") == {}
    assert bench.refused == {}


def test_trap_15_a_test_is_a_test_and_colours_the_alarm() -> None:
    bench = Bench("smoke")
    assert bench.say({"smoke": False, "test": True}) == [
        Reading("s", Q.SMOKE, T, 0.0, Flag.TEST),
        Reading("s", Q.TEST, T, 1.0, 0),
    ]
    assert bench.say({"smoke": True, "test": False})[0].flags == 0


# -- availability


def test_trap_16_a_lost_bridge_makes_its_sensors_unknown() -> None:
    sensors = [
        Sensor(str(i), "zigbee2mqtt", "b", address=a) for i, a in enumerate(["z/a", "z/up/b", "other/c"])
    ]
    driver = SPEC.make(sensors)

    def say(topic: str, data: bytes, mark: Mark = Mark.DATA) -> list[tuple[str, Q, Any]]:
        return [(*r[:2], r.value) for r in driver.feed(Packet("b", topic, T, data, mark))]

    gone = say("z/bridge/state", b'{"state":"offline"}')
    assert gone == [("0", Q.AVAILABLE, 0.0), ("1", Q.AVAILABLE, 0.0)]
    assert say("z/a/availability", b"online", Mark.RETAINED) == []
    assert say("z/bridge/state", b"online") == []
    assert say("z/a", b'{"contact":true}') == [("0", Q.CONTACT_OPEN, 0.0), ("0", Q.AVAILABLE, 1.0)]
    assert say("z/a", b'{"contact":true}') == [("0", Q.CONTACT_OPEN, 0.0)]
    assert say("z/up/b", b'{"contact":true}', Mark.RETAINED) == [("1", Q.CONTACT_OPEN, 0.0)]


@pytest.mark.parametrize("old", ["2023-11-14T20:00:00Z", "2023-11-15T04:00:00+08:00", 1_699_992_000_000])
def test_a_memory_sent_again_after_a_restart_is_no_sign_of_life(old: Any) -> None:
    bench = Bench()
    bench.say("offline", "zigbee2mqtt/bridge/state")
    bench.say("online", "zigbee2mqtt/bridge/state")
    cached = {"smoke": True, "last_seen": old}
    assert bench.say(cached, t=T + SECOND) == [Reading("s", Q.SMOKE, T + SECOND, 1.0, Flag.RETAINED)]
    fresh = {"smoke": True, "last_seen": "2023-11-14T22:13:25Z"}
    assert bench.say(fresh, t=T + 6 * SECOND) == [
        Reading("s", Q.SMOKE, T + 6 * SECOND, 1.0, 0),
        Reading("s", Q.AVAILABLE, T + 6 * SECOND, 1.0, 0),
    ]
    assert [r.flags for r in bench.say(fresh, t=T + 20 * SECOND)] == [0]


def test_a_stale_device_clock_never_holds_back_an_alarm_for_long() -> None:
    bench = Bench()
    bench.say("online", "zigbee2mqtt/bridge/state")
    stuck = {"smoke": True, "last_seen": "2023-11-14T16:00:00Z"}
    assert [r.flags for r in bench.say(stuck, t=T + 2 * MINUTE)] == [0]
    assert [r.flags for r in bench.say(stuck, t=T + 3 * MINUTE)] == [0]


@pytest.mark.parametrize("odd", ["yesterday", "2023-11-14T20:00:00", -5, 10**30, [], {}, True, None, 1e300])
def test_an_odd_device_clock_is_ignored(odd: Any) -> None:
    bench = Bench()
    bench.say("online", "zigbee2mqtt/bridge/state")
    assert [r.flags for r in bench.say({"smoke": True, "last_seen": odd}, t=T + SECOND)] == [0]


@pytest.mark.parametrize(
    ("data", "value"), [("offline", 0), ('{"state":"offline"}', 0), ('{"state":"online"}', 1)]
)
def test_device_availability(data: str, value: float) -> None:
    bench = Bench()
    assert bench.values(data, "zigbee2mqtt/thing/availability") == {Q.AVAILABLE: value}
    assert bench.values("", "zigbee2mqtt/thing/availability") == {}
    assert bench.refused == {}


# -- the inventory


def inventory(*devices: tuple[str, list[Any]]) -> list[Any]:
    return [{"friendly_name": n, "definition": {"model": "x", "exposes": e}} for n, e in devices]


def test_value_words_and_units_come_from_the_inventory() -> None:
    bench = Bench()
    leak = {"type": "binary", "property": "water_leak", "value_on": "Nass", "value_off": "Trocken"}
    pir = {"type": "binary", "property": "occupancy", "value_on": False, "value_off": True}
    volts = {"type": "numeric", "property": "voltage", "unit": "V"}
    far = {"features": [{"type": "numeric", "property": "target_distance", "unit": "cm"}]}
    gas = {"type": "numeric", "property": "gas_value", "unit": "LEL"}
    assert bench.values({"water_leak": "Nass", "gas_value": 3}) == {}
    bench.say(inventory(("thing", [leak, pir, volts, far, gas])), "zigbee2mqtt/bridge/devices")
    assert bench.values(
        {"water_leak": "Nass", "occupancy": False, "voltage": 3.1, "target_distance": 152, "gas_value": 3}
    ) == {Q.WATER: 1, Q.PRESENCE: 1, Q.VOLTAGE_V: 3.1, Q.DISTANCE_M: 1.52, Q.GAS_LEL_PCT: 3}


def test_contact_is_closed_when_true_whatever_the_inventory_calls_on() -> None:
    bench = Bench()
    for on in (True, False):
        leaf = {"type": "binary", "property": "contact", "value_on": on, "value_off": not on}
        bench.say(inventory(("thing", [leaf])), "zigbee2mqtt/bridge/devices")
        assert bench.values({"contact": True}) == {Q.CONTACT_OPEN: 0}


def test_a_gas_meter_is_no_gas_alarm() -> None:
    bench = Bench()
    meter = {"type": "numeric", "property": "gas", "unit": "m³"}
    bench.say(inventory(("thing", [meter])), "zigbee2mqtt/bridge/devices")
    assert bench.values({"gas": 1}) == {}
    level = {"type": "numeric", "property": "gas", "unit": "%LEL"}
    bench.say(inventory(("thing", [level])), "zigbee2mqtt/bridge/devices")
    assert bench.values({"gas": 1}) == {Q.GAS_LEL_PCT: 1}


def test_a_device_that_leaves_the_inventory_is_unknown_once() -> None:
    bench = Bench()
    topic = "zigbee2mqtt/bridge/devices"
    assert bench.values(inventory(("thing", [])), topic) == {}
    assert bench.values(inventory(("renamed", [])), topic) == {Q.AVAILABLE: 0}
    assert bench.values(inventory(("renamed", []), ("b", [])), topic) == {}
    assert bench.refused == {"not_in_inventory": 1}
    assert bench.values(inventory(("thing", [])), topic) == {}
    assert bench.values({"contact": True}) == {Q.CONTACT_OPEN: 0, Q.AVAILABLE: 1}


def test_topics_cover_every_message_once() -> None:
    sensors = [Sensor(str(i), "zigbee2mqtt", "b", address=a) for i, a in enumerate(["z/hall", "z/hall/door"])]
    topics = SPEC.make(sensors).topics()
    assert set(topics) == {
        "z/hall", "z/hall/+", "z/hall/door/+",
        "z/bridge/state", "z/bridge/devices", "z/hall/bridge/state", "z/hall/bridge/devices",
    }  # fmt: skip


# -- laws


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELD = st.sampled_from(
    ["contact", "smoke", "gas", "occupancy", "action", "sos", "status", "state", "voltage", "pressure", "battery",
     "test", "fall_status", "last_seen", "gas_value", "distance", "illuminance", "friendly_name"]
)  # fmt: skip
MESSAGE = st.dictionaries(FIELD | st.text(max_size=10), JSON, max_size=8)
BELOW = st.sampled_from(["", "/availability", "/action", "/contact", "/battery", "/x"])


@given(st.lists(st.tuples(BELOW, st.binary(max_size=40) | MESSAGE.map(lambda m: json.dumps(m).encode()))))
def test_no_message_raises_and_the_books_close(messages: list[tuple[str, bytes]]) -> None:
    bench = Bench("presence")
    for i, (below, data) in enumerate(messages):
        for reading in bench.say(data, bench.address + below, t=T + i):
            assert reading.source == "s"
            assert reading.t == T + i
            assert isinstance(reading.value, str) == (reading.quantity is Q.BUTTON)
            assert reading.quantity is Q.BUTTON or abs(float(reading.value)) < 1e9  # type: ignore[arg-type]
    health = bench.driver.health()
    assert health.bytes_in == health.bytes_good + health.bytes_discarded == sum(len(d) for _, d in messages)
    assert len(health.refused) <= 40


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["friendly_name", "definition", "disabled"]), JSON | st.just("thing"))
    )
)
def test_no_inventory_raises(devices: list[Any]) -> None:
    bench = Bench()
    bench.say(devices, "zigbee2mqtt/bridge/devices")
    assert bench.values({"contact": False})[Q.CONTACT_OPEN] == 1


@given(JSON, st.sampled_from(["occupancy", "contact", "gas", "voltage", "state"]))
def test_no_exposes_tree_raises(tree: Any, name: str) -> None:
    bench = Bench()
    leaf = {"type": "binary", "property": name, "value_on": tree, "value_off": None, "unit": tree}
    for exposes in (tree, [tree], [leaf], [{"features": [leaf, tree]}]):
        bench.say(inventory(("thing", exposes)), "zigbee2mqtt/bridge/devices")
        assert bench.values({"tamper": True}) == {Q.TAMPER: 1}


@given(st.sampled_from(SPEC.spans), st.data())
def test_what_is_encoded_is_decoded(group: tuple[Any, ...], data: st.DataObject) -> None:
    spans = data.draw(st.lists(st.sampled_from(group), min_size=1, unique=True))
    readings = []
    for span in spans:
        steps = round((span.high - span.low) / span.step)
        value = span.low + span.step * data.draw(st.integers(0, steps))
        readings.append(Reading(SPEC.example.id, span.quantity, T, value, 0))  # type: ignore[union-attr]
    driver = SPEC.make([SPEC.example])  # type: ignore[list-item]
    packets = SPEC.encode(SPEC.example, readings)  # type: ignore[arg-type]
    decoded = [r for p in packets for r in driver.feed(p)]
    assert sorted(decoded) == sorted(readings)


@pytest.mark.parametrize(
    ("kind", "quantity"),
    [("heat", Q.HEAT), ("bed", Q.BED_OCCUPIED), ("seat", Q.SEAT_OCCUPIED), ("tap", Q.USE), ("switch", Q.USE),
     ("presence", Q.PRESENCE), ("motion", Q.MOTION)],
)  # fmt: skip
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_what_a_kind_encodes_it_decodes(kind: str, quantity: Q, value: float) -> None:
    bench = Bench(kind)
    reading = Reading("s", quantity, T, value, Flag.RETAINED)
    (packet,) = SPEC.encode(bench.sensor, [reading])
    assert bench.driver.feed(packet) == [reading]


def test_what_cannot_be_said_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot say bed_occupied"):
        SPEC.encode(Bench("door").sensor, [Reading("s", Q.BED_OCCUPIED, T, 1.0, 0)])
