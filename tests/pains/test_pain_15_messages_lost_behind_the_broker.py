"""Pain 15: 5,000 messages acknowledged to their sender, 1,000 delivered to the gateway that was away."""

from __future__ import annotations

from pathlib import Path

from tests.broker import Broker, publish, wait_for
from tests.gateway.harness import Running, kept, write_config


def test_pain_15_what_came_while_we_were_away_is_taken_and_the_last_alarm_among_it(
    mosquitto: Broker, tmp_path: Path
) -> None:
    config = write_config(tmp_path, mosquitto, ["door_a:door", "smoke_a:smoke"])
    with Running(config) as gateway:
        gateway.armed().subscribed()
        gateway.kill()
    chatter = [("zigbee2mqtt/door_a", b'{"contact":true,"linkquality":%d}' % (i % 200)) for i in range(3000)]
    publish(mosquitto, [*chatter, ("zigbee2mqtt/smoke_a", b'{"smoke":true}')], timeout_s=30)
    with Running(config) as gateway:
        gateway.armed().subscribed()
        wait_for(lambda: gateway.status()["alerts"], 30)
        assert gateway.status()["drivers"]["broker/zigbee2mqtt"]["frames_good"] >= 3001
        gateway.stop()
    assert [a.kind for a in kept(config) if a.revision == 1 and a.kind == "smoke"] == ["smoke"]


def test_pain_15_a_broker_that_forgot_us_is_told(mosquitto: Broker, tmp_path: Path) -> None:
    """F15: killed and its memory gone: the session is missing, and that is an alert, not a silence."""
    config = write_config(tmp_path, mosquitto, ["door_a:door"])
    with Running(config) as gateway:
        gateway.armed().subscribed()
        mosquitto.kill()
        for file in mosquitto.folder.glob("*.db"):
            file.unlink()
        mosquitto.start()
        wait_for(lambda: gateway.status()["links"]["broker"].get("sessions_lost"), 40)
        gateway.subscribed()
        wait_for(lambda: "gap" in {a["kind"] for a in gateway.status()["alerts"]}, 10)
        gateway.stop()
    assert [a.kind for a in kept(config) if a.revision == 1] == ["gap"]
