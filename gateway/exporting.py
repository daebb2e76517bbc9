"""Which files does an export make, and over which time? The ``export`` command without its options."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from alerts.archive import Archive
from alerts.archive import Unreadable as NoAlerts
from core.localtime import LocalTime
from core.model import SECOND, Home
from gateway.export import SUFFIX, Span, export_alerts, export_readings, whole
from gateway.progress import Progress
from gateway.words import word
from store.reader import SampleReader
from store.reader import Unreadable as NoSamples


class NotPossible(ValueError):
    """What was asked for cannot be; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for. ``start`` and ``stop``: a local date or time as text, "" = open."""

    to: Path
    form: str = "csv"
    what: str = "all"
    start: str = ""
    stop: str = ""
    sources: frozenset[str] = frozenset()
    names: bool = False


def instant(text: str, home: Home) -> int | None:
    """Event time of a local date (its first moment) or time. Raises NotPossible.

    >>> instant("1970-01-02", Home("h")), instant("1970-01-01T00:00:05", Home("h")), instant("", Home("h"))
    (86400000000000, 5000000000, None)
    """
    if not text:
        return None
    local = LocalTime(home.zone)
    try:
        if len(text) == 10:
            return local.instant(date.fromisoformat(text), time())
        at = datetime.fromisoformat(text)
    except ValueError:
        raise NotPossible(word("export.bad_time").format(text=text)) from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=local.zone)
    return round(at.timestamp() * SECOND)


def run_export(plan: Any, asked: Asked) -> list[tuple[Path, int]]:
    """Write the files; which, and how many rows each. Raises NotPossible, Unreadable, OSError."""
    home: Home = plan.home
    start, stop = instant(asked.start, home), instant(asked.stop, home)
    if start is not None and stop is not None and stop <= start:
        raise NotPossible(word("export.empty_time"))
    if asked.form == "parquet":
        from gateway.export_parquet import MISSING, available

        if not available():
            raise NotPossible(MISSING)
    span = Span(start, stop, asked.sources or None)
    asked.to.mkdir(mode=0o700, parents=True, exist_ok=True)
    if asked.form == "fhir":
        return _fhir(plan, asked, span)
    told: list[tuple[Path, int]] = []
    form: Any = asked.form
    if asked.what in ("all", "alerts"):
        path = asked.to / f"alerts{SUFFIX[asked.form]}"
        with Archive(plan.state_dir / "alerts.db") as archive, _bar("alerts", archive.count) as tell:
            told.append((path, export_alerts(archive, path, form, span, home, tell)))
    if asked.what in ("all", "readings"):
        path = asked.to / f"readings{SUFFIX[asked.form]}"
        with SampleReader(plan.state_dir / "samples.db") as reader, _bar("readings", reader.count) as tell:
            told.append((path, export_readings(reader, path, form, span, home, tell)))
    return told


def _fhir(plan: Any, asked: Asked, span: Span) -> list[tuple[Path, int]]:
    from gateway.fhir import bundles, clinic_entries

    if span.sources is not None:
        raise NotPossible(word("export.fhir_source"))
    archive, reader = None, None
    try:
        if asked.what in ("all", "alerts"):
            archive = Archive(plan.state_dir / "alerts.db")
        if asked.what in ("all", "readings"):
            reader = SampleReader(plan.state_dir / "samples.db")
        people, entries = clinic_entries(plan.home, archive, reader, span.start, span.stop, asked.names)
        told = []
        for number, bundle in enumerate(bundles(entries, people), 1):
            path = asked.to / f"fhir-{number:04d}.json"
            with whole(path) as part:
                part.write_text(json.dumps(bundle, ensure_ascii=False), encoding="utf-8")
            told.append((path, len(bundle["entry"])))
        return told
    finally:
        for thing in (archive, reader):
            if thing is not None:
                thing.close()


class _bar:
    """A progress bar that is told the rows done so far."""

    def __init__(self, what: str, total: Callable[[], int]) -> None:
        self._bar = Progress(what, float(total()))
        self._told = 0

    def __enter__(self) -> Callable[[int], None]:
        self._bar.__enter__()
        return self._tell

    def __exit__(self, *what: Any) -> None:
        self._bar.__exit__(*what)

    def _tell(self, done: int) -> None:
        if done - self._told >= 1000:
            self._told = done
            self._bar.at(done, str(done))


__all__ = ["Asked", "NoAlerts", "NoSamples", "NotPossible", "instant", "run_export"]
