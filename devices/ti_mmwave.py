"""What does a TI mmWave radar see: clouds, tracks, heights, presence, vital signs?

IWR6843 (and 1443, 1642, 1843): data port 921600 8N1 and command port 115200; xWRL6432: one port for both.
Packets: ``ti_frame.py``. **No checksum in the layout of today's demos**, so a packet must be whole in every
respect and its numbers must fit a room.

Readings of one packet: ``cloud`` (every packet, empty if it has no points; x, y, z in metres **relative to
the sensor, as it hangs**: tilt and height are the mounting's affair; snr in the unit of its TLV: 0.1 dB
for side info, else times its own unit), ``track`` and ``target_count`` (only when a target list is
there), ``height`` (a top of 0.00 is missing and not told), ``presence``, heart and breath rate (TLV 1040;
a breathing deviation of 0 is nobody, below 0.02 no breathing seen: no value). Track and height are told as
sent: whether they count from the floor is decided by ``sensorPosition`` in the radar's configuration.
New tracks start near 0.08 m height and ramp up: judge no track younger than a second.

The radar is silent until it is configured. Option ``cfg``: its configuration, line by line (text or a list);
it is sent on the command port, each line when the last was answered ``Done``; ``Error`` ends it. Option
``cfg_file`` names a file with these lines (the gateway reads it). Option ``command_link`` names the link of a
separate command port. A radar that already sends is left alone; one that was configured and is silent for a
minute (it lost its power, its adapter did not) is configured again.
Gaps in the packet numbers are counted as ``packets_missed``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from core.contracts import DriverSpec, Line, Span
from core.model import SECOND, Floats, Mark, Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices import ti_frame as ti
from devices import ti_view
from devices.port import Dialogue, Fact, PortDriver, Step, option, rows_by_time
from devices.ti_cloud import cloud as points_of

FARTHEST = 1000.0
"""Metres or metres a second; a corrupted float is usually far beyond."""

COMMENTS = ("%", "#", "//")
"""How lines of a ``.cfg`` begin that are not for the radar."""

SILENT = 60 * SECOND
"""A configured radar sends many times a second; one that is silent for so long has lost its configuration."""

_TRACK = struct.Struct("<I27f")
_TRACK_2D = struct.Struct("<I6f")
_HEIGHT = struct.Struct("<I2f")
_VITALS = struct.Struct("<HH3f")
_WAVES = bytes(120)
_FLAT = np.zeros((0, 5))


def read(packet: bytes, head: ti.Header, tlvs: list[ti.Tlv]) -> list[Fact]:
    """What a whole packet says."""
    cloud: Floats = _FLAT
    facts: list[Fact] = []
    for tlv in tlvs:
        kind, start, length = tlv
        found = points_of(packet, head, tlv)
        if found is not None:
            cloud = found
        elif kind == ti.SIDE_INFO:
            if len(cloud) == length // 4:
                cloud[:, 4] = np.frombuffer(packet, "<u2", length // 2, start)[::2]
        elif kind in (ti.TARGETS, ti.EXT_TARGETS, ti.C_TARGETS):
            tracks = _tracks(packet, start, length)
            facts += [(Q.TRACK, track) for track in tracks]
            facts.append((Q.TARGET_COUNT, float(len(tracks))))
        elif kind == ti.HEIGHTS:
            for tid, top, bottom in _HEIGHT.iter_unpack(packet[start : start + length]):
                if top != 0.0:
                    facts.append((Q.HEIGHT, (float(tid), top, bottom)))
        elif kind == ti.PRESENCE:
            facts.append((Q.PRESENCE, 1.0 if any(packet[start : start + 4]) else 0.0))
        elif kind == ti.EXT_PRESENCE:
            facts.append((Q.PRESENCE, float(any(ti_view.zones(packet[start : start + length])))))
        elif kind == ti.VITALS and length >= 136:
            facts += _vitals(packet, start)
    return [(Q.CLOUD, cloud), *facts]


def _tracks(packet: bytes, start: int, length: int) -> list[tuple[float, ...]]:
    data = packet[start : start + length]
    if length % 112 == 0:
        return [(float(row[0]), *row[1:10]) for row in _TRACK.iter_unpack(data)]
    if length % 68 == 0:  # flat trackers: x, y, vx, vy, ax, ay
        rows = (_TRACK_2D.unpack_from(data, at) for at in range(0, length, 68))
        return [(float(t), x, y, 0.0, vx, vy, 0.0, ax, ay, 0.0) for t, x, y, vx, vy, ax, ay in rows]
    return [(float(row[0]), *row[1:]) for row in struct.iter_unpack("<I9f", data)]


def _vitals(packet: bytes, start: int) -> list[Fact]:
    _, _, deviation, heart, breath = _VITALS.unpack_from(packet, start)
    facts: list[Fact] = []
    if deviation > 0 and 0 < heart <= 240:
        facts.append((Q.HEART_RATE_BPM, heart))
    if deviation >= 0.02 and 0 < breath <= 60:
        facts.append((Q.BREATH_RATE_BPM, breath))
    return facts


def fits_a_room(facts: Iterable[Fact]) -> bool:
    """Are all numbers finite and near enough? The snr may be NaN where the format has none."""
    for _, value in facts:
        if isinstance(value, np.ndarray):
            if len(value) and not np.abs(value[:, :4]).max() <= FARTHEST:
                return False
        elif isinstance(value, tuple) and not all(abs(v) <= FARTHEST for v in value[1:]):
            return False
    return True


class TiMmwave(PortDriver):
    """Packets of one radar, and its configuration."""

    integrity = False

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        # what the framer's check found in each good packet is kept for its reading
        self._inspected: list[tuple[ti.Header, list[ti.Tlv]]] = []
        self.form = replace(ti.FORMAT, check=self._check)
        lines: list[str] = []
        self._command_link = ""
        if sensors:
            lines = cfg_lines(sensors[0])
            self._command_link = option(sensors[0], "command_link", "", lambda v: isinstance(v, str))
        steps = [Step(f"cfg_{i}_{text.split()[0]}", text.encode() + b"\n", "done", 0.03)
                 for i, text in enumerate(lines, 1)]  # fmt: skip
        super().__init__(sensors, Dialogue(steps, start_after_s=3.0, timeout_s=3.0, tries=1))
        self._text = b""
        self._number: int | None = None
        self._up_at: int | None = None
        self._done_at: int | None = None  # since when is its configuration sent

    def links(self) -> tuple[str, ...]:
        return (self.link, self._command_link) if self._command_link else (self.link,)

    def _check(self, packet: bytes) -> str:
        found = ti.inspect(packet)
        if isinstance(found, str):
            return found
        self._inspected.append(found)
        return ""

    def claimed_length(self, data: bytes) -> int:
        length = ti.claimed(data, 0)
        return length if isinstance(length, int) else 0

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        return ti_view.decode(frame)

    def decode_command(self, frame: bytes) -> dict[str, Any]:
        """A line of a configuration."""
        words = frame.decode("ascii", "replace").split()
        return {"kind_of_frame": "cli line", "command": words[0], "arguments": words[1:]} if words else {}

    def feed(self, packet: Packet) -> list[Reading]:
        command = self._command_link and packet.link == self._command_link
        if packet.mark is not Mark.DATA and command:
            if packet.mark is Mark.UP:
                self.dialogue.restart()
            return []
        if not self.dialogue.done and (command or not self._command_link):
            self._listen(packet.data, packet.at)
        return [] if command else super().feed(packet)

    def feed_bytes(self, data: bytes, at: int) -> list[Reading]:
        readings: list[Reading] = []
        self._inspected.clear()
        frames = self.framer.feed(data, at)
        with np.errstate(all="ignore"):  # corrupted floats are judged below, not warned of
            for frame, (head, tlvs) in zip(frames, self._inspected, strict=True):
                self._health.last_seen = at
                self._count(head.frame)
                facts = read(frame, head, tlvs)
                if fits_a_room(facts):
                    self.give(facts, at, readings)
                else:
                    self._health.refuse("implausible")
        return readings

    def facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        return ()  # readings are made from the bytes; see read()

    def interrupted(self, packet: Packet) -> None:
        super().interrupted(packet)
        self._number = None
        if packet.mark is Mark.UP:
            self._up_at = packet.at

    def due(self, t: int) -> list[Packet]:
        seen = self._health.last_seen
        if not self.dialogue.done and seen is not None and t - seen < 2 * SECOND:
            return []  # it sends already: a running radar must not be configured again
        if not self.dialogue.done:
            self._done_at = None
        elif self.dialogue.steps:
            self._done_at = t if self._done_at is None else self._done_at
            if t - max(self._done_at, seen or 0) > SILENT:
                self.dialogue.restart()
        target = self._command_link or self.link
        return [packet._replace(link=target) for packet in super().due(t)]

    def _listen(self, data: bytes, at: int) -> None:
        """Look for the answer to the last line; "Done" may come in pieces."""
        self._text = (self._text + data)[-400:]
        if self.dialogue.awaiting is None:
            self._text = b""
        elif b"Error" in self._text or b"not recognized" in self._text:
            self._text = b""
            self.dialogue.heard("done", at, False, self._health)
        elif b"Done" in self._text:
            self._text = b""
            self.dialogue.heard("done", at, True, self._health)

    def _count(self, number: int) -> None:
        last, self._number = self._number, number
        if last is not None and 1 < number - last < 10_000:
            self._health.refuse("packets_missed", number - last - 1)


def cfg_lines(sensor: Sensor) -> list[str]:
    """The lines of a sensor's ``cfg`` option, without comments. Raises ValueError if it is no text."""
    given = sensor.options.get("cfg") or []
    lines = given.splitlines() if isinstance(given, str) else given
    if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
        raise ValueError(f"sensor {sensor.id}: option cfg must be text, or a list of lines")
    found = [line.strip() for line in lines if line.strip() and not line.strip().startswith(COMMENTS)]
    for line in found:
        if not line.isascii() or not line.isprintable():
            raise ValueError(f"sensor {sensor.id}: option cfg has a line that is not plain text: {line!r}")
    return found


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The packets a radar would send: one an instant, numbered by frames of 55 ms."""
    packets = []
    platform = 0x000A6432 if sensor.device == "ti_iwrl6432" else 0x000A6843
    for t, rows in rows_by_time(readings):
        tlvs = list(_tlvs(rows))
        if tlvs:
            objects = sum(len(data) // 16 for kind, data in tlvs if kind == ti.POINTS)
            data = ti.packet(tlvs, t // 55_000_000, objects, platform)
            packets.append(Packet(sensor.link, "", t, data))
    return packets


def _tlvs(rows: Mapping[Q, list[Any]]) -> Iterable[tuple[int, bytes]]:
    for cloud in rows.get(Q.CLOUD, ())[:1]:
        points = np.asarray(cloud, dtype=np.float64).reshape(-1, 5)
        yield ti.POINTS, points[:, :4].astype("<f4").tobytes()
        side = np.zeros((len(points), 2), dtype="<u2")
        side[:, 0] = np.clip(np.nan_to_num(np.round(points[:, 4])), 0, 65535)
        yield ti.SIDE_INFO, side.tobytes()
    tracks = rows.get(Q.TRACK, [])
    if tracks or rows.get(Q.TARGET_COUNT) == [0.0]:
        covariance = (0.0,) * 16
        yield ti.TARGETS, b"".join(_TRACK.pack(int(r[0]), *r[1:10], *covariance, 3.0, 1.0) for r in tracks)
    heights = rows.get(Q.HEIGHT, [])
    if heights:
        yield ti.HEIGHTS, b"".join(_HEIGHT.pack(int(tid), top, bottom) for tid, top, bottom in heights)
    for present in rows.get(Q.PRESENCE, ())[:1]:
        yield ti.PRESENCE, struct.pack("<I", int(present))
    if Q.HEART_RATE_BPM in rows or Q.BREATH_RATE_BPM in rows:
        rates = (rows.get(q, [0.0])[-1] for q in (Q.HEART_RATE_BPM, Q.BREATH_RATE_BPM))
        yield ti.VITALS, _VITALS.pack(0, 0, 0.05, *rates) + _WAVES


_M = (-12.0, 12.0, 1 / 256)
_SPANS = (
    (Span(Q.CLOUD, columns=(_M, _M, _M, _M, (0, 1000, 1))), Span(Q.PRESENCE)),
    (
        Span(Q.CLOUD, columns=(_M, _M, _M, _M, (0, 1000, 1))),
        Span(Q.TRACK, columns=((0, 20, 1), *[_M] * 9)),
        Span(Q.HEIGHT, columns=((0, 20, 1), (1 / 256, 3, 1 / 256), (-1, 3, 1 / 256))),
    ),
    (Span(Q.TARGET_COUNT, 0, 0), Span(Q.PRESENCE, 0, 0)),
    (Span(Q.HEART_RATE_BPM, 0.5, 240, 0.5), Span(Q.BREATH_RATE_BPM, 0.5, 60, 0.5)),
)


def _spec(name: str, title: str, baud: int, evidence: str) -> DriverSpec:
    return DriverSpec(
        name=name,
        title=title,
        transport="serial",
        make=TiMmwave,
        encode=encode,
        spans=_SPANS,
        line=Line(baud),
        integrity=False,
        evidence=evidence,
        options={"cfg": "", "cfg_file": "", "command_link": ""},
        example=Sensor("radar", name, "port"),
    )


IWR6843 = _spec(
    "ti_iwr6843", "TI IWR6843 (1443, 1642, 1843) mmWave radar", 921600,
    "Layouts A and B: captures. Layout C and vital signs: two parsers, no capture.",
)  # fmt: skip
IWRL6432 = _spec(
    "ti_iwrl6432", "TI IWRL6432 low-power mmWave radar", 115200,
    "Header as layout A; point list 301, targets 308, presence 315: several parsers, no capture.",
)  # fmt: skip
