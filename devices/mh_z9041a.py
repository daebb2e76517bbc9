"""How much methane does a Winsen MH-Z9041A laser module (DFRobot SEN0654) see?

Line 115200 8N1. Active mode [one source]: a 44-byte line every second,
``A+012.50 +24.0 0665.38 +16.1 B+066.0 00 35 CR LF``: methane in %LEL, ambient in degrees C, three
reserved fields, fault code (hex), XOR of the bytes before it (hex). Whether that XOR ends before or
after the fault code cannot be told from the only printed sample, so both are accepted and counted.

Passive mode (option ``mode: poll``) [one source]: ``AA 55 00 | register, + 80 for write | len | data |
CRC-16/Modbus, high byte first | 0D 0A``. Registers: 02 identity (33), 07 baud, 0A version, 0C methane
u16 BE in 0.01 %LEL, 0E temperature in 0.01 degrees C, 10 fault, 11 mode (0 passive, 1 active).

Any fault code other than 0 (temperature control, ambient temperature, weak or lost laser) makes the
concentration *no value*: 0.00 with a fault is not clean air. In passive mode nothing is told before
the fault register was read as 0, and an unanswered read is no value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.contracts import DriverSpec, Line, Span
from core.model import Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices.framing import Format, crc16_modbus, hexed, xor8
from devices.port import Dialogue, Fact, PortDriver, Step, by_time, option

REGISTER = b"\xaa\x55"
GAS, TEMPERATURE, FAULTS, MODE = 0x0C, 0x0E, 0x10, 0x11
AMBIENT_FAULT = 0x02
LONGEST = 64
_LINE = re.compile(
    rb"A([+-]\d{3}\.\d\d) ([+-]\d\d\.\d) [ -~]{7} [ -~]{5} [ -~]{7} ([0-9A-Fa-f]{2}) ([0-9A-Fa-f]{2})\r\n"
)


def measure(buffer: bytes, start: int) -> int | str:
    """44 for a line; from the length byte for a register frame."""
    if buffer[start] == 0x41:
        return 44
    if len(buffer) - start < 5:
        return 0
    length = buffer[start + 4]
    return length + 9 if length <= LONGEST and buffer[start + 2] == 0 else "length"


def xor_range(line: bytes) -> str:
    """Which range of the line gives the printed XOR: "fault" (0..38), "values" (0..36) or ""?"""
    printed = int(line[40:42], 16)
    if xor8(line[:39]) == printed:
        return "fault"
    return "values" if xor8(line[:37]) == printed else ""


def check(frame: bytes) -> str:
    """Is it well formed, and does its check fit?"""
    if frame[0] == 0x41:
        if not _LINE.fullmatch(frame):
            return "layout"
        return "" if xor_range(frame) else "checksum"
    if frame[-2:] != b"\r\n":
        return "tail"
    return "" if crc16_modbus(frame[2:-4]) == int.from_bytes(frame[-4:-2], "big") else "checksum"


FORMAT = Format((b"A+", b"A-", REGISTER), measure, check, max_length=LONGEST + 9)


def register(number: int, data: bytes = b"", *, write: bool = False) -> bytes:
    """A register frame.

    >>> register(0x0C).hex(" ")
    'aa 55 00 0c 00 c0 74 0d 0a'
    """
    body = bytes([0, number | (0x80 if write else 0), len(data)]) + data
    return REGISTER + body + crc16_modbus(body).to_bytes(2, "big") + b"\r\n"


def line(lel_pct: float, ambient_c: float, fault: int = 0) -> bytes:
    """An active-mode line.

    >>> line(12.5, 24.0)[:24]
    b'A+012.50 +24.0 0665.38 +'
    """
    text = f"A{lel_pct:+07.2f} {ambient_c:+05.1f} 0665.38 +16.1 B+066.0 {fault:02X} ".encode("ascii")
    return text + f"{xor8(text[:-1]):02X}\r\n".encode("ascii")


class MhZ9041a(PortDriver):
    """Methane, ambient temperature and faults of one module, in either mode."""

    form = FORMAT

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        steps: list[Step] = []
        start: tuple[Step, ...] = ()
        if sensors and option(sensors[0], "mode", "active", lambda v: v in ("active", "poll")) == "poll":
            steps = [Step(f"register_{r:02X}", register(r), answer=r) for r in (FAULTS, GAS, TEMPERATURE)]
            start = (Step("passive", register(MODE, b"\0", write=True), pause_s=0.1),)
        super().__init__(sensors, Dialogue(steps, first=start, retry_s=5.0, every_s=1.0, tries=2))
        self._fault: int | None = None
        self.xor_ranges: Counter[str] = Counter()

    def interrupted(self, packet: Packet) -> None:
        super().interrupted(packet)
        self._fault = None

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        if frame[0] == 0x41:
            self.xor_ranges[xor_range(frame)] += 1
            return {
                "kind_of_frame": "ascii report",
                "ch4_pct_lel": float(frame[1:8]),
                "temperature_c": float(frame[9:14]),
                "error_code": int(frame[37:39], 16),
            }
        data = frame[5:-4]
        view: dict[str, Any] = {
            "kind_of_frame": "register frame",
            "direction": "write" if frame[3] & 0x80 else "read",
            "register": f"0x{frame[3] & 0x7F:02X}",
            "length": len(data),
            "data_hex": hexed(data),
        }
        number = frame[3] & 0x7F
        if len(data) == 2 and number in (GAS, TEMPERATURE):
            value = int.from_bytes(data, "big", signed=number == TEMPERATURE) / 100
            view["ch4_pct_lel" if number == GAS else "temperature_c"] = value
        elif number == FAULTS and 0 < len(data) <= 2:
            view["error_code"] = int.from_bytes(data, "big")
        return view

    def facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        fault: int | None
        if view["kind_of_frame"] == "ascii report":
            fault = self._fault = view["error_code"]
        else:
            if view["direction"] == "write" or not view["length"]:
                return ()
            self.dialogue.heard(int(view["register"], 16), at, True, self._health)
            fault = self._fault = view.get("error_code", self._fault)
        facts: list[Fact] = []
        if "error_code" in view:
            facts.append((Q.FAULT, 1.0 if fault else 0.0))
        if "ch4_pct_lel" in view and fault == 0:
            if view["ch4_pct_lel"] <= -1:
                self._health.refuse("implausible")
            else:
                facts.append((Q.GAS_LEL_PCT, view["ch4_pct_lel"]))
        if "temperature_c" in view and not (fault or 0) & AMBIENT_FAULT:
            facts.append((Q.TEMPERATURE_C, view["temperature_c"]))
        return facts


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The lines the module would send in active mode."""
    packets = []
    for t, values in by_time(readings):
        if not values.keys() & {Q.GAS_LEL_PCT, Q.FAULT}:
            continue
        fault = 0x04 if values.get(Q.FAULT) else 0
        lel_pct = min(max(values.get(Q.GAS_LEL_PCT, 0.0), -99.9), 999.9)
        text = line(round(lel_pct, 1), round(values.get(Q.TEMPERATURE_C, 23.7), 1), fault)
        packets.append(Packet(sensor.link, "", t, text))
    return packets


MH_Z9041A = DriverSpec(
    name="mh_z9041a",
    title="Winsen MH-Z9041A laser methane module (DFRobot SEN0654)",
    transport="serial",
    make=MhZ9041a,
    encode=encode,
    spans=(
        (Span(Q.GAS_LEL_PCT, 0, 100, 0.1), Span(Q.TEMPERATURE_C, -40, 85, 0.1)),
        (Span(Q.FAULT, 1, 1),),
    ),
    line=Line(115200),
    evidence=(
        "Line and registers: one source each. Range of the line's XOR and numbering of the weak-laser "
        "fault bit: unconfirmed (both ranges accepted, any fault withholds the value)."
    ),
    options={"mode": "active"},
    example=Sensor("gas", "mh_z9041a", "port"),
)
