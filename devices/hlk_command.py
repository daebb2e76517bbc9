"""How do Hi-Link 24 GHz radars take commands and answer them?

The layer shared by LD2410, LD2412, LD2420 and LD2450 [confirmed by vendor documents and captures]::

    FD FC FB FA | len u16 LE | command u16 LE | value  | 04 03 02 01      host to radar
    FD FC FB FA | len u16 LE | command + 0x0100 | status u16 LE (0 = ok) | data | 04 03 02 01   answer

Every change is framed by *enter* (FF) and *leave* (FE). **Between the two the radar sends no reports**,
so a dialogue that is given up always ends with *leave*.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from devices.framing import Check, Measure, hexed
from devices.port import Fact, PortDriver, Step

COMMAND = bytes.fromhex("FDFCFBFA")
COMMAND_TAIL = bytes.fromhex("04030201")
REPORT = bytes.fromhex("F4F3F2F1")
REPORT_TAIL = bytes.fromhex("F8F7F6F5")
BAUDS = {1: 9600, 2: 19200, 3: 38400, 4: 57600, 5: 115200, 6: 230400, 7: 256000, 8: 460800}
"""Index of command A1; active after a restart."""

LONGEST = 64
"""Longest payload any radar of the family sends; a larger length field is noise."""

_u16 = struct.Struct("<H").unpack_from


def measure(buffer: bytes, start: int) -> int | str:
    """The length of a frame with a two-byte little-endian length after four header bytes."""
    if len(buffer) - start < 6:
        return 0
    (length,) = _u16(buffer, start + 4)
    low = 2 if buffer[start] == COMMAND[0] else 4
    return int(length) + 10 if low <= length <= LONGEST else "length"


def check_command(frame: bytes) -> str:
    """Does it end where its length says?"""
    if frame[-4:] != COMMAND_TAIL:
        return "tail"
    if frame[7] not in (0, 1):
        return "command"
    return "length" if frame[7] == 1 and len(frame) < 14 else ""


def with_reports(check_report: Check) -> Check:
    """A check for both kinds of frame a radar of the family sends."""

    def check(frame: bytes) -> str:
        return check_command(frame) if frame[0] == COMMAND[0] else check_report(frame)

    return check


def also_fixed(header: bytes, length: int) -> Measure:
    """The measure where reports have one fixed length and another header."""

    def both(buffer: bytes, start: int) -> int | str:
        return length if buffer[start] == header[0] else measure(buffer, start)

    return both


def command(word: int, value: bytes = b"") -> bytes:
    """A command as bytes.

    >>> command(0xFF, b"\\x01\\x00").hex(" ")
    'fd fc fb fa 04 00 ff 00 01 00 04 03 02 01'
    """
    return COMMAND + struct.pack("<HH", 2 + len(value), word) + value + COMMAND_TAIL


def ack(word: int, data: bytes = b"", status: int = 0) -> bytes:
    """A radar's answer as bytes (for emulators)."""
    return COMMAND + struct.pack("<HHH", 4 + len(data), word | 0x0100, status) + data + COMMAND_TAIL


LEAVE = command(0xFE)


def dialogue_steps(*steps: Step, enter: bytes = b"\x01\x00") -> tuple[Step, ...]:
    """These steps between *enter* and *leave*; () if there are none."""
    if not steps:
        return ()
    return (
        Step("enter", command(0xFF, enter), answer=0xFF),
        *steps,
        Step("leave", LEAVE, answer=0xFE),
    )


def step(name: str, word: int, value: bytes = b"") -> Step:
    """One command, answered under its own word."""
    return Step(name, command(word, value), answer=word)


def decode(frame: bytes) -> dict[str, Any]:
    """A command or an answer of the layer; what the data of an answer means is the device's affair."""
    word, answer = frame[6], frame[7]
    body = frame[8:-4]
    if answer == 0:
        view: dict[str, Any] = {"kind_of_frame": "command", "command": f"0x{word:02X}"}
        if body:
            view["value_hex"] = hexed(body)
        return view
    (status,) = _u16(body)
    view = {
        "kind_of_frame": "ack",
        "command": f"0x{word:02X}",
        "ack_status": int(status),
        "ack_ok": status == 0,
    }
    data = body[2:]
    if data:
        view["data_hex"] = hexed(data)
    view.update(_common(word, data))
    return view


def _common(word: int, data: bytes) -> dict[str, Any]:
    """Answers that mean the same on every radar of the family."""
    if word == 0xFF and len(data) >= 4:
        return {"protocol_version": _u16(data)[0], "buffer_size": _u16(data, 2)[0]}
    if word == 0xA0 and len(data) >= 8:
        build = int.from_bytes(data[4:8], "little")
        return {
            "firmware_type_bytes": hexed(data[:2]),
            "firmware": f"V{data[3]:X}.{data[2]:02X}.{build:08X}",
        }
    if word == 0xA5 and len(data) >= 6:
        return {"mac": ":".join(f"{b:02X}" for b in data[:6])}
    return {}


class HlkDriver(PortDriver):
    """A radar of the family: answers go to the dialogue, reports become facts."""

    integrity = False

    def facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        kind = view["kind_of_frame"]
        if kind == "ack":
            word = int(view["command"], 16)
            if self.dialogue.heard(word, at, view["ack_ok"], self._health):
                self.answered(view)
            return ()
        return () if kind == "command" else self.report_facts(view, at)

    def answered(self, view: Mapping[str, Any]) -> None:
        """What should be done next because of this answer?"""

    @abstractmethod
    def report_facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        """Which readings follow from a report?"""
