"""Where are the figures of each day kept, for years? One small file, a row of JSON a local day.

Samples are forgotten after a month; what a daughter compares are months. Writing a day again replaces
it. WAL with ``synchronous=NORMAL``: the figures can be made again from the samples for a month.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

_SCHEMA = "CREATE TABLE IF NOT EXISTS day (date TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID"
KEEP_DAYS = 3 * 366


class DayStore:
    """``days.db``. Raises ``sqlite3.Error`` or OSError where it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep these days; each row needs its ``date``. Days older than three years are let go."""
        if not rows:
            return
        if not self.path.exists():  # a record of somebody's days is not for others on this machine
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
        told = [(r["date"], json.dumps(dict(r), ensure_ascii=False, separators=(",", ":"))) for r in rows]
        with contextlib.closing(sqlite3.connect(self.path, timeout=5)) as link, link:
            link.execute("PRAGMA journal_mode=WAL")
            link.execute(_SCHEMA)
            link.executemany("INSERT OR REPLACE INTO day VALUES (?, ?)", told)
            oldest = date.fromordinal(date.fromisoformat(max(d for d, _ in told)).toordinal() - KEEP_DAYS)
            link.execute("DELETE FROM day WHERE date < ?", (oldest.isoformat(),))

    def read(self, first: date, last: date) -> dict[str, dict[str, Any]]:
        """The kept days from ``first`` to ``last``, both included, by date. Empty without a file."""
        if not self.path.exists():
            return {}
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=5)) as link:
            if not link.execute("SELECT 1 FROM sqlite_master WHERE name='day'").fetchone():
                return {}
            found = link.execute(
                "SELECT date, body FROM day WHERE date BETWEEN ? AND ? ORDER BY date",
                (first.isoformat(), last.isoformat()),
            ).fetchall()
        out: dict[str, dict[str, Any]] = {}
        for day, body in found:
            with contextlib.suppress(ValueError):  # one unreadable day is not all days
                row = json.loads(body)
                if isinstance(row, dict):
                    out[day] = row
        return out
