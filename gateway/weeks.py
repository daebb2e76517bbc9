"""How did the last weeks go? Rows of days: those kept in ``days.db``, the rest made from the samples."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

from detectors.day_facts import bounds
from detectors.day_figures import VERSION, figures
from gateway.day_source import Kept
from gateway.day_words import of_day
from store.days import DayStore


def row_of(kept: Kept, day: date) -> dict[str, Any]:
    """The figures of one day, made from readings and alerts."""
    found = kept.day(day)
    start, stop = bounds(day, kept.local)
    counted = Counter(str(a.severity) for a in of_day(found, kept.alerts))
    return figures(found, kept.local, kept.read(start, stop), counted)


def rows_of(kept: Kept, last: date, days: int, store: DayStore | None = None) -> list[dict[str, Any]]:
    """The figures of so many days up to ``last``, the newest last; days without any record are left out.

    Whole days that were kept are taken as they are; others are made from what readings there are.
    """
    first = last - timedelta(days=days - 1)
    known = store.read(first, last) if store is not None else {}
    out = []
    for n in range(days):
        day = first + timedelta(days=n)
        row = known.get(day.isoformat())
        if row is not None and row.get("version") == VERSION and row.get("whole"):
            out.append(row)
        elif has_readings(kept, day):
            out.append(row_of(kept, day))
        elif row is not None:
            out.append(row)
    return out


def has_readings(kept: Kept, day: date) -> bool:
    """Was anything kept of this day?"""
    start, stop = bounds(day, kept.local)
    if start >= kept.reached:
        return False
    return any(((b.t >= start) & (b.t < stop)).any() for b in kept.read(start, stop))
