"""Bluetooth through gateways: adverts heard twice, encrypted devices, buttons, and 433 MHz codes."""

from __future__ import annotations

from typing import Any

import pytest

from core.model import SECOND, Flag
from core.quantity import Quantity as Q
from tests.devices.mqtt_bench import Bench, T

MAC = "home/gw/BTtoMQTT/3C2EF5AABBCC"
HEAD = {"id": "3C:2E:F5:AA:BB:CC", "type": "CTMO", "acts": True, "cont": True}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"open": True, "lux": 87, "batt": 100}, {Q.CONTACT_OPEN: 1.0, Q.ILLUMINANCE_LX: 87.0, Q.BATTERY_PCT: 100.0}),
        ({"open": False, "volt": 3.079}, {Q.CONTACT_OPEN: 0.0, Q.VOLTAGE_V: 3.079}),
        ({"open": 40}, {}),  # how far a blind is open
        ({"contact": "timeout not closed", "motion": True}, {Q.CONTACT_OPEN: 1.0, Q.MOTION: 1.0}),
        ({"button": 0}, {}),
        ({"button": 2}, {Q.BUTTON: "press_2"}),
        ({"button1": 0, "button3": 1}, {Q.BUTTON: "button3_press_1"}),
        ({"bpm": 63}, {Q.HEART_RATE_BPM: 63.0}),
        ({"bpm": 0}, {}),
        ({"tempc": 21.5, "tempf": 70.7, "hum": 45.2, "pres": 1013.2},
         {Q.TEMPERATURE_C: 21.5, Q.HUMIDITY_PCT: 45.2, Q.PRESSURE_HPA: 1013.2}),
        ({"for": 0.1}, {Q.FORMALDEHYDE_PPM: pytest.approx(0.0814, abs=1e-4)}),
        ({"encr": 2, "cipher": "38ef", "rssi": -67}, {Q.RSSI_DBM: -67.0, Q.FAULT: 1.0}),
        ({"flag_fall": True, "flag_impact_x": True}, {}),  # the tag fell, nobody else
    ],
)  # fmt: skip
def test_properties(fields: dict[str, Any], expected: dict[Q, Any]) -> None:
    bench = Bench("theengs", MAC)
    assert bench.values(MAC, {**HEAD, **fields}) == expected
    assert bench.refused == {}


def test_a_press_enrolled_as_a_call() -> None:
    bench = Bench("theengs", MAC, "button", sos_actions=["press_1", "press_4"])
    assert bench.values(MAC, {"button": 1}) == {Q.SOS: 1.0}
    assert bench.values(MAC, {"button": 2}) == {Q.BUTTON: "press_2"}


def test_two_gateways_hear_one_advert() -> None:
    bench = Bench("theengs", MAC, "button", any_press=True)
    other = "home/gw2/BTtoMQTT/3C2EF5AABBCC"
    first = bench.say(MAC, {"button": 1, "packet": 29, "rssi": -60})
    second = bench.say(other, {"button": 1, "packet": 29, "rssi": -80}, t=T + SECOND // 10)
    third = bench.say(MAC, {"button": 1, "packet": 30, "rssi": -60}, t=T + SECOND)
    assert [{r.flags & Flag.REPEAT for r in told} for told in (first, second, third)] == [
        {0}, {Flag.REPEAT}, {0},
    ]  # fmt: skip
    assert "home/+/BTtoMQTT/3C2EF5AABBCC" in bench.driver.topics()


def test_it_is_lost_when_the_last_gateway_is() -> None:
    bench = Bench("theengs", MAC)
    assert bench.values("home/gw2/LWT", "online") == {}
    assert bench.values("home/gw/LWT", "offline") == {}
    assert bench.values("home/gw2/LWT", "offline") == {Q.AVAILABLE: 0.0}
    assert bench.values("elsewhere/gw/LWT", "offline") == {}
    assert bench.values(MAC, {"open": False}) == {Q.CONTACT_OPEN: 0.0, Q.AVAILABLE: 1.0}


def test_433_mhz_codes_are_learnt() -> None:
    bench = Bench("theengs", "home/gw/433toMQTT/1315156", "door", off_codes=[1315159])
    told = bench.say("home/gw/433toMQTT", {"value": 1315156, "protocol": 1})
    assert [(r.quantity, r.value, r.flags) for r in told] == [(Q.CONTACT_OPEN, 1.0, Flag.WEAK)]
    assert bench.values("home/gw/433toMQTT", {"value": 1315159}) == {Q.CONTACT_OPEN: 0.0}
    assert bench.values("home/gw/433toMQTT", {"value": 7}) == {}
