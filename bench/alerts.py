"""How long from a sensor's message to a durable alert, and to every channel? Idle, and with a core saturated.

``python -m bench.alerts [--json] [--alarms N]``. One run on one machine measures side by side, in ms:

* durable: publish until the alert's row is committed and synced, seen by a reader of the database file;
* delivered: publish until the far end has it, for every channel kind (MQTT, Home Assistant, in-home, webhook,
  SIA DC-09, e-mail, apprise, five chat robots), each with a receiver on loopback. Robots allow few messages a
  minute, so of those that keep a pace only the first alarms count;
* echo: the same publish answered by a bare paho client that makes one synced SQLite commit;
* ``_loaded``: all of it with a process that saturates a core;
* ``restart``: between alarms the broker is restarted, and the next alarm is published as soon as it listens.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.far_ends import FarEnds
from bench.pipeline import CALM, ROOT, Gateway
from simulators.broker import Broker, find_mosquitto

PACED = {"wecom": 15, "dingtalk": 15, "apprise": 15, "email": 25, "feishu": 50, "serverchan": 50}
"""Robots that allow only so many in a minute (kept by the channels themselves): alarms that count."""
WARM_UP = 2
EVERY_S = 0.2
LOOK_S = 0.001
GIVE_UP_S = 20.0
RESTARTS = 4
SMOKE = b'{"smoke":true,"battery":100,"linkquality":80}'


def config(folder: Path, port: int, alarms: int, channels: str) -> Path:
    """A home with one smoke alarm a room, and the channels."""
    text = "home: {id: bench, time_zone: Asia/Shanghai, language: en}\nrooms:\n"
    text += "".join(f"  r{i:04d}: {{kind: other, name: room-{i:04d}}}\n" for i in range(alarms))
    text += f"links: {{broker: {{type: mqtt, host: 127.0.0.1, port: {port}}}}}\nsensors:\n"
    text += "".join(
        f"  alarm_{i:04d}: {{device: zigbee2mqtt, link: broker, topic: bench/in/{i:04d}, kind: smoke, "
        f"room: r{i:04d}}}\n"
        for i in range(alarms)
    )
    path = folder / "config.yaml"
    path.write_text(text + f"store: {{state_dir: {folder / 'state'}}}\n" + channels)
    return path


class Publisher:
    """Sends alarms as a sensor bridge would, and takes answers."""

    def __init__(self, port: int, answers: str = "") -> None:
        self.answered: dict[int, float] = {}
        self._up = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)

        def on_connect(*_: Any) -> None:
            if answers:
                self.client.subscribe(answers, 1)
            self._up.set()

        def on_message(_c: Any, _u: Any, message: mqtt.MQTTMessage) -> None:
            self.answered[int(json.loads(message.payload)["n"])] = time.monotonic()

        self.client.on_connect = on_connect
        self.client.on_disconnect = lambda *_: self._up.clear()
        self.client.on_message = on_message
        self.client.reconnect_delay_set(0.05, 0.2)  # type: ignore[arg-type]
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.ready()

    def ready(self) -> None:
        """Wait for the broker."""
        if not self._up.wait(20):
            raise TimeoutError("the broker did not come back")

    def send(self, number: int, payload: bytes) -> float:
        """Publish one; when."""
        at = time.monotonic()
        self.client.publish(f"bench/in/{number:04d}", payload, qos=1)
        return at

    def close(self) -> None:
        """Goodbye."""
        self.client.disconnect()
        self.client.loop_stop()


@contextlib.contextmanager
def busy(on: bool) -> Iterator[None]:
    """A process that saturates a core."""
    if not on:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def echo(port: int, folder: Path, alarms: int) -> list[float]:
    """Round trips of the bare peer, ms."""
    peer = subprocess.Popen(
        [sys.executable, "-m", "bench.peers", "echo", str(port), str(folder / "echo.db")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert peer.stdin is not None
    assert peer.stdout is not None
    peer.stdout.readline()
    publisher, sent = Publisher(port, "bench/out"), {}
    for i in range(alarms):
        sent[i] = publisher.send(i, json.dumps({"n": i}).encode())
        _wait(lambda i=i: i in publisher.answered, sent[i])
        _pause(sent[i])
    publisher.close()
    peer.stdin.close()
    peer.wait(10)
    return [
        (publisher.answered[i] - sent[i]) * 1000 for i in range(WARM_UP, alarms) if i in publisher.answered
    ]


class Rows:
    """When is an alert's row there, for a reader of the file?"""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        self._last = self._db.execute("SELECT coalesce(max(seq), 0) FROM revision").fetchone()[0]

    def look(self, number: int) -> bool:
        """Is the alarm of this sensor written?"""
        rows = self._db.execute("SELECT seq, body FROM revision WHERE seq > ?", (self._last,)).fetchall()
        found = False
        for seq, body in rows:
            self._last = seq
            found |= json.loads(body)["source"] == f"alarm_{number:04d}"
        return found


def run(alarms: int, loaded: bool) -> dict[str, Any]:
    """One home, all channels: the echo, then the gateway, then the broker restarted in between."""
    with (
        tempfile.TemporaryDirectory() as name,
        Broker(kind="mosquitto", extra=CALM) as broker,
        busy(loaded),
    ):
        folder = Path(name)
        bare = echo(broker.port, folder, alarms)
        far = FarEnds(folder)
        total = alarms + RESTARTS
        gateway = Gateway(config(folder, broker.port, total, far.channels()))
        ear = far.listen(broker.port)
        publisher, rows = Publisher(broker.port), Rows(folder / "state" / "alerts.db")
        sent: dict[int, float] = {}
        durable: list[float] = []
        restarted: list[float] = []
        fast = [k for k in far.kinds() if k not in PACED]
        try:
            for i in range(alarms):
                sent[i] = publisher.send(i, SMOKE)
                at = _wait(lambda i=i: rows.look(i), sent[i])
                if at is not None and i >= WARM_UP:
                    durable.append((at - sent[i]) * 1000)
                _pause(sent[i])
            for i in range(alarms, total):
                broker.restart()
                publisher.ready()
                sent[i] = publisher.send(i, SMOKE)
                _wait(lambda i=i: all(i in far.arrived[k] for k in fast), sent[i])
                restarted.append(
                    max(far.arrived[k].get(i, sent[i] + GIVE_UP_S) - sent[i] for k in fast) * 1000
                )
                time.sleep(1.0)
        finally:
            publisher.close()
            ear.disconnect()
            ear.loop_stop()
            gateway.end()
            far.close()
    late = {k: [i for i in range(counts(k, alarms)) if i not in far.arrived[k]] for k in far.kinds()}
    return {
        "durable": durable,
        "echo": bare,
        "restart": restarted,
        "lost": sum(len(x) for x in late.values()),
        "channels": {
            k: [(far.arrived[k][i] - sent[i]) * 1000
                for i in range(WARM_UP, counts(k, alarms)) if i in far.arrived[k]]
            for k in far.kinds()
        },
    }  # fmt: skip


def counts(kind: str, alarms: int) -> int:
    """How many alarms of a run count for this channel?"""
    return min(alarms, PACED.get(kind, alarms))


def _wait(what: Any, since: float) -> float | None:
    while not what():
        if time.monotonic() - since > GIVE_UP_S:
            return None
        time.sleep(LOOK_S)
    return time.monotonic()


def _pause(since: float) -> None:
    time.sleep(max(0.0, since + EVERY_S - time.monotonic()))


def figures(found: dict[str, Any], suffix: str) -> dict[str, float]:
    """The keys of one run."""
    out: dict[str, float] = {}
    everything = [x for rows in found["channels"].values() for x in rows]
    for name, rows in (("durable", found["durable"]), ("delivered", everything), ("echo", found["echo"])):
        out[f"{name}_p50_ms{suffix}"] = _percentile(rows, 50)
        out[f"{name}_p99_ms{suffix}"] = _percentile(rows, 99)
    for kind, rows in found["channels"].items():
        out[f"{kind}_p99_ms{suffix}"] = _percentile(rows, 99)
    out[f"restart_delivered_max_ms{suffix}"] = max(found["restart"], default=float("nan"))
    out[f"not_delivered{suffix}"] = found["lost"]
    return out


def _percentile(rows: list[float], which: float) -> float:
    return float(np.percentile(rows, which)) if rows else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.alerts", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--alarms", type=int, default=60)
    given = parser.parse_args()
    if not find_mosquitto():
        sys.exit("mosquitto is not installed: nothing can be measured")
    found: dict[str, float] = {"alarms": given.alarms, "cores": float(os.cpu_count() or 1)}
    found |= figures(run(given.alarms, False), "")
    found |= figures(run(given.alarms, True), "_loaded")
    found = {k: round(v, 1) for k, v in found.items()}
    if given.json:
        print(json.dumps(found))
        return
    for key, value in found.items():
        print(f"{key:34} {value:>10}")


if __name__ == "__main__":
    main()
