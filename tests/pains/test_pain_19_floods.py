"""Pain 19: one mad sensor sends a hundred times too much and drowns the alarm of another."""

from __future__ import annotations

from pathlib import Path

from tests.broker import Broker, publish, wait_for
from tests.gateway.harness import Running, kept, write_config


def test_pain_19_an_alarm_behind_a_flood_is_raised_and_memory_stays_bounded(
    mosquitto: Broker, tmp_path: Path
) -> None:
    config = write_config(tmp_path, mosquitto, ["mad:motion", "smoke_a:smoke"])
    with Running(config) as gateway:
        gateway.armed().subscribed()
        flood = [("zigbee2mqtt/mad", b'{"occupancy":%s,"linkquality":%d}' % ((b"false", b"true")[i % 2], i % 255))
                 for i in range(20_000)]  # fmt: skip
        publish(mosquitto, flood, qos=0, timeout_s=60)
        publish(mosquitto, [("zigbee2mqtt/smoke_a", b'{"smoke":true}')])
        wait_for(lambda: "smoke" in {a["kind"] for a in gateway.status()["alerts"]}, 60)
        status = gateway.status()
        assert status["inbox"]["waiting"] <= status["inbox"]["limit"]
        kilobytes = next(
            int(line.split()[1])
            for line in Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines()
            if line.startswith("VmHWM")
        )
        assert kilobytes < 256 * 1024, "the service's own memory limit"
        gateway.stop()
    assert [a.source for a in kept(config) if a.kind == "smoke" and a.revision == 1] == ["smoke_a"]
