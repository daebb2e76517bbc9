"""How does the export of a Withings sleep mat become nights? Rows in any order, with repeats, each once.

A folder holds ``raw_sleep-monitor_<what>.csv`` (start, duration, value; the last two are lists: so many
seconds each, and what was said) and perhaps ``sleep.csv`` with the device's own totals a session. Rows
come out of order and are exported twice; summing them as they lie gives half as much again. Each stretch
of time therefore counts once, whatever the order: sorted by start, and cut where one ends.

Stages: 0 awake, 1 light, 2 deep, 3 REM. Where two rows contradict each other about the same time, the
lower stage counts (rather awake than asleep), and the contradiction is counted.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from core.model import SECOND, Block, Home, Resident, Room, Sensor
from core.quantity import Quantity
from ingest.errors import LogError
from ingest.when import instant, zone

RAW = "raw_sleep-monitor_"
STATE, SUMMARY = f"{RAW}sleep-state.csv", "sleep.csv"
STAGES = ("awake", "light", "deep", "rem")
SOURCE = "mat"
_RATES = {"hr": Quantity.HEART_RATE_BPM, "respiratory-rate": Quantity.BREATH_RATE_BPM}
_COLUMNS = {
    "start": ("von", "from", "start", "du", "de", "desde", "da"),
    "stop": ("bis", "to", "end", "au", "à", "hasta", "a"),
    "light": ("leicht", "light", "léger", "ligero", "leggero"),
    "deep": ("tief", "deep", "profond", "profundo", "profondo"),
    "rem": ("rem",),
    "awake": ("wach", "awake", "éveillé", "eveil", "despierto", "sveglio"),
}
"""The first word of a heading in the languages the export is known or likely to use."""

Row = tuple[int, int, int]  # start ns, stop ns, value


@dataclass
class Session:
    """One stretch on the mat, as the device itself sums it up. Times in ns, totals in whole seconds."""

    start: int
    stop: int
    device_s: dict[str, int]
    ours_s: dict[str, int] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Do all four totals agree to the second?"""
        return self.ours_s == self.device_s


@dataclass
class Export:
    """One folder, read. ``refused`` counts rows by reason; ``repeats`` are rows that said nothing new."""

    stages: list[Row]
    rates: dict[Quantity, list[Row]]
    sessions: list[Session]
    zone: str
    rows: int = 0
    repeats: int = 0
    contradictions: int = 0
    refused: dict[str, int] = field(default_factory=dict)


def recognises(path: Path) -> bool:
    """Is this such a folder, or its sleep state file?"""
    return (path / STATE).is_file() if path.is_dir() else path.name == STATE and path.is_file()


def once(rows: Iterable[Row]) -> tuple[list[Row], int]:
    """The same time told once, in order, whatever order it came in; and how many rows contradict.

    >>> once([(60, 120, 1), (0, 60, 2), (60, 120, 1), (60, 120, 0)])
    ([(0, 60, 2), (60, 120, 0)], 1)
    """
    out: list[Row] = []
    contradictions = 0
    for start, stop, value in sorted(set(rows)):
        if out and start < out[-1][1]:
            contradictions += value != out[-1][2]
            start = out[-1][1]
        if stop > start:
            out.append((start, stop, value))
    return out, contradictions


def totals(stages: Iterable[Row], start: int, stop: int) -> dict[str, int]:
    """Whole seconds of each stage inside [start, stop).

    >>> totals([(0, 60 * SECOND, 1), (60 * SECOND, 120 * SECOND, 0)], 0, 90 * SECOND)
    {'awake': 30, 'light': 60, 'deep': 0, 'rem': 0}
    """
    out = dict.fromkeys(STAGES, 0)
    for a, b, stage in stages:
        shared = min(b, stop) - max(a, start)
        if shared > 0:
            out[STAGES[stage]] += shared
    return {stage: ns // SECOND for stage, ns in out.items()}


def read(path: Path | str, time_zone: str = "") -> Export:
    """The export in this folder. Times without an offset are of ``time_zone``. Raises LogError."""
    path = Path(path)
    folder = path.parent if path.name == STATE else path
    if not (folder / STATE).is_file():
        raise LogError(f"{folder}: holds no {STATE}; name the folder of an exported Withings sleep mat")
    made = Export([], {}, [], time_zone or _zone(folder / STATE))
    local = time_zone or "UTC"
    said = list(_rows(folder / STATE, local, made))
    made.stages, made.contradictions = once((a, b, round(v)) for a, b, v in said if v in range(len(STAGES)))
    for _, _, v in said:
        if v not in range(len(STAGES)):
            made.refused["stage"] = made.refused.get("stage", 0) + 1
    made.rows = len(said)
    made.repeats = len(said) - len(set(said))
    for name, quantity in _RATES.items():
        if (folder / f"{RAW}{name}.csv").is_file():
            found = ((a, b, round(v)) for a, b, v in _rows(folder / f"{RAW}{name}.csv", local, made))
            made.rates[quantity], _ = once(found)
    if (folder / SUMMARY).is_file():
        made.sessions = _sessions(folder / SUMMARY, local, made)
    return made


def home_and_blocks(found: Export) -> tuple[Home, list[Block]]:
    """The same as a home of one bed: occupied while rows tell of it, stages and rates a row each."""
    mat = Sensor(SOURCE, "withings_csv", "export", room="bedroom", kind="bed")
    home = Home(
        "withings",
        found.zone,
        residents=(Resident("resident"),),
        rooms={"bedroom": Room("bedroom", "bedroom", "Bedroom")},
        sensors={SOURCE: mat},
    )
    edges: list[tuple[int, float]] = []
    for start, stop, _ in found.stages:
        if edges and edges[-1] == (start, 0.0):
            edges.pop()
        else:
            edges.append((start, 1.0))
        edges.append((stop, 0.0))
    columns = [(Quantity.BED_OCCUPIED, edges)]
    columns.append((Quantity.SLEEP_STAGE, [(a, float(v)) for a, _, v in found.stages]))
    columns += [(q, [(a, float(v)) for a, _, v in rows]) for q, rows in found.rates.items()]
    blocks = [
        Block.build(SOURCE, q, [t for t, _ in rows], [v for _, v in rows], [0] * len(rows))
        for q, rows in columns
        if rows
    ]
    return home, blocks


def _rows(path: Path, local: str, made: Export) -> Iterator[tuple[int, int, float]]:
    where = zone(local)
    for row in _table(path):
        start = instant(row.get("start"), where)
        lengths, values = _numbers(row.get("duration")), _numbers(row.get("value"))
        if start is None or lengths is None or values is None or len(lengths) != len(values):
            reason = "time" if start is None else "lists"
            made.refused[reason] = made.refused.get(reason, 0) + 1
            continue
        for length, value in zip(lengths, values, strict=True):
            stop = start + round(length * SECOND)
            if 0 < length <= 86_400:
                yield start, stop, value
            else:
                made.refused["duration"] = made.refused.get("duration", 0) + 1
            start = max(start, stop)


def _sessions(path: Path, local: str, made: Export) -> list[Session]:
    where = zone(local)
    out: dict[tuple[int, int], Session] = {}
    for row in _table(path):
        named = {key: _cell(row, key) for key in _COLUMNS}
        start, stop = instant(named["start"], where), instant(named["stop"], where)
        device = {stage: _whole(named[stage]) for stage in STAGES}
        if start is None or stop is None or any(v is None for v in device.values()):
            made.refused["session"] = made.refused.get("session", 0) + 1
            continue
        told = {stage: v for stage, v in device.items() if v is not None}
        out[start, stop] = Session(start, stop, told, totals(made.stages, start, stop))
    return [out[key] for key in sorted(out)]


def _table(path: Path) -> Iterator[Mapping[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LogError(f"{path}: cannot be read: {error}") from None


def _cell(row: Mapping[str, str], key: str) -> str | None:
    for name, value in row.items():
        words = (name or "").strip().lower().split()
        if words and words[0] in _COLUMNS[key]:
            return value
    return None


def _whole(text: str | None) -> int | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return int(value) if value.is_integer() and value >= 0 else None


def _numbers(text: str | None) -> list[float] | None:
    try:
        found = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or not all(type(v) in (int, float) and abs(v) < 1e9 for v in found):
        return None
    return [float(v) for v in found]


def _zone(path: Path) -> str:
    """The zone the rows are written in, where they tell a whole hour; else UTC."""
    for row in _table(path):
        try:
            offset = datetime.fromisoformat(row.get("start") or "").utcoffset()
        except ValueError:
            continue
        hours = offset.total_seconds() / 3600 if offset is not None else 0.0
        return f"Etc/GMT{-int(hours):+d}" if hours and hours.is_integer() else "UTC"
    return "UTC"
