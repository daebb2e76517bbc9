"""What do Winsen's gas modules with nine-byte FF frames say?

Line 9600 8N1. Every frame is ``FF | seven bytes | two's complement of the sum of bytes 1..7``
[manuals, captures, four drivers]. FF also occurs as data, so a window counts only if byte 1 is known
and the checksum fits.

* ZE07-CO uploads once a second: ``FF 04 03 decimals hi lo range range ck``; bit 7 of *hi* is a sensor
  fault and the value has 13 bits [newer manuals, one source]. Question-and-answer mode: ``FF 86 hi lo``
  in 0.1 ppm [one source; the manual's other formula is a misprint].
* ZE08-CH2O (and ZE07-CH2O) uploads ``FF 17 04 00 hi lo range range ck`` in ppb; its answer holds ug/m3
  in bytes 2-3 and ppb in bytes 6-7.

The modules that speak only when asked (MH-Z19B, MH-440D/441D, ZC05) are in ``winsen_poll.py``.

A cell that was without power needs minutes to settle: after the link came back from an outage no value
is given for as long as the outage was, at most ``warm_up_s`` (180); ``warming_up`` says so. A fault
or an all-ones value is *no value* and ``fault``. Zero, span and range commands (87, 88, 99) rewrite the
calibration and are never sent. Winsen advises against use in systems for human safety: keep a
certified alarm beside it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.contracts import DriverSpec, Line, Span
from core.model import SECOND, Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices.framing import Format, hexed, negated_sum8
from devices.port import Dialogue, Fact, PortDriver, Step, by_time, option, within

GASES = {0x04: "CO", 0x17: "CH2O"}
REPLY = 0x86
TO_QUESTIONS, TO_UPLOAD = 0x41, 0x40
NO_VALUE = 0x1FFF
"""All thirteen value bits set: the cell's output is off the scale of its converter."""

NO_WORD = b"\xff\xff"
"""The same where the value has sixteen bits."""


def seal(body: bytes) -> bytes:
    """Eight bytes and their checksum.

    >>> seal(bytes.fromhex("FF01860000000000")).hex()
    'ff0186000000000079'
    """
    return body + bytes([negated_sum8(body[1:8])])


def form(known: Sequence[int]) -> Format:
    """The format of a module whose frames have one of these values in byte 1."""
    kinds = frozenset(known)

    def measure(buffer: bytes, start: int) -> int | str:
        if len(buffer) - start < 2:
            return 0
        return 9 if buffer[start + 1] in kinds else "unknown_type"

    return Format((b"\xff",), measure, check, max_length=9)


def check(frame: bytes) -> str:
    """Does the checksum fit?"""
    return "" if negated_sum8(frame[1:8]) == frame[8] else "checksum"


def decode_command(frame: bytes) -> dict[str, Any]:
    """What the host sends: ``FF 01 command five arguments ck``; {} if it is none."""
    if len(frame) != 9 or frame[:2] != b"\xff\x01" or check(frame):
        return {}
    return {"kind_of_frame": "command", "command": f"0x{frame[2]:02X}", "args_hex": hexed(frame[3:8])}


def command(word: int, argument: int = 0) -> bytes:
    """A command to the module.

    >>> command(0x78, 0x41).hex()
    'ff0178410000000046'
    """
    return seal(bytes([0xFF, 0x01, word, argument, 0, 0, 0, 0]))


class Winsen(PortDriver):
    """The part the modules share: warming up, polling, and refusing what is no value."""

    warm_up_s = 180.0
    poll_s = 1.0
    switches_mode = False

    def __init__(self, sensors: Sequence[Sensor], *, poll: bool = False) -> None:
        first: tuple[Step, ...] = ()
        if sensors:
            self.warm_up_s = option(sensors[0], "warm_up_s", self.warm_up_s, within(0, 3600)) or 0.0
            if self.switches_mode:
                mode = option(sensors[0], "mode", "upload", lambda v: v in ("upload", "poll"))
                poll = mode == "poll"
                if poll:
                    first = (Step("questions", command(0x78, TO_QUESTIONS), pause_s=0.1),)
        steps = (Step("read", command(REPLY), answer=REPLY),) if poll else ()
        super().__init__(sensors, Dialogue(steps, first=first, retry_s=5.0, every_s=self.poll_s))
        self._settled_at: int | None = None

    def decode_command(self, frame: bytes) -> dict[str, Any]:
        return decode_command(frame)

    def interrupted(self, packet: Packet) -> None:
        super().interrupted(packet)
        if self.outage_s > 0 and self._up:
            settle_s = min(self.warm_up_s, self.outage_s)
            self._settled_at = packet.at + int(settle_s * SECOND)
            self.outage_s = 0.0

    def facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        if view["kind_of_frame"] == "reply":
            self.dialogue.heard(REPLY, at, True, self._health)
        if view.get("fault"):
            return [(Q.FAULT, 1.0)]
        warming = self._settled_at is not None and at < self._settled_at
        state: list[Fact] = [(Q.FAULT, 0.0), (Q.WARMING_UP, 1.0 if warming else 0.0)]
        return state if warming else [*state, *self.value_facts(view)]

    @abstractmethod
    def value_facts(self, view: Mapping[str, Any]) -> Iterable[Fact]:
        """The readings of a frame without fault from a settled module."""


class Ze07Co(Winsen):
    """Carbon monoxide from a ZE07-CO."""

    form = form((0x04, REPLY))
    switches_mode = True

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        if frame[1] == REPLY:
            high, low = frame[2], frame[3]
            raw = (high & 0x1F) << 8 | low
            return {
                "kind_of_frame": "reply",
                "raw": raw,
                "co_ppm": raw / 10,
                "fault": bool(high & 0x80) or raw == NO_VALUE,
            }
        raw = (frame[4] & 0x1F) << 8 | frame[5]
        decimals = frame[3]
        return {
            "kind_of_frame": "auto-upload",
            "gas_code": f"0x{frame[1]:02X} ({GASES.get(frame[1], 'unknown')})",
            "unit_code": f"0x{frame[2]:02X}",
            "decimals": decimals,
            "fault": bool(frame[4] & 0x80) or raw == NO_VALUE,
            "raw": raw,
            "co_ppm": raw / 10**decimals if decimals <= 3 else None,
            "full_range_ppm": int.from_bytes(frame[6:8], "big") / 10,
        }

    def value_facts(self, view: Mapping[str, Any]) -> Iterable[Fact]:
        if view.get("unit_code", "0x03") != "0x03" or view["co_ppm"] is None:
            self._health.refuse("unknown_unit")
            return ()
        return [(Q.CO_PPM, view["co_ppm"])]


def encode_ze07(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The uploads a ZE07-CO would send: one for each instant with a concentration or a fault."""
    packets = []
    for t, values in by_time(readings):
        if Q.CO_PPM not in values and not values.get(Q.FAULT):
            continue
        raw = min(NO_VALUE - 1, max(0, round(values.get(Q.CO_PPM, 0.0) * 10)))
        high = raw >> 8 | (0x80 if values.get(Q.FAULT) else 0)
        body = bytes([0xFF, 0x04, 0x03, 0x01, high, raw & 0xFF, 0x13, 0x88])
        packets.append(Packet(sensor.link, "", t, seal(body)))
    return packets


class Ze08Ch2o(Winsen):
    """Formaldehyde from a ZE08-CH2O or ZE07-CH2O."""

    form = form((0x17, REPLY))
    switches_mode = True

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        if frame[1] == REPLY:
            return {
                "kind_of_frame": "reply",
                "ug_m3": int.from_bytes(frame[2:4], "big"),
                "ppb": int.from_bytes(frame[6:8], "big"),
                "fault": frame[6:8] == NO_WORD,
            }
        ppb = int.from_bytes(frame[4:6], "big")
        return {
            "kind_of_frame": "auto-upload",
            "gas_code": f"0x{frame[1]:02X} ({GASES[frame[1]]})",
            "unit_code": f"0x{frame[2]:02X}",
            "ppb": ppb,
            "fault": frame[4:6] == NO_WORD,
            "full_range_ppb": int.from_bytes(frame[6:8], "big"),
        }

    def value_facts(self, view: Mapping[str, Any]) -> Iterable[Fact]:
        if view.get("unit_code", "0x04") != "0x04":
            self._health.refuse("unknown_unit")
            return ()
        return [(Q.FORMALDEHYDE_PPM, view["ppb"] / 1000)]


def encode_ze08(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The uploads a ZE08-CH2O would send."""
    packets = []
    for t, values in by_time(readings):
        if Q.FORMALDEHYDE_PPM in values:
            ppb = min(0xFFFE, max(0, round(values[Q.FORMALDEHYDE_PPM] * 1000)))
            body = bytes([0xFF, 0x17, 0x04, 0x00, ppb >> 8, ppb & 0xFF, 0x13, 0x88])
            packets.append(Packet(sensor.link, "", t, seal(body)))
    return packets


ZE07_CO = DriverSpec(
    name="ze07_co",
    title="Winsen ZE07-CO carbon monoxide module",
    transport="serial",
    make=Ze07Co,
    encode=encode_ze07,
    spans=((Span(Q.CO_PPM, 0, 500, 0.1),), (Span(Q.FAULT, 1, 1),)),
    line=Line(9600),
    evidence=(
        "Upload frame and checksum: manuals, captures, drivers. Fault bit and answer layout: one source."
    ),
    options={"mode": "upload", "warm_up_s": 180},
    example=Sensor("gas", "ze07_co", "port"),
)

ZE08_CH2O = DriverSpec(
    name="ze08_ch2o",
    title="Winsen ZE08-CH2O / ZE07-CH2O formaldehyde module",
    transport="serial",
    make=Ze08Ch2o,
    encode=encode_ze08,
    spans=((Span(Q.FORMALDEHYDE_PPM, 0, 5, 0.001),),),
    line=Line(9600),
    evidence="Upload frame: manual and drivers. Answer layout: manual.",
    options={"mode": "upload", "warm_up_s": 180},
    example=Sensor("air", "ze08_ch2o", "port"),
)
