"""What does a Gira Dual or Dual Q smoke alarm say on its module connector?

A certified smoke and heat alarm. Line 9600 8N1, 3.3 V. Telegram [logs and an independent library]::

    02 | hexadecimal digits in ASCII | two checksum digits | 03

The checksum is the low byte of the sum of the **ASCII codes** of the digits. Every telegram is answered
with ACK ``06`` (NAK ``15``), else it is repeated three times. Answers may be preceded by ``00``; a 02
inside an unfinished telegram begins a new one.

Status (82 sent by itself, C2 on request), four bytes: byte 1 bit 1 defect, bit 3 button, bit 4 fire
flag, bit 5 on battery; byte 2 bit 0 battery low, bit 2 smoke here, bit 3 wired alarm, bit 4 radio alarm,
bits 5..7 test alarms (here, wired, radio); byte 4 bits 2 and 4 temperature sensors. A wired or radio
alarm is smoke elsewhere in the home and told as smoke. **Test alarms are never smoke.** Other answers: C4
serial, C9 operating time, CB chamber, CC battery and temperatures [units: one source], CD and CE counts.

The alarm is silent until something happens, so every ``poll_s`` (20 s) it is asked for its status (a telegram
may have been lost) and for battery and temperature (0C): what hangs on a port of its own is missed after
30 s. Whoever asks more rarely sets ``silent_after_s`` to three times that. Request 03 (makes the sirens
sound) is never sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.contracts import DriverSpec, Line, Span
from core.model import Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices.framing import Format, sum8
from devices.port import Dialogue, Fact, PortDriver, Step, by_time, option, within

STX, ETX, ACK, NAK = 0x02, 0x03, 0x06, 0x15
STATUS, STATUS_REPLY = 0x82, 0xC2
BATTERY_REPLY = 0xCC
LONGEST = 40
POLL_S = 20.0
CONTROLS = {0x00: "NUL", ACK: "ACK", NAK: "NAK"}
_DIGITS = frozenset(b"0123456789ABCDEF")


def measure(buffer: bytes, start: int) -> int | str:
    """To the ETX, over nothing but digits."""
    for at in range(start + 1, min(len(buffer), start + LONGEST)):
        if buffer[at] == ETX:
            return at + 1 - start
        if buffer[at] not in _DIGITS:
            return "layout"
    return "length" if len(buffer) - start >= LONGEST else 0


def check(frame: bytes) -> str:
    """Does the printed sum fit?"""
    if len(frame) < 6 or len(frame) % 2:
        return "length"
    return "" if sum8(frame[1:-3]) == int(frame[-3:-1], 16) else "checksum"


FORMAT = Format((bytes([STX]),), measure, check, LONGEST, fillers=bytes(CONTROLS))


def telegram(body: bytes) -> bytes:
    """A telegram as bytes.

    >>> telegram(b"\\x04")
    b'\\x020464\\x03'
    """
    digits = body.hex().upper().encode("ascii")
    return bytes([STX]) + digits + f"{sum8(digits):02X}".encode("ascii") + bytes([ETX])


def decode(frame: bytes) -> dict[str, Any]:
    """One whole telegram in words."""
    text = frame[1:-1].decode("ascii")
    body = bytes.fromhex(text[:-2])
    view: dict[str, Any] = {"kind_of_frame": "gira", "ascii": text, "command": f"0x{body[0]:02X}"}
    data = body[1:]
    if len(data) == 4:
        view.update(_content(body[0], data))
    return view


def _content(word: int, data: bytes) -> dict[str, Any]:
    if word in (STATUS, STATUS_REPLY):
        return _status(data)
    if word == 0xC4:
        return {"serial_hex": data.hex().upper()}
    if word == 0xC9:
        return {"uptime_s": int.from_bytes(data, "big") / 4}
    if word == 0xCB:
        return {
            "chamber_value": int.from_bytes(data[:2], "big"),
            "smoke_alarm_count": data[2],
            "contamination": data[3],
        }
    if word == BATTERY_REPLY:
        return {
            "battery_v": round(int.from_bytes(data[:2], "big") * 9184 / 5000 / 100, 2),
            "temp1_c": (data[2] * 50 - 2000) / 100,
            "temp2_c": (data[3] * 50 - 2000) / 100,
        }
    if word == 0xCD:
        return {"counts_heat_test_wired_wireless": list(data)}
    if word == 0xCE:
        return {"remote_test_counts": list(data)}
    return {}


_BITS = (
    (0, 1, "defect"), (0, 3, "button"), (0, 4, "fire_flag_byte1_bit4"), (0, 5, "on_battery"),
    (1, 0, "battery_low"), (1, 2, "smoke_alarm_local"), (1, 3, "wired_alarm"), (1, 4, "wireless_alarm"),
    (1, 5, "local_test"), (1, 6, "wired_test"), (1, 7, "wireless_test"),
    (3, 2, "temp_sensor1_defect"), (3, 4, "temp_sensor2_defect"),
)  # fmt: skip


def _status(data: bytes) -> dict[str, Any]:
    view: dict[str, Any] = {name: bool(data[byte] >> bit & 1) for byte, bit, name in _BITS}
    return view | {"unknown_byte3": data[2]}


class GiraDual(PortDriver):
    """Status, battery and temperature of one alarm; acknowledges what it sends."""

    form = FORMAT

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        steps = (
            Step("status", telegram(b"\x02"), answer=STATUS_REPLY),
            Step("battery", telegram(b"\x0c"), answer=BATTERY_REPLY),
        )
        every_s = option(sensors[0], "poll_s", POLL_S, within(5, 3600)) if sensors else POLL_S
        super().__init__(sensors, Dialogue(steps, every_s=every_s or POLL_S, timeout_s=2.0, retry_s=20.0))
        self._answers = b""

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        return decode(frame)

    def feed_bytes(self, data: bytes, at: int) -> list[Reading]:
        good, bad = self._health.frames_good, self._health.refused.get("checksum", 0)
        readings = super().feed_bytes(data, at)
        answers = bytes([ACK]) * (self._health.frames_good - good)
        answers += bytes([NAK]) * (self._health.refused.get("checksum", 0) - bad)
        self._answers = (self._answers + answers)[-8:]
        return readings

    def due(self, t: int) -> list[Packet]:
        if not self._up or not self.sensors:
            return []
        answers, self._answers = self._answers, b""
        out = [Packet(self.link, "", t, answers)] if answers else []
        return out + super().due(t)

    def facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        word = int(view["command"], 16)
        self.dialogue.heard(word, at, True, self._health)
        if "smoke_alarm_local" in view:
            return _status_facts(view)
        if "battery_v" in view:
            return [(Q.VOLTAGE_V, view["battery_v"]), (Q.TEMPERATURE_C, view["temp1_c"])]
        return ()


def _status_facts(view: Mapping[str, Any]) -> list[Fact]:
    smoke = view["smoke_alarm_local"] or view["wired_alarm"] or view["wireless_alarm"]
    test = view["local_test"] or view["wired_test"] or view["wireless_test"]
    fault = view["defect"] or view["temp_sensor1_defect"] or view["temp_sensor2_defect"]
    return [
        (Q.SMOKE, float(smoke)),
        (Q.HEAT, float(view["fire_flag_byte1_bit4"])),
        (Q.TEST, float(test)),
        (Q.FAULT, float(fault)),
        (Q.BATTERY_LOW, float(view["battery_low"])),
    ]


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The telegrams an alarm would send for these readings."""
    packets = []
    for t, values in by_time(readings):
        if values.keys() & {Q.SMOKE, Q.HEAT, Q.TEST, Q.FAULT, Q.BATTERY_LOW}:
            on = {q for q, v in values.items() if v}
            first = 0x20 | (0x02 if Q.FAULT in on else 0) | (0x10 if Q.HEAT in on else 0)
            second = (0x01 if Q.BATTERY_LOW in on else 0) | (0x04 if Q.SMOKE in on else 0)
            second |= 0x20 if Q.TEST in on else 0
            packets.append(Packet(sensor.link, "", t, telegram(bytes([STATUS, first, second, 0, 0]))))
        if values.keys() & {Q.VOLTAGE_V, Q.TEMPERATURE_C}:
            volts = round(values.get(Q.VOLTAGE_V, 9.0) * 100 * 5000 / 9184)
            warmth = round(values.get(Q.TEMPERATURE_C, 20.0) * 2) + 40
            data = bytes([BATTERY_REPLY]) + volts.to_bytes(2, "big") + bytes([warmth, warmth])
            packets.append(Packet(sensor.link, "", t, telegram(data)))
    return packets


GIRA_DUAL = DriverSpec(
    name="gira_dual",
    title="Gira Dual / Dual Q smoke alarm (module connector)",
    transport="serial",
    make=GiraDual,
    encode=encode,
    spans=(
        (Span(Q.SMOKE), Span(Q.HEAT), Span(Q.TEST), Span(Q.FAULT), Span(Q.BATTERY_LOW)),
        (Span(Q.TEMPERATURE_C, -20, 100, 0.5),),
    ),
    line=Line(9600),
    evidence="Telegrams: logs and an independent library. Units of battery and temperature: one source.",
    options={"poll_s": POLL_S},
    example=Sensor("smoke", "gira_dual", "port"),
)
