"""Pain 4: an alarm that is already true when the gateway starts is never raised; an acknowledgement is lost."""

from __future__ import annotations

from pathlib import Path

from gateway import build
from tests.broker import Broker, publish, wait_for
from tests.gateway.harness import Running, kept, write_config
from tests.pains.story import home, of_kind, plan, says, tell


def test_pain_04_the_first_word_of_a_sensor_may_be_an_alarm() -> None:
    for sensor, state in (
        ("smoke", {"smoke": True}),
        ("gas", {"gas": True}),
        ("water", {"water_leak": True}),
    ):
        pipeline = build.make_pipeline(plan(home(f"one:{sensor}")))
        alerts = tell(pipeline, [says("one", 1, **state)])
        assert [a.severity for a in of_kind(alerts, sensor)][:1] == ["alarm"], sensor


def test_pain_04_open_and_acknowledged_survive_a_restart(broker: Broker, tmp_path: Path) -> None:
    config = write_config(tmp_path, broker, ["smoke_a:smoke"])
    smoke = [("zigbee2mqtt/smoke_a", b'{"smoke":true}')]
    with Running(config) as gateway:
        gateway.armed().subscribed()
        publish(broker, smoke)
        wait_for(lambda: gateway.status()["alerts"], 10)
        alert = gateway.status()["alerts"][0]["id"]
        publish(
            broker, [("hearthwatch/test-home/command", b'{"acknowledge":"%s","by":"Mei"}' % alert.encode())]
        )
        wait_for(lambda: gateway.status()["alerts"][0]["state"] == "acknowledged", 10)
        gateway.kill()
    with Running(config) as gateway:
        gateway.armed().subscribed()
        after = gateway.status()["alerts"]
        assert [(a["id"], a["state"]) for a in after] == [(alert, "acknowledged")]
        publish(broker, smoke)  # still burning: no new alert, and nobody who took it is rung again
        publish(broker, [("zigbee2mqtt/smoke_a", b'{"smoke":false}')])
        wait_for(lambda: not gateway.status()["alerts"], 10)
        gateway.stop()
    assert len({a.id for a in kept(config) if a.kind == "smoke"}) == 1
