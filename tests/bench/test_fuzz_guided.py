"""Does the guided fuzzer find what it looks for, and nothing in the drivers with what it begins with?"""

from __future__ import annotations

import importlib.util
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import fuzz_guided, fuzz_session
from bench.fuzz_session import pack, play
from core.contracts import DriverSpec
from core.model import Packet, Reading
from core.quantity import Quantity
from devices import DRIVERS
from devices.hlk_ld2450 import Ld2450
from devices.port import PortDriver

SERIAL = [s for s in DRIVERS.values() if s.transport == "serial"]
FINDINGS = Path(__file__).with_name("fuzz_findings.json")


@pytest.mark.parametrize("spec", SERIAL, ids=lambda s: s.name)
def test_what_it_begins_with_is_harmless_and_reaches_readings(spec: DriverSpec) -> None:
    played = [play(spec, seed) for seed in fuzz_guided.seeds(spec)]
    assert sum(1 for readings in played if readings) > 10


@pytest.mark.parametrize("spec", SERIAL, ids=lambda s: s.name)
def test_a_broken_checksum_is_made_to_fit(spec: DriverSpec) -> None:
    """Else the fuzzer would stand before the checks and never see what is behind them."""
    form = spec.make([]).form  # type: ignore[attr-defined]
    dice, tried = random.Random(5), 0
    for frame in fuzz_guided.frames(spec):
        length = form.measure(frame, 0) if len(frame) > 2 else 0
        if length != len(frame) or form.check(frame):
            continue
        for _ in range(20):
            at = dice.randrange(len(frame))
            torn = frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]
            if form.measure(torn, 0) != length or form.check(torn) != "checksum":
                continue
            tried += 1
            assert form.check(fuzz_session.sealed(form, torn)) != "checksum"
    assert tried or not spec.integrity


def test_every_finding_of_the_past_stays_away() -> None:
    known = json.loads(FINDINGS.read_text(encoding="utf-8"))
    for finding in known:
        play(DRIVERS[finding["driver"]], bytes.fromhex(finding["data_hex"]))


class Leaky(Ld2450):
    """Forgets to count a byte it throws away."""

    def feed_bytes(self, data: bytes, at: int) -> list[Reading]:
        readings = super().feed_bytes(data, at)
        self._health.bytes_discarded = max(0, self._health.bytes_discarded - 1)
        return readings


class Greedy(Ld2450):
    """Counts refusals under words the stream chooses."""

    def feed_bytes(self, data: bytes, at: int) -> list[Reading]:
        for byte in data:
            self._health.refuse(f"unknown_{byte}")
        return super().feed_bytes(data, at)


class Dreamer(Ld2450):
    """Says what is no number."""

    def feed_bytes(self, data: bytes, at: int) -> list[Reading]:
        found = super().feed_bytes(data, at)
        return [r._replace(value=float("inf")) if r.quantity is Quantity.TARGET_COUNT else r for r in found]


class Hasty(Ld2450):
    """Reads a piece as if it were a frame."""

    def feed_bytes(self, data: bytes, at: int) -> list[Reading]:
        return super().feed_bytes(data, at) if data[3] < 256 else []


class Chatty(Ld2450):
    """Writes to somebody else's port."""

    def due(self, t: int) -> list[Packet]:
        return [p._replace(link="other") for p in super().due(t)]


@pytest.mark.parametrize("broken", [Leaky, Greedy, Dreamer, Hasty, Chatty])
def test_a_broken_driver_is_found(broken: Callable[..., PortDriver]) -> None:
    spec = replace(DRIVERS["ld2450"], make=broken)
    noise = bytes(range(256))
    sessions = [*fuzz_guided.seeds(DRIVERS["ld2450"]), pack(noise, b"\x09"), pack(noise)]

    def hunt() -> None:
        for data in sessions:
            play(spec, data)

    hunt_in_good = replace(spec, make=Ld2450)
    assert all(play(hunt_in_good, data) >= 0 for data in sessions)
    with pytest.raises((AssertionError, IndexError)):
        hunt()


def test_a_finding_is_made_small() -> None:
    spec = replace(DRIVERS["ld2450"], make=Hasty)
    data = pack(b"abcdefghijklmno" * 9, b"\x07\x08\x01\x0a")
    with pytest.raises(IndexError) as found:
        play(spec, data)
    small = fuzz_guided.smallest(spec, data, fuzz_guided.where(found.value))
    assert len(small) < 24
    with pytest.raises(IndexError):
        play(spec, small)


def test_a_session_is_the_same_each_time() -> None:
    spec = DRIVERS["modbus_rtu"]
    for seed in list(fuzz_guided.seeds(spec))[:50]:
        assert play(spec, seed) == play(spec, seed)


def test_every_option_of_every_driver_is_tried() -> None:
    assert {name for spec in SERIAL for name in spec.options} <= set(fuzz_session.VALUES)
    for spec in SERIAL:
        tried = [fuzz_session.sensor_of(spec, choice).options for choice in range(256)]
        for name in spec.options:
            assert len({repr(options.get(name)) for options in tried}) > 1


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_a_real_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "fuzz.jsonl"
    call = ["--driver", "ze07_co", "--seconds", "0.3", "--json", "--out", str(out)]
    assert fuzz_guided.main(call) == 0
    shown: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [json.loads(line) for line in out.read_text().splitlines()] == shown
    assert shown[0]["driver"] == "ze07_co"
    assert shown[0]["cpu_s"] >= 0.3
    assert shown[0]["executions"] > 50
    assert fuzz_guided.main(call) == 0  # it has had its time: nothing is run again
    assert json.loads(capsys.readouterr().out) == []


def test_without_atheris_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert fuzz_guided.main([]) == 2
    assert "requirements/fuzz.txt" in capsys.readouterr().out


def test_an_unknown_driver_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed")
    assert fuzz_guided.main(["--driver", "ld9999"]) == 2
    assert "ld9999" in capsys.readouterr().out
