"""What does an imitated device answer that is asked for what it measures? Polled modules, alarms, buses.

Each class here is the far end of one driver's dialogue: it takes that driver's questions apart by the
driver's own format and answers with what stands around it. Which answers are confirmed is written in the
driver's file; what the papers leave open is not answered at all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from core.model import Health, Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices import best_modules, gira_dual, mh_z9041a, mic53, modbus_rtu
from devices.framing import Format, Framer, negated_sum8
from devices.modbus_frame import seal, sealed
from devices.winsen_ff import seal as winsen_seal
from simulators.around import Row

Rows = Callable[[], list[Row]]
Frames = Callable[[], list[bytes]]
UG_PER_PPB = 1.23  # formaldehyde at 25 degrees C


class Answering(ABC):
    """The part they share. ``rows`` and ``frames`` say what is measured now, as values and as bytes."""

    def __init__(self, sensor: Sensor, rows: Rows, frames: Frames) -> None:
        self.sensor, self.rows, self.frames = sensor, rows, frames
        self.quiet = False

    @abstractmethod
    def hear(self, data: bytes) -> bytes:
        """The answer to whatever of ``data`` completes a question."""

    def reports(self, rows: list[Row]) -> list[Row]:
        """What of this does it report by itself in its present mode?"""
        return rows

    def values(self) -> dict[Q, float]:
        """The single values it measures now."""
        return {q: v for q, v in self.rows() if isinstance(v, float)}


class Framed(Answering):
    """Questions come in the frames of ``form``."""

    form: Format

    def __init__(self, sensor: Sensor, rows: Rows, frames: Frames) -> None:
        super().__init__(sensor, rows, frames)
        self.framer = Framer(self.form, Health())

    def hear(self, data: bytes) -> bytes:
        return b"".join(self.answer(frame) for frame in self.framer.feed(data, 0))

    @abstractmethod
    def answer(self, frame: bytes) -> bytes:
        """The answer to one whole frame."""


class Mic53(Framed):
    """The `53 59` radars: a question for a register is answered under its own number."""

    form = mic53.FORMAT
    modes = False  # a C1001 has one
    mode = 2  # of a C1001 fresh from the box: sleep

    def answer(self, frame: bytes) -> bytes:
        ctrl, cmd, data = frame[2], frame[3], frame[6:-3]
        if cmd & 0x80 and data == mic53.QUERY:
            if self.modes and (ctrl, cmd) == (0x02, 0xA8):
                return mic53.frame(ctrl, cmd, bytes([self.mode]))
            wanted = bytes([ctrl, cmd & 0x7F])
            said = next((f for f in self.frames() if f[2:4] == wanted), None)
            return mic53.frame(ctrl, cmd, said[6:-3]) if said else b""
        if self.modes and (ctrl, cmd) == (0x02, 0x08) and data in (b"\x01", b"\x02"):
            self.mode = data[0]
            return frame
        return frame if (ctrl, cmd) in ((0x06, 0x02), (0x01, 0x02)) else b""


class C1001(Mic53):
    """Falls or sleep, never both."""

    modes = True

    def reports(self, rows: list[Row]) -> list[Row]:
        sleep = (Q.BED_OCCUPIED, Q.BREATH_RATE_BPM, Q.HEART_RATE_BPM)
        return [row for row in rows if (row[0] is Q.FALL_STATE) <= (self.mode == 1)
                and (row[0] in sleep) <= (self.mode == 2)]  # fmt: skip


class Winsen(Answering):
    """Nine-byte questions ``FF 01 86``; the uploading modules stop uploading when told to (78 41)."""

    def __init__(self, sensor: Sensor, rows: Rows, frames: Frames) -> None:
        super().__init__(sensor, rows, frames)
        self._buffer = b""

    def hear(self, data: bytes) -> bytes:
        self._buffer += data
        out = b""
        while (at := self._buffer.find(b"\xff\x01")) >= 0 and len(self._buffer) >= at + 9:
            asked = self._buffer[at : at + 9]
            good = negated_sum8(asked[1:8]) == asked[8]
            self._buffer = self._buffer[at + (9 if good else 1) :]
            if good and asked[2] == 0x86:
                out += self.read()
            elif good and asked[2] == 0x78:
                self.quiet = asked[3] == 0x41
        self._buffer = self._buffer[-9:]
        return out

    def read(self) -> bytes:
        """The answer to 86: uploading modules have another layout for it than for their uploads."""
        said = next(iter(self.frames()), b"")
        if said[1:2] == b"\x04":
            return winsen_seal(b"\xff\x86" + said[4:6] + bytes(4))
        if said[1:2] == b"\x17":
            ug_m3 = round(int.from_bytes(said[4:6], "big") * UG_PER_PPB)
            return winsen_seal(b"\xff\x86" + ug_m3.to_bytes(2, "big") + bytes(2) + said[4:6])
        return said


class Laser(Framed):
    """Registers of an MH-Z9041A."""

    form = mh_z9041a.FORMAT

    def answer(self, frame: bytes) -> bytes:
        if frame[:2] != mh_z9041a.REGISTER:
            return b""
        number, data, values = frame[3] & 0x7F, frame[5:-4], self.values()
        if frame[3] & 0x80:
            if number == mh_z9041a.MODE and data:
                self.quiet = data[0] == 0
            return b""
        if data:
            return b""  # an answer, not a question
        lel, warm = values.get(Q.GAS_LEL_PCT, 0.0), values.get(Q.TEMPERATURE_C, 0.0)
        known = {
            mh_z9041a.GAS: round(lel * 100).to_bytes(2, "big"),
            mh_z9041a.TEMPERATURE: round(warm * 100).to_bytes(2, "big", signed=True),
            mh_z9041a.FAULTS: bytes([4 if values.get(Q.FAULT) else 0]),
            mh_z9041a.MODE: bytes([0 if self.quiet else 1]),
        }
        return mh_z9041a.register(number, known[number]) if number in known else b""


class Best(Answering):
    """Four-byte commands of the Best Modules detectors; AC is answered with the package it also sends."""

    def __init__(self, sensor: Sensor, rows: Rows, frames: Frames) -> None:
        super().__init__(sensor, rows, frames)
        self._buffer = b""

    def hear(self, data: bytes) -> bytes:
        self._buffer += data
        out = b""
        while len(self._buffer) >= 4:
            asked = self._buffer[:4]
            good = negated_sum8(asked[:3]) == asked[3] and 0xA0 <= asked[0] <= 0xAF
            if good and asked[0] == best_modules.INFO:
                out += b"".join(self.frames()[:1])
            self._buffer = self._buffer[4 if good else 1 :]
        return out


class Gira(Framed):
    """A Gira Dual: status, battery and counters on request, every telegram acknowledged."""

    form = gira_dual.FORMAT
    _FIXED: Mapping[int, bytes] = {
        0x04: bytes.fromhex("C411163344"),
        0x09: bytes.fromhex("C9000059A1"),
        0x0B: bytes.fromhex("CB006E0003"),
        0x0D: bytes.fromhex("CD00000000"),
        0x0E: bytes.fromhex("CE00000000"),
    }

    def answer(self, frame: bytes) -> bytes:
        asked = bytes.fromhex(frame[1:-3].decode("ascii"))
        ack = bytes([gira_dual.ACK])
        if asked[0] in self._FIXED:
            return ack + gira_dual.telegram(self._FIXED[asked[0]])
        for said in self.frames():
            body = bytes.fromhex(said[1:-3].decode("ascii"))
            if asked[0] == 0x02 and body[0] == gira_dual.STATUS:
                return ack + gira_dual.telegram(bytes([gira_dual.STATUS_REPLY]) + body[1:])
            if asked[0] == 0x0C and body[0] == gira_dual.BATTERY_REPLY:
                return ack + said
        return bytes([gira_dual.NAK])


class Modbus(Answering):
    """A Modbus-RTU station with the registers of its sensor's map; others get exception 2."""

    def __init__(self, sensor: Sensor, rows: Rows, frames: Frames) -> None:
        super().__init__(sensor, rows, frames)
        self._buffer = b""
        self._address = modbus_rtu.address_of(sensor)
        self._entries = modbus_rtu.entries(sensor)
        listed: Sequence[Mapping[str, object]] = sensor.options["registers"]
        self._items = tuple(listed)

    def hear(self, data: bytes) -> bytes:
        self._buffer += data
        out = b""
        while len(self._buffer) >= 8:
            asked = self._buffer[:8]
            good = asked[0] == self._address and 1 <= asked[1] <= 6 and sealed(asked)
            if good:
                out += self._answer(asked)
            self._buffer = self._buffer[8 if good else 1 :]
        return out

    def _answer(self, asked: bytes) -> bytes:
        function = asked[1]
        register, count = int.from_bytes(asked[2:4], "big"), int.from_bytes(asked[4:6], "big")
        if function > 4:
            return seal(bytes([self._address, function | 0x80, 1]))  # a transmitter takes no orders
        held = [
            item
            for item, entry in zip(self._items, self._entries, strict=True)
            if (entry.function, entry.register, entry.count) == (function, register, count)
        ]
        if not held:
            return seal(bytes([self._address, function | 0x80, 2]))
        part = replace(self.sensor, options=dict(self.sensor.options) | {"registers": held})
        said = [Reading(self.sensor.id, q, 0, v) for q, v in self.rows()]
        packets: list[Packet] = modbus_rtu.encode(part, said)
        return packets[0].data if packets else seal(bytes([self._address, function | 0x80, 4]))


class TiCli(Answering):
    """The command line of a TI radar: it is silent until its configuration ends with sensorStart."""

    def __init__(self, sensor: Sensor, rows: Rows, frames: Frames) -> None:
        super().__init__(sensor, rows, frames)
        self.quiet = bool(sensor.options.get("cfg"))
        self._text = b""

    def hear(self, data: bytes) -> bytes:
        *lines, self._text = (self._text + data).split(b"\n")
        self._text = self._text[-400:]
        return b"".join(self._line(line.strip()) for line in lines if line.strip())

    def _line(self, line: bytes) -> bytes:
        word = line.split()[0]
        if not word.isalnum():
            return line + b"\r\n'" + word + b"' is not recognized as a CLI command\r\nmmwDemo:/>"
        if word in (b"sensorStart", b"sensorStop"):
            self.quiet = word == b"sensorStop"
        return line + b"\r\nDone\r\n\nmmwDemo:/>"


ANSWERS: Mapping[str, Callable[[Sensor, Rows, Frames], Answering]] = {
    "r60abd1": Mic53,
    "mr60bha1": Mic53,
    "mr60fda1": Mic53,
    "mr24hpc1": Mic53,
    "c1001": C1001,
    "ti_iwr6843": TiCli,
    "ti_iwrl6432": TiCli,
    "ze07_co": Winsen,
    "ze08_ch2o": Winsen,
    "mh_z19b": Winsen,
    "mh_440d": Winsen,
    "mh_441d": Winsen,
    "zc05": Winsen,
    "mh_z9041a": Laser,
    "bm22s2021": Best,
    "bm22s3021": Best,
    "bm22s3031": Best,
    "bm22s3221": Best,
    "gira_dual": Gira,
    "modbus_rtu": Modbus,
}
"""Which device is asked in which words?"""
