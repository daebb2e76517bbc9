"""Pain 22: the adapter is unplugged, comes back under another number, and the reader is dead for good."""

from __future__ import annotations

import os
import pty
from pathlib import Path

from core.model import Reading, Sensor
from core.quantity import Quantity
from devices import DRIVERS
from tests.broker import wait_for
from tests.gateway.harness import Running

CONFIG = """\
home: {{id: test-home, time_zone: Asia/Shanghai}}
rooms: {{bedroom: {{kind: bedroom}}}}
links:
  radar: {{type: serial, port: {port}}}
sensors:
  radar: {{device: ld2410c, link: radar, room: bedroom}}
store: {{state_dir: {state}}}
"""


def _frame() -> bytes:
    sensor = Sensor("radar", "ld2410c", "radar")
    readings = [
        Reading("radar", Quantity.PRESENCE, 0, 1.0),
        Reading("radar", Quantity.MOVING, 0, 1.0),
        Reading("radar", Quantity.STILL, 0, 0.0),
        Reading("radar", Quantity.MOVING_DISTANCE_M, 0, 1.5),
        Reading("radar", Quantity.MOVING_ENERGY, 0, 60.0),
        Reading("radar", Quantity.STILL_DISTANCE_M, 0, 0.0),
        Reading("radar", Quantity.STILL_ENERGY, 0, 0.0),
        Reading("radar", Quantity.DISTANCE_M, 0, 1.5),
    ]
    return b"".join(p.data for p in DRIVERS["ld2410c"].encode(sensor, readings))


def test_pain_22_unplugged_in_mid_frame_and_back_under_another_number(tmp_path: Path) -> None:
    stable = tmp_path / "usb-radar"
    frame = _frame()
    master, slave = pty.openpty()
    stable.symlink_to(os.ttyname(slave))
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(port=stable, state=tmp_path / "state"))
    with Running(config) as gateway:
        gateway.armed()
        wait_for(lambda: gateway.status()["links"]["radar"]["up"], 10)
        os.write(master, frame)
        wait_for(lambda: gateway.status()["drivers"]["radar/ld2410c"]["frames_good"] >= 1, 10)
        os.write(master, frame[:9])  # half a frame, then the plug is pulled
        os.close(master)
        os.close(slave)
        wait_for(lambda: not gateway.status()["links"]["radar"]["up"], 10)
        another_master, another_slave = pty.openpty()
        stable.unlink()
        stable.symlink_to(os.ttyname(another_slave))
        wait_for(lambda: gateway.status()["links"]["radar"]["up"], 10)
        good = gateway.status()["drivers"]["radar/ld2410c"]["frames_good"]
        os.write(another_master, frame * 3)
        wait_for(lambda: gateway.status()["drivers"]["radar/ld2410c"]["frames_good"] == good + 3, 10)
        health = gateway.status()["drivers"]["radar/ld2410c"]
        assert (
            health["bytes_in"] == health["bytes_good"] + health["bytes_discarded"] + health["bytes_pending"]
        )
        assert gateway.stop() == 0
        os.close(another_master)
        os.close(another_slave)
