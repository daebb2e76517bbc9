"""Does the fuzzer find what it looks for, and nothing in our drivers?"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from bench import fuzz
from bench.parse import stream
from core.contracts import DriverSpec
from core.model import Reading
from devices import DRIVERS
from devices.hlk_ld2450 import Ld2450

SERIAL = [s for s in DRIVERS.values() if s.transport == "serial"]


@pytest.mark.parametrize("spec", SERIAL, ids=lambda s: s.name)
def test_nothing_is_found_in_a_few_sessions(spec: DriverSpec) -> None:
    dice = random.Random(7)
    good = stream(spec)[:20_000]
    headers = spec.make([]).form.headers  # type: ignore[attr-defined]
    for _ in range(3):
        fuzz.feed(spec, fuzz.hostile(good, headers, dice), dice.randrange)


class Leaky(Ld2450):
    """Forgets to count some of what it throws away."""

    def feed_bytes(self, data: bytes, at: int) -> list[Reading]:
        readings = super().feed_bytes(data, at)
        self._health.bytes_discarded = max(0, self._health.bytes_discarded - 1)
        return readings


class Fragile(Ld2450):
    """Raises on what it does not expect."""

    def report_facts(self, view: Any, at: int) -> Any:
        return [(q, v) for q, v in super().report_facts(view, at) if 1 / (view["target_count"] - 2) or True]


def hunt(spec: DriverSpec) -> None:
    dice = random.Random(7)
    two_targets = b"\xaa\xff\x03\x00" + bytes.fromhex("0E03B18610004001") * 2 + bytes(8) + b"\x55\xcc"
    for _ in range(20):
        fuzz.feed(spec, fuzz.hostile(stream(spec)[:5000], (two_targets,), dice), dice.randrange)


@pytest.mark.parametrize(("broken", "error"), [(Leaky, AssertionError), (Fragile, ZeroDivisionError)])
def test_a_broken_driver_is_found(broken: Any, error: type[Exception]) -> None:
    spec = replace(DRIVERS["ld2450"], make=broken)
    with pytest.raises(error):
        hunt(spec)


def test_the_report_names_the_driver(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--seconds", "0", "--only", "ze07_co"]) == 0
    assert capsys.readouterr().out == "ze07_co sessions 0 bytes 0 readings 0\n"
