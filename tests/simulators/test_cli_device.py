from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import serial
from typer.testing import CliRunner

from devices import DRIVERS
from simulators.cli import app

COMMAND = [sys.executable, "-m", "simulators.cli", "device"]


def test_without_a_name_it_lists_every_serial_device() -> None:
    said = CliRunner().invoke(app, ["device", "--json"])
    rows = [json.loads(line) for line in said.stdout.splitlines()]
    assert [r["device"] for r in rows] == [s.name for s in DRIVERS.values() if s.transport == "serial"]


def test_mistakes_are_told() -> None:
    for words in (
        ["ld9999"], ["ld2450", "--faults", "x=1"], ["ld2450", "--around", "x"],
        ["ld2450", "--around", "ghosts=2"], ["modbus_rtu", "--option", "address=0"],
    ):  # fmt: skip
        said = CliRunner().invoke(app, ["device", *words, "--seconds", "0"])
        assert said.exit_code == 2, words


def test_a_served_device_can_be_read_and_changed(root: Path, tmp_path: Path) -> None:
    name = tmp_path / "co"
    process = subprocess.Popen(
        [*COMMAND, "ze07_co", "--link", str(name), "--around", "co_ppm=80", "--json", "--option", "mode=poll"],
        cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        assert process.stdin
        assert json.loads(process.stdout.readline()) == {
            "device": "ze07_co",
            "ports": [str(name)],
            "baud": 9600,
        }
        with serial.Serial(str(name), 9600, timeout=10) as near:
            near.write(bytes.fromhex("FF0178410000000046"))  # to questions
            near.write(bytes.fromhex("FF0186000000000079"))
            got = b""
            while bytes.fromhex("FF860320") not in got:
                more = near.read(9)
                assert more
                got += more
            process.stdin.write("ghosts=1\nco_ppm=40.5\n")
            process.stdin.flush()
            for _ in range(100):
                near.write(bytes.fromhex("FF0186000000000079"))
                if near.read(9)[:4] == bytes.fromhex("FF860195"):
                    break
            else:
                raise AssertionError("the value did not change")
        process.terminate()
        assert process.wait(10) == 0
        assert json.loads(process.stdout.readline())["heard"] >= 27
    finally:
        process.kill()
        process.wait(10)
    assert not name.exists()
