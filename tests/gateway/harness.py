"""A real gateway process for tests: started, watched, killed, asked. Ended by id, always."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.model import Alert
from gateway.control import ask
from tests.broker import Broker, wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
ARMED_WITHIN_S = 10.0  # the promise (reliability P9)


def write_config(folder: Path, broker: Broker, sensors: Iterable[str], more: str = "") -> Path:
    """A home whose sensors are zigbee2mqtt devices; each item is ``id:kind[:room]``."""
    rooms = "rooms: {hall: {kind: hall}, living: {kind: living}, bathroom: {kind: bathroom}}\n"
    text = (
        "home: {id: test-home, time_zone: Asia/Shanghai, language: en}\nresidents: {li: {name: Li}}\n" + rooms
    )
    text += f"links:\n  broker: {{type: mqtt, host: {broker.host}, port: {broker.port}, keep_alive_s: 5}}\n"
    text += "sensors:\n"
    for item in sensors:
        name, kind, *room = item.split(":")
        where = room[0] if room else "hall"
        text += (
            f"  {name}: {{device: zigbee2mqtt, link: broker, topic: zigbee2mqtt/{name}, "
            f"kind: {kind}, room: {where}}}\n"
        )
    text += f"store: {{state_dir: {folder / 'state'}}}\n" + more
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


class Running:
    """``hearthwatch run`` as a child process, with a notification socket of the test's own."""

    def __init__(self, config: Path, *arguments: str) -> None:
        self.config = config
        self.state = config.parent / "state"
        address = str(config.parent / "notify")
        if os.path.exists(address):
            os.unlink(address)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(address)
        self.notify.settimeout(ARMED_WITHIN_S)
        self.log = (config.parent / "gateway.log").open("ab")
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from gateway.cli import main; main()",
                "run",
                "-c",
                str(config),
                *arguments,
            ],
            cwd=ROOT,
            env={**os.environ, "NOTIFY_SOCKET": address, "RUNTIME_DIRECTORY": str(config.parent)},
            stdout=self.log,
            stderr=self.log,
        )

    def armed(self) -> Running:
        """Wait for READY; fails after the promised time."""
        while b"READY=1" not in self._heard():
            pass
        return self

    def _heard(self) -> bytes:
        try:
            return self.notify.recv(256)
        except TimeoutError:
            raise AssertionError(f"not armed within {ARMED_WITHIN_S} s:\n{self.said()}") from None

    def subscribed(self) -> Running:
        """Wait until its broker link is up."""
        wait_for(lambda: all(x.get("up") for x in self.status()["links"].values()), 10)
        return self

    def status(self) -> dict[str, Any]:
        """Its answer to ``status``."""
        try:
            return ask(self.state, {"ask": "status"})
        except OSError:
            assert self.process.poll() is None, f"the gateway died:\n{self.said()}"
            return {"links": {"none": {}}, "alerts": []}

    def said(self) -> str:
        """Its log so far."""
        return (self.config.parent / "gateway.log").read_text(encoding="utf-8", errors="replace")[-4000:]

    def kill(self) -> None:
        """As the kernel or a power cut would: SIGKILL."""
        self.process.kill()
        self._gone()

    def stop(self, timeout_s: float = 20.0) -> int:
        """As a service manager would: SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self._gone()
            raise AssertionError(f"did not end on SIGTERM:\n{self.said()}") from None
        self._gone()
        return self.process.returncode

    def _gone(self) -> None:
        self.process.wait()
        self.notify.close()
        self.log.close()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()


def kept(config: Path) -> list[Alert]:
    """Every alert revision in the outbox of a stopped gateway."""
    from alerts.outbox import Outbox

    outbox = Outbox(config.parent / "state" / "alerts.db")
    try:
        return list(outbox.history())
    finally:
        outbox.close()
