"""Where does a Hi-Link LD2450 (24 GHz) see up to three people?

Also sold as Ai-Thinker Rd-03D and EBYTE E54-24LD12D. Line 256000 8N1, little-endian, ten reports a
second, 6 m, +-60 degrees. Layout confirmed by the vendor's document V1.03, captures and two
independent drivers. **No checksum**.

Report, 30 bytes: ``AA FF 03 00 | three slots of x, y (mm), speed (cm/s), resolution (mm) | 55 CC``.
x, y and speed are sign-magnitude with **bit 15 set = positive**; resolution is unsigned. A slot of
eight zero bytes is empty; ``00 80`` is +0 and is not. Speed: negative = approaching [one source].
Slots outside 6.5 m, 0..7 m or 10 m/s are refused as ``implausible`` with their whole frame.

Commands are those of ``hlk_command.py``. Zone corners, unlike targets, are ordinary int16. If the
radar was left in single-target mode it is asked (91) and set to multi-target (90) after every
connection, unless option ``tracking`` says ``leave``. Firmware 2.14 is said to have changed the baud
rate or the frame [unconfirmed].
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
from devices.port import Dialogue, Fact, option, rows_by_time

HEADER = bytes.fromhex("AAFF0300")
TAIL = bytes.fromhex("55CC")
EMPTY = bytes(8)
MODES = {1: "single", 2: "multi"}
_SLOT = struct.Struct("<HHHH")


def check(frame: bytes) -> str:
    """Does the frame end as its kind must?"""
    if frame[0] == hlk.COMMAND[0]:
        return hlk.check_command(frame)
    return "" if frame[-2:] == TAIL else "tail"


FORMAT = Format(
    headers=(HEADER, hlk.COMMAND),
    measure=hlk.also_fixed(HEADER, 30),
    check=check,
    max_length=hlk.LONGEST + 10,
)


def signed(word: int) -> int:
    """Sign-magnitude with bit 15 set for positive.

    >>> signed(0x8011), signed(0x0011), signed(0x8000)
    (17, -17, 0)
    """
    return word & 0x7FFF if word & 0x8000 else -(word & 0x7FFF)


def unsigned(value: int) -> int:
    """The inverse of :func:`signed`.

    >>> hex(unsigned(17)), hex(unsigned(-17)), hex(unsigned(0))
    ('0x8011', '0x11', '0x8000')
    """
    return 0x8000 | min(value, 0x7FFF) if value >= 0 else min(-value, 0x7FFF)


class Ld2450(hlk.HlkDriver):
    """Targets of one LD2450."""

    form = FORMAT

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        mode = "multi"
        if sensors:
            mode = option(sensors[0], "tracking", mode, lambda v: v in ("multi", "single", "leave"))
        self._wanted = mode
        ask = () if mode == "leave" else (hlk.step("ask_tracking", 0x91),)
        super().__init__(sensors, Dialogue(hlk.dialogue_steps(*ask), leave=hlk.LEAVE))

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        if frame[0] == hlk.COMMAND[0]:
            return hlk.decode(frame) | _answer(frame)
        targets: list[dict[str, int] | None] = []
        for at in (4, 12, 20):
            if frame[at : at + 8] == EMPTY:
                targets.append(None)
                continue
            x, y, speed, resolution = _SLOT.unpack_from(frame, at)
            targets.append({
                "x_mm": signed(x),
                "y_mm": signed(y),
                "speed_cm_s": signed(speed),
                "resolution_mm": resolution,
            })  # fmt: skip
        count = sum(t is not None for t in targets)
        return {"kind_of_frame": "report", "target_count": count, "targets": targets}

    def report_facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        found = [t for t in view["targets"] if t is not None]
        for target in found:
            if (
                abs(target["x_mm"]) > 6500
                or not 0 <= target["y_mm"] <= 7000
                or abs(target["speed_cm_s"]) > 1000
            ):
                self._health.refuse("implausible")
                return ()
        facts: list[Fact] = [
            (
                Q.TARGET,
                (t["x_mm"] / 1000, t["y_mm"] / 1000, t["speed_cm_s"] / 100, t["resolution_mm"] / 1000),
            )
            for t in found
        ]
        facts.append((Q.TARGET_COUNT, float(len(found))))
        facts.append((Q.PRESENCE, 1.0 if found else 0.0))
        return facts

    def answered(self, view: Mapping[str, Any]) -> None:
        mode = view.get("tracking_mode")
        if mode is not None and mode != self._wanted and self._wanted != "leave":
            word = 0x90 if self._wanted == "multi" else 0x80
            self.dialogue.insert(hlk.step("set_tracking", word))


def _answer(frame: bytes) -> dict[str, Any]:
    """What the answers of this radar carry beyond those common to the family."""
    word, data = frame[6], frame[10:-4]
    if frame[7] == 0:
        return {}
    if word == 0x91 and len(data) >= 2:
        value = int.from_bytes(data[:2], "little")
        return {"tracking_mode": MODES.get(value, f"unknown {value}")}
    if word == 0xC1 and len(data) >= 26:
        numbers = struct.unpack_from("<H12h", data)
        return {
            "zone_filter": numbers[0],
            "zones_mm": [list(numbers[1 + 4 * i : 5 + 4 * i]) for i in range(3)],
        }
    return {}


def slot(target: Sequence[float]) -> bytes:
    """One target (x, y m, speed m/s, resolution m) as eight bytes."""
    x, y, speed, resolution = target
    resolution_mm = 360 if resolution != resolution else round(resolution * 1000)
    speed_cm_s = 0 if speed != speed else round(speed * 100)
    return _SLOT.pack(
        unsigned(round(x * 1000)), unsigned(round(y * 1000)), unsigned(speed_cm_s), resolution_mm & 0xFFFF
    )


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The report the radar would send for these targets; none of them = an empty report."""
    packets = []
    for t, rows in rows_by_time(readings):
        targets = rows.get(Q.TARGET, [])[:3]
        nobody = [0.0] in (rows.get(Q.TARGET_COUNT), rows.get(Q.PRESENCE))
        if not targets and not nobody:
            continue
        slots = b"".join(slot(target) for target in targets)
        packets.append(Packet(sensor.link, "", t, HEADER + slots.ljust(24, b"\0") + TAIL))
    return packets


LD2450 = DriverSpec(
    name="ld2450",
    title="Hi-Link LD2450 target radar (24 GHz)",
    transport="serial",
    make=Ld2450,
    encode=encode,
    spans=(
        (Span(Q.TARGET, columns=((-6.5, 6.5, 0.001), (0, 7, 0.001), (-10, 10, 0.01), (0, 1, 0.001))),),
        (Span(Q.TARGET_COUNT, 0, 0), Span(Q.PRESENCE, 0, 0)),
    ),
    line=Line(256000),
    integrity=False,
    evidence=(
        "Frame and commands: vendor document, captures, two drivers. Sign of the speed: one source. "
        "Firmware 2.14: reports of another baud rate or frame, unconfirmed."
    ),
    options={"tracking": "multi"},
    example=Sensor("radar", "ld2450", "port"),
)
