"""The Home Assistant device on a real broker, and its announcement against the published rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from alerts.channels import ChannelContext
from alerts.channels.home_assistant import (
    EVENT_TYPES,
    GROUPS,
    HomeAssistantChannel,
    HomeAssistantParams,
    discovery,
    group_of,
)
from alerts.severity import RULES
from core.clock import ManualClock
from core.config import MqttLinkConfig
from core.model import Alert, AlertState, Severity
from tests.alerts.making import HOME, alert, key
from tests.broker import Broker, Listener, publish, wait_for

ROOT = "hearthwatch/h/ha"
CONFIG = "homeassistant/device/hearthwatch_h/config"

SHARED = {"p", "unique_id", "default_entity_id", "name", "entity_category"}
ALLOWED = {
    "binary_sensor": {"device_class", "value_template", "expire_after", "payload_on", "payload_off"},
    "sensor": {
        "value_template", "expire_after", "state_class", "json_attributes_topic", "json_attributes_template"
    },
    "event": {"state_topic", "event_types"},
    "button": {"command_topic", "payload_press"},
}  # fmt: skip
CLASSES = {"smoke", "gas", "carbon_monoxide", "moisture", "safety", "problem"}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_announcement_follows_the_published_rules(language: str) -> None:
    config = json.loads(json.dumps(discovery("h-1", "家", "hearthwatch/h-1", 60, language)))
    assert config["o"]["name"]
    assert config["dev"]["ids"]
    assert re.fullmatch(r"[A-Za-z0-9_-]+", config["dev"]["ids"][0])
    ids = [c["unique_id"] for c in config["cmps"].values()]
    assert len(ids) == len(set(ids))
    for name, c in config["cmps"].items():
        assert re.fullmatch(r"[a-zA-Z0-9_-]+", name)
        assert set(c) <= SHARED | ALLOWED[c["p"]], name
        assert re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", c["default_entity_id"])
        assert c["default_entity_id"].startswith(c["p"] + ".")
        assert "object_id" not in c
        if c["p"] == "binary_sensor":
            assert c["device_class"] in CLASSES
        if "expire_after" in c:
            assert c["expire_after"] == 180
    assert config["cmps"]["event"]["event_types"] == EVENT_TYPES
    assert config["state_topic"] != config["cmps"]["event"]["state_topic"]


def test_every_kind_has_an_entity_and_an_event_type() -> None:
    for kind in [*RULES, "nobody knows"]:
        for severity in Severity:
            assert group_of(alert(kind=kind, severity=severity)) in (*GROUPS, "other", "trouble")
    assert group_of(alert(kind="smoke")) == "fire"
    assert group_of(alert(kind="battery_low", severity=Severity.TROUBLE)) == "trouble"
    assert set(RULES) <= set(EVENT_TYPES)


@pytest.fixture
def acknowledged() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def ha(mosquitto: Broker, acknowledged: list[tuple[str, str]]) -> Iterator[HomeAssistantChannel]:
    made = make(mosquitto, acknowledged, open_alerts=list)
    yield made
    made.close()


def make(
    broker: Broker, acknowledged: list[tuple[str, str]] | None = None, open_alerts: Any = None, **options: Any
) -> HomeAssistantChannel:
    link = MqttLinkConfig(type="mqtt", host=broker.host, port=broker.port)
    heard = acknowledged if acknowledged is not None else []
    context = ChannelContext(
        HOME, "en", {"broker": link}, ManualClock(), "ha", lambda i, by: heard.append((i, by)), open_alerts
    )
    return HomeAssistantChannel(HomeAssistantParams("broker", **options), context)


def states(ear: Listener) -> list[dict[str, Any]]:
    return [json.loads(p) for t, p, _ in ear.messages if t == f"{ROOT}/state"]


def events(ear: Listener) -> list[dict[str, Any]]:
    return [json.loads(p) for t, p, _ in ear.messages if t == f"{ROOT}/event"]


def test_it_announces_itself_and_shows_all_quiet(mosquitto: Broker, ha: HomeAssistantChannel) -> None:
    with Listener(mosquitto) as ear:
        wait_for(lambda: {CONFIG, f"{ROOT}/state", f"{ROOT}/status"} <= {t for t, _, _ in ear.messages})
        state = states(ear)[-1]
        assert {state[g] for g in (*GROUPS, "other", "trouble", "alarm")} == {"OFF"}
        assert state["open"] == 0
    with Listener(mosquitto) as late:
        wait_for(lambda: {CONFIG, f"{ROOT}/state"} <= {t for t, _, kept in late.messages if kept})


def test_alerts_become_states_and_events_that_are_not_retained(
    mosquitto: Broker, ha: HomeAssistantChannel
) -> None:
    with Listener(mosquitto) as ear:
        assert ha.deliver([alert(1), alert(2, kind="battery_low", severity=Severity.TROUBLE)])
        wait_for(lambda: states(ear) and states(ear)[-1]["open"] == 2)
        state = states(ear)[-1]
        assert (state["fire"], state["trouble"], state["alarm"], state["gas"]) == ("ON", "ON", "ON", "OFF")
        assert state["latest"].startswith("Trouble")
        assert state["alerts"][alert(1).id]["severity"] == "alarm"
        assert [e["event_type"] for e in events(ear)] == ["smoke", "battery_low"]
        ha.deliver([alert(1, 2, state=AlertState.CLEARED, evidence={"why": "cleared"})])
        wait_for(lambda: states(ear)[-1]["open"] == 1)
        assert (states(ear)[-1]["fire"], states(ear)[-1]["alarm"]) == ("OFF", "OFF")
        assert events(ear)[-1]["event_type"] == "cleared"
    with Listener(mosquitto) as late:
        wait_for(lambda: [t for t, _, kept in late.messages if kept])
        assert not events(late)


def test_what_was_open_before_a_restart_is_shown(mosquitto: Broker) -> None:
    ha = make(mosquitto, open_alerts=lambda: [alert(1), alert(2, kind="gas")])
    with Listener(mosquitto) as ear:
        wait_for(lambda: states(ear) and states(ear)[-1]["open"] == 2)
        assert (states(ear)[-1]["fire"], states(ear)[-1]["gas"]) == ("ON", "ON")
    ha.close()


def test_unknown_is_shown_as_unknown_not_as_off(mosquitto: Broker) -> None:
    ha = make(mosquitto)
    with Listener(mosquitto) as ear:
        wait_for(lambda: states(ear))
        assert states(ear)[-1]["fire"] is None
        ha.deliver([alert(1)])
        ha.deliver([alert(1, 2, state=AlertState.CLEARED)])
        wait_for(lambda: states(ear)[-1]["fire"] == "OFF")
        assert states(ear)[-1]["gas"] is None
    ha.close()


def test_the_button_acknowledges_what_rings_a_retained_press_does_not(
    mosquitto: Broker, ha: HomeAssistantChannel, acknowledged: list[tuple[str, str]]
) -> None:
    ha.deliver([alert(1), alert(2, state=AlertState.ACKNOWLEDGED)])
    publish(mosquitto, [(f"{ROOT}/acknowledge", b"PRESS")])
    wait_for(lambda: acknowledged)
    assert acknowledged == [(alert(1).id, "Home Assistant")]
    publish(mosquitto, [(f"{ROOT}/acknowledge", b"PRESS")], retain=True)
    wait_for(lambda: len(acknowledged) == 2)  # live it counts, whatever its flag for later
    ha.close()
    again = make(mosquitto, acknowledged, open_alerts=lambda: [alert(1)])
    again.deliver([alert(3)])
    publish(mosquitto, [(f"{ROOT}/other", b"x")])
    assert len(acknowledged) == 2
    again.close()


def test_home_assistant_starts_and_everything_is_announced_again(
    mosquitto: Broker, ha: HomeAssistantChannel
) -> None:
    ha._spread_s = 0.0
    with Listener(mosquitto, CONFIG) as ear:
        wait_for(lambda: len(ear.messages) == 1)
        publish(mosquitto, [("homeassistant/status", b"online")])
        wait_for(lambda: len(ear.messages) == 2)
        publish(mosquitto, [("homeassistant/status", b"offline")])


def test_states_are_repeated_so_that_a_dead_gateway_shows(mosquitto: Broker) -> None:
    ha = make(mosquitto, open_alerts=list, heartbeat_s=1.0)
    with Listener(mosquitto) as ear:
        wait_for(lambda: len(states(ear)) >= 3)
    ha.close()


def test_a_restarted_broker_gets_it_all_again(mosquitto: Broker) -> None:
    ha = make(mosquitto, open_alerts=list, timeout_s=0.5)
    ha.deliver([alert(1)])
    mosquitto.kill()
    with pytest.raises(OSError, match="broker"):
        ha.deliver([alert(2)])
    mosquitto.start()
    with Listener(mosquitto) as ear:
        wait_for(lambda: states(ear) and states(ear)[-1]["fire"] == "ON", 20)
        assert ha.deliver([alert(2)]) == [key(alert(2))]
    ha.close()


def many(n: int) -> list[Alert]:
    return [alert(i, kind="brand new", source=f"s{i}", severity=Severity.WARNING) for i in range(1, n + 1)]


def test_a_storm_stays_one_bounded_state(mosquitto: Broker, ha: HomeAssistantChannel) -> None:
    with Listener(mosquitto) as ear:
        ha.deliver(many(50))
        wait_for(lambda: states(ear) and states(ear)[-1]["open"] == 50)
        assert len(states(ear)[-1]["alerts"]) == 20
        assert states(ear)[-1]["other"] == "ON"
        assert {e["event_type"] for e in events(ear)} == {"other"}


@pytest.mark.parametrize(
    "bad", [{"prefix": "a/#"}, {"heartbeat_s": 0}, {"timeout_s": 0}, {"discovery_prefix": ""}]
)
def test_impossible_options_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        HomeAssistantParams("broker", **bad)
