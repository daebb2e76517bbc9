"""The Home Assistant device on a real broker, and its announcement against the published rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
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
from tests.alerts.channels.ha_rules import LONG, long, problems, rendered, state_ok
from tests.alerts.making import HOME, alert, key
from tests.broker import Broker, Listener, publish, wait_for

ROOT = "hearthwatch/h/ha"
CONFIG = "homeassistant/device/hearthwatch_h/config"


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_announcement_follows_the_published_rules(language: str) -> None:
    config = discovery("h-1", "家", "hearthwatch/h-1", 60, language)
    assert problems("homeassistant/device/hearthwatch_h-1/config", json.dumps(config).encode()) == []
    for c in config["cmps"].values():
        assert "object_id" not in c
        if c["p"] in ("binary_sensor", "sensor"):
            assert c["expire_after"] == 180
    assert config["cmps"]["event"]["event_types"] == EVENT_TYPES
    assert config["state_topic"] != config["cmps"]["event"]["state_topic"]


def test_the_rules_would_find_mistakes() -> None:
    good = discovery("h", "", "hearthwatch/h", 60, "en")
    topic = "homeassistant/device/hearthwatch_h/config"

    def wrong(**changes: Any) -> list[str]:
        return problems(topic, json.dumps({**good, **changes}).encode())

    fire = good["cmps"]["fire"]
    assert wrong() == []
    for change in ({"o": {}}, {"dev": {"name": "x"}}, {"cmps": {}}, {"extra": 1}, {"qos": 3}):
        assert wrong(**change), change
    for bad in (
        {"device_class": "fire"}, {"expire_after": -1}, {"expire_after": True}, {"p": "alarm"},
        {"unique_id": ""}, {"object_id": "x"}, {"default_entity_id": "Sensor.X"}, {"entity_category": "config"},
    ):  # fmt: skip
        assert wrong(cmps={"fire": {**fire, **bad}}), bad
    assert problems("homeassistant/device/a b/config", json.dumps(good).encode())


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


def test_on_a_real_broker_the_announcement_and_all_it_names_follow_the_rules(mosquitto: Broker) -> None:
    """As Home Assistant would: from the retained announcement alone find every topic and read every state."""
    heard: list[tuple[str, str]] = []
    ha = make(mosquitto, heard, open_alerts=lambda: [alert(1)])
    with Listener(mosquitto) as ear:
        wait_for(lambda: {CONFIG, f"{ROOT}/state"} <= {t for t, _, _ in ear.messages})
        ha.deliver([alert(1), alert(2, kind="gas"), alert(3, kind="never heard of")])
        ha.deliver([alert(2, 2, kind="gas", state=AlertState.CLEARED, evidence={"why": "cleared"})])
        wait_for(lambda: len(events(ear)) == 4)
    with Listener(mosquitto) as late:
        wait_for(lambda: {CONFIG, f"{ROOT}/state", f"{ROOT}/status"} <= {t for t, _, k in late.messages if k})
        (announced,) = [p for t, p, kept in late.messages if t == CONFIG and kept]
    assert problems(CONFIG, announced) == []
    config = long(json.loads(announced))
    status = [p for t, p, kept in late.messages if t == config["availability_topic"] and kept]
    assert status == [b"online"]
    for name, short in config["components"].items():
        entity = long(short)
        topic = entity.get("state_topic", config["state_topic"])
        if entity["platform"] in ("binary_sensor", "sensor"):
            said = [json.loads(p) for t, p, kept in late.messages if t == topic and kept]
            assert said, f"{name}: nothing retained on {topic}"
            assert state_ok(entity, rendered(entity, said[-1])), name
        elif entity["platform"] == "event":
            assert not [p for t, p, kept in late.messages if t == topic], "an event was retained"
            for payload in (p for t, p, _ in ear.messages if t == topic):
                assert json.loads(payload)["event_type"] in entity["event_types"]
        else:
            publish(mosquitto, [(entity["command_topic"], entity["payload_press"].encode())])
    wait_for(lambda: heard)
    assert heard[0] == (alert(1).id, "Home Assistant")
    assert set(LONG) >= {"dev", "o", "cmps", "p"}
    ha.close()


def test_a_drill_is_news_but_no_state(mosquitto: Broker, ha: HomeAssistantChannel) -> None:
    with Listener(mosquitto) as ear:
        ha.deliver([alert(1, evidence={"test": True, "drill": "alarm"})])
        wait_for(lambda: events(ear) and states(ear) and states(ear)[-1]["latest"])
        assert events(ear)[0]["event_type"] == "smoke"
        assert states(ear)[-1]["latest"].startswith("TEST")
        assert (states(ear)[-1]["fire"], states(ear)[-1]["alarm"], states(ear)[-1]["open"]) == (
            "OFF",
            "OFF",
            0,
        )


def test_nothing_only_helpers_need_goes_to_home_assistant(mosquitto: Broker) -> None:
    ha = make(mosquitto, open_alerts=list)
    object.__setattr__(ha._context, "home", replace(HOME, entry="code 1234", address="Xingfu Road 5"))
    with Listener(mosquitto) as ear:
        ha.deliver([alert(1, kind="fall")])
        wait_for(lambda: events(ear))
        assert b"1234" not in b"".join(p for _, p, _ in ear.messages)
        assert "Xingfu Road 5" in events(ear)[0]["body"]
    ha.close()
