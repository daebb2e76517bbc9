"""What does an imitated device answer to commands? Set-up and queries of the radars, as far as drivers ask.

LD2410C and LD2450 share one command layer (``FD FC FB FA`` ... ``04 03 02 01``; the answer is the command
word plus 0x0100 and a status) and send no reports between *enter* and *leave*. LD6002C speaks TinyFrame:
first an empty echo of the type, then the result. Layouts: Hi-Link protocol papers of these modules.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Protocol

_HEAD, _TAIL = b"\xfd\xfc\xfb\xfa", b"\x04\x03\x02\x01"
_LONGEST = 1024


class Device(Protocol):
    """One device's ear: bytes in, answers out."""

    quiet: bool  # it sends no reports now

    def hear(self, data: bytes) -> bytes:
        """The answer to whatever of ``data`` completes a command."""


class HiLink:
    """Answers of LD2410C and LD2450.

    >>> HiLink({}).hear(bytes.fromhex("FDFCFBFA0400FF00010004030201")).hex()
    'fdfcfbfa0800ff0100000100400004030201'
    """

    def __init__(self, data: Mapping[int, bytes]) -> None:
        self.quiet = False
        self._answers = {0xFF: struct.pack("<HH", 1, 64), **data}
        self._buffer = bytearray()

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
                out += self._answer(struct.unpack_from("<H", self._buffer, 6)[0])
                del self._buffer[: size + 10]
            else:
                del self._buffer[:1]
        del self._buffer[:-3]  # a head may have begun
        return bytes(out)

    def _answer(self, command: int) -> bytes:
        if command == 0xFF:
            self.quiet = True
        elif not self.quiet:
            return b""  # outside of the configuration it does not listen
        if command in (0xFE, 0xA3):
            self.quiet = False
        body = struct.pack("<HH", command | 0x0100, 0) + self._answers.get(command, b"")
        return _HEAD + struct.pack("<H", len(body)) + body + _TAIL


class TinyFrame:
    """Answers of LD6002C and MR60FDA2: settings are acknowledged, the parameters can be read back."""

    _SETS = {0x0E04: 4, 0x0E08: 4, 0x0E0A: 4, 0x0E0C: 16}
    _ASKS = (0x0E06, 0xFFFF)

    def __init__(self) -> None:
        self.quiet = False
        self._buffer = bytearray()
        self._height, self._threshold, self._sensitivity = 2.4, 0.6, 10
        self._zone = (0.8, 0.8, 0.8, 0.8)

    def hear(self, data: bytes) -> bytes:
        self._buffer += data
        del self._buffer[:-_LONGEST]
        out = bytearray()
        while (at := self._buffer.find(1)) >= 0:
            del self._buffer[:at]
            if len(self._buffer) < 8:
                return bytes(out)
            number, size, kind = struct.unpack_from(">HHH", self._buffer, 1)
            legal = size == self._SETS.get(kind, 0) and (kind in self._SETS or kind in self._ASKS)
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


def _check(data: bytes | bytearray) -> int:
    value = 0
    for byte in data:
        value ^= byte
    return ~value & 0xFF


def _frame(number: int, kind: int, body: bytes) -> bytes:
    head = struct.pack(">BHHH", 1, number, len(body), kind)
    return head + bytes((_check(head),)) + (body + bytes((_check(body),)) if body else b"")


def _ld2410c() -> Device:
    firmware = bytes.fromhex("0001020416090624")
    moving, still = (50, 50, 40, 30, 20, 15, 15, 15, 15), (0, 0, 40, 40, 30, 30, 20, 20, 20)
    parameters = bytes((0xAA, 8, 8, 8, *moving, *still, 5, 0))
    return HiLink({0xA0: firmware, 0x61: parameters, 0xAB: b"\x00\x00", 0xA5: bytes(6)})


def _ld2450() -> Device:
    firmware = bytes.fromhex("0024040203231522")
    return HiLink({0xA0: firmware, 0x91: b"\x02\x00", 0xC1: bytes(26), 0xA5: bytes(6)})


LISTENERS: Mapping[str, Callable[[], Device]] = {
    "ld2410c": _ld2410c,
    "ld2450": _ld2450,
    "ld6002c": TinyFrame,
    "mr60fda2": TinyFrame,
}
"""Which device answers how? Devices that are not here only send."""


def listener(device: str) -> Device:
    """The ear of one device."""
    return LISTENERS.get(device, Deaf)()
