"""How does what was kept leave the store? CSV, Parquet and line protocol, streamed, exact.

Readings come series by series in order of time, alerts in the order of writing. Times are event time in
ns, in CSV and Parquet beside the local time as people read it. Numbers are written so that the same number
is read back; targets, tracks and clouds (values with columns) are JSON in CSV and lists in Parquet, and are
not part of line protocol. A file appears under its name only when it is whole.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from alerts.archive import Archive
from alerts.revision import to_json
from alerts.text import render
from core.localtime import LocalTime
from core.model import MINUTE, Alert, Block, Home
from store.line_protocol import alert_line, block_lines
from store.reader import SampleReader

Format = Literal["csv", "parquet", "line"]
Tell = Callable[[int], None]
ALERT_COLUMNS = (
    "id", "revision", "kind", "severity", "state", "source", "room", "resident", "opened", "changed",
    "opened_at", "changed_at", "title", "evidence",
)  # fmt: skip
READING_COLUMNS = ("t", "time", "source", "room", "quantity", "unit", "value", "flags")
ROW_GROUP = 50_000
SUFFIX = {"csv": ".csv", "parquet": ".parquet", "line": ".line"}


@dataclass(frozen=True, slots=True)
class Span:
    """Which stretch of event time, [start, stop), and of which sources? None: all."""

    start: int | None = None
    stop: int | None = None
    sources: frozenset[str] | None = None


def export_alerts(archive: Archive, path: Path, form: Format, span: Span, home: Home, tell: Tell) -> int:
    """Write the revisions changed in the span; how many?"""
    found = (
        a
        for a in archive.revisions(span.start, span.stop)
        if span.sources is None or a.source in span.sources
    )
    counted = _counted(found, tell, lambda a: 1)
    if form == "parquet":
        from gateway.export_parquet import write_alerts

        with whole(path) as part:
            return write_alerts(part, (alert_row(a, home) for a in counted), home.zone)
    with whole(path) as part, _text(part) as file:
        if form == "line":
            return _lines(file, (alert_line(home.id, a) for a in counted))
        rows = csv.writer(file)
        rows.writerow(ALERT_COLUMNS)
        done = 0
        for alert in counted:
            row = alert_row(alert, home)
            rows.writerow([*row[:-1], json.dumps(row[-1], ensure_ascii=False, sort_keys=True)])
            done += 1
        return done


def export_readings(
    reader: SampleReader, path: Path, form: Format, span: Span, home: Home, tell: Tell
) -> int:
    """Write the samples of the span; how many rows?"""
    blocks = _counted(
        (b for key in reader.series(span.sources) for b in reader.blocks(key, span.start, span.stop)),
        tell,
        len,
    )
    if form == "parquet":
        from gateway.export_parquet import write_readings

        with whole(path) as part:
            return write_readings(part, blocks, home)
    with whole(path) as part, _text(part) as file:
        if form == "line":
            return _lines(file, (x for b in blocks for x in block_lines(home.id, home.room_of(b.source), b)))
        rows = csv.writer(file)
        rows.writerow(READING_COLUMNS)
        stamps = Stamps(LocalTime(home.zone))
        done = 0
        for block in blocks:
            rows.writerows(_reading_rows(block, home, stamps))
            done += len(block)
        return done


def alert_row(alert: Alert, home: Home) -> tuple[Any, ...]:
    """One revision as a row of :data:`ALERT_COLUMNS`; the evidence as plain data."""
    local = LocalTime(home.zone)
    facts = to_json(alert)
    title = render(alert, home, home.language, discreet=True).title
    return (
        *(facts[c] for c in ALERT_COLUMNS[:10]),
        local.at(alert.opened).isoformat(timespec="milliseconds"),
        local.at(alert.changed).isoformat(timespec="milliseconds"),
        title,
        facts["evidence"],
    )


def number(value: float) -> str:
    """A number so that the same number is read back.

    >>> number(21.5), number(3.0), float(number(0.1)) == 0.1
    ('21.5', '3', True)
    """
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


class Stamps:
    """Local times as text, to the millisecond; quick, because a minute's beginning is made once.

    >>> Stamps(LocalTime("Asia/Shanghai")).of(1_500_000_000)
    '1970-01-01T08:00:01.500+08:00'
    """

    def __init__(self, local: LocalTime) -> None:
        self._local = local
        self._minute: int | None = None
        self._head = self._zone = ""

    def of(self, t: int) -> str:
        """One time."""
        minute, rest = divmod(t, MINUTE)
        if minute != self._minute:
            text = self._local.at(minute * MINUTE).isoformat(timespec="seconds")
            self._minute, self._head, self._zone = minute, text[:17], text[19:]
        millis = rest // 1_000_000
        return f"{self._head}{millis // 1000:02d}.{millis % 1000:03d}{self._zone}"


def _reading_rows(block: Block, home: Home, stamps: Stamps) -> Iterator[Sequence[Any]]:
    quantity, source = block.quantity, block.source
    room, name, unit, shape = home.room_of(source), str(quantity), quantity.unit, quantity.shape
    times, flags = block.t.tolist(), block.flags.tolist()
    values: Iterable[str]
    if shape == "text":
        values = block.value.tolist()
    elif shape == "points":
        values = (json.dumps(block.points(i).tolist()) for i in range(len(block)))
    elif shape == "vector":
        values = map(json.dumps, block.value.tolist())
    else:
        values = (number(v) if math.isfinite(v) else "" for v in block.value.tolist())
    for t, value, flag in zip(times, values, flags, strict=True):
        yield (t, stamps.of(t), source, room, name, unit, value, flag)


def _lines(file: IO[str], lines: Iterable[str]) -> int:
    done = 0
    for text in lines:
        file.write(text + "\n")
        done += 1
    return done


def _counted(things: Iterable[Any], tell: Tell, size: Callable[[Any], int]) -> Iterator[Any]:
    done = 0
    for thing in things:
        yield thing
        done += size(thing)
        tell(done)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path beside this one, private, that takes its name once all is written."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    with io.open(path, "w", encoding="utf-8", newline="") as file:  # noqa: UP020
        yield file
        file.flush()
        os.fsync(file.fileno())
