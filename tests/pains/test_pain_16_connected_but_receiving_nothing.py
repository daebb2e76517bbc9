"""Pain 16: the socket is fine, the data is not. We watch the data: a canary message, and each sensor."""

from __future__ import annotations

from pathlib import Path

from core.model import Mark
from gateway import build
from tests.broker import Broker, wait_for
from tests.gateway.harness import Running, write_config
from tests.pains.story import clock, home, marked, of_kind, plan, says, tell


def test_pain_16_a_frozen_broker_is_noticed_and_healed(mosquitto: Broker, tmp_path: Path) -> None:
    """F16: the connection stays up, nobody answers. Noticed within 45 s, back by itself."""
    config = write_config(tmp_path, mosquitto, ["door_a:door"])
    with Running(config) as gateway:
        gateway.armed().subscribed()
        mosquitto.freeze()
        try:
            wait_for(lambda: not gateway.status()["links"]["broker"].get("up"), 45)
        finally:
            mosquitto.thaw()
        gateway.subscribed()
        wait_for(lambda: gateway.status()["links"]["broker"]["up"], 30)
        assert gateway.stop() == 0


def test_pain_16_a_link_that_stays_down_is_one_trouble_not_one_for_each_sensor() -> None:
    of = home(*[f"m{i}:motion" for i in range(12)])
    pipeline = build.make_pipeline(plan(of))
    story = [clock(0, 0), marked(Mark.UP, 0.1)]
    story += [says(f"m{i}", 1 + i * 0.1, occupancy=False) for i in range(12)]
    story += [marked(Mark.DOWN, 30, b"connection lost")]
    alerts = tell(pipeline, story, 600)
    down = of_kind(alerts, "link_down")
    assert len({a.id for a in down}) == 1
    assert down[0].opened <= story[-1].at + 60 * 10**9, "P6: told within a minute"
    assert not of_kind(alerts, "sensor_silent")
