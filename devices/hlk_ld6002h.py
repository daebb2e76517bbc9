"""What does a Hi-Link LD6002H (60 GHz breath and heart radar) say?

It shares nothing with the LD6002 but the name. Line 115200 8N1, **without checksum**, 6 bytes: ``AA 55 |
presence | breath rate | heart rate | distance in steps of 15 cm``. One description without bytes is all
there is: order and width of the fields are unconfirmed. Breath 0 with presence 1 means that breathing
stopped **or** that the signal was lost: no value, never "fine".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.contracts import DriverSpec, Line, Span
from core.model import Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices.framing import Format, fixed
from devices.port import Fact, PortDriver, by_time


def check(frame: bytes) -> str:
    """Can the radar have meant this? (there is no checksum to tell)"""
    return "" if frame[2] <= 1 and frame[3] <= 60 and frame[4] <= 220 and frame[5] <= 80 else "implausible"


class Ld6002h(PortDriver):
    """Presence, breath and heart rate of one LD6002H."""

    form = Format((b"\xaa\x55",), fixed(6), check, max_length=6)
    integrity = False

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        return {
            "kind_of_frame": "report",
            "presence": frame[2],
            "breath_rate_bpm": frame[3],
            "heart_rate_bpm": frame[4],
            "distance_cm": frame[5] * 15,
        }

    def facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        facts: list[Fact] = [(Q.PRESENCE, float(view["presence"]))]
        if not view["presence"]:
            return facts
        for key, quantity in (
            ("breath_rate_bpm", Q.BREATH_RATE_BPM),
            ("heart_rate_bpm", Q.HEART_RATE_BPM),
        ):
            if view[key]:
                facts.append((quantity, float(view[key])))
        if view["distance_cm"]:
            facts.append((Q.DISTANCE_M, view["distance_cm"] / 100))
        return facts


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The reports an LD6002H would send for these readings."""
    packets = []
    carried = {Q.PRESENCE, Q.BREATH_RATE_BPM, Q.HEART_RATE_BPM, Q.DISTANCE_M}
    for t, values in by_time(readings):
        if values.keys() & carried:
            body = (
                int(values.get(Q.PRESENCE, 1)),
                round(values.get(Q.BREATH_RATE_BPM, 0)),
                round(values.get(Q.HEART_RATE_BPM, 0)),
                round(values.get(Q.DISTANCE_M, 0) / 0.15),
            )
            packets.append(Packet(sensor.link, "", t, b"\xaa\x55" + bytes(body)))
    return packets


LD6002H = DriverSpec(
    name="ld6002h",
    title="Hi-Link LD6002H breath and heart radar (60 GHz)",
    transport="serial",
    make=Ld6002h,
    encode=encode,
    spans=(
        (Span(Q.PRESENCE),),
        (
            Span(Q.PRESENCE, 1, 1),
            Span(Q.BREATH_RATE_BPM, 1, 60),
            Span(Q.HEART_RATE_BPM, 1, 220),
            Span(Q.DISTANCE_M, 0.15, 6, 0.15),
        ),
    ),
    line=Line(115200),
    integrity=False,
    evidence="One description without bytes: order and width of the fields are unconfirmed.",
    example=Sensor("radar", "ld6002h", "port"),
)
