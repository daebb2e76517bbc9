"""How does a log of a whole home (``time,sensor,kind,room,value``) become facts and blocks?

These logs hold what sensors meant, not the bytes they sent, so they enter behind the drivers: as
:class:`core.model.Home` and blocks. Times are local and without zone; a zone can be stated, else they
are taken as UTC (hours of the day then still fit a home whose zone is UTC).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.model import Block, Home, Resident, Room, Sensor
from core.quantity import Quantity
from ingest.errors import LogError
from ingest.recording import lines
from ingest.room_words import contact_kind, is_outer_door, pressed_on, room_of, slug
from ingest.when import instant, zone

COLUMNS = ("time", "sensor", "kind", "room", "value")
_VALUES = {"1": 1.0, "1.0": 1.0, "0": 0.0, "0.0": 0.0, "on": 1.0, "off": 0.0, "open": 1.0, "closed": 0.0}
_USES = frozenset({"flush", "power", "use", "light"})


@dataclass(slots=True)
class HomeCounts:
    """How did reading go? ``refused`` counts rows by reason, ``unordered`` rows that had to be sorted."""

    rows: int = 0
    unordered: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    def refuse(self, reason: str) -> None:
        """Count one more refused row."""
        self.refused[reason] = self.refused.get(reason, 0) + 1


@dataclass(slots=True)
class _Series:
    sensor: Sensor
    quantity: Quantity
    t: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)


def recognises(line: str) -> bool:
    """Is this the header of such a log?"""
    return [c.strip().lower() for c in line.split(",")] == list(COLUMNS)


def read(
    path: Path | str, time_zone: str = "UTC", counts: HomeCounts | None = None
) -> tuple[Home, list[Block]]:
    """The home, and one block a sensor, rows in order of time.

    Raises LogError if it is no such log. Rows without a time, a known kind or a value are counted in
    ``counts`` and left out.
    """
    path = Path(path)
    counts = counts if counts is not None else HomeCounts()
    local = zone(time_zone)
    series: dict[tuple[str, str], _Series] = {}
    taken: set[str] = set()
    rooms: dict[str, Room] = {}
    reached = -1
    for row in _rows(path):
        counts.rows += 1
        if len(row) < len(COLUMNS):
            counts.refuse("columns")
            continue
        told, name, kind, room, said = (cell.strip() for cell in row[: len(COLUMNS)])
        at = instant(told, local)
        value = _VALUES.get(said.lower())
        if at is None or value is None:
            counts.refuse("time" if at is None else "value")
            continue
        one = series.get((name, kind))
        if one is None:
            made = _sensor(name, kind.lower(), room, taken)
            if made is None:
                counts.refuse("kind")
                continue
            sensor, quantity, found = made
            one = series[(name, kind)] = _Series(sensor, quantity)
            if found.id:
                rooms.setdefault(found.id, found)
        counts.unordered += at < reached
        reached = max(reached, at)
        one.t.append(at)
        one.value.append(value)
    if not series:
        raise LogError(f"{path}: holds no row of a known kind; expected {','.join(COLUMNS)}")
    home = Home(
        id=slug(path.stem),
        zone=time_zone,
        residents=(Resident("resident"),),
        rooms=rooms,
        sensors={s.sensor.id: s.sensor for s in series.values()},
    )
    return home, [_block(s) for s in series.values()]


def _rows(path: Path) -> Iterator[list[str]]:
    if not path.is_file():
        raise LogError(f"{path}: no such file")
    text = (line.decode("utf-8", "replace") for line in lines(path))
    header = next(text, "")
    if not recognises(header.lstrip("\ufeff")):
        raise LogError(f"{path}:1: is not a home log; its first line must be {','.join(COLUMNS)}")
    try:
        yield from csv.reader(text)
    except csv.Error as error:
        raise LogError(f"{path}: is not CSV: {error}") from None


def _sensor(name: str, kind: str, room: str, taken: set[str]) -> tuple[Sensor, Quantity, Room] | None:
    use, quantity, options = "", Quantity.USE, {}
    if kind == "motion":
        use, quantity = "motion", Quantity.MOTION
    elif kind == "contact":
        use, quantity = contact_kind(name), Quantity.CONTACT_OPEN
        if use == "door":
            options = {"outer": is_outer_door(name, room)}
    elif kind == "pressure":
        use = pressed_on(name) or "use"
        quantity = {"bed": Quantity.BED_OCCUPIED, "seat": Quantity.SEAT_OCCUPIED}.get(use, Quantity.USE)
    elif kind in _USES:
        use = "flush" if kind == "flush" else "use"
    else:
        return None
    where, what = room_of(name, room)
    wanted = slug(name)
    number = 2
    while wanted in taken:
        wanted = f"{slug(name)}_{number}"
        number += 1
    taken.add(wanted)
    sensor = Sensor(id=wanted, device="home_log", link="log", room=where, kind=use, options=options)
    return sensor, quantity, Room(where, what, room or where)


def _block(series: _Series) -> Block:
    t = np.array(series.t, np.int64)
    value = np.array(series.value, np.float64)
    order = np.argsort(t, kind="stable")
    t, value = t[order], value[order]
    flags = np.zeros(len(t), np.uint8)
    for array in (t, value, flags):
        array.flags.writeable = False
    return Block(series.sensor.id, series.quantity, t, value, flags)


@dataclass(frozen=True, slots=True)
class Span:
    """One labelled stretch of the truth file: [start, stop), ns of event time."""

    start: int
    stop: int
    label: str


def truth(path: Path | str, time_zone: str = "UTC") -> list[Span]:
    """The labelled stretches of ``<home>.truth.csv`` (``start,end,label``), by start. Raises LogError."""
    path = Path(path)
    local = zone(time_zone)
    text = io.StringIO("".join(line.decode("utf-8", "replace") for line in lines(path)))
    spans: list[Span] = []
    for number, row in enumerate(csv.reader(text), 1):
        if number == 1 or not row:
            continue
        start, stop = (instant(cell.strip(), local) for cell in (*row[:2], "", "")[:2])
        if start is None or stop is None or len(row) < 3:
            raise LogError(f"{path}:{number}: is not start,end,label")
        spans.append(Span(start, stop, row[2].strip()))
    return sorted(spans, key=lambda s: (s.start, s.stop))
