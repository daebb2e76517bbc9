"""Pain 18: the power fails, the database is torn, and nothing works any more. Ours is set aside; alerts go on."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.broker import Broker, publish, wait_for
from tests.gateway.harness import Running, kept, write_config

FILES = ("alerts.db", "samples.db", "state.json")


def _ruin(path: Path, how: str) -> None:
    data = path.read_bytes() if path.exists() else b""
    chance = random.Random(how)
    if how == "torn":
        path.write_bytes(data[: len(data) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "foreign":
        path.write_bytes(b"this is something else entirely\n" * 400)
    else:
        flipped = bytearray(data or b"\0" * 4096)
        for _ in range(200):
            flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        path.write_bytes(bytes(flipped))
    for beside in (path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        beside.unlink(missing_ok=True)


@pytest.mark.parametrize("how", ["torn", "empty", "foreign", "flipped"])
def test_pain_18_ruined_files_cost_memory_not_alerts(how: str, broker: Broker, tmp_path: Path) -> None:
    config = write_config(tmp_path, broker, ["smoke_a:smoke", "smoke_b:smoke"])
    with Running(config) as gateway:
        gateway.armed().subscribed()
        publish(broker, [("zigbee2mqtt/smoke_a", b'{"smoke":true}')])
        wait_for(lambda: gateway.status()["alerts"], 10)
        gateway.stop()
    for name in FILES:
        _ruin(tmp_path / "state" / name, how)
    (tmp_path / "state" / "state.old").unlink(missing_ok=True)
    with Running(config) as gateway:
        gateway.armed().subscribed()
        publish(broker, [("zigbee2mqtt/smoke_b", b'{"smoke":true}')])
        wait_for(lambda: "smoke_b" in {a["source"] for a in gateway.status()["alerts"]}, 15)
        kinds = {a["kind"] for a in gateway.status()["alerts"]}
        assert kinds & {"cold_start", "storage_fault"}, f"nobody was told: {kinds}"
        assert gateway.stop() == 0
    assert "smoke_b" in {a.source for a in kept(config)}
