"""Pain 3: an old alarm rings again at every start because its payload was retained. Measured elsewhere: 3 of 3."""

from __future__ import annotations

from pathlib import Path

from core.model import Mark
from gateway import build
from tests.broker import Broker, publish, wait_for
from tests.gateway.harness import Running, kept, write_config
from tests.pains.story import home, marked, of_kind, plan, says, tell

HOME = home("smoke:smoke")


def test_pain_03_found_at_connect_is_told_once_and_not_as_an_alarm() -> None:
    pipeline = build.make_pipeline(plan(HOME))
    alerts = []
    for n in range(3):  # three reconnects, the broker hands out the same old value each time
        alerts += tell(
            pipeline, [marked(Mark.UP, 100 * n), says("smoke", 100 * n + 1, Mark.RETAINED, smoke=True)]
        )
    found = of_kind(alerts, "smoke")
    assert len({a.id for a in found}) == 1
    assert found[0].evidence.get("found_at_connect") is True
    assert found[0].severity == "warning", "never ignored, but not an alarm by itself"
    assert [a.revision for a in found if a.evidence["why"] == "opened"] == [1]


def test_pain_03_a_live_true_makes_it_an_alarm_at_once() -> None:
    pipeline = build.make_pipeline(plan(HOME))
    alerts = tell(pipeline, [says("smoke", 1, Mark.RETAINED, smoke=True), says("smoke", 5, smoke=True)])
    last = of_kind(alerts, "smoke")[-1]
    assert last.severity == "alarm"
    assert not last.evidence.get("found_at_connect")


def test_pain_03_three_starts_on_a_real_broker_tell_it_once(mosquitto: Broker, tmp_path: Path) -> None:
    config = write_config(tmp_path, mosquitto, ["smoke_a:smoke", "door_a:door"])
    publish(mosquitto, [("zigbee2mqtt/smoke_a", b'{"smoke":true,"battery":80}')], retain=True)
    for n in range(3):
        with Running(config) as gateway:
            gateway.armed().subscribed()
            # a message behind the retained one: once it is seen, the retained one was taken too
            publish(mosquitto, [("zigbee2mqtt/door_a", b'{"contact":true,"linkquality":%d}' % (50 + n))])
            wait_for(lambda: gateway.status()["sensors"]["door_a"]["state"] == "heard", 10)
            assert gateway.stop() == 0
    found = [a for a in kept(config) if a.kind == "smoke"]
    assert len({a.id for a in found}) == 1
    assert all(a.severity == "warning" for a in found)
    assert [a.evidence["why"] for a in found].count("opened") == 1
