"""Does a scan name the device that spoke, and nothing where nobody did?"""

from __future__ import annotations

import random

import pytest

from bench.parse import stream
from core.contracts import DriverSpec
from devices import DRIVERS
from devices.recognise import QUESTIONS, Guess, recognise
from tests.vectors import recording

SPEAKING = [
    s for s in DRIVERS.values() if s.transport == "serial" and s.name not in ("modbus_rtu",) and s.line
]
SPEEDS = sorted({s.line.baud for s in DRIVERS.values() if s.line})


def listen(data: bytes, baud: int) -> list[Guess]:
    return recognise(data, baud, DRIVERS.values())


@pytest.mark.parametrize("spec", SPEAKING, ids=lambda s: s.name)
def test_each_device_is_named_or_among_those_that_sound_the_same(spec: DriverSpec) -> None:
    assert spec.line is not None
    data = stream(spec)[:8000]
    best = listen(data[3:], spec.line.baud)[0]  # listening begins anywhere
    assert spec.name in (best.device, *best.or_else)
    assert best.share > 0.9


@pytest.mark.parametrize("baud", SPEEDS)
def test_noise_and_silence_name_nobody(baud: int) -> None:
    dice = random.Random(3)
    assert listen(b"", baud) == []
    for _ in range(20):
        assert listen(dice.randbytes(2000), baud) == []
    assert listen(bytes(2000), baud) == []
    assert listen(b"\xff" * 2000, baud) == []


@pytest.mark.parametrize("spec", SPEAKING, ids=lambda s: s.name)
def test_the_wrong_speed_names_nobody(spec: DriverSpec) -> None:
    """At a wrong speed a receiver hears other bytes; here every third byte survives, shifted."""
    data = bytes((b << 1 & 0xFF) | 1 for b in stream(spec)[:6000:3])
    for baud in SPEEDS:
        assert listen(data, baud) == []


def test_a_real_capture_is_named() -> None:
    data = recording("falls", "uart", "longhao", "sit_down.bin").read_bytes()[1000:21000]
    assert listen(data, 921600)[0].device == "ti_iwr6843"


def test_questions_are_for_devices_we_have() -> None:
    assert QUESTIONS.keys() <= DRIVERS.keys()
