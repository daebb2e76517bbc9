"""Is every mistake in a bench file told with its line, and does the kit run on the ports it names?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import serial

from core.config import ConfigError
from tests.broker import wait_for
from tests.hardware.bench_file import load
from tests.hardware.conftest import the_bench

GOOD = "devices:\n  radar:\n    device: ld2450\n    port: /dev/ttyUSB0\n"
MISTAKES = [
    ("devices: {}\n", 1, "at least 1"),
    ("things: {}\n", 1, "devices"),
    (GOOD.replace("ld2450", "ld9999"), 3, "ld9999"),
    (GOOD.replace("ld2450", "zigbee2mqtt"), 3, "zigbee2mqtt"),
    (GOOD + "    bauds: 9600\n", 5, "bauds"),
    (GOOD + "    baud: 12\n", 5, "300"),
    (GOOD + "    options: {engineering: true}\n", 5, "engineering"),
    (GOOD + "    options: {tracking: most}\n", 5, "tracking"),
    (GOOD + "    command_port: /dev/ttyUSB1\n", 5, "command port"),
    (GOOD + "    frames_per_s: [12, 8]\n", 5, "lower"),
    (GOOD + "    unplug: perhaps\n", 5, "unplug"),
    (GOOD + "  second:\n    device: ze07_co\n    port: /dev/ttyUSB0\n", 7, "radar"),
    (GOOD + "  radar:\n    device: ze07_co\n    port: /dev/ttyUSB1\n", 5, "radar"),
    ("devices:\n  My Radar: {device: ld2450, port: /dev/ttyUSB0}\n", 2, "My Radar"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "word"), MISTAKES)
def test_a_mistake_is_told_with_path_and_line(tmp_path: Path, text: str, line: int, word: str) -> None:
    path = tmp_path / "bench.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as told:
        load(path)
    assert str(told.value).startswith(f"{path}:{line}:")
    assert word in str(told.value)


def test_the_example_is_a_bench(root: Path, tmp_path: Path) -> None:
    text = (root / "docs" / "how-to" / "bench.example.yaml").read_text(encoding="utf-8")
    path = tmp_path / "bench.yaml"
    path.write_text(text, encoding="utf-8")
    assert list(load(path).devices) == ["radar_on_desk"]
    path.write_text(re.sub(r"^  # ", "  ", text, flags=re.M), encoding="utf-8")  # all of it in use
    bench = load(path)
    assert list(bench.devices) == ["radar_on_desk", "co_sensor", "fall_radar"]
    assert bench.devices["fall_radar"].sensor("fall_radar").options["command_link"] == "fall_radar-command"


def kit(root: Path, bench: Path | str, *words: str) -> subprocess.CompletedProcess[str]:
    call = [
        sys.executable,
        "-m",
        "pytest",
        "tests/hardware/test_devices.py",
        "-m",
        "hardware",
        "-s",
        "-p",
        "no:cacheprovider",
    ]
    env = {**os.environ, "HEARTHWATCH_BENCH": str(bench)}
    return subprocess.run(
        [*call, *words], cwd=root, env=env, capture_output=True, text=True, timeout=100, check=False
    )


@pytest.mark.slow
def test_the_kit_runs_on_the_ports_of_a_bench(root: Path, tmp_path: Path) -> None:
    """The ports are those of another process here; the kit cannot know."""
    port, bench = tmp_path / "radar", tmp_path / "bench.yaml"
    bench.write_text(GOOD.replace("/dev/ttyUSB0", str(port)), encoding="utf-8")
    call = [
        sys.executable,
        "-m",
        "simulators.cli",
        "device",
        "ld2450",
        "--link",
        str(port),
        "--seconds",
        "100",
    ]
    served = subprocess.Popen(call, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_for(port.exists)
        done = kit(root, bench, "-k", "first_frame or pulled_plug")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 passed" in done.stdout
        assert "1 skipped" in done.stdout  # nobody is there to pull a plug
        with serial.Serial(str(port), 256000, timeout=10) as near:
            assert b"\xaa\xff\x03\x00" in near.read(90)  # it is not left in its configuration mode
    finally:
        served.terminate()
        served.wait(10)
    gone = kit(root, bench, "-k", "first_frame")
    assert gone.returncode == 1
    assert str(port) in gone.stdout


def test_a_bench_with_a_mistake_ends_with_its_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = tmp_path / "bench.yaml"
    bench.write_text(GOOD.replace("ld2450", "ld9999"), encoding="utf-8")
    monkeypatch.setenv("HEARTHWATCH_BENCH", str(bench))
    with pytest.raises(pytest.UsageError, match=f"{bench}:3"):
        the_bench()
    monkeypatch.delenv("HEARTHWATCH_BENCH")
    assert the_bench() is None


def test_without_a_bench_make_says_what_to_do(root: Path) -> None:
    recipe = (root / "Makefile").read_text(encoding="utf-8").split("\nhardware:")[1].split("\n\n")[0]
    assert "docs/how-to/bench.example.yaml" in recipe
    assert "HEARTHWATCH_BENCH" in recipe
    assert (root / "docs" / "how-to" / "hardware-in-the-loop.md").exists()
