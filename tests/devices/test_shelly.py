"""Shelly of both kinds: plain topics and JSON-RPC, sleepers, inputs, presses, faults."""

from __future__ import annotations

from typing import Any

import pytest

from core.model import Flag
from core.quantity import Quantity as Q
from tests.devices.mqtt_bench import Bench, T

GEN1 = "shellies/shellygas-E868E7C6E54A"
GEN2 = "home/shelly-1"


@pytest.mark.parametrize(
    ("below", "payload", "expected"),
    [
        ("sensor/state", "open", {Q.CONTACT_OPEN: 1.0}),
        ("sensor/state", "close", {Q.CONTACT_OPEN: 0.0}),
        ("sensor/state", "unknown", {}),
        ("sensor/flood", "true", {Q.WATER: 1.0}),
        ("sensor/smoke", "false", {Q.SMOKE: 0.0}),
        ("sensor/motion", "true", {Q.MOTION: 1.0}),
        ("sensor/vibration", "1", {Q.VIBRATION: 1.0}),
        ("sensor/vibration", "-1", {}),
        ("sensor/lux", "87", {Q.ILLUMINANCE_LX: 87.0}),
        ("sensor/battery", "71", {Q.BATTERY_PCT: 71.0}),
        ("sensor/temperature", "21.5", {Q.TEMPERATURE_C: 21.5}),
        ("sensor/gas", "mild", {Q.GAS: 1.0, Q.TEST: 0.0}),
        ("sensor/gas", "heavy", {Q.GAS: 1.0, Q.TEST: 0.0}),
        ("sensor/gas", "none", {Q.GAS: 0.0, Q.TEST: 0.0}),
        ("sensor/gas", "test", {Q.TEST: 1.0}),
        ("sensor/gas", "unknown", {}),
        ("sensor/concentration", "512", {Q.METHANE_PPM: 512.0}),
        ("sensor/concentration", "-1", {}),
        ("sensor/operation", "warmup", {Q.FAULT: 0.0, Q.WARMING_UP: 1.0}),
        ("sensor/operation", "normal", {Q.FAULT: 0.0, Q.WARMING_UP: 0.0}),
        ("sensor/operation", "fault", {Q.FAULT: 1.0, Q.WARMING_UP: 0.0}),
        ("sensor/operation", "unknown", {}),
        ("sensor/self_test", "running", {Q.TEST: 1.0}),
        ("sensor/act_reasons", '["sensor"]', {}),
        ("temperature", "48.2", {Q.DEVICE_TEMPERATURE_C: 48.2}),
        ("valve/0/state", "not_connected", {}),
        ("online", "false", {Q.AVAILABLE: 0.0}),
        ("input/0", "1", {}),
    ],
)
def test_gen1_topics(below: str, payload: str, expected: dict[Q, Any]) -> None:
    bench = Bench("shelly_gen1", GEN1)
    assert bench.values(f"{GEN1}/{below}", payload) == expected
    assert bench.refused == {}


def test_gen1_info_of_the_whole_device() -> None:
    info = {
        "wifi_sta": {"connected": True, "rssi": -70}, "is_valid": True, "smoke": False,
        "tmp": {"value": 25.06, "units": "C", "tC": 25.06, "is_valid": True},
        "hum": {"value": 40, "is_valid": False}, "bat": {"value": 71, "voltage": 2.74},
        "gas_sensor": {"sensor_state": "normal", "alarm_state": "mild"},
        "concentration": {"ppm": 300, "is_valid": True},
    }  # fmt: skip
    bench = Bench("shelly_gen1", GEN1)
    assert bench.values(f"{GEN1}/info", info) == {
        Q.SMOKE: 0.0, Q.TEMPERATURE_C: 25.06, Q.BATTERY_PCT: 71.0, Q.VOLTAGE_V: 2.74, Q.RSSI_DBM: -70.0,
        Q.GAS: 1.0, Q.TEST: 0.0, Q.FAULT: 0.0, Q.WARMING_UP: 0.0, Q.METHANE_PPM: 300.0,
    }  # fmt: skip
    assert bench.values(f"{GEN1}/info", {"smoke": True, "is_valid": False}) == {}
    assert bench.refused == {}


def test_gen1_options() -> None:
    lpg = Bench("shelly_gen1", GEN1, gas="lpg")
    assert lpg.values(f"{GEN1}/sensor/concentration", "300") == {}
    warm = Bench("shelly_gen1", GEN1, fahrenheit=True)
    assert warm.values(f"{GEN1}/sensor/temperature", "68") == {Q.TEMPERATURE_C: 20.0}


def test_gen1_input_means_what_its_kind_says() -> None:
    bench = Bench("shelly_gen1", "shellies/s1/input/1", "door", inverted=True)
    assert bench.values("shellies/s1/input/1", "0") == {Q.CONTACT_OPEN: 1.0}
    assert bench.values("shellies/s1/input/0", "0") == {}


def test_gen1_presses_count_when_the_counter_moves() -> None:
    address = "shellies/shellybutton1-A4CF12"
    bench = Bench("shelly_gen1", address, any_press=True)
    events = [("S", 5), ("S", 5), ("", 5), ("L", 6), ("SS", 7)]
    told = [bench.values(f"{address}/input_event/0", {"event": e, "event_cnt": n}) for e, n in events]
    assert told == [{Q.SOS: 1.0}, {}, {}, {Q.SOS: 1.0}, {Q.SOS: 1.0}]


def test_gen1_mains_devices_repeat_their_last_event() -> None:
    address = "shellies/shellyix3-1"
    bench = Bench("shelly_gen1", address)
    first = bench.say(f"{address}/input_event/0", {"event": "L", "event_cnt": 6})
    assert [(r.quantity, r.value, r.flags) for r in first] == [(Q.BUTTON, "long", Flag.RETAINED)]
    second = bench.say(f"{address}/input_event/0", {"event": "S", "event_cnt": 7})
    assert [(r.value, r.flags) for r in second] == [("short", 0)]


@pytest.mark.parametrize("sleeps", [None, True])
def test_gen1_sleepers_are_offline_almost_always(sleeps: bool | None) -> None:
    address = "shellies/shellyflood-7A0B1C"
    bench = Bench("shelly_gen1", address, sleeps=sleeps)
    assert bench.values(f"{address}/online", "false") == {}
    assert bench.values(f"{address}/online", "true") == {Q.AVAILABLE: 1.0}
    told = Bench("shelly_gen1", address, sleeps=False)
    assert told.values(f"{address}/online", "false") == {Q.AVAILABLE: 0.0}


def notify(params: dict[str, Any], method: str = "NotifyStatus") -> dict[str, Any]:
    return {"src": "shelly-1", "dst": f"{GEN2}/events", "method": method, "params": {"ts": 2.46, **params}}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"smoke:0": {"id": 0, "alarm": True}}, {Q.SMOKE: 1.0}),
        ({"smoke:0": {"id": 0, "mute": True}}, {}),
        ({"flood:0": {"alarm": True, "errors": ["cable_unplugged"]}}, {Q.WATER: 1.0, Q.FAULT: 1.0}),
        ({"flood:0": {"alarm": False, "errors": ["cable_unplugged"]}}, {Q.FAULT: 1.0}),
        ({"flood:0": {"alarm": False}}, {Q.WATER: 0.0}),
        ({"devicepower:0": {"battery": {"V": 6.17, "percent": 100}, "external": {"present": False}}},
         {Q.BATTERY_PCT: 100.0, Q.VOLTAGE_V: 6.17}),
        ({"devicepower:0": {"battery": {"V": None, "percent": None}}}, {}),
        ({"temperature:0": {"tC": 21.4, "tF": 70.5}, "humidity:0": {"rh": 54.3}},
         {Q.TEMPERATURE_C: 21.4, Q.HUMIDITY_PCT: 54.3}),
        ({"temperature:0": {"tC": None}}, {}),
        ({"illuminance:0": {"lux": 300, "illumination": "bright"}}, {Q.ILLUMINANCE_LX: 300.0}),
        ({"presencezone:200": {"value": True, "num_objects": 1}}, {Q.PRESENCE: 1.0}),
        ({"switch:0": {"output": True, "apower": 42.5, "temperature": {"tC": 48.0}}},
         {Q.POWER_W: 42.5, Q.DEVICE_TEMPERATURE_C: 48.0}),
        ({"wifi": {"rssi": -64, "ssid": "x"}, "sys": {"uptime": 4}, "mqtt": {"connected": True}},
         {Q.RSSI_DBM: -64.0}),
        ({"input:0": {"id": 0, "state": False}}, {}),
        ({"bthomesensor:200": {"value": 21.5}}, {}),
    ],
)  # fmt: skip
def test_gen2_notifications(params: dict[str, Any], expected: dict[Q, Any]) -> None:
    bench = Bench("shelly_gen2", GEN2)
    assert bench.values(f"{GEN2}/events/rpc", notify(params)) == expected
    assert bench.refused == {}


@pytest.mark.parametrize(
    ("component", "kind", "payload", "expected"),
    [
        ("input:1", "door", {"state": True}, {Q.CONTACT_OPEN: 1.0}),
        ("input:1", "door", {"state": None}, {}),
        ("bthomesensor:200", "window", {"value": True}, {Q.CONTACT_OPEN: 1.0}),
        ("bthomesensor:200", "motion", {"value": 1}, {Q.MOTION: 1.0}),
    ],
)
def test_gen2_components_mean_what_their_kind_says(
    component: str, kind: str, payload: Any, expected: dict[Q, Any]
) -> None:
    bench = Bench("shelly_gen2", f"{GEN2}/{component}", kind)
    message = notify({component: payload, "input:0": {"state": True}})
    assert bench.values(f"{GEN2}/events/rpc", message) == expected
    assert bench.values(f"{GEN2}/status/{component}", payload) == expected


def test_gen2_pushes_are_presses() -> None:
    bench = Bench("shelly_gen2", GEN2, sos_actions=["long_push"])
    events = [
        {"component": "input:0", "event": "btn_down"}, {"component": "input:0", "event": "long_push"},
        {"component": "input:0", "event": "btn_up"}, {"component": "sys", "event": "sleep"},
        {"component": "input:0", "event": "single_push"}, {"component": "smoke:0", "event": "alarm_test"},
    ]  # fmt: skip
    told = bench.say(f"{GEN2}/events/rpc", notify({"events": events}, "NotifyEvent"))
    assert [(r.quantity, r.value) for r in told] == [(Q.SOS, 1.0), (Q.BUTTON, "single_push"), (Q.TEST, 1.0)]


def test_gen2_a_wake_up_period_makes_a_sleeper() -> None:
    bench = Bench("shelly_gen2", GEN2)
    assert bench.values(f"{GEN2}/online", "false") == {Q.AVAILABLE: 0.0}
    bench.say(f"{GEN2}/events/rpc", notify({"sys": {"wakeup_period": 86400}}, "NotifyFullStatus"))
    assert bench.values(f"{GEN2}/online", "false") == {}


def test_gen2_bad_messages_are_counted() -> None:
    bench = Bench("shelly_gen2", GEN2)
    for message in (b"{", [1], {"method": "NotifyStatus"}, {"method": "x", "params": {}}):
        assert bench.say(f"{GEN2}/events/rpc", message, t=T) == []
    assert bench.say(f"{GEN2}/events/rpc", notify({"events": 1}, "NotifyEvent")) == []
    assert bench.refused == {
        "not_json": 1, "not_object": 1, "no_params": 1, "unknown_method": 1, "no_events": 1,
    }  # fmt: skip
