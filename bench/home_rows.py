"""What stands in one file of a recorded home? Rows as they can be understood, and a count of the rest.

Columns ``time`` and ``sensor`` must be there; ``kind``, ``room`` and ``value`` may be missing. Nothing is
left out silently: ``notes`` says how many rows of which kind or value were not understood, and why.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

KINDS = {
    "motion": "motion", "pir": "motion", "movement": "motion",
    "presence": "presence", "occupancy": "presence", "radar": "presence",
    "contact": "contact", "door": "contact", "window": "contact", "magnetic": "contact", "reed": "contact",
    "pressure": "pressure", "bed": "pressure", "seat": "pressure", "mat": "pressure",
    "flush": "flush", "power": "power", "use": "use", "item": "use", "appliance": "use", "water": "use",
    "tap": "use", "electric": "use", "vibration": "use", "button": "use", "switch": "use",
    "light": "light", "lamp": "light",
}  # fmt: skip
"""Word of the file -> kind. What is not here is named and left out: it may be no sign of life."""

_ON = frozenset({"1", "1.0", "on", "open", "opened", "present", "true", "start", "active"})
_OFF = frozenset({"0", "0.0", "off", "close", "closed", "absent", "false", "stop", "end", "inactive"})
_BY_NAME = (
    ("motion", r"^MA?\d{3}$|motion|pir|beweging"),
    ("contact", r"^D\d{3}$|door|window|cabinet|cupboard|fridge|drawer|deur"),
    ("pressure", r"pressure|bed|couch|chair|seat|mat\b"),
    ("flush", r"flush"),
    ("light", r"^L[LS]?\d{3}$|light|lamp"),
    ("use", r"^I\d{3}$|item|tap|stove|oven|microwave|tv|kettle|shower|burner|faucet"),
)


class Row(NamedTuple):
    """One understood row."""

    t: int
    sensor: str
    kind: str
    room: str
    value: float


@dataclass
class Rows:
    """All of a file. ``notes`` are sentences for people."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def time_of(text: str) -> int:
    """Local time as event time of the zone UTC, to the millisecond. Raises ValueError."""
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        head, dot, digits = text.strip().partition(".")
        stamp = datetime.fromisoformat(f"{head}.{digits[:6].ljust(6, '0')}" if dot else head)
    return int(stamp.replace(tzinfo=UTC).timestamp() * 1000) * 1_000_000


def read(path: Path) -> Rows:
    """The rows of this file. Raises ValueError with a sentence if it is no home at all."""
    out = Rows()
    left: Counter[str] = Counter()
    guessed: set[str] = set()
    kinds: dict[tuple[str, str], str] = {}
    append = out.rows.append
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        table = csv.reader(file)
        head = [c.strip().lower() for c in next(table, [])]
        missing = [c for c in ("time", "sensor") if c not in head]
        if missing:
            raise ValueError(f"{path.name} has no column {' or '.join(missing)}")
        at = {name: head.index(name) for name in head}
        for column in ("kind", "room", "value"):
            if column not in at:
                out.notes.append(f"no column {column}")
        c_time, c_sensor = at["time"], at["sensor"]
        c_kind, c_room, c_value = at.get("kind"), at.get("room"), at.get("value")
        for cells in table:
            if not cells:
                continue
            try:
                sensor = cells[c_sensor]
                told = "" if c_kind is None else cells[c_kind]
                room = "" if c_room is None else cells[c_room]
                said = "1" if c_value is None else cells[c_value]
            except IndexError:
                left["rows that are cut short"] += 1
                continue
            key = (sensor, told)
            kind = kinds.get(key)
            if kind is None:
                kind = kinds[key] = _kind(sensor, told)
                if not told.strip() and kind:
                    guessed.add(sensor)
            if not kind:
                left[f"rows of the unknown kind {told!r}" if told else "rows of sensors of no kind"] += 1
                continue
            if said == "1":
                value = 1.0
            elif said == "0":
                value = 0.0
            else:
                word = said.strip().lower()
                if word not in _ON and word not in _OFF:
                    left[f"rows of kind {kind} with values that are neither on nor off"] += 1
                    continue
                value = float(word in _ON)
            try:
                t = time_of(cells[c_time])
            except ValueError:
                left["rows without a time"] += 1
                continue
            append(Row(t, sensor, kind, room, value))
    out.notes += [f"left out: {count} {what}" for what, count in sorted(left.items())]
    if guessed:
        out.notes.append(f"kind taken from the name of {len(guessed)} sensors")
    if not out.rows:
        raise ValueError(
            f"{path.name} holds no row that can be understood: {'; '.join(out.notes) or 'empty'}"
        )
    return out


def read_truth(path: Path) -> tuple[list[tuple[int, int, str]], list[str]]:
    """Labels of a home (start, end, label), and what could not be read. Empty if there is no such file."""
    if not path.exists():
        return [], ["no truth file"]
    found, bad = [], 0
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        for row in csv.DictReader(file):
            try:
                start, stop = time_of(row["start"]), time_of(row["end"])
            except (KeyError, TypeError, ValueError, AttributeError):
                bad += 1
                continue
            if stop >= start:
                found.append((start, stop, str(row.get("label") or "")))
            else:
                bad += 1
    return sorted(found), [f"left out: {bad} labels that cannot be read"] if bad else []


def _kind(sensor: str, told: str) -> str:
    word = told.strip().lower()
    if word:
        return KINDS.get(word, "")
    return next((kind for kind, pattern in _BY_NAME if re.search(pattern, sensor, re.I)), "")
