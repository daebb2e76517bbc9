"""ESPHome topics without classes: names of the mmWave radars, single entities, whole nodes."""

from __future__ import annotations

from typing import Any

import pytest

from core.model import Flag, Mark, Packet, Sensor
from core.quantity import Quantity as Q
from devices import DRIVERS
from tests.devices.mqtt_bench import Bench, T


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("binary_sensor/person_information", "ON", {Q.PRESENCE: 1.0}),
        ("binary_sensor/has_target", "OFF", {Q.PRESENCE: 0.0}),
        ("binary_sensor/has_moving_target", "ON", {Q.MOVING: 1.0}),
        ("binary_sensor/has_still_target", "ON", {Q.STILL: 1.0}),
        ("binary_sensor/falling_information", "ON", {Q.FALL_STATE: 2.0}),
        ("binary_sensor/falling_information", "OFF", {Q.FALL_STATE: 0.0}),
        ("binary_sensor/front_door", "ON", {Q.CONTACT_OPEN: 1.0}),
        ("binary_sensor/smoke_alarm", "ON", {Q.SMOKE: 1.0}),
        ("binary_sensor/smoke_alarm_test", "ON", {Q.TEST: 1.0}),
        ("binary_sensor/smoke_alarm_enabled", "ON", {}),
        ("binary_sensor/gas_valve", "ON", {}),
        ("binary_sensor/relay", "ON", {}),
        ("sensor/real-time_heart_rate", "62", {Q.HEART_RATE_BPM: 62.0}),
        ("sensor/real-time_heart_rate", "0", {}),
        ("sensor/real-time_heart_rate", "nan", {}),
        ("sensor/real-time_heart_rate", "None", {}),
        ("sensor/real-time_respiratory_rate", "15.0", {Q.BREATH_RATE_BPM: 15.0}),
        ("sensor/still_distance", "144", {Q.STILL_DISTANCE_M: 1.44}),
        ("sensor/moving_distance", "96", {Q.MOVING_DISTANCE_M: 0.96}),
        ("sensor/detection_distance", "144", {Q.DISTANCE_M: 1.44}),
        ("sensor/g3_move_threshold", "40", {}),
        ("sensor/presence_target_count", "2", {Q.TARGET_COUNT: 2.0}),
        ("sensor/bedroom_temperature", "21.4", {Q.TEMPERATURE_C: 21.4}),
        ("sensor/wifi_signal", "-61", {Q.RSSI_DBM: -61.0}),
        ("sensor/uptime", "4711", {}),
        ("text_sensor/version", "2026.6.5", {}),
        ("event/sos", '{"event_type":"press"}', {Q.BUTTON: "press"}),
    ],
)
def test_names_of_a_node(topic: str, payload: str, expected: dict[Q, Any]) -> None:
    bench = Bench("esphome", "home/node")
    assert bench.values(f"home/node/{topic}/state", payload) == expected
    assert bench.refused == {}


def test_one_enrolled_entity_means_what_its_kind_says() -> None:
    bench = Bench("esphome", "node/binary_sensor/gpio5", "water")
    assert bench.values("node/binary_sensor/gpio5/state", "ON") == {Q.WATER: 1.0}
    assert bench.say("node/binary_sensor/gpio6/state", "ON") == []
    assert bench.refused == {"unknown_topic": 1}
    assert bench.driver.topics() == ["node/status", "node/binary_sensor/gpio5/state"]


def test_node_status_and_memory() -> None:
    sensors = [
        Sensor("a", "esphome", "b", address="node/binary_sensor/has_target"),
        Sensor("b", "esphome", "b", address="node"),
    ]
    driver = DRIVERS["esphome"].make(sensors)
    told = driver.feed(Packet("b", "node/status", T, b"offline", Mark.RETAINED))
    assert [(r.source, r.value, r.flags) for r in told] == [
        ("a", 0.0, Flag.RETAINED),
        ("b", 0.0, Flag.RETAINED),
    ]
    told = driver.feed(Packet("b", "node/binary_sensor/has_target/state", T, b"ON"))
    assert [(r.source, r.quantity, r.value) for r in told] == [
        ("a", Q.PRESENCE, 1.0), ("a", Q.AVAILABLE, 1.0),
        ("b", Q.PRESENCE, 1.0), ("b", Q.AVAILABLE, 1.0),
    ]  # fmt: skip


def test_what_is_no_value_of_an_entity_is_counted() -> None:
    bench = Bench("esphome", "node")
    assert bench.say("node/binary_sensor/has_target/state", "PERHAPS") == []
    assert bench.say("node/sensor/still_distance/state", "far") == []
    assert bench.refused == {"wrong_type:state": 1, "wrong_type:still_distance_m": 1}
