"""Is the service manager told that we live by whole turns of the pipeline, and by nothing else?"""

from __future__ import annotations

import ast
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clock import ManualClock, SystemClock
from core.model import SECOND
from gateway import build
from gateway.app import Gateway
from gateway.control import ask
from gateway.watchdog import Watchdog
from tests.broker import wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIG = """\
home: {{id: h}}
links: {{}}
sensors: {{}}
heartbeat: {{every_s: 1}}
store: {{state_dir: {state}}}
"""


class Manager:
    """What a service manager would hear."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)
        self.said: list[str] = []

    def hear(self) -> list[str]:
        while True:
            try:
                self.said.append(self._socket.recv(256).decode())
            except BlockingIOError:
                return self.said

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path)
    yield made
    made.close()


def test_it_is_fed_three_times_in_its_period_however_many_turns_there_are(manager: Manager) -> None:
    clock = ManualClock()
    dog = Watchdog(clock, {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "30000000"})
    dog.ready()
    for _ in range(600):
        dog.turned()
        clock.advance(SECOND // 10)
    dog.stopping()
    assert manager.hear() == ["READY=1", *["WATCHDOG=1"] * 6, "STOPPING=1"]


@pytest.mark.parametrize("address", ["", "/nonexistent/socket", "@nobody-listens-here"])
def test_without_a_manager_nothing_happens(address: str) -> None:
    dog = Watchdog(ManualClock(), {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "nonsense"})
    dog.ready()
    dog.turned()


def test_a_pipeline_that_hangs_is_not_fed_though_all_other_threads_go_on(
    manager: Manager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    monkeypatch.setenv("WATCHDOG_USEC", "30000")  # 30 ms: fed every 10
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(state=tmp_path / "state"))
    hanging, go_on, hung = threading.Event(), threading.Event(), threading.Event()

    def on_turn(*_: object) -> None:
        if hanging.is_set():
            hung.set()
            go_on.wait(20)

    gateway = Gateway(build.plan(path), lambda start: SystemClock(start=start), on_turn=on_turn)
    gateway.start()
    pipeline = threading.Thread(target=gateway.run)
    pipeline.start()
    try:
        wait_for(lambda: manager.hear().count("WATCHDOG=1") >= 3)
        hanging.set()
        assert hung.wait(10)
        before = len(manager.hear())
        beats = gateway.duties.status()["heartbeat"]["beats"]
        assert "hangs" in ask(tmp_path / "state", {"ask": "status"})["error"], "the control thread answers"
        assert len(manager.hear()) == before, "somebody else feeds the watchdog"
        assert gateway.duties.status()["heartbeat"]["beats"] == beats, "somebody else beats"
        go_on.set()
        hanging.clear()
        wait_for(lambda: len(manager.hear()) > before)
    finally:
        go_on.set()
        gateway.stop()
        pipeline.join(10)
        gateway.close()
    assert manager.hear()[-1] == "STOPPING=1"


def test_only_the_turn_of_the_pipeline_feeds_it() -> None:
    calls = [
        (path.name, node.lineno)
        for path in (ROOT / "gateway").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "turned"
    ]
    assert [name for name, _ in calls] == ["app.py"]
