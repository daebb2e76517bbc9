"""How is a packet of a TI mmWave radar laid out, and is it whole?

All little-endian; magic ``02 01 04 03 06 05 08 07``. Three incompatible headers, told apart by where the
platform word (000Axxxx) stands and by the checksum that only layouts B and C have:

* A, 40 bytes: version, length, platform, frame, cycles, objects, TLVs, subframe (u32). TLV lengths
  exclude their 8-byte headers; the packet is padded to 32 with garbage. Out-of-box demo SDK 3.x, Radar
  Toolbox people tracking, xWRL6432 [captures]. **No checksum.**
* B, 48 bytes: version, length, platform, frame, subframe, four times in us (u32), TLVs, checksum (u16).
  TLV lengths include their headers. Industrial Toolbox up to 4.7 [printed captures].
* C, 52 bytes: version, platform, timestamp, length, frame, subframe, four times (u32), TLVs, checksum
  (u16), lengths as in B. Older Sense & Direct demos [two parsers, no capture].

Header counts cannot be trusted after a lost byte. A packet is good only if no other magic word lies inside
it, every TLV type is known with a legal length, the chain ends within 32 bytes of the packet's end (A)
or exactly there (B, C), and the counts agree.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from devices.framing import Format

MAGIC = bytes.fromhex("0201040306050807")
SHORTEST, LONGEST = 40, 65536

POINTS, RANGE_PROFILE, STATISTICS, SIDE_INFO = 1, 2, 6, 7
EXT_POINTS, EXT_TARGETS, EXT_INDEX, EXT_PRESENCE = 301, 308, 309, 315
SPHERICAL, TARGETS, INDEX, HEIGHTS, COMPRESSED, PRESENCE, VITALS = 1000, 1010, 1011, 1012, 1020, 1021, 1040

MODERN = {6: COMPRESSED, 7: TARGETS, 8: INDEX, 11: PRESENCE}
"""Types of layout B as the types of layout A that mean the same."""
C_POINTS, C_TARGETS = -6, -7

UNIT: dict[int, tuple[int, int]] = {
    POINTS: (0, 16), RANGE_PROFILE: (0, 2), 3: (0, 2), 4: (0, 4), 5: (0, 2), STATISTICS: (0, 4),
    SIDE_INFO: (0, 4), 8: (0, 4), 9: (0, 4), EXT_POINTS: (20, 10), EXT_TARGETS: (0, 112),
    SPHERICAL: (0, 16), TARGETS: (0, 112), INDEX: (0, 1), HEIGHTS: (0, 12), COMPRESSED: (20, 8),
    PRESENCE: (4, 0), VITALS: (0, 136), **dict.fromkeys((*range(302, 308), *range(309, 320), 1030), (0, 1)),
}  # fmt: skip
"""Known types: (fixed part, size of one item). A length is fixed + a whole number of items."""

_A = struct.Struct("<8I")
_B = struct.Struct("<9I2H")
_C = struct.Struct("<10I2H")
_TLV = struct.Struct("<II")
_u32 = struct.Struct("<I").unpack_from


class Header(NamedTuple):
    """What stands before the TLVs? ``times`` are layout B and C's chirp, frame, track and UART times."""

    layout: str
    size: int
    version: int
    length: int
    platform: int
    frame: int
    tlvs: int
    subframe: int
    cycles: int = 0
    objects: int = 0
    times: tuple[int, ...] = ()
    checksum: int = 0


class Tlv(NamedTuple):
    """One part of a packet: ``start`` and ``length`` of its data, without its header."""

    kind: int
    start: int
    length: int


def claimed(buffer: bytes, start: int) -> int | str:
    """The length the header claims; 0 = more bytes needed."""
    if len(buffer) - start < 24:
        return 0
    (platform_a,) = _u32(buffer, start + 16)
    (platform_c,) = _u32(buffer, start + 12)
    if platform_a >> 16 == 0x000A:
        at = 12
    elif platform_c >> 16 == 0x000A:
        at = 20
    else:
        return "platform"
    length = int(_u32(buffer, start + at)[0])
    return length if SHORTEST <= length <= LONGEST else "length"


def measure(buffer: bytes, start: int) -> int | str:
    """The packet's length, unless another packet begins before its end."""
    length = claimed(buffer, start)
    if isinstance(length, int) and length and buffer.find(MAGIC, start + 8, start + length) >= 0:
        return "cut_short"
    return length


def header_a(packet: bytes) -> Header:
    """The first 40 bytes as layout A."""
    version, length, platform, frame, cycles, objects, tlvs, sub = _A.unpack_from(packet, 8)
    return Header("A", 40, version, length, platform, frame, tlvs, sub, cycles, objects)


def header_b(packet: bytes) -> Header | None:
    """The first 48 bytes as layout B, None if its checksum says no."""
    if len(packet) < 48 or folded_sum(packet[:48]) != 0xFFFF:
        return None
    version, length, platform, frame, sub, *times, tlvs, checksum = _B.unpack_from(packet, 8)
    return Header("B", 48, version, length, platform, frame, tlvs, sub, 0, 0, tuple(times), checksum)


def header_c(packet: bytes) -> Header | None:
    """The first 52 bytes as layout C."""
    if len(packet) < 52:
        return None
    version, platform, stamp, length, frame, sub, *times, tlvs, checksum = _C.unpack_from(packet, 8)
    return Header("C", 52, version, length, platform, frame, tlvs, sub, stamp, 0, tuple(times), checksum)


def folded_sum(head: bytes) -> int:
    """The one's complement sum of a header's 16-bit words; FFFF if its checksum is right.

    >>> hex(folded_sum(b"\\x34\\x12\\xcb\\xed"))
    '0xffff'
    """
    total = int(sum(struct.unpack(f"<{len(head) // 2}H", head)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def chain(packet: bytes, head: Header) -> list[Tlv] | str:
    """The TLVs of a packet, or the word it is refused for."""
    at, end = head.size, len(packet)
    over, layout = (0, head.layout) if head.layout == "A" else (8, head.layout)
    if head.tlvs > 64:
        return "tlv_count"
    out: list[Tlv] = []
    for _ in range(head.tlvs):
        if at + 8 > end:
            return "tlv_chain"
        kind, length = _TLV.unpack_from(packet, at)
        length -= over
        at += 8
        if layout == "B":
            kind = MODERN.get(kind, kind)
        elif layout == "C" and kind in (6, 7, 8):
            kind = INDEX if kind == 8 else -kind
        if length < 0 or at + length > end:
            return "tlv_length"
        if kind < 0:
            legal = any(length % size == 0 for size in ((16, 20) if kind == C_POINTS else (40, 68, 112)))
        else:
            if kind not in UNIT:
                return "tlv_type"
            fixed, item = UNIT[kind]
            legal = length == fixed if not item else length >= fixed and (length - fixed) % item == 0
        if not legal:
            return "tlv_length"
        out.append(Tlv(kind, at, length))
        at += length
    if end - at >= 32 if layout == "A" else end != at:
        return "tlv_chain"
    return out


def inspect(packet: bytes) -> tuple[Header, list[Tlv]] | str:
    """Header and TLVs of a whole packet, or the word it is refused for."""
    head: Header | None
    if _u32(packet, 16)[0] >> 16 != 0x000A:
        head = header_c(packet)
        found = chain(packet, head) if head else "layout"
    else:
        head = header_a(packet)
        found = chain(packet, head)
        if isinstance(found, str) and (other := header_b(packet)):
            head, found = other, chain(packet, other)
    if head is None or isinstance(found, str):
        return str(found)
    points = side = -1
    for kind, _, length in found:
        if kind == POINTS:
            points = length // 16
        elif kind == SIDE_INFO:
            side = length // 4
    if points >= 0 and (points != head.objects or side not in (-1, points)):
        return "count"
    # the last bytes may be the first of the next magic word: then some of this packet were lost
    return "cut_short" if packet.endswith(_BEGUN) else (head, found)


_BEGUN = tuple(MAGIC[:n] for n in (7, 6, 5, 4))


def check(packet: bytes) -> str:
    """Is the packet whole?"""
    found = inspect(packet)
    return found if isinstance(found, str) else ""


FORMAT = Format((MAGIC,), measure, check, LONGEST, expire_after_s=1.0)


def packet(tlvs: list[tuple[int, bytes]], number: int, objects: int = 0, platform: int = 0x000A6843) -> bytes:
    """A packet in layout A (for emulators)."""
    body = b"".join(_TLV.pack(kind, len(data)) + data for kind, data in tlvs)
    length = -(-(40 + len(body)) // 32) * 32
    head = _A.pack(0x03060000, length, platform, number & 0xFFFFFFFF, 0, objects, len(tlvs), 0)
    return (MAGIC + head + body).ljust(length, b"\0")
