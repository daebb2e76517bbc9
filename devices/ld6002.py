"""What do the TinyFrame radars say: Hi-Link LD6002, LD6002B, LD6002C; Seeed MR60BHA2, MR60FDA2 (60 GHz)?

Line 115200 8N1 (older LD6002: 1382400; set ``baud`` on the link). One firmware family: LD6002 and BHA2
measure breath and heart, LD6002C and FDA2 detect falls from the ceiling, LD6002B tracks people.

Frame and types: ``tinyframe.py``. Frame confirmed by vendor documents, captures and three drivers.

Confirmed twice: 0F09 presence (first byte; its length varies), 0A04 targets (16 or 20 bytes each,
computed from the length), 0A08 cloud, 0A13 phases, 0A14 breath, 0A15 heart (0.0 = nobody, no value),
0A16 range (**flag first**, then cm), FFFF firmware, 0E02 fall, 0E04 height, 0E06 parameters, 0E08
threshold, 0E0A sensitivity, 0E0C rectangle, 2110 factory reset. One source only: 0A17 position,
0E0E height report (its printed sample contradicts itself; not made a reading), 010E log switch, 0201
control, 0100 text log. 3000 and 4000 (firmware update) are never sent: they can brick the module.

Clouds carry no signal strength: their snr column is NaN. A target's speed and resolution are NaN.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from core.contracts import DriverSpec, Line, Span
from core.model import Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices.port import Dialogue, Fact, PortDriver, Step, option, rows_by_time, within
from devices.tinyframe import (
    BREATH,
    CLOUD,
    FALL,
    FORMAT,
    GET_PARAMETERS,
    HEART,
    PRESENCE,
    RANGE,
    SET_HEIGHT,
    SET_SENSITIVITY,
    SET_THRESHOLD,
    TARGETS,
    decode,
    frame,
)


class Ld6002(PortDriver):
    """Readings of one TinyFrame radar, and the fall parameters if the configuration names them."""

    form = FORMAT

    def __init__(self, sensors: Sequence[Sensor], *, falls: bool) -> None:
        self._wanted = _wanted(sensors[0]) if sensors and falls else {}
        ask = (Step("parameters", frame(GET_PARAMETERS), answer=GET_PARAMETERS),) if self._wanted else ()
        super().__init__(sensors, Dialogue(ask, timeout_s=2.0))

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        return decode(frame)

    def facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        kind = int(view["type"], 16)
        if not view["length"]:
            return ()  # a bare echo of a command: its result follows
        if kind in (PRESENCE, FALL) and view["value"] > 1:
            self._health.refuse("unknown_state")
            return ()
        facts = READERS[kind](view) if kind in READERS else None
        if facts is None:
            self._dialogue(kind, view, at)
            return ()
        if any(not _finite(value) for _, value in facts):
            self._health.refuse("implausible")
            return ()
        return facts

    def _dialogue(self, kind: int, view: Mapping[str, Any], at: int) -> None:
        if kind == GET_PARAMETERS:
            if self.dialogue.heard(kind, at, True, self._health):
                for word, key, data in self._differing(view):
                    self.dialogue.insert(Step(f"set_{key}", frame(word, data), answer=(word, "result")))
        elif "result" in view:
            # 0 is failure on every confirmed setter
            self.dialogue.heard((kind, "result"), at, view["result"] == 1, self._health)

    def _differing(self, view: Mapping[str, Any]) -> list[tuple[int, str, bytes]]:
        out = []
        for key, value in self._wanted.items():
            if abs(view[key] - value) > 0.005:
                layout = "<I" if key == "sensitivity" else "<f"
                out.append((SETTERS[key], key, struct.pack(layout, value)))
        return out


SETTERS = {"height_m": SET_HEIGHT, "threshold_m": SET_THRESHOLD, "sensitivity": SET_SENSITIVITY}


def _wanted(sensor: Sensor) -> dict[str, Any]:
    """Which parameters does the configuration ask for? The mounting height matters most for falls."""
    wanted = {
        "height_m": sensor.mounting.height_m,
        "threshold_m": option(sensor, "threshold_m", None, within(0.1, 2.0)),
        "sensitivity": option(sensor, "sensitivity", None, within(1, 30)),
    }
    if wanted["height_m"] is not None and not 1 <= wanted["height_m"] <= 5:
        raise ValueError(f"sensor {sensor.id}: mounting.height_m must be 1 to 5 m for this radar")
    if wanted["sensitivity"] is not None:
        wanted["sensitivity"] = int(wanted["sensitivity"])
    return {key: value for key, value in wanted.items() if value is not None}


def _finite(value: Any) -> bool:
    """Within what a room radar can mean? NaN columns that the format does not carry are fine."""
    if isinstance(value, float):
        return math.isfinite(value) and abs(value) <= 300
    if isinstance(value, tuple):
        return all(abs(v) <= 20 for v in value[:2])
    return bool((np.abs(value[:, :4]) <= 20).all())


Reader = Callable[[Mapping[str, Any]], list[Fact]]


def _rate(quantity: Q, key: str) -> Reader:
    return lambda view: [(quantity, view[key])] if view[key] != 0 else []


def _flag(view: Mapping[str, Any]) -> list[Fact]:
    return [(Q.PRESENCE, float(view["value"]))]


def _fall(view: Mapping[str, Any]) -> list[Fact]:
    # the sensor has made up its mind: 1 is its confirmed fall
    return [(Q.FALL_STATE, 2.0 * view["value"])]


def _range(view: Mapping[str, Any]) -> list[Fact]:
    valid = view["range_valid_flag"] == 1 and view["range_cm"] > 0
    return [(Q.DISTANCE_M, view["range_cm"] / 100)] if valid else []


def _target_facts(view: Mapping[str, Any]) -> list[Fact]:
    nan = math.nan
    rows: list[Fact] = [(Q.TARGET, (t["x_m"], t["y_m"], nan, nan)) for t in view["targets"]]
    return [*rows, (Q.TARGET_COUNT, float(view["n_targets"]))]


def _cloud_facts(view: Mapping[str, Any]) -> list[Fact]:
    points = np.full((view["n_points"], 5), math.nan)
    for row, p in zip(points, view["points"], strict=True):
        row[:4] = p["x_m"], p["y_m"], p["z_m"], p["speed_m_s"]
    return [(Q.CLOUD, points)]


READERS: dict[int, Reader] = {
    PRESENCE: _flag, FALL: _fall, BREATH: _rate(Q.BREATH_RATE_BPM, "breath_rate_bpm"),
    HEART: _rate(Q.HEART_RATE_BPM, "heart_rate_bpm"), RANGE: _range, TARGETS: _target_facts,
    CLOUD: _cloud_facts,
}  # fmt: skip


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The frames a radar would send for these readings: one a quantity, targets and points together."""
    packets: list[Packet] = []
    for t, rows in rows_by_time(readings):
        for kind, data in _frames(rows):
            packets.append(Packet(sensor.link, "", t, frame(kind, data, number=len(packets))))
    return packets


def _frames(rows: Mapping[Q, list[Any]]) -> Iterable[tuple[int, bytes]]:
    for value in rows.get(Q.PRESENCE, ()):
        yield PRESENCE, bytes([int(value)])
    for value in rows.get(Q.FALL_STATE, ()):
        yield FALL, bytes([int(value >= 2)])
    for value in rows.get(Q.BREATH_RATE_BPM, ()):
        yield BREATH, struct.pack("<f", value)
    for value in rows.get(Q.HEART_RATE_BPM, ()):
        yield HEART, struct.pack("<f", value)
    for value in rows.get(Q.DISTANCE_M, ()):
        yield RANGE, struct.pack("<If", 1, value * 100)
    targets = rows.get(Q.TARGET, [])
    if targets or rows.get(Q.TARGET_COUNT) == [0.0]:
        body = b"".join(struct.pack("<ffii", t[0], t[1], 0, 0) for t in targets)
        yield TARGETS, struct.pack("<i", len(targets)) + body
    for cloud in rows.get(Q.CLOUD, ()):
        points = np.asarray(cloud, dtype=np.float64).reshape(-1, 5)
        body = b"".join(struct.pack("<iffff", 0, *point[:4]) for point in points.tolist())
        yield CLOUD, struct.pack("<i", len(points)) + body


_M = (-20.0, 20.0, 1 / 256)
_NO = (math.nan, math.nan, 0.0)
_RATES = ((Span(Q.BREATH_RATE_BPM, 0.5, 60, 0.5),), (Span(Q.HEART_RATE_BPM, 0.5, 240, 0.5),))
_PLACE = (
    (Span(Q.PRESENCE),),
    (Span(Q.TARGET, columns=(_M, _M, _NO, _NO)),),
    (Span(Q.TARGET_COUNT, 0, 0),),
)
_POINTS = (Span(Q.CLOUD, columns=(_M, _M, _M, _M, _NO)),)
_FALLS = (Span(Q.FALL_STATE, 0, 2, 2),)
_DISTANCE = (Span(Q.DISTANCE_M, 0.25, 6, 0.25),)
_FALL_OPTIONS = {"threshold_m": None, "sensitivity": None}
_KNOWN = "Frame: vendor documents, captures, three drivers. Types 0A17, 0E0E, 010E, 0201, 0100: one source."


_VITAL = (*_PLACE, _POINTS, *_RATES, _DISTANCE)
_FALLING = (*_PLACE, _POINTS, _FALLS)


def _spec(name: str, title: str, *spans: tuple[Span, ...], note: str = "") -> DriverSpec:
    falls = _FALLS in spans
    return DriverSpec(
        name=name,
        title=title,
        transport="serial",
        make=lambda sensors: Ld6002(sensors, falls=falls),
        encode=encode,
        spans=spans,
        line=Line(115200),
        evidence=_KNOWN + note,
        options=_FALL_OPTIONS if falls else {},
        example=Sensor("radar", name, "port"),
    )


_UNSEEN = " No capture of this board."
LD6002 = _spec("ld6002", "Hi-Link LD6002 breath and heart radar (60 GHz)", *_VITAL)
LD6002B = _spec("ld6002b", "Hi-Link LD6002B people radar (60 GHz)", *_PLACE, _POINTS)
LD6002C = _spec("ld6002c", "Hi-Link LD6002C fall radar (60 GHz)", *_FALLING)
MR60BHA2 = _spec("mr60bha2", "Seeed MR60BHA2 breath and heart radar (60 GHz)", *_VITAL, note=_UNSEEN)
MR60FDA2 = _spec("mr60fda2", "Seeed MR60FDA2 fall radar (60 GHz)", *_FALLING, note=_UNSEEN)
