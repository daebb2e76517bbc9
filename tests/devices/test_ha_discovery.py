"""Home Assistant discovery as input: announcements of any shape, states by class and unit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import Flag, Mark, Reading
from core.quantity import Quantity as Q
from devices.ha_config import entities, follow, rendered, template_path
from devices.payload import Refusal
from tests.devices.mqtt_bench import Bench, T

DOOR = {
    "device_class": "door", "payload_off": True, "payload_on": False, "state_topic": "z/door",
    "value_template": "{{ value_json.contact }}", "unique_id": "1_contact",
    "availability": [{"topic": "z/bridge/state", "value_template": "{{ value_json.state }}"}],
}  # fmt: skip


def announced(address: str, *configs: tuple[str, Any], kind: str = "", **options: Any) -> Bench:
    bench = Bench("ha_discovery", address, kind, **options)
    for topic, config in configs:
        assert bench.say(topic, config, mark=Mark.RETAINED) == []
    return bench


def test_a_single_component_with_boolean_payloads() -> None:
    bench = announced("z/door", ("homeassistant/binary_sensor/0x1/contact/config", DOOR))
    assert bench.values("z/door", {"contact": False}) == {Q.CONTACT_OPEN: 1.0}
    assert bench.values("z/door", {"contact": True}) == {Q.CONTACT_OPEN: 0.0}
    assert bench.values("z/door", {"contact": None}) == {}
    assert bench.refused == {}


def test_abbreviations_a_base_topic_and_numeric_payloads() -> None:
    config = {
        "~": "zw/hall", "stat_t": "~/smoke", "dev_cla": "smoke", "pl_on": 2, "pl_off": 0,
        "val_tpl": "{{ value_json['value'] | is_defined }}",
    }  # fmt: skip
    bench = announced("zw/hall/smoke", ("homeassistant/binary_sensor/hall/config", config))
    assert bench.values("zw/hall/smoke", {"value": 2}) == {Q.SMOKE: 1.0}
    assert bench.values("zw/hall/smoke", {"value": 0}) == {Q.SMOKE: 0.0}
    assert bench.values("zw/hall/smoke", {"value": 3}) == {}  # a test: neither on nor off
    assert bench.refused == {"wrong_type:smoke": 1}


def test_a_device_with_components_below_one_topic() -> None:
    config = {
        "dev": {"ids": ["1"]}, "o": {"name": "x"}, "~": "node", "avty_t": "~/status",
        "cmps": {
            "falling": {"p": "binary_sensor", "dev_cla": "safety", "name": "Falling Information",
                        "stat_t": "~/falling"},
            "here": {"p": "binary_sensor", "dev_cla": "occupancy", "stat_t": "~/here"},
            "heart": {"p": "sensor", "unit_of_meas": "bpm", "name": "Real-time heart rate", "stat_t": "~/heart"},
            "far": {"p": "sensor", "dev_cla": "distance", "unit_of_meas": "cm", "stat_t": "~/far"},
            "hot": {"p": "sensor", "dev_cla": "temperature", "unit_of_meas": "°F", "stat_t": "~/hot"},
            "chip": {"p": "sensor", "dev_cla": "temperature", "unit_of_meas": "°C", "stat_t": "~/chip",
                     "ent_cat": "diagnostic"},
            "removed": {"p": "binary_sensor"},
        },
    }  # fmt: skip
    bench = announced("node", ("homeassistant/device/node/config", config))
    assert bench.values("node/falling", "ON") == {Q.FALL_STATE: 2.0}
    assert bench.values("node/falling", "OFF") == {Q.FALL_STATE: 0.0}
    assert bench.values("node/here", "ON") == {Q.PRESENCE: 1.0}
    assert bench.values("node/heart", "62") == {Q.HEART_RATE_BPM: 62.0}
    assert bench.values("node/heart", "0") == {}
    assert bench.values("node/far", "144") == {Q.DISTANCE_M: 1.44}
    assert bench.values("node/hot", "68") == {Q.TEMPERATURE_C: 20.0}
    assert bench.values("node/chip", "40") == {Q.DEVICE_TEMPERATURE_C: 40.0}
    assert bench.values("node/status", "offline") == {Q.AVAILABLE: 0.0}
    assert bench.values("node/here", "OFF") == {Q.PRESENCE: 0.0, Q.AVAILABLE: 1.0}


def test_a_wildcard_state_topic_concerns_the_enrolled_sensor() -> None:
    config = {"stat_t": "+/+/BTtoMQTT/E6", "dev_cla": "humidity", "unit_of_meas": "%",
              "val_tpl": "{{ value_json.hum | is_defined }}"}  # fmt: skip
    bench = announced("home/gw/BTtoMQTT/E6", ("homeassistant/sensor/E6-hum/config", config))
    assert bench.values("home/gw/BTtoMQTT/E6", {"hum": 40.5}) == {Q.HUMIDITY_PCT: 40.5}


def test_events_and_triggers_are_presses() -> None:
    event = {"stat_t": "b/event", "uniq_id": "e"}
    trigger = {"automation_type": "trigger", "topic": "b/action", "payload": "single", "type": "x"}
    bench = announced(
        "b",
        ("homeassistant/event/b/config", event),
        ("homeassistant/device_automation/b/single/config", trigger),
    )
    assert bench.values("b/event", {"event_type": "sos"}) == {Q.SOS: 1.0}
    assert bench.values("b/event", {"event_type": "press"}) == {Q.BUTTON: "press"}
    assert bench.values("b/action", "single") == {Q.BUTTON: "single"}
    assert bench.values("b/action", "double") == {}
    assert bench.say("b/event", {"event_type": "sos"}, mark=Mark.RETAINED)[0].flags == Flag.RETAINED


def test_a_held_call_counts_once() -> None:
    config = {"stat_t": "b/sos", "dev_cla": "safety", "name": "SOS"}
    bench = announced("b", ("homeassistant/binary_sensor/b/config", config))
    told = [bench.values("b/sos", x) for x in ("OFF", "ON", "ON", "OFF", "ON")]
    assert told == [{}, {Q.SOS: 1.0}, {}, {}, {Q.SOS: 1.0}]


def test_a_state_that_came_before_its_announcement_is_told_as_a_memory() -> None:
    bench = Bench("ha_discovery", "z/door")
    assert bench.say("z/door", {"contact": False}) == []
    assert bench.refused == {"not_announced": 1}
    told = bench.say("homeassistant/binary_sensor/0x1/contact/config", DOOR, t=T + 5)
    assert told == [Reading("s", Q.CONTACT_OPEN, T + 5, 1.0, Flag.RETAINED)]


def test_an_empty_announcement_deletes() -> None:
    topic = "homeassistant/binary_sensor/0x1/contact/config"
    bench = announced("z/door", (topic, DOOR))
    assert bench.say(topic, b"") == []
    assert bench.say("z/door", {"contact": False}) == []
    assert bench.refused == {"not_announced": 1}


def test_a_changed_announcement_replaces() -> None:
    topic = "homeassistant/binary_sensor/0x1/contact/config"
    bench = announced("z/door", (topic, DOOR), (topic, {**DOOR, "device_class": "moisture"}))
    assert bench.values("z/door", {"contact": False}) == {Q.WATER: 1.0}


def test_templates_that_would_have_to_be_run_are_refused() -> None:
    config = {**DOOR, "value_template": "{{ 'ON' if value_json.contact else 'OFF' }}"}
    bench = announced("z/door", ("homeassistant/binary_sensor/0x1/contact/config", config))
    assert bench.refused == {"template": 1}


def test_strangers_are_not_kept() -> None:
    bench = Bench("ha_discovery", "z/door")
    for i in range(500):
        bench.say(f"homeassistant/binary_sensor/{i}/config", {**DOOR, "state_topic": f"z/{i}"})
    assert bench.driver._announced == {}  # type: ignore[attr-defined]


def test_a_broken_bridge_makes_it_unknown_until_it_speaks() -> None:
    bench = announced("z/door", ("homeassistant/binary_sensor/0x1/contact/config", DOOR))
    assert bench.values("z/bridge/state", {"state": "offline"}) == {Q.AVAILABLE: 0.0}
    assert bench.values("z/bridge/state", {"state": "online"}) == {}
    assert bench.values("z/door", {"contact": True}) == {Q.CONTACT_OPEN: 0.0, Q.AVAILABLE: 1.0}


def test_the_kind_says_what_a_classless_entity_means_only_if_it_was_enrolled_itself() -> None:
    config = {"stat_t": "n/gpio/state"}
    topic = "homeassistant/binary_sensor/n/gpio/config"
    assert announced("n/gpio/state", (topic, config), kind="water").values("n/gpio/state", "ON") == {
        Q.WATER: 1
    }
    assert announced("n", (topic, config), kind="water").values("n/gpio/state", "ON") == {}


@pytest.mark.parametrize(
    ("template", "path"),
    [
        (None, None),
        ("{{ value }}", None),
        ("{{value_json.a}}", ("a",)),
        ("{{ value_json.a.b_c }}", ("a", "b_c")),
        ("{{ value_json['a b'] }}", ("a b",)),
        ('{{ value_json["温度"][0].x | float(0) }}', ("温度", 0, "x")),
        ("{{ value_json }}", ()),
    ],
)
def test_template_paths(template: Any, path: Any) -> None:
    assert template_path(template) == path


@pytest.mark.parametrize(
    "template",
    ["{{ value_json.a + 1 }}", "{% if x %}", "value_json.a", "{{ states('x') }}", 7, "{{ value_json.__x }}{{ 1 }}",
     "{{ value_json.a | round(1) }}", "{{ " + "value_json.a" * 100 + " }}"],
)  # fmt: skip
def test_other_templates_are_refused(template: Any) -> None:
    assert template_path(template) == Refusal("template")


def test_paths_that_lead_nowhere_give_nothing() -> None:
    assert follow({"a": {"b": 1}}, ("a", "c")) is None
    assert follow([1], (3,)) is None
    assert follow("text", ("a",)) is None


def test_payloads_are_compared_as_text() -> None:
    assert rendered(True) == rendered("True") == rendered("true")
    assert rendered(2) == rendered("2") == rendered(2.0)
    assert rendered("ON") != rendered("on")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEY = st.sampled_from(
    ["~", "stat_t", "state_topic", "val_tpl", "dev_cla", "pl_on", "avty", "availability", "dev", "cmps", "p",
     "name", "unit_of_meas", "availability_topic"]
)  # fmt: skip


@given(
    st.dictionaries(KEY, JSON | st.just("z/door"), max_size=8),
    st.sampled_from(["device/x", "sensor/x", "event/a/b"]),
)
def test_no_announcement_raises(config: dict[str, Any], place: str) -> None:
    topic = f"homeassistant/{place}/config"
    entities(topic, json.dumps(config).encode())
    bench = Bench("ha_discovery", "z/door")
    bench.say(topic, config)
    bench.say("z/door", {"contact": False})
    health = bench.driver.health()
    assert health.bytes_in == health.bytes_good + health.bytes_discarded
