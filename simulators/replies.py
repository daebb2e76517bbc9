"""What does an imitated radar answer to set-up commands? The Hi-Link family and the TinyFrame radars.

The 24 GHz radars of Hi-Link share one command layer (``FD FC FB FA`` ... ``04 03 02 01``; the answer is the
command word plus 0x0100 and a status) and send no reports between *enter* and *leave*. The TinyFrame radars
answer with an empty echo of the type first, then the result. Layouts: Hi-Link protocol papers of these
modules. Devices that answer with what they measure are in ``answers.py``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Protocol

from core.quantity import Quantity as Q
from simulators.around import Row

_HEAD, _TAIL = b"\xfd\xfc\xfb\xfa", b"\x04\x03\x02\x01"
_LONGEST = 1024


class Device(Protocol):
    """One device's ear: bytes in, answers out."""

    quiet: bool  # it sends no reports now

    def hear(self, data: bytes) -> bytes:
        """The answer to whatever of ``data`` completes a command."""

    def reports(self, rows: list[Row]) -> list[Row]:
        """What of this does it report in the mode it is in?"""


class HiLink:
    """Answers of LD2410, LD2412, LD2420 and LD2450; modes are those of a radar just switched on.

    ``known`` are the command words it has; others get a status of 1. None = it takes any.

    >>> HiLink({}).hear(bytes.fromhex("FDFCFBFA0400FF00010004030201")).hex()
    'fdfcfbfa0800ff0100000100400004030201'
    """

    def __init__(self, data: Mapping[int, bytes], known: frozenset[int] | None = None) -> None:
        self.quiet = False
        self.engineering = False  # lost at power-off
        self.tracks_many = False  # an LD2450 may have been left in single-target mode
        self.energy = False  # an LD2420 starts with lines of text
        self._known = known
        self._answers = {0xFF: struct.pack("<HH", 1, 64), **data}
        self._buffer = bytearray()

    def reports(self, rows: list[Row]) -> list[Row]:
        one = [row for row in rows if row[0] is Q.TARGET][:1]
        if not self.engineering:
            rows = [row for row in rows if row[0] is not Q.LIGHT_LEVEL]
        if self.tracks_many:
            return rows
        return [row for row in rows if row[0] is not Q.TARGET or row in one]

    def hear(self, data: bytes) -> bytes:
        self._buffer += data
        out = bytearray()
        while (at := self._buffer.find(_HEAD)) >= 0:
            del self._buffer[:at]
            if len(self._buffer) < 6:
                return bytes(out)
            size = struct.unpack_from("<H", self._buffer, 4)[0]
            if not 2 <= size <= 64:
                del self._buffer[:1]
                continue
            if len(self._buffer) < size + 10:
                return bytes(out)
            if self._buffer[6 + size : 10 + size] == _TAIL:
                word = struct.unpack_from("<H", self._buffer, 6)[0]
                out += self._answer(word, bytes(self._buffer[8 : 6 + size]))
                del self._buffer[: size + 10]
            else:
                del self._buffer[:1]
        del self._buffer[:-3]  # a head may have begun
        return bytes(out)

    def _answer(self, command: int, value: bytes) -> bytes:
        if command == 0xFF:
            self.quiet = True
        elif not self.quiet:
            return b""  # outside of the configuration it does not listen
        if command in (0xFE, 0xA3):
            self.quiet = False
        known = self._known is None or command in self._known | {0xFF, 0xFE}
        if known:
            self._do(command, value)
        data = self._answers.get(command, b"")
        if command == 0x91:
            data = struct.pack("<H", 2 if self.tracks_many else 1)
        body = struct.pack("<HH", command | 0x0100, 0 if known else 1) + (data if known else b"")
        return _HEAD + struct.pack("<H", len(body)) + body + _TAIL

    def _do(self, command: int, value: bytes) -> None:
        if command in (0x62, 0x63):
            self.engineering = command == 0x62
        elif command in (0x80, 0x90):
            self.tracks_many = command == 0x90
        elif command == 0x12 and len(value) >= 3:
            self.energy = value[2] == 0x04
        elif command == 0xA3:
            self.engineering = self.energy = False


class TinyFrame:
    """Answers of the TinyFrame radars: the firmware; of the fall radars also settings, read back."""

    def __init__(self, falls: bool = True) -> None:
        self.quiet = False
        self._sets = {0x0E04: 4, 0x0E08: 4, 0x0E0A: 4, 0x0E0C: 16} if falls else {}
        self._asks = (0x0E06, 0xFFFF) if falls else (0xFFFF,)
        self._buffer = bytearray()
        self._height, self._threshold, self._sensitivity = 2.4, 0.6, 10
        self._zone = (0.8, 0.8, 0.8, 0.8)

    def reports(self, rows: list[Row]) -> list[Row]:
        return rows

    def hear(self, data: bytes) -> bytes:
        self._buffer += data
        del self._buffer[:-_LONGEST]
        out = bytearray()
        while (at := self._buffer.find(1)) >= 0:
            del self._buffer[:at]
            if len(self._buffer) < 8:
                return bytes(out)
            number, size, kind = struct.unpack_from(">HHH", self._buffer, 1)
            legal = size == self._sets.get(kind, 0) and (kind in self._sets or kind in self._asks)
            if _check(self._buffer[:7]) != self._buffer[7] or not legal:
                del self._buffer[:1]
                continue
            whole = 8 + size + bool(size)
            if len(self._buffer) < whole:
                return bytes(out)
            body = bytes(self._buffer[8 : 8 + size])
            if size and _check(body) != self._buffer[whole - 1]:
                del self._buffer[:1]
                continue
            del self._buffer[:whole]
            out += self._answer(number, kind, body)
        self._buffer.clear()
        return bytes(out)

    def _answer(self, number: int, kind: int, body: bytes) -> bytes:
        if kind == 0xFFFF:
            return _frame(number, kind, bytes((6, 3, 10, 0)))
        if kind == 0x0E06:
            values = (self._height, self._threshold, self._sensitivity, *self._zone)
            return _frame(number, kind, struct.pack("<ffI4f", *values))
        if kind == 0x0E04:
            (self._height,) = struct.unpack("<f", body)
        elif kind == 0x0E08:
            (self._threshold,) = struct.unpack("<f", body)
        elif kind == 0x0E0A:
            (self._sensitivity,) = struct.unpack("<I", body)
        else:
            self._zone = struct.unpack("<4f", body)
        return _frame(number, kind, b"") + _frame(number, kind, b"\x01")


class Deaf:
    """A device that only sends."""

    quiet = False

    def hear(self, data: bytes) -> bytes:
        return b""

    def reports(self, rows: list[Row]) -> list[Row]:
        return rows


def _check(data: bytes | bytearray) -> int:
    value = 0
    for byte in data:
        value ^= byte
    return ~value & 0xFF


def _frame(number: int, kind: int, body: bytes) -> bytes:
    head = struct.pack(">BHHH", 1, number, len(body), kind)
    return head + bytes((_check(head),)) + (body + bytes((_check(body),)) if body else b"")


_COMMON = frozenset({0xA0, 0xA1, 0xA2, 0xA3})
_RADIO = _COMMON | {0xA4, 0xA5}


def _ld2410(extra: frozenset[int]) -> Device:
    firmware = bytes.fromhex("0001020416090624")
    moving, still = (50, 50, 40, 30, 20, 15, 15, 15, 15), (0, 0, 40, 40, 30, 30, 20, 20, 20)
    parameters = bytes((0xAA, 8, 8, 8, *moving, *still, 5, 0))
    data = {0xA0: firmware, 0x61: parameters, 0xAB: b"\x00\x00", 0xA5: bytes(6)}
    return HiLink(data, frozenset({0x60, 0x61, 0x62, 0x63, 0x64}) | extra)


def _ld2412() -> Device:
    words = frozenset({0x01, 0x02, 0x03, 0x04, 0x0B, 0x0C, 0x11, 0x12, 0x13, 0x14, 0x1B, 0x1C, 0x62, 0x63})
    data = {0xA0: bytes.fromhex("1224021518110524"), 0x12: b"\x01\x0d\x05\x00\x00"}
    return HiLink(data, words | _RADIO)


def _ld2420() -> Device:
    version = b"v1.5.4"
    return HiLink({0x00: struct.pack("<H", len(version)) + version}, frozenset({0x00, 0x07, 0x08, 0x12}))


def _ld2450() -> Device:
    firmware = bytes.fromhex("0024040203231522")
    words = frozenset({0x80, 0x90, 0x91, 0xC1, 0xC2}) | _RADIO
    return HiLink({0xA0: firmware, 0xC1: bytes(26), 0xA5: bytes(6)}, words)


LISTENERS: Mapping[str, Callable[[], Device]] = {
    "ld2410": lambda: _ld2410(_COMMON),
    "ld2410b": lambda: _ld2410(_RADIO | {0xA8, 0xA9, 0xAA, 0xAB}),
    "ld2410c": lambda: _ld2410(_RADIO | {0xA8, 0xA9, 0xAA, 0xAB}),
    "ld2412": _ld2412,
    "ld2420": _ld2420,
    "ld2450": _ld2450,
    "ld6002": lambda: TinyFrame(falls=False),
    "ld6002b": lambda: TinyFrame(falls=False),
    "ld6002c": TinyFrame,
    "mr60bha2": lambda: TinyFrame(falls=False),
    "mr60fda2": TinyFrame,
}
"""Which radar takes which commands? Devices that are not here only send, or are in ``answers.py``."""


def listener(device: str) -> Device:
    """The ear of one device."""
    return LISTENERS.get(device, Deaf)()
