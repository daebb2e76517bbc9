"""Pain 15, promise P3: is every alarm kept, once, whenever the gateway is killed?"""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from tests.broker import Broker, publish, wait_for
from tests.gateway.harness import Running, kept, write_config

SMOKE = b'{"smoke":true,"battery":100,"linkquality":80}'


def _kill_at_random(broker: Broker, folder: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    names = [f"smoke_{i:04d}" for i in range(kills)]
    config = write_config(folder, broker, [f"{n}:smoke" for n in names])
    # the session must exist before the first message, or there is nothing for the broker to keep
    with Running(config) as first:
        first.armed().subscribed()
        first.stop()
    for name in names:
        with Running(config) as gateway:
            gateway.armed()
            sender = threading.Thread(target=publish, args=(broker, [(f"zigbee2mqtt/{name}", SMOKE)]))
            sender.start()
            threading.Event().wait(chance.uniform(0.0, 0.25))  # the instant of the kill is the test
            gateway.kill()
            sender.join()
    with Running(config) as last:
        last.armed().subscribed()
        wait_for(lambda: last.status().get("links", {}).get("broker", {}).get("up"), 10)
        wait_for(lambda: len(last.status()["alerts"]) >= kills, 20)
        assert last.stop() == 0
    revisions = kept(config)
    opened = [a for a in revisions if a.revision == 1 and a.kind == "smoke"]
    assert sorted(a.source for a in opened) == names, "each alarm once: none lost, none doubled"
    assert len({(a.id, a.revision) for a in revisions}) == len(revisions)


@pytest.mark.timeout(480)
def test_fifty_kills_lose_no_alarm_and_double_none(mosquitto: Broker, tmp_path: Path) -> None:
    _kill_at_random(mosquitto, tmp_path, 50, seed=20261123)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_thousand_kills_lose_no_alarm_and_double_none(mosquitto: Broker, tmp_path: Path) -> None:
    """Twenty homes of fifty sensors: with a thousand in one, mostly the reading of its configuration is killed."""
    for home in range(20):
        folder = tmp_path / f"home-{home:02d}"
        folder.mkdir()
        _kill_at_random(mosquitto, folder, 50, seed=home)
        print(f"{50 * (home + 1)} kills, none lost, none doubled", flush=True)
