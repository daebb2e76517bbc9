"""How is a Modbus-RTU frame laid out, and is it a question or an answer?

Frame [specification]: ``address | function | data | CRC-16, low byte first``. The end is known from the
function and the byte count, because silence cannot be measured from user space. A read request that an
RS-485 adapter echoes has eight bytes and a right CRC of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from devices.framing import Format, crc16_modbus, hexed

READS = (1, 2, 3, 4)
WRITES = (5, 6, 15, 16)
LONGEST = 255


def seal(body: bytes) -> bytes:
    """A frame with its CRC.

    >>> seal(bytes.fromhex("010300080002")).hex(" ")
    '01 03 00 08 00 02 45 c9'
    """
    return body + crc16_modbus(body).to_bytes(2, "little")


def sealed(frame: bytes) -> bool:
    """Does the CRC fit?"""
    return crc16_modbus(frame[:-2]) == int.from_bytes(frame[-2:], "little")


def measure(buffer: bytes, start: int) -> int | str:
    """From the function and the byte count; an echoed read request has eight bytes."""
    have = len(buffer) - start
    if have < 3:
        return 0
    function, size = buffer[start + 1], buffer[start + 2]
    if function in WRITES:
        return 8
    if function & 0x80:
        return 5 if function & 0x7F in READS + WRITES else "unknown_type"
    if function not in READS:
        return "unknown_type"
    answer = size + 5 if 0 < size <= 250 and (function < 3 or size % 2 == 0) else 0
    if 0 < answer <= 8 and have >= answer and sealed(buffer[start : start + answer]):
        return answer
    if have < 8:
        return 0
    if sealed(buffer[start : start + 8]):
        return 8
    return answer or "length"


def check(frame: bytes) -> str:
    """Does the CRC fit?"""
    return "" if sealed(frame) else "checksum"


def decode(frame: bytes, *, asks: bool | None = None) -> dict[str, Any]:
    """One whole frame in words. ``asks``: is it a request? None = told by its shape."""
    function = frame[1]
    if asks is None:
        asks = function in READS and len(frame) == 8 and frame[2] != 3
    view: dict[str, Any] = {
        "kind_of_frame": "modbus request" if asks else "modbus response",
        "address": frame[0],
        "function": function,
        "crc": f"0x{int.from_bytes(frame[-2:], 'little'):04X}",
    }
    if function & 0x80:
        view["exception"] = frame[2]
    elif asks or function in WRITES:
        view["start_register"] = int.from_bytes(frame[2:4], "big")
        view["value" if function in (5, 6) else "count"] = int.from_bytes(frame[4:6], "big")
        if len(frame) > 9:
            view["data_hex"] = hexed(frame[7:-2])
    elif function in (1, 2):
        view["bits_hex"] = hexed(frame[3:-2])
    else:
        view["registers"] = [v for (v,) in struct.iter_unpack(">H", frame[3:-2])]
    return view


def form(addresses: Iterable[int]) -> Format:
    """The format of a bus with these stations."""
    return Format(tuple(bytes([a]) for a in sorted(set(addresses))), measure, check, LONGEST)
