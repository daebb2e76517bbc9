from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from alerts.channels import ChannelContext
from alerts.channels.in_home import InHomeChannel, InHomeParams
from alerts.policy import Plan, Policy, Step, asks
from core.clock import ManualClock
from core.config import MqttLinkConfig
from core.model import AlertState
from tests.alerts.making import HOME, alert, key
from tests.broker import Broker, Listener, wait_for

POLICY = Policy((Plan((Step(0, ("speaker",), ask=True), Step(60, ("daughter",)))),))


def channel(broker: Broker, language: str = "en", **options: Any) -> InHomeChannel:
    link = MqttLinkConfig(type="mqtt", host=broker.host, port=broker.port)
    context = ChannelContext(
        HOME, language, {"broker": link}, ManualClock(), "speaker", asks=lambda a: asks(POLICY, a)
    )
    return InHomeChannel(InHomeParams("broker", "home/speaker", timeout_s=5.0, **options), context)


@pytest.fixture
def made(mosquitto: Broker) -> Iterator[InHomeChannel]:
    out = channel(mosquitto)
    yield out
    out.close()


def test_a_fall_is_a_question_with_its_two_answers(mosquitto: Broker, made: InHomeChannel) -> None:
    fall = alert(1, kind="fall")
    with Listener(mosquitto, "home/speaker") as ear:
        assert made.deliver([fall]) == [key(fall)]
        wait_for(lambda: ear.messages)
    _, payload, retained = ear.messages[0]
    said = json.loads(payload)
    assert not retained
    assert said["question"] is True
    assert "Are you all right?" in said["say"]
    assert said["yes"] == {"answer": fall.id, "word": "all_right", "by": "home"}
    assert said["no"]["word"] == "help"
    assert said["answer_topic"] == "hearthwatch/h/command"
    with Listener(mosquitto, "home/speaker") as late:
        made.deliver([alert(2, kind="fall")])
        wait_for(lambda: late.messages)
        assert len(late.messages) == 1, "an old question must not be asked again"


def test_smoke_is_not_asked_about_but_said(made: InHomeChannel) -> None:
    said = made.message(alert(1))
    assert said is not None
    assert said["question"] is False
    assert "Leave the home at once" in said["say"]


def test_who_answered_is_thanked_and_mere_numbers_are_not_said(made: InHomeChannel) -> None:
    fall = alert(1, 2, kind="fall", state=AlertState.ACKNOWLEDGED)
    answer = {"why": "acknowledged", "answers": [{"word": "all_right", "by": "home", "at": 1}]}
    said = made.message(replace(fall, evidence=answer))
    assert said is not None
    assert said["over"] is True
    assert said["say"].startswith("Thank you")
    assert made.message(replace(fall, evidence={"why": "news"})) is None


def test_text_for_a_voice(mosquitto: Broker) -> None:
    out = channel(mosquitto, "zh-CN", format="text")
    with Listener(mosquitto, "home/speaker") as ear:
        out.deliver([alert(1, kind="fall")])
        wait_for(lambda: ear.messages)
        assert ear.messages[0][1].decode().startswith("您还好吗")
    out.close()


@pytest.mark.parametrize("bad", [{"topic": "a/+"}, {"topic": ""}, {"topic": "a", "timeout_s": 0}])
def test_wrong_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"topic|timeout_s"):
        InHomeParams(link="broker", **bad)
