"""Homie 5: nothing without a description, meaning from unit and name, alerts and states."""

from __future__ import annotations

from typing import Any

import pytest

from core.model import Flag, Reading
from core.quantity import Quantity as Q
from tests.devices.mqtt_bench import Bench, T

DEVICE = "homie/5/boiler-room"


def described(**properties: Any) -> dict[str, Any]:
    return {"homie": "5.0", "version": 7, "nodes": {"n": {"properties": properties}}}


@pytest.mark.parametrize(
    ("name", "about", "payload", "expected"),
    [
        ("temperature", {"datatype": "float", "unit": "°C"}, "21.5", {Q.TEMPERATURE_C: 21.5}),
        ("temperature", {"datatype": "float", "unit": "°F"}, "68", {Q.TEMPERATURE_C: 20.0}),
        (
            "t",
            {"datatype": "float", "unit": "°C", "name": "Room temperature"},
            "21.5",
            {Q.TEMPERATURE_C: 21.5},
        ),
        ("revolutions", {"datatype": "integer", "unit": "rpm"}, "4711", {}),
        ("leak", {"datatype": "boolean"}, "true", {Q.WATER: 1.0}),
        ("door", {"datatype": "enum", "format": "open,closed"}, "open", {Q.CONTACT_OPEN: 1.0}),
        ("mode", {"datatype": "enum", "format": "eco,boost"}, "eco", {}),
        ("temperature", {"datatype": "float", "unit": "°C"}, "nan", {}),
    ],
)
def test_properties(name: str, about: Any, payload: str, expected: dict[Q, Any]) -> None:
    bench = Bench("homie", DEVICE)
    bench.say(f"{DEVICE}/$description", described(**{name: about}))
    assert bench.values(f"{DEVICE}/n/{name}", payload) == expected


def test_before_the_description_nothing_is_known() -> None:
    bench = Bench("homie", DEVICE)
    assert bench.say(f"{DEVICE}/n/leak", "true") == []
    assert bench.refused == {"not_described": 1}
    told = bench.say(f"{DEVICE}/$description", described(leak={"datatype": "boolean"}), t=T + 9)
    assert told == [Reading("s", Q.WATER, T + 9, 1.0, Flag.RETAINED)]


def test_one_enrolled_property_means_what_its_kind_says() -> None:
    bench = Bench("homie", f"{DEVICE}/n/in1", "water", inverted=True)
    bench.say(f"{DEVICE}/$description", described(in1={"datatype": "boolean"}, in2={"datatype": "boolean"}))
    assert bench.values(f"{DEVICE}/n/in1", "false") == {Q.WATER: 1.0}
    assert bench.values(f"{DEVICE}/n/in2", "false") == {}


@pytest.mark.parametrize(
    ("state", "expected"),
    [("ready", {Q.AVAILABLE: 1.0}), ("lost", {Q.AVAILABLE: 0.0}), ("disconnected", {Q.AVAILABLE: 0.0}),
     ("init", {}), ("sleeping", {})],
)  # fmt: skip
def test_states(state: str, expected: dict[Q, Any]) -> None:
    assert Bench("homie", DEVICE).values(f"{DEVICE}/$state", state) == expected


def test_alerts_are_faults_while_they_last() -> None:
    bench = Bench("homie", DEVICE)
    assert bench.values(f"{DEVICE}/$alert/batt", "Battery is low") == {Q.FAULT: 1.0}
    assert bench.values(f"{DEVICE}/$alert/batt", b"") == {Q.FAULT: 0.0}


def test_commands_and_strangers() -> None:
    bench = Bench("homie", DEVICE)
    assert bench.say(f"{DEVICE}/n/leak/set", "true") == []
    assert bench.refused == {}
    assert bench.say("homie/5/other/n/leak", "true") == []
    assert bench.say(f"{DEVICE}/$description", b"{") == []
    assert bench.refused == {"unknown_topic": 1, "not_json": 1}
