"""Entities forwarded by Home Assistant: meaning from attributes, in whatever order they come."""

from __future__ import annotations

import pytest

from core.model import Flag, Mark, Reading
from core.quantity import Quantity as Q
from tests.devices.mqtt_bench import Bench, T

SMOKE = "homeassistant/binary_sensor/entity_1"


def test_class_then_state() -> None:
    bench = Bench("ha_statestream", SMOKE)
    bench.say(f"{SMOKE}/device_class", '"smoke"')
    assert bench.values(f"{SMOKE}/state", "on") == {Q.SMOKE: 1.0}
    assert bench.values(f"{SMOKE}/state", "off") == {Q.SMOKE: 0.0}
    assert bench.values(f"{SMOKE}/state", "unknown") == {}


def test_state_then_class_is_told_as_a_memory() -> None:
    bench = Bench("ha_statestream", SMOKE)
    assert bench.say(f"{SMOKE}/state", "on") == []
    assert bench.refused == {"meaning_not_known_yet": 1}
    told = bench.say(f"{SMOKE}/device_class", '"smoke"', t=T + 3)
    assert told == [Reading("s", Q.SMOKE, T + 3, 1.0, Flag.RETAINED)]


def test_unavailable_is_unknown_until_it_speaks() -> None:
    bench = Bench("ha_statestream", SMOKE, "smoke")
    assert bench.values(f"{SMOKE}/state", "unavailable") == {Q.AVAILABLE: 0.0}
    assert bench.values(f"{SMOKE}/state", "off") == {Q.SMOKE: 0.0, Q.AVAILABLE: 1.0}


@pytest.mark.parametrize(
    ("kind", "quantity"),
    [("water", Q.WATER), ("door", Q.CONTACT_OPEN), ("bed", Q.BED_OCCUPIED), ("presence", Q.PRESENCE)],
)
def test_without_attributes_the_kind_decides(kind: str, quantity: Q) -> None:
    assert Bench("ha_statestream", SMOKE, kind).values(f"{SMOKE}/state", "on") == {quantity: 1.0}


def test_the_class_is_believed_over_the_kind_where_it_says_more() -> None:
    bench = Bench("ha_statestream", SMOKE, "bed")
    bench.say(f"{SMOKE}/device_class", '"occupancy"')
    assert bench.values(f"{SMOKE}/state", "on") == {Q.BED_OCCUPIED: 1.0}


def test_numbers_by_class_and_unit() -> None:
    address = "homeassistant/sensor/bedroom"
    bench = Bench("ha_statestream", address)
    bench.say(f"{address}/device_class", '"temperature"')
    bench.say(f"{address}/unit_of_measurement", '"°F"')
    assert bench.values(f"{address}/state", "212") == {Q.TEMPERATURE_C: 100.0}
    assert bench.values(f"{address}/state", "warm") == {}
    assert bench.refused == {"wrong_type:state": 1}


def test_an_event_is_its_attribute_not_its_time() -> None:
    address = "homeassistant/event/hall_button"
    bench = Bench("ha_statestream", address)
    assert bench.values(f"{address}/state", "2026-11-23T10:00:00.000+00:00") == {}
    assert bench.values(f"{address}/event_type", '"sos"') == {Q.SOS: 1.0}
    assert bench.values(f"{address}/event_type", '"press"') == {Q.BUTTON: "press"}
    retained = bench.say(f"{address}/event_type", '"sos"', mark=Mark.RETAINED)
    assert [r.flags for r in retained] == [Flag.RETAINED]
