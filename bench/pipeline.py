"""How fast is the whole gateway, and what does it cost beside the bare library?

``python -m bench.pipeline [--json] [--messages N]``. One run on one machine measures side by side:

* live: QoS 1 messages of 200 bytes from 50 sensors through a local Mosquitto into ``hearthwatch run`` with
  every detector and the store on, beside a bare paho subscriber given the same load; CPU is each process's
  own;
* alert: publish to alert on the gateway's own MQTT topic, beside a bare paho echo that makes one synced
  SQLite commit before it answers; the same rate, one after the other;
* cold start: process start to armed (READY=1);
* replay: packets of a simulated home through the pipeline, and blocks read straight into the detectors;
* resident memory of the gateway, idle and at its peak.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from core.model import Alert, Packet
from gateway import build
from gateway.control import ask
from gateway.pipeline import group
from gateway.replay import replay_blocks, replay_packets
from simulators import bench as load
from simulators.broker import Broker, find_mosquitto

ROOT = Path(__file__).resolve().parent.parent
CALM = ("autosave_on_changes false", "autosave_interval 1800")
"""The shipped broker settings save the whole queue at each change; that would measure the broker's disk."""
ALERTS = 300
WARM_UP = 20
RATE_PER_S = 50.0


class Gateway:
    """``hearthwatch run`` as a child, with its own accounting."""

    def __init__(self, config: Path) -> None:
        self.state = config.parent / "state"
        address = str(config.parent / "notify")
        listen = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listen.bind(address)
        listen.settimeout(30)
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from gateway.cli import main; main()", "run", "-c", str(config)],
            cwd=ROOT,
            env={**os.environ, "NOTIFY_SOCKET": address},
            stdout=subprocess.DEVNULL,
            stderr=(config.parent / "log").open("ab"),
        )
        while b"READY=1" not in listen.recv(256):
            pass
        self.cold_start_s = time.monotonic() - begun
        listen.close()
        os.unlink(address)
        _wait(lambda: self.status()["links"]["broker"]["up"])

    def status(self) -> dict[str, Any]:
        """Its answer."""
        return ask(self.state, {"ask": "status"})

    def cpu_s(self) -> float:
        """Processor time used so far, from the system's own accounting."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self, key: str) -> float:
        """VmRSS or VmHWM."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1]) / 1024
        return 0.0

    def end(self) -> None:
        """Stop it by id."""
        self.process.terminate()
        self.process.wait(30)


def _wait(what: Callable[[], Any], timeout_s: float = 60.0) -> None:
    pause = threading.Event()
    end = time.monotonic() + timeout_s
    while True:
        try:
            if what():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise TimeoutError("the gateway did not get there")
        pause.wait(0.02)


def _config(folder: Path, broker: Broker, alarms: int) -> Path:
    kinds = ("door", "motion", "smoke", "water", "presence")  # as simulators.bench's payloads go
    text = "home: {id: bench, time_zone: Asia/Shanghai}\nrooms: {hall: {kind: hall}}\n"
    text += f"links: {{broker: {{type: mqtt, host: 127.0.0.1, port: {broker.port}}}}}\nsensors:\n"
    for i in range(50):
        text += (
            f"  load_{i:04d}: {{device: zigbee2mqtt, link: broker, topic: {load.topic(i)}, "
            f"kind: {kinds[i % len(kinds)]}, room: hall}}\n"
        )
    for i in range(alarms):
        text += (
            f"  alarm_{i:04d}: {{device: zigbee2mqtt, link: broker, topic: bench/in/{i:04d}, "
            f"kind: smoke, room: hall}}\n"
        )
    text += f"store: {{state_dir: {folder / 'state'}}}\n"
    text += "channels: {mqtt: {type: mqtt, options: {link: broker}}}\n"
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def live(messages: int, qos: int) -> dict[str, float]:
    """Messages a second and CPU a message, gateway and bare, each with the broker to itself."""
    with Broker(kind="mosquitto", extra=CALM) as broker, tempfile.TemporaryDirectory() as name:
        bare = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "bench.peers",
                "count",
                str(broker.port),
                "zigbee2mqtt/#",
                str(messages),
                str(qos),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert bare.stdout is not None
        bare.stdout.readline()
        _publish(broker, messages, qos)
        peer = json.loads(bare.stdout.readline())
        bare.wait(30)
        gateway = Gateway(_config(Path(name), broker, 1))
        try:
            idle_mb = gateway.memory_mb("VmRSS")
            cold_start_s = gateway.cold_start_s
            before = gateway.cpu_s()
            begun = time.monotonic()
            _publish(broker, messages, qos)
            _wait(lambda: gateway.status()["counts"]["packets"] >= messages, 120)
            seconds = time.monotonic() - begun
            used = gateway.cpu_s() - before
            peak_mb = gateway.memory_mb("VmHWM")
        finally:
            gateway.end()
    return {
        "live_per_s": messages / seconds,
        "bare_per_s": peer["messages"] / peer["seconds"],
        "live_cpu_us": used / messages * 1e6,
        "bare_cpu_us": peer["cpu_s"] / peer["messages"] * 1e6,
        "cpu_ratio": (used / messages) / (peer["cpu_s"] / peer["messages"]),
        "cold_start_s": cold_start_s,
        "rss_idle_mb": idle_mb,
        "rss_peak_mb": peak_mb,
    }


def _publish(broker: Broker, messages: int, qos: int) -> None:
    """From a process of its own, so that its work is nobody else's."""
    subprocess.run(
        [sys.executable, "-m", "simulators.bench", "--port", str(broker.port), "--messages", str(messages),
         "--qos", str(qos)],
        check=True, cwd=ROOT, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def _round_trips(
    port: int, answers: str, payload: Callable[[int], bytes], key: Callable[[bytes], str | None]
) -> list[float]:
    """Publish to bench/in/NNNN at a steady rate; ms until the answer that names it."""
    sent: dict[str, float] = {}
    took: list[float] = []
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)

    def no_delay(_c: Any, _u: Any, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def on_connect(*_: Any) -> None:
        client.subscribe(answers, 1)

    client.on_socket_open = no_delay
    client.on_connect = on_connect
    client.on_subscribe = lambda *_: ready.set()

    def on_message(_c: Any, _u: Any, message: mqtt.MQTTMessage) -> None:
        name = key(bytes(message.payload))
        if name in sent:
            took.append((time.monotonic() - sent.pop(name)) * 1000)

    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    ready.wait(10)
    pause = threading.Event()

    def send(numbers: range) -> None:
        begun = time.monotonic()
        for n, i in enumerate(numbers):
            pause.wait(max(0.0, begun + n / RATE_PER_S - time.monotonic()))
            name = f"{i:04d}"
            sent[name] = time.monotonic()
            client.publish(f"bench/in/{name}", payload(i), qos=1)

    send(range(WARM_UP))  # connections made, code paths seen once; the same for both
    _wait(lambda: len(took) >= WARM_UP, 30)
    took.clear()
    send(range(WARM_UP, WARM_UP + ALERTS))
    _wait(lambda: len(took) >= ALERTS, 30)
    client.disconnect()
    client.loop_stop()
    return took


def alert_latency() -> dict[str, float]:
    """ms from publish to alert, gateway and bare echo."""
    with Broker(kind="mosquitto", extra=CALM) as broker, tempfile.TemporaryDirectory() as name:
        echo = subprocess.Popen(
            [sys.executable, "-m", "bench.peers", "echo", str(broker.port), str(Path(name) / "echo.db")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        assert echo.stdout is not None
        assert echo.stdin is not None
        echo.stdout.readline()
        bare = _round_trips(
            broker.port,
            "bench/out",
            lambda i: json.dumps({"n": f"{i:04d}"}).encode(),
            lambda b: json.loads(b)["n"],
        )
        echo.stdin.close()
        echo.wait(10)
        gateway = Gateway(_config(Path(name), broker, WARM_UP + ALERTS))
        try:
            ours = _round_trips(
                broker.port,
                "hearthwatch/bench/alert",
                lambda i: b'{"smoke":true,"battery":100,"linkquality":80}',
                lambda b: str(json.loads(b)["source"]).removeprefix("alarm_"),
            )
        finally:
            gateway.end()
    return {
        "alert_p50_ms": statistics.median(ours),
        "alert_p99_ms": float(np.percentile(ours, 99)),
        "bare_p50_ms": statistics.median(bare),
        "bare_p99_ms": float(np.percentile(bare, 99)),
        "alert_p99_ratio": float(np.percentile(ours, 99) / np.percentile(bare, 99)),
    }


def replay() -> dict[str, float]:
    """Packets a second of the quiet day's first hours, and readings a second of the same as blocks."""
    from core.config import load as load_config
    from simulators import home, scenario

    config, _ = load_config(ROOT / "config.yaml")
    story = scenario.load("quiet_day")
    start = scenario.start_of(story, config.home.time_zone, date(2026, 3, 2))
    packets: list[Packet] = []
    for packet in home.marked(story, config, start):
        packets.append(packet)
        if len(packets) >= 60_000:
            break
    plan = build.plan(ROOT / "config.yaml")
    pipeline = build.make_pipeline(plan)
    kept: list[Any] = []
    pipeline.on_blocks = kept.extend
    begun = time.perf_counter()
    result = replay_packets(pipeline, iter(packets))
    packets_s = time.perf_counter() - begun
    alerts: list[Alert] = result.alerts
    series: dict[tuple[str, str], list[Any]] = {}
    for block in kept:
        series.setdefault((block.source, block.quantity), []).extend(block.readings())
    blocks = [block for rows in series.values() for block in group(rows)]
    readings = sum(len(b) for b in blocks)
    begun = time.perf_counter()
    replay_blocks(build.make_pipeline(plan), blocks)
    blocks_s = time.perf_counter() - begun
    return {
        "replay_packets_per_s": len(packets) / packets_s,
        "replay_blocks_readings_per_s": readings / blocks_s,
        "replay_alerts": float(len(alerts)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--qos", type=int, choices=(0, 1), default=1)
    given = parser.parse_args()
    found: dict[str, Any] = {}
    if find_mosquitto():
        found |= live(given.messages, given.qos)
        found |= alert_latency()
    else:
        print("mosquitto is not installed: live figures are left out", file=sys.stderr)
    found |= replay()
    found = {k: round(v, 4 if v < 10 else 1) for k, v in found.items()}
    if given.json:
        print(json.dumps(found))
        return
    for key, value in found.items():
        print(f"{key:32} {value:>12}")


if __name__ == "__main__":
    main()
