"""What does a Hi-Link LD2410S (24 GHz presence radar) say?

It shares nothing with the LD2410 but the name. Line 115200 8N1. Minimal report, 5 bytes, known from the
captures of one source, **without checksum**: ``6E | state | distance cm u16 LE | 62``. State 2 or 3 =
somebody, 0 or 1 = nobody [one source]. Stray bytes between the frames are normal. Report rate: not stated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.contracts import DriverSpec, Line, Span
from core.model import Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices.framing import Format, fixed
from devices.port import Fact, PortDriver, by_time

FARTHEST_CM = 1200
"""Beyond this it is noise on the line."""


def check(frame: bytes) -> str:
    """Can the radar have meant this? (there is no checksum to tell)"""
    if frame[4] != 0x62:
        return "tail"
    if frame[1] > 3:
        return "unknown_state"
    return "implausible" if int.from_bytes(frame[2:4], "little") > FARTHEST_CM else ""


class Ld2410s(PortDriver):
    """Presence and distance of one LD2410S."""

    form = Format((b"\x6e",), fixed(5), check, max_length=5)
    integrity = False

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        return {
            "kind_of_frame": "minimal report",
            "state": frame[1],
            "presence": frame[1] >= 2,
            "distance_cm": int.from_bytes(frame[2:4], "little"),
        }

    def facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        facts: list[Fact] = [(Q.PRESENCE, float(view["presence"]))]
        if view["presence"] and view["distance_cm"]:
            facts.append((Q.DISTANCE_M, view["distance_cm"] / 100))
        return facts


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The reports an LD2410S would send for these readings."""
    packets = []
    for t, values in by_time(readings):
        if values.keys() & {Q.PRESENCE, Q.DISTANCE_M}:
            cm = round(values.get(Q.DISTANCE_M, 0) * 100)
            state = 2 if values.get(Q.PRESENCE, 1) else 0
            frame = bytes([0x6E, state]) + cm.to_bytes(2, "little") + b"\x62"
            packets.append(Packet(sensor.link, "", t, frame))
    return packets


LD2410S = DriverSpec(
    name="ld2410s",
    title="Hi-Link LD2410S presence radar (24 GHz)",
    transport="serial",
    make=Ld2410s,
    encode=encode,
    spans=((Span(Q.PRESENCE),), (Span(Q.PRESENCE, 1, 1), Span(Q.DISTANCE_M, 0.01, 12, 0.01))),
    line=Line(115200),
    integrity=False,
    evidence="Minimal report: captures from one source. Meaning of states 0 and 1: one source.",
    example=Sensor("radar", "ld2410s", "port"),
)
