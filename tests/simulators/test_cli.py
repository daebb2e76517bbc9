"""The command: list, record, and serve against real ports and a real broker."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import serial
from typer.testing import CliRunner

from core.config import load as load_config
from core.model import Mark
from ingest.recording import RecordingReader
from simulators import scenario
from simulators.cli import app
from tests.broker import Broker, Listener, wait_for

COMMAND = [sys.executable, "-m", "simulators.cli"]


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )


@contextlib.contextmanager
def serving(root: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    process = subprocess.Popen(
        [*COMMAND, "serve", "--json", *words],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdin
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.wait(30)
        process.stdout.close()


def test_help_and_list() -> None:
    runner = CliRunner()
    for words in ([], ["serve"], ["record"], ["list"], ["falls"]):
        said = runner.invoke(app, [*words, "--help"])
        assert said.exit_code == 0
        assert "Usage" in said.stdout
    told = [json.loads(line) for line in runner.invoke(app, ["list", "--json"]).stdout.splitlines()]
    assert [t["name"] for t in told] == scenario.names()
    assert "卫生间跌倒" in runner.invoke(app, ["list", "--language", "zh"]).stdout


def test_a_recording_can_be_read_and_its_config_loads(root: Path, tmp_path: Path) -> None:
    log, config = tmp_path / "x.jsonl", tmp_path / "c" / "config.yaml"
    said = run(
        root, "record", "-s", "smoke_at_night", "--out", str(log), "--config-out", str(config), "--json"
    )
    told = json.loads(said.stdout)
    reader = RecordingReader(log)
    packets = list(reader.packets())
    assert len(packets) == told["packets"]
    assert packets[0].at == told["start_ns"]
    assert packets[-1].mark is Mark.END
    assert reader.counts.refused == {}
    written, _ = load_config(config)
    assert set(written.sensors) == set(scenario.load("smoke_at_night").sensors)
    assert {p.link for p in packets[:-1]} == set(written.links)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["record", "-s", "no_such"], "quiet_day"),
        (["record", "-c", "/no/such.yaml"], "cannot be read"),
        (["record", "--day", "monday"], "--day"),
        (["serve", "-s", "no_such"], "quiet_day"),
    ],
)
def test_mistakes_exit_2_with_a_sentence(root: Path, words: list[str], says: str) -> None:
    said = run(root, *words)
    assert said.returncode == 2
    assert says in said.stderr
    assert "Traceback" not in said.stderr


def test_serve_plays_to_real_ports_and_a_real_broker(root: Path, tmp_path: Path) -> None:
    words = ("-s", "call_button", "--out", str(tmp_path / "out"), "--speed", "60", "--end")
    with serving(root, *words) as (process, ready):
        config, _ = load_config(ready["config"])
        assert ready["ready"] is True
        assert ready["speed"] == 60
        assert "23:30:00" in ready["start_local"]
        link = config.links["broker"]
        assert f"{link.host}:{link.port}" == ready["brokers"]["broker"]  # type: ignore[union-attr]
        assert config.store.state_dir == tmp_path / "out" / "state"
        at = Broker(tmp_path, port=link.port)  # type: ignore[arg-type]
        with (
            Listener(at) as heard,
            serial.Serial(ready["ports"]["radar_bedroom"], 256000, timeout=10) as port,
        ):
            assert ("zigbee2mqtt/bridge/state", b'{"state":"online"}', True) in retained(heard)
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
            assert b"\xf4\xf3\xf2\xf1" in port.read(46)
            wait_for(lambda: [m for m in heard.messages if b"emergency" in m[1]])
            port.read(23 * 100)
        told = [json.loads(line) for line in process.stdout or ()]
    assert told[0]["step"] == "press"
    assert told[-1]["done"] is True
    assert process.returncode == 0


def test_after_the_end_everybody_stays_and_sensors_go_on(root: Path, tmp_path: Path) -> None:
    with serving(root, "-s", "call_button", "--out", str(tmp_path), "--speed", "600") as (process, ready):
        with serial.Serial(ready["ports"]["radar_bedroom"], 256000, timeout=10) as port:
            assert process.stdin
            assert process.stdout
            process.stdin.write("go\n")
            process.stdin.flush()
            while not json.loads(process.stdout.readline()).get("done"):
                pass
            port.reset_input_buffer()
            assert len(port.read(2300)) == 2300
        assert process.poll() is None


def retained(heard: Listener) -> list[tuple[str, bytes, bool]]:
    wait_for(lambda: len([m for m in heard.messages if m[2]]) >= 3)
    return [m for m in heard.messages if m[2]]


@pytest.mark.parametrize("how", ["eof", "term", "int", "eof_playing"])
def test_it_ends_when_told_and_takes_everything_along(root: Path, tmp_path: Path, how: str) -> None:
    with serving(root, "-s", "quiet_day", "--out", str(tmp_path)) as (process, ready):
        children = psutil.Process(process.pid).children(recursive=True)
        assert children  # the broker
        assert process.stdin
        if how == "eof_playing":
            process.stdin.write("go\n")
            process.stdin.flush()
        if how.startswith("eof"):
            process.stdin.close()
        else:
            process.send_signal(signal.SIGTERM if how == "term" else signal.SIGINT)
        process.wait(30)
    assert process.returncode == 0
    assert not [c for c in children if c.is_running() and c.status() != psutil.STATUS_ZOMBIE]
    assert not [p for p in ready["ports"].values() if os.path.lexists(p)]


def test_killed_it_takes_mosquitto_along(root: Path, tmp_path: Path, mosquitto: Broker) -> None:
    with serving(root, "-s", "call_button", "--out", str(tmp_path)) as (process, _):
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait(30)
        wait_for(lambda: not [c for c in children if c.is_running() and c.status() != psutil.STATUS_ZOMBIE])
    assert mosquitto.pid is not None
