from __future__ import annotations

import os
from pathlib import Path

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st

from simulators.pty import PseudoPort


@given(st.binary(min_size=1, max_size=2000))
def test_every_byte_value_passes_both_ways(data: bytes) -> None:
    with PseudoPort() as port, serial.Serial(port.path, 256000, timeout=5) as near:
        assert port.write(data) == len(data)
        assert near.read(len(data)) == data
        near.write(data)
        near.flush()
        got = b""
        while len(got) < len(data):
            got += port.read()
        assert got == data


def test_a_stable_name_survives_a_replug(tmp_path: Path) -> None:
    name = tmp_path / "usb-radar"
    with PseudoPort(name) as port:
        assert port.path == str(name)
        with serial.Serial(str(name), 115200, timeout=5, exclusive=True) as near:
            port.unplug()
            assert not os.path.lexists(name)
            with pytest.raises((OSError, serial.SerialException)):
                near.read(1)
            with pytest.raises(OSError):
                _ = near.in_waiting
        with pytest.raises(serial.SerialException):
            serial.Serial(str(name), 115200)
        port.plug()
        with serial.Serial(str(name), 115200, timeout=5, exclusive=True) as near:
            port.write(b"back")
            assert near.read(4) == b"back"
    assert not os.path.lexists(name)


def test_what_nobody_reads_is_lost_and_counted_not_waited_for() -> None:
    with PseudoPort() as port:
        for _ in range(50):
            port.write(bytes(1000))
        assert port.lost > 0
        assert port.sent + port.lost == 50_000


def test_unplugged_it_takes_nothing_and_says_nothing() -> None:
    port = PseudoPort()
    port.unplug()
    assert port.write(b"x") == 0
    assert port.read() == b""
    with pytest.raises(ValueError, match="unplugged"):
        port.fileno()
    port.close()
    port.close()
    assert not port.plugged
