"""What does a Hi-Link LD2420 (24 GHz presence radar) say?

Line 115200 8N1 (firmware 1.5.4 and newer). **Every fact here comes from one source; no captured frame was
found. No checksum.** The radar starts in one of two modes and is told which by command 12::

    energy:  F4 F3 F2 F1 | 23 00 | presence u8 | distance cm u16 | 16 gate energies u16 | F8 F7 F6 F5
    simple:  lines "ON", "OFF", "Range nnn" (cm), each ended by CR LF

The driver selects energy mode after every connection (option ``mode: simple`` for firmware before
1.5.4, which knows nothing else, and then sends nothing). *Enter* carries ``02 00`` here. The energy
report has the length of an LD2410 engineering report but no ``AA`` marker; command 00 is answered with
the firmware version as text.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.contracts import DriverSpec, Line, Span
from core.model import Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices import hlk_command as hlk
from devices.framing import Format
from devices.port import Dialogue, Fact, by_time, option

ENERGY, SIMPLE = 0x04, 0x64
FARTHEST_CM = 1200
_REPORT = struct.Struct("<BH16H")
_LINE = re.compile(rb"(ON|OFF|Range +(\d{1,5}))\r?\n")
LONGEST_LINE = 13


def measure(buffer: bytes, start: int) -> int | str:
    """From the length field, or to the end of a line."""
    first = buffer[start]
    if first in (hlk.REPORT[0], hlk.COMMAND[0]):
        length = hlk.measure(buffer, start)
        return "length" if first == hlk.REPORT[0] and length not in (0, 45) else length
    end = buffer.find(b"\n", start, start + LONGEST_LINE)
    if end >= 0:
        return end + 1 - start
    return "length" if len(buffer) - start >= LONGEST_LINE else 0


def check(frame: bytes) -> str:
    """Does it end as its kind must, and is the presence byte 0 or 1?"""
    if frame[0] == hlk.COMMAND[0]:
        return hlk.check_command(frame)
    if frame[0] == hlk.REPORT[0]:
        if frame[-4:] != hlk.REPORT_TAIL:
            return "tail"
        return "" if frame[6] <= 1 else "unknown_state"
    return "" if _LINE.fullmatch(frame) else "layout"


FORMAT = Format((hlk.REPORT, hlk.COMMAND, b"ON", b"OFF", b"Range"), measure, check, hlk.LONGEST + 10)


class Ld2420(hlk.HlkDriver):
    """Presence and distance of one LD2420."""

    form = FORMAT

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        mode = option(sensors[0], "mode", "energy", lambda v: v in ("energy", "simple")) if sensors else ""
        steps = [hlk.step("energy_mode", 0x12, struct.pack("<HHH", 0, ENERGY, 0))] if mode == "energy" else []
        super().__init__(sensors, Dialogue(hlk.dialogue_steps(*steps, enter=b"\x02\x00"), leave=hlk.LEAVE))

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        if frame[0] == hlk.COMMAND[0]:
            view = hlk.decode(frame)
            if frame[6] == 0 and frame[7] == 1:
                text = re.search(rb"[ -~]{3,}", frame[10:-4])
                if text:
                    view["firmware"] = text[0].decode("ascii").strip()
            return view
        if frame[0] == hlk.REPORT[0]:
            presence, distance, *energies = _REPORT.unpack_from(frame, 6)
            return {
                "kind_of_frame": "energy report",
                "presence": presence,
                "distance_cm": distance,
                "gate_energy": energies,
            }
        if frame[:1] == b"O":
            return {"kind_of_frame": "simple report", "presence": int(frame[:2] == b"ON")}
        return {"kind_of_frame": "simple report", "distance_cm": int(frame.split()[1])}

    def report_facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        cm = view.get("distance_cm", 0)
        if cm > FARTHEST_CM:
            self._health.refuse("implausible")
            return ()
        facts: list[Fact] = []
        if "presence" in view:
            facts.append((Q.PRESENCE, float(view["presence"])))
        if cm and view.get("presence", 1):
            facts.append((Q.DISTANCE_M, cm / 100))
        return facts


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The energy reports the radar would send for these readings."""
    packets = []
    for t, values in by_time(readings):
        if not values.keys() & {Q.PRESENCE, Q.DISTANCE_M}:
            continue
        cm = round(values.get(Q.DISTANCE_M, 0) * 100)
        body = _REPORT.pack(int(values.get(Q.PRESENCE, 1)), cm, *[0] * 16)
        frame = hlk.REPORT + struct.pack("<H", len(body)) + body + hlk.REPORT_TAIL
        packets.append(Packet(sensor.link, "", t, frame))
    return packets


LD2420 = DriverSpec(
    name="ld2420",
    title="Hi-Link LD2420 presence radar (24 GHz)",
    transport="serial",
    make=Ld2420,
    encode=encode,
    spans=((Span(Q.PRESENCE),), (Span(Q.PRESENCE, 1, 1), Span(Q.DISTANCE_M, 0.01, 12, 0.01))),
    line=Line(115200),
    integrity=False,
    evidence="One source (a peer's driver); no captured frame was found.",
    options={"mode": "energy"},
    example=Sensor("radar", "ld2420", "port"),
)
