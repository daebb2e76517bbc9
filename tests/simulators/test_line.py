"""A real port of the kernel between the emulated device and whoever opens it, good or bad."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import serial

from core.model import SECOND, Packet
from devices import DRIVERS
from simulators.around import Around
from simulators.device import EmulatedDevice, example
from simulators.line import Line, Trouble, parse_trouble

TICK = SECOND // 10


def read(line: Line, near: serial.Serial, seconds: float, t: int = 0) -> bytes:
    """All that arrives; the kernel hands bytes over a little later than they were written."""
    got, before = b"", line.port.sent
    for i in range(round(seconds * SECOND / TICK)):
        line.turn(t + (i + 1) * TICK)
        near.timeout = 10
        got += near.read(line.port.sent - before - len(got))
    return got


def opened(line: Line, baud: int | None = None) -> Any:
    return contextlib.closing(serial.Serial(line.port.path, baud or line.device.baud, timeout=0))


def decode(name: str, data: bytes) -> Any:
    driver = DRIVERS[name].make([example(name)])
    driver.feed(Packet("port", "", 0, data))
    return driver.health()


@pytest.mark.parametrize("name", ["ld2450", "ze07_co", "ti_iwr6843"])
def test_the_port_shows_the_devices_speed_and_notices_another(name: str) -> None:
    with Line(EmulatedDevice(example(name))) as line:
        assert line.port.speed == line.device.baud
        with opened(line, 57600) as near:
            assert line.port.speed == 57600
            assert decode(name, read(line, near, 5)).frames_good == 0
        with opened(line) as near:
            assert decode(name, read(line, near, 5, 10 * SECOND)).frames_good >= 4


def test_a_device_of_another_speed_is_garbage_both_ways() -> None:
    with Line(EmulatedDevice(example("mh_z19b")), trouble=Trouble(baud=19200)) as line, opened(line) as near:
        near.write(bytes.fromhex("FF0186000000000079"))
        assert read(line, near, 3) == b""  # it did not understand the question
        assert line.heard == 9


def test_answers_come_over_the_port() -> None:
    with Line(EmulatedDevice(example("mh_z19b"), Around(co2_ppm=800))) as line, opened(line) as near:
        near.write(bytes.fromhex("FF0186000000000079"))
        assert read(line, near, 1)[:4] == bytes.fromhex("FF860320")


def test_damage_is_counted_and_repeatable() -> None:
    def once() -> tuple[bytes, int]:
        trouble = parse_trouble("flip=0.001,lose=0.01,double=0.01,seed=4")
        with Line(EmulatedDevice(example("ld2450")), trouble=trouble) as line, opened(line) as near:
            data = read(line, near, 20)
            return data, line.damage.flipped + line.damage.lost + line.damage.doubled

    first, second = once(), once()
    assert first == second
    assert first[1] > 30
    health = decode("ld2450", first[0])
    assert 50 < health.frames_good < 200
    assert health.refused


def test_a_stall_delivers_late_and_a_mute_wire_never() -> None:
    with (
        Line(EmulatedDevice(example("ze07_co")), trouble=Trouble(stall_s=(2, 3))) as line,
        opened(line) as near,
    ):
        assert len(read(line, near, 1.95)) == 9
        assert read(line, near, 2.5, 2 * SECOND) == b""
        assert len(read(line, near, 1, 5 * SECOND)) == 5 * 9  # those of seconds 2 to 6
        line.trouble.mute = True
        assert read(line, near, 5, 7 * SECOND) == b""
        line.trouble.mute = False
        assert len(read(line, near, 3, 12 * SECOND)) in (18, 27)


def test_a_plug_is_pulled_in_mid_frame_and_put_back(tmp_path: Path) -> None:
    name = tmp_path / "radar"
    with Line(EmulatedDevice(example("ld2450")), name, Trouble(unplug_s=(1, 2))) as line:
        with opened(line) as near:
            got = read(line, near, 0.9)
            assert got
            assert len(got) % 30 == 0
            sent = line.port.sent
            line.turn(SECOND)
            assert not name.exists()
            assert line.port.sent == sent + 15  # half a frame went out last
            with pytest.raises((OSError, serial.SerialException)):
                near.read(1)
        line.turn(3 * SECOND)
        assert name.is_symlink()
        with opened(line) as near:
            assert decode("ld2450", read(line, near, 1, 3 * SECOND)).frames_good >= 9


def test_a_ti_radar_has_a_command_port(tmp_path: Path) -> None:
    sensor = example("ti_iwr6843", cfg="sensorStart", command_link="cmd")
    with Line(EmulatedDevice(sensor), tmp_path / "ti") as line, opened(line) as data:
        assert len(line.ports) == 2
        with serial.Serial(str(tmp_path / "ti-command"), 115200, timeout=0) as command:
            data.write(b"sensorStart\n")  # the wrong port: not heard
            assert read(line, data, 2) == b""
            command.write(b"sensorStart\n")
            assert len(read(line, data, 2, 2 * SECOND)) > 1000
            assert b"Done" in command.read(100)


@pytest.mark.parametrize(
    "text", ["flip=2", "lose=-1", "what=1", "baud=0", "stall=3", "unplug=a/b", "flip", "seed=x"]
)
def test_a_fault_nobody_understands_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no fault"):
        parse_trouble(text)


def test_no_words_are_no_fault() -> None:
    assert parse_trouble("") == Trouble()
