"""What does a string of bytes mean as a hostile session with a serial driver, and what must then hold?

The same bytes always make the same session, without any fuzzer, so a finding is kept as bytes and played
again by the tests. Layout: ``choice | control count | controls | body``. ``choice`` picks the sensor's
options and mounting. Each control byte cuts the next piece of the body (low four bits: its size) and says
what happens before it is fed (high four bits): time passes, the driver is asked what it would send, the
port goes away or comes back, or the piece is given a right checksum first, so that the decoding behind the
checks is reached too. Controls go round. Without controls the body is fed whole to one driver and byte by
byte to another, and both must say the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from core.contracts import DriverSpec
from core.model import SECOND, Health, Mark, Mounting, Packet, Reading, Sensor
from core.quantity import Quantity
from devices.framing import Format, crc16_modbus, negated_sum8, sum8, xor8
from devices.port import PortDriver

SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 10, 13, 16, 24, 40, 64, 256, 4096)
MOST_REASONS = 64  # refusals are counted under fixed words, never under something a stream can choose
START = 1_000 * SECOND

_MAP = {"quantity": "temperature_c", "function": 3, "register": 1}
VALUES: Mapping[str, tuple[Any, ...]] = {
    "engineering": (False, True),
    "mode": ("energy", "simple", "fall", "sleep", "upload", "poll", "active"),
    "tracking": ("multi", "single", "leave"),
    "map": ("", "old", "new"),
    "threshold_m": (None, 0.6),
    "sensitivity": (None, 3),
    "warm_up_s": (0, 180),
    "ppm_per_count": (None, 10),
    "threshold_a": (350, 1),
    "threshold_b": (150, 1),
    "cfg": ("", "sensorStop\nframeCfg 0 1\nsensorStart\n"),
    "cfg_file": ("", "radar.cfg"),  # read by the gateway; the driver only sees what stands in it
    "command_link": ("", "command"),
    "address": (1, 17, 255),
    "poll_s": (1.0, 0.2),
    "registers": (
        [{"quantity": "co_ppm", "function": 4, "register": 6, "missing": [65535]}],
        [_MAP | {"type": "f32"}, _MAP | {"register": 9, "type": "f32", "swap": True}],
        [_MAP | {"type": "i32", "scale": 0.1, "offset": -40}, _MAP | {"type": "u32", "bit": 31}],
        [{"quantity": "smoke", "function": 2, "register": 0, "count": 125, "bit": 124, "alarm_when": 0}],
        [_MAP | {"type": "i16", "count": 125}],
    ),
}
"""Values tried for each option of a driver; what a driver refuses with ValueError is skipped."""


def sensor_of(spec: DriverSpec, choice: int) -> Sensor:
    """The sensor of this choice; choice 0 is the registry's example."""
    example = spec.example or Sensor("s", spec.name, "port")
    if not choice:
        return example
    options = dict(example.options)
    for name in sorted(spec.options):
        values = VALUES.get(name, (spec.options[name],))
        choice, pick = divmod(choice, len(values) + 1)
        if pick:
            options[name] = values[pick - 1]
    return replace(example, options=options, mounting=Mounting(height_m=2.2 if choice % 2 else None))


def driver_of(spec: DriverSpec, choice: int) -> PortDriver:
    """A driver for this choice; the example's where the driver rightly refuses the options."""
    try:
        driver = spec.make([sensor_of(spec, choice)])
    except ValueError:
        driver = spec.make([sensor_of(spec, 0)])
    assert isinstance(driver, PortDriver)
    return driver


def pack(body: bytes, controls: bytes = b"", choice: int = 0) -> bytes:
    """The session as bytes: for seeds and tests."""
    return bytes([choice & 0xFF, len(controls) & 0x1F]) + controls[:31] + body


def play(spec: DriverSpec, data: bytes) -> int:
    """Play one session; how many readings did it give? Raises AssertionError, or what the driver raised."""
    if len(data) < 2:
        return 0
    choice, count = data[0], data[1] & 0x1F
    controls, body = data[2 : 2 + count], data[2 + count :]
    return _hostile(spec, choice, controls, body) if controls else _cut(spec, choice, body)


def _cut(spec: DriverSpec, choice: int, body: bytes) -> int:
    whole, pieces = driver_of(spec, choice), driver_of(spec, choice)
    expected = whole.feed(Packet("port", "", START, body))
    found = [r for i in range(len(body)) for r in pieces.feed(Packet("port", "", START, body[i : i + 1]))]
    inspect(spec, whole, expected, START)
    assert [key(r) for r in expected] == [key(r) for r in found], "the cut changes the readings"
    assert whole.health() == pieces.health(), "the cut changes the counters"
    return len(found)


def _hostile(spec: DriverSpec, choice: int, controls: bytes, body: bytes) -> int:
    driver = driver_of(spec, choice)
    links = driver.links()
    at, position, turn, given = START, 0, 0, 0
    before = counters(driver.health())
    while position < len(body):
        control = controls[turn % len(controls)]
        turn += 1
        size, what = SIZES[control & 15], control >> 4
        piece = body[position : position + size]
        position += size
        link = "port"
        at += _WAITS.get(what, SECOND // 1000)
        if what in _WAITS:
            for packet in driver.due(at):
                assert isinstance(packet, Packet), "due gave something that is no packet"
                assert packet.data, "due gave an empty packet"
                assert packet.link in links, "due writes to a link that is not the driver's"
        elif what in _MARKS:
            given += _feed(spec, driver, Packet("port", "", at, b"0.5", _MARKS[what]))
        elif what in (12, 13):
            piece = sealed(driver.form, piece)
        elif what == 14:
            link = links[-1]
        given += _feed(spec, driver, Packet(link, "", at, piece))
        after = counters(driver.health())
        assert all(a <= b for a, b in zip(before, after, strict=True)), "a counter went back"
        before = after
    return given


_WAITS = {4: 0, 5: SECOND // 4, 6: 2 * SECOND, 7: 100 * SECOND, 8: 3600 * SECOND}
_MARKS = {9: Mark.DOWN, 10: Mark.UP, 11: Mark.BLIND, 15: Mark.END}


def _feed(spec: DriverSpec, driver: PortDriver, packet: Packet) -> int:
    readings = driver.feed(packet)
    inspect(spec, driver, readings, packet.at)
    return len(readings)


def counters(health: Health) -> tuple[int, ...]:
    """What may only grow."""
    refused = sum(health.refused.values())
    good = (health.bytes_in, health.bytes_good, health.bytes_discarded)
    return (*good, health.frames_good, health.resyncs, refused)


def inspect(spec: DriverSpec, driver: PortDriver, readings: list[Reading], at: int) -> None:
    """What must hold after every piece, whatever it was."""
    health = driver.health()
    pending = health.bytes_pending
    assert pending <= driver.form.max_length, f"keeps {pending} bytes of at most {driver.form.max_length}"
    closed = health.bytes_good + health.bytes_discarded + pending
    assert health.bytes_in == closed, "book-keeping does not close"
    assert len(health.refused) <= MOST_REASONS, "a stream can invent reasons of refusal"
    for reading in readings:
        assert reading.t <= at, "a reading from the future"
        assert reading.source == driver.sensors[0].id, "a reading of nobody"
        assert believable(spec, reading), f"{reading.quantity} cannot be {reading.value!r}"


def believable(spec: DriverSpec, reading: Reading) -> bool:
    """Is it a number? NaN may only stand in columns that the device's format does not have."""
    value, quantity = reading.value, reading.quantity
    if quantity.shape == "flag":
        return value in (0.0, 1.0)
    if quantity.shape == "scalar":
        return isinstance(value, int | float) and math.isfinite(value)
    missing = _missing(spec, quantity)
    if isinstance(value, np.ndarray):
        rows = value.reshape(-1, value.shape[-1]) if value.size else np.zeros((0, 1))
        # the strength of a point is in no unit everybody has, and may be absent frame by frame
        return bool(np.isfinite(rows[:, :4]).all() and not np.isinf(rows).any())
    if isinstance(value, tuple):
        return all(math.isfinite(v) or (v != v and i in missing) for i, v in enumerate(value))
    return quantity.shape == "text" and isinstance(value, str)


_columns: dict[tuple[str, Quantity], frozenset[int]] = {}


def _missing(spec: DriverSpec, quantity: Quantity) -> frozenset[int]:
    known = _columns.get((spec.name, quantity))
    if known is None:
        spans = [s for group in spec.spans for s in group if s.quantity is quantity]
        known = frozenset(i for s in spans for i, (low, *_) in enumerate(s.columns) if low != low)
        _columns[spec.name, quantity] = known
    return known


def key(reading: Reading) -> tuple[Any, ...]:
    """What makes two readings the same."""
    value = reading.value
    text = value.tobytes().hex() if isinstance(value, np.ndarray) else repr(value)
    return reading.source, reading.quantity, reading.t, text, reading.flags


# -- right checksums for wrong contents


def sealed(form: Format, piece: bytes) -> bytes:
    """The piece with a checksum that fits, if it is a whole frame but for that; else as it was."""
    length = form.measure(piece, 0)
    if length == "header_checksum":
        piece = piece[:7] + bytes([xor8(piece[:7]) ^ 0xFF]) + piece[8:]
        length = form.measure(piece, 0)
    if not isinstance(length, int) or not 0 < length <= len(piece):
        return piece
    frame, rest = piece[:length], piece[length:]
    if form.check(frame) != "checksum":
        return piece
    for candidate in _sealings(frame):
        if form.measure(candidate, 0) == length and form.check(candidate) != "checksum":
            return candidate + rest
    return piece


_LAST: tuple[Callable[[bytes], int], ...] = (
    lambda f: negated_sum8(f[1:-1]),
    lambda f: negated_sum8(f[:-1]),
    lambda f: xor8(f[8:-1]) ^ 0xFF,
    lambda f: xor8(f[:-1]),
    lambda f: xor8(f[1:-1]),
    lambda f: sum8(f[:-1]),
)


def _sealings(frame: bytes) -> Iterator[bytes]:
    """The frame with the checksums our devices use, each at its place."""
    for rule in _LAST:
        yield frame[:-1] + bytes([rule(frame)])
    yield frame[:-3] + bytes([sum8(frame[:-3])]) + frame[-2:]
    yield frame[:-2] + crc16_modbus(frame[:-2]).to_bytes(2, "little")
    if len(frame) > 6:
        yield frame[:-4] + crc16_modbus(frame[2:-4]).to_bytes(2, "big") + frame[-2:]
    yield frame[:-3] + f"{sum8(frame[1:-3]):02X}".encode() + frame[-1:]
