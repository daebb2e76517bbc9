"""What does a Hi-Link LD2412 (24 GHz presence radar) say?

Line 115200 8N1, little-endian. Basic report confirmed by the vendor's document V1.06 and by captures,
engineering report by the document only. **No checksum.** Framed like an LD2410 but with another
payload: no detection distance, fourteen gates::

    F4 F3 F2 F1 | len 0B or 2B | type 02 basic, 01 engineering | AA | state | moving cm u16, energy |
    still cm u16, energy | [N | M | N+1 moving energies | M+1 still energies | light | 00] | 55 00 |
    F8 F7 F6 F5

An LD2410 basic report (len 0D) is refused. Commands: the layer of ``hlk_command.py`` with 02/12
set/read basic parameters, 03/13 and 04/14 sensitivities, 62/63 engineering, 01/11 resolution, 0B/1B
background correction, 0C/1C light. Report rate: not stated. Energies above 100 occur in captures.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.contracts import DriverSpec, Line, Span
from core.model import Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices import hlk_command as hlk
from devices.framing import Format
from devices.hlk_ld2410 import STATES, gates, presence_facts, state_of
from devices.port import Dialogue, Fact, by_time, option

FARTHEST_CM = 1400
"""Fourteen gates of 0.75 m end at 10.5 m; anything well beyond is noise on the line."""

_HEAD = struct.Struct("<BHBHB")  # state, moving cm, energy, still cm, energy


def check_report(frame: bytes) -> str:
    """Do type, length and the constant bytes agree?"""
    length = len(frame) - 10
    if frame[-4:] != hlk.REPORT_TAIL:
        return "tail"
    if frame[7] != 0xAA or frame[-6:-4] != b"\x55\x00":
        return "marker"
    if frame[6] == 2:
        return "" if length == 11 else "length"
    if frame[6] != 1 or length < 15:
        return "type"
    extra = length - 11 - (frame[15] + 1) - (frame[16] + 1) - 2
    return "" if 0 <= extra <= 4 else "gates"


FORMAT = Format(
    headers=(hlk.REPORT, hlk.COMMAND),
    measure=hlk.measure,
    check=hlk.with_reports(check_report),
    max_length=hlk.LONGEST + 10,
)


class Ld2412(hlk.HlkDriver):
    """Reports, answers and the optional engineering mode of one LD2412."""

    form = FORMAT

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        steps = []
        if sensors and option(sensors[0], "engineering", False, lambda v: isinstance(v, bool)):
            steps = [hlk.step("engineering", 0x62)]
        super().__init__(sensors, Dialogue(hlk.dialogue_steps(*steps), leave=hlk.LEAVE))

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        if frame[0] == hlk.COMMAND[0]:
            return hlk.decode(frame)
        state, moving, moving_energy, still, still_energy = _HEAD.unpack_from(frame, 8)
        view: dict[str, Any] = {
            "kind_of_frame": "report",
            "mode": "basic" if frame[6] == 2 else "engineering",
            "state": state,
            "state_name": STATES.get(state, "unknown"),
            "moving_distance_cm": moving,
            "moving_energy": moving_energy,
            "still_distance_cm": still,
            "still_energy": still_energy,
        }
        if frame[6] == 1:
            engineering = gates(frame, 15)
            extra = bytes.fromhex(engineering.pop("extra_hex"))
            engineering.pop("out_pin", None)
            engineering.pop("light_level", None)
            if extra:
                engineering["light_level"] = extra[0]
                engineering["trailing_hex"] = extra[1:].hex(" ").upper()
            view.update(engineering)
        return view

    def report_facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        if view["state"] not in STATES:
            self._health.refuse("unknown_state")
            return ()
        if max(view["moving_distance_cm"], view["still_distance_cm"]) > FARTHEST_CM:
            self._health.refuse("implausible")
            return ()
        facts = presence_facts(view)
        if "light_level" in view:
            facts.append((Q.LIGHT_LEVEL, float(view["light_level"])))
        return facts


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The reports the radar would send for these readings: engineering if a light level is among them."""
    packets = []
    for t, values in by_time(readings):
        if not values.keys() & CARRIED:
            continue
        body = _HEAD.pack(
            state_of(values),
            round(values.get(Q.MOVING_DISTANCE_M, 0) * 100),
            round(values.get(Q.MOVING_ENERGY, 0)),
            round(values.get(Q.STILL_DISTANCE_M, 0) * 100),
            round(values.get(Q.STILL_ENERGY, 0)),
        )
        kind = 2
        if Q.LIGHT_LEVEL in values:
            kind = 1
            body += bytes([13, 13]) + bytes(28) + bytes([round(values[Q.LIGHT_LEVEL]), 0])
        payload = bytes([kind, 0xAA]) + body + b"\x55\x00"
        frame = hlk.REPORT + struct.pack("<H", len(payload)) + payload + hlk.REPORT_TAIL
        packets.append(Packet(sensor.link, "", t, frame))
    return packets


CARRIED = frozenset({
    Q.PRESENCE, Q.MOVING, Q.STILL, Q.MOVING_DISTANCE_M, Q.MOVING_ENERGY, Q.STILL_DISTANCE_M,
    Q.STILL_ENERGY, Q.LIGHT_LEVEL,
})  # fmt: skip

LD2412 = DriverSpec(
    name="ld2412",
    title="Hi-Link LD2412 presence radar (24 GHz)",
    transport="serial",
    make=Ld2412,
    encode=encode,
    spans=(
        (Span(Q.MOVING), Span(Q.STILL), Span(Q.MOVING_ENERGY, 0, 255), Span(Q.STILL_ENERGY, 0, 255)),
        (
            Span(Q.MOVING, 1, 1),
            Span(Q.STILL, 1, 1),
            Span(Q.MOVING_DISTANCE_M, 0.01, 12, 0.01),
            Span(Q.STILL_DISTANCE_M, 0.01, 12, 0.01),
        ),
        (Span(Q.PRESENCE), Span(Q.LIGHT_LEVEL, 0, 255)),
    ),
    line=Line(115200),
    integrity=False,
    evidence="Basic report: vendor document and captures. Engineering report: vendor document only.",
    options={"engineering": False},
    example=Sensor("radar", "ld2412", "port"),
)
