"""Whatever strangers publish: a scan never fails, and every stanza it writes passes the check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import MqttLinkConfig
from core.model import Room
from gateway import build
from gateway.scan_heard import Heard
from gateway.scan_stanza import as_json, document
from gateway.scan_survey import survey

_WORDS = (
    "zigbee2mqtt bridge devices state tele stat SENSOR RESULT LWT homeassistant binary_sensor sensor config "
    "device homie 5 $description home BTtoMQTT 433toMQTT A4C138AABBCC shellies shellydw2-1 events rpc status "
    "input:0 rtl_433 zwave 113 0 availability contact smoke fp2 friendly_name device_class tasmota discovery "
    "sensors ieee"
)
WORDS = _WORDS.split()
LEVELS = st.one_of(
    st.sampled_from(WORDS), st.text(max_size=6), st.sampled_from(["门 1", "a: b #", "'\"", "", "0x1"])
)
TOPICS = st.lists(LEVELS, min_size=1, max_size=6).map("/".join)
_KEYS = (
    "contact smoke gas water_leak occupancy action battery linkquality state friendly_name definition exposes "
    "property type ieee_address features unit model id dev ids name stat_t dev_cla cmps p nodes properties "
    "ZbReceived Switch1 RfReceived Data Contact Name LinkQuality Endpoint value open tempc method params smoke:0 "
    "alarm src sn ft t tp device_class unit_of_measurement val_tpl payload_on"
)
KEYS = st.sampled_from(_KEYS.split())
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 500), st.floats(allow_nan=True), st.text(max_size=8),
    st.sampled_from(["ON", "zigbee2mqtt/a", "+/+/BTtoMQTT/A4C138AABBCC", "emergency", "%prefix%/%topic%/", "smoke"]),
)  # fmt: skip


def _deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(inner, st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5))


JSON = _deeper(_deeper(_deeper(LEAVES)))
DATA = st.one_of(
    JSON.map(lambda x: json.dumps(x).encode()), st.binary(max_size=20), st.sampled_from([b"ON", b"online"])
)
ROOMS = {"hall": Room("hall", "hall", "门厅"), "wc": Room("wc", "bathroom")}


@given(st.lists(st.tuples(TOPICS, DATA, st.booleans()), max_size=25))
def test_any_traffic_is_survived_and_every_stanza_passes_the_check(
    tmp_path_factory: pytest.TempPathFactory, messages: list[tuple[str, bytes, bool]]
) -> None:
    heard = Heard("broker")
    for at, (topic, data, retained) in enumerate(messages, 1):
        heard.take(topic, data, retained, at)
    found = survey(heard, "broker", ROOMS, [])
    links: dict[str, Any] = {"broker": MqttLinkConfig(type="mqtt", host="10.0.0.5")}
    text = document(found.findings, links, ROOMS, ["head"], whole=True)
    assert json.loads(json.dumps(as_json(found.findings, links)))["evidence"].keys() == {
        f.id for f in found.findings
    }
    check(tmp_path_factory.mktemp("scan") / "c.yaml", text, [f.topic for f in found.findings if f.yours])


def check(path: Path, text: str, topics: list[str]) -> None:
    text = text.replace("rooms: {}", "rooms: {hall: {kind: hall, name: 门厅}, wc: {kind: bathroom}}")
    path.write_text(text, encoding="utf-8")
    plan = build.plan(path)
    assert [s.topic for s in plan.config.sensors.values()] == topics
