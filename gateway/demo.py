"""What does ``make run`` do? A simulated home on a real broker and real pseudo-terminals, watched live.

The simulator is another program (``hearthwatch-sim serve``), because the runtime never imports it; the
two meet only through the broker, the ports and the configuration file it writes. Everything is kept in
one folder: state, the recording, and the alerts as the replay would print them.
"""

from __future__ import annotations

import json
import logging
import select
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.clock import SystemClock
from gateway import build, canonical
from gateway.app import Gateway
from gateway.live import LiveView

READY_WITHIN_S = 60.0


class SimulatorFailed(Exception):
    """The simulator did not come up."""


class Simulator:
    """The simulator as a child process; ended by id, never by name."""

    def __init__(self, scenario: str, config: Path, folder: Path, speed: float) -> None:
        beside = Path(sys.executable).with_name("hearthwatch-sim")
        command = [str(beside)] if beside.exists() else [sys.executable, "-m", "simulators.cli"]
        command += ["serve", "--scenario", scenario, "--config", str(config), "--out", str(folder), "--json"]
        if speed:
            command += ["--speed", str(speed)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None,
            text=True,
            start_new_session=True,
        )
        self.ready = self._wait()

    def _wait(self) -> dict[str, Any]:
        out = self.process.stdout
        assert out is not None
        readable, _, _ = select.select([out], [], [], READY_WITHIN_S)
        line = out.readline() if readable else ""
        if not line:
            self.close()
            raise SimulatorFailed("the simulator did not start; its message stands above")
        said: dict[str, Any] = json.loads(line)
        return said

    def go(self) -> None:
        """Begin to play."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def close(self) -> None:
        """End it and what it started."""
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def demo_command(
    scenario: str, config: Path, speed: float, seconds: float, folder: Path | None, as_json: bool
) -> int:
    """Play a scenario until Ctrl-C, or for so many real seconds. Returns the exit code."""
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname).1s %(name)s: %(message)s", stream=sys.stderr
    )
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="hearthwatch-demo-") as name:
            return _play(scenario, config, speed, seconds, Path(name), as_json)
    folder.mkdir(parents=True, exist_ok=True)
    return _play(scenario, config, speed, seconds, folder, as_json)


def _play(scenario: str, config: Path, speed: float, seconds: float, folder: Path, as_json: bool) -> int:
    try:
        simulator = Simulator(scenario, config, folder, speed)
    except (SimulatorFailed, OSError, ValueError) as error:
        print(f"hearthwatch: {error}", file=sys.stderr)
        return 2
    try:
        ready = simulator.ready
        plan = build.plan(ready["config"])
        # the live view is the log here; two writers on one terminal would garble each other
        plan = replace(plan, channels=tuple(c for c in plan.channels if c.type != "log"))

        def clock_from(last: int | None) -> SystemClock:
            return SystemClock(speed=float(ready["speed"]), start=max(int(ready["start_ns"]), last or 0))

        view = LiveView(plan, ready, as_json)
        gateway = Gateway(plan, clock_from, record_to=folder / "recording.jsonl", on_turn=view.on_turn)
        gateway.start()
        ended = threading.Event()
        turning = threading.Thread(target=_turn, args=(gateway, ended), name="pipeline")
        turning.start()
        try:
            gateway_up(gateway)
            simulator.go()
            threading.Thread(target=view.follow, args=(simulator.process.stdout,), daemon=True).start()
            view.show(gateway, ended, seconds, simulator.process)
        except KeyboardInterrupt:
            pass
        finally:
            gateway.stop()
            turning.join()
            gateway.close()
        found = canonical.lines(canonical.from_packets(view.alerts))
        (folder / "alerts.jsonl").write_text("".join(x + "\n" for x in found), encoding="utf-8")
        view.last_words(folder)
        return 0
    finally:
        simulator.close()


def _turn(gateway: Gateway, ended: threading.Event) -> None:
    try:
        gateway.run()
    finally:
        ended.set()


def gateway_up(gateway: Gateway, within_s: float = 15.0) -> bool:
    """Wait until every link is up, so that nothing of the story is missed; False after the time-out."""
    waiter = threading.Event()
    for _ in range(round(within_s / 0.05)):
        if all(dict(s.status()).get("up") for s in gateway.sources.values()):
            return True
        waiter.wait(0.05)
    return False
