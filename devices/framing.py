"""Where does a frame start and end in a stream of bytes that may be torn, doubled or noisy?

One length-driven resynchroniser for every binary format. It never looks for a tail (tails occur inside
payloads), bounds every length before it waits for it, and after a failure moves on by **one byte**, so
that a good frame which begins inside a bad one is found. What it decides depends only on the bytes,
never on how they were cut into packets. Book-keeping closes at any moment::

    bytes_in == bytes_good + bytes_discarded + bytes_pending

A started frame that is not finished when the line has been silent for ``expire_after_s`` is given up,
so that half a frame is never joined to a new one.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.model import SECOND, Health

Measure = Callable[[bytes, int], "int | str"]
"""(buffer, start) to the frame's length; 0 = more bytes needed; a word = refused, and why.

Must be stable: what it refuses with few bytes it also refuses with more, and a length never changes.
"""

Check = Callable[[bytes], str]
"""Complete frame to "" (good) or the reason word it is refused for."""


class Refusal(NamedTuple):
    """Which bytes were refused, and why? ``length`` is what the frame claimed, 0 if it did not say."""

    offset: int
    length: int
    reason: str


def start_pattern(headers: Sequence[bytes]) -> re.Pattern[bytes]:
    """A search that finds the first of ``headers``, or a piece of one at the very end of the buffer.

    >>> p = start_pattern([b"AB"])
    >>> p.search(b"xxABx").start(), p.search(b"xxA").start(), p.search(b"xAx")
    (2, 2, None)
    """

    def one(header: bytes) -> bytes:
        pattern = re.escape(header[-1:])
        for byte in reversed(header[:-1]):
            pattern = re.escape(bytes([byte])) + b"(?:" + pattern + b"|\\Z)"
        return pattern

    return re.compile(b"|".join(one(h) for h in headers), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Format:
    """How is a frame of one wire format recognised?

    ``headers`` are the byte strings a frame may begin with. ``max_length`` bounds the buffer.
    ``fillers`` are single bytes that may stand between frames and mean little (ACK, NAK, NUL): they
    are good bytes, but neither frames nor a sign of life.
    """

    headers: tuple[bytes, ...]
    measure: Measure
    check: Check
    max_length: int
    expire_after_s: float = 0.5
    fillers: bytes = b""


def fixed(length: int) -> Measure:
    """The measure of frames that all have one length."""
    return lambda buffer, start: length


class Framer:
    """Bytes in, whole checked frames out; counts into ``health``.

    ``refusals`` holds the last 32 refused starts, for people who ask why.
    """

    def __init__(self, form: Format, health: Health) -> None:
        self.form = form
        self.health = health
        self.refusals: deque[Refusal] = deque(maxlen=32)
        self.fillers: deque[int] = deque(maxlen=32)  # the last of them, for people who ask
        fillers = [bytes([byte]) for byte in form.fillers]
        self._search = start_pattern([*form.headers, *fillers]).search
        self._rest = b""
        self._base = 0  # stream offset of the first byte of _rest
        self._last_at: int | None = None
        self._expire_ns = int(form.expire_after_s * SECOND)
        self._in_step = True

    @property
    def pending(self) -> bytes:
        """What has begun and is not finished yet?"""
        return self._rest

    def feed(self, data: bytes, at: int) -> list[bytes]:
        """Which frames are complete now? ``at`` is the arrival of ``data``, ns."""
        frames: list[bytes] = []
        if self._rest and self._last_at is not None and at - self._last_at > self._expire_ns:
            self._expire(frames)
        self._last_at = at
        if data:
            self.health.bytes_in += len(data)
            self._scan(self._rest + data, frames)
        return frames

    def reset(self, reason: str = "cut_off") -> None:
        """Forget what has begun: the link was interrupted here."""
        if self._rest:
            self._refuse(0, 0, reason)
            self._drop(len(self._rest))
            self._keep(self._rest, len(self._rest))
        self._last_at = None

    def _expire(self, frames: list[bytes]) -> None:
        """Give up the frame that stalled; what begins inside it may be whole."""
        while self._rest:
            self._refuse(0, 0, "expired")
            self._drop(1)
            self._base += 1
            self._scan(self._rest[1:], frames)

    def _scan(self, buffer: bytes, frames: list[bytes]) -> None:
        pos, size = 0, len(buffer)
        form = self.form
        measure, check, max_length, fillers = form.measure, form.check, form.max_length, form.fillers
        while pos < size:
            hit = self._search(buffer, pos)
            start = hit.start() if hit else size
            if start > pos:
                self._drop(start - pos)
                pos = start
                if start == size:
                    break
            if fillers and buffer[pos] in fillers:
                self.fillers.append(buffer[pos])
                self.health.bytes_good += 1
                pos += 1
                continue
            length = measure(buffer, pos)
            if isinstance(length, int):
                if length > max_length:
                    reason = "length"
                elif length == 0 or pos + length > size:
                    break
                else:
                    frame = buffer[pos : pos + length]
                    reason = check(frame)
                    if not reason:
                        frames.append(frame)
                        self._accept(length)
                        pos += length
                        continue
            else:
                reason, length = length, 0
            self._refuse(pos, length, reason)
            self._drop(1)
            pos += 1
        self._keep(buffer, pos)

    def _keep(self, buffer: bytes, pos: int) -> None:
        self._rest = buffer[pos:]
        self._base += pos
        self.health.bytes_pending = len(self._rest)

    def _accept(self, length: int) -> None:
        health = self.health
        health.bytes_good += length
        health.frames_good += 1
        if not self._in_step:
            health.resyncs += 1
            self._in_step = True

    def _drop(self, count: int) -> None:
        self.health.bytes_discarded += count
        self._in_step = False

    def _refuse(self, pos: int, length: int, reason: str) -> None:
        self.health.refuse(reason)
        self.refusals.append(Refusal(self._base + pos, length, reason))


def xor8(data: bytes) -> int:
    """XOR of all bytes.

    >>> xor8(b"\\x01\\x02\\x04")
    7
    """
    value = 0
    for byte in data:
        value ^= byte
    return value


def sum8(data: bytes) -> int:
    """Low byte of the sum of all bytes.

    >>> sum8(b"\\xff\\x03")
    2
    """
    return sum(data) & 0xFF


def negated_sum8(data: bytes) -> int:
    """Two's complement of the low byte of the sum, as gas modules use it.

    >>> hex(negated_sum8(bytes.fromhex("0186000000000000")[:7]))
    '0x79'
    """
    return -sum(data) & 0xFF


def crc16_modbus(data: bytes) -> int:
    """CRC-16/Modbus: polynomial A001 reflected, initial value FFFF.

    >>> hex(crc16_modbus(bytes.fromhex("010300080002")))
    '0xc945'
    """
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC16[(crc ^ byte) & 0xFF]
    return crc


def _crc16_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


_CRC16 = _crc16_table()


def hexed(data: bytes) -> str:
    """Bytes as people write them.

    >>> hexed(b"\\x01\\xab")
    '01 AB'
    """
    return data.hex(" ").upper()
