"""What stands in ``alerts.db``? Read without touching it, whether or not a gateway is running.

The outbox mends, migrates and sets aside what it opens; a report or an audit must do none of that. Rows
are streamed: a history of years does not have to fit into memory.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any

from alerts.audit import GENESIS, Erased
from alerts.revision import from_json
from alerts.schema import VERSION
from core.model import Alert

ERASED = "erased:"
"""Facts under which the erased stretches of the chain stand: ``erased:<number of the record>``."""

_PAGE = 500


class Unreadable(Exception):
    """There is no record, or it cannot be read; says why and what to do."""


class Archive:
    """A record of alerts, read only. Raises :class:`Unreadable`."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise Unreadable(f"{self.path} does not exist; no gateway has run with this configuration")
        try:
            self._db = sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
            version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
            if not 1 <= version <= VERSION:
                raise Unreadable(f"{self.path} has layout {version}, this program knows 1 to {VERSION}")
        except sqlite3.Error as error:
            raise self._unreadable(error) from None

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def count(self, start: int | None = None, stop: int | None = None) -> int:
        """How many revisions changed in [start, stop)?"""
        rows = self._rows(f"SELECT count(*) FROM revision {_BETWEEN}", (start, stop))
        return int(next(iter(rows))[0])

    def revisions(self, start: int | None = None, stop: int | None = None) -> Iterator[Alert]:
        """Revisions changed in [start, stop), in the order of writing."""
        for (body,) in self._rows(f"SELECT body FROM revision {_BETWEEN} ORDER BY seq", (start, stop)):
            yield self._alert(body)

    def lives(self) -> Iterator[list[Alert]]:
        """All kept revisions of one alert after the other, each in order."""
        rows = self._rows("SELECT id, body FROM revision ORDER BY id, revision", ())
        for _, group in groupby(rows, key=lambda row: str(row[0])):
            yield [self._alert(body) for _, body in group]

    def chain(self) -> Iterator[tuple[int, str, str]]:
        """(seq, body, chain) of every row from the base on, for :func:`alerts.audit.verify`."""
        base, chain = self.fact("chain_base") or (0, GENESIS)
        yield (int(base), "", str(chain))
        rows = self._rows("SELECT seq, body, chain FROM revision WHERE seq > ? ORDER BY seq", (base,))
        for seq, body, said in rows:
            yield int(seq), body, said

    def erased(self) -> list[Erased]:
        """Which stretches of the chain were erased on request, and by which record?"""
        found = []
        rows = self._rows("SELECT key, value FROM fact WHERE key LIKE ? ORDER BY key", (f"{ERASED}%",))
        for key, value in rows:
            record = int(key.removeprefix(ERASED))
            found += [Erased(int(a), int(b), str(c), record) for a, b, c in json.loads(value)]
        return found

    def fact(self, key: str) -> list[Any] | None:
        """One remembered JSON list, or None."""
        for (value,) in self._rows("SELECT value FROM fact WHERE key = ?", (key,)):
            loaded = json.loads(value)
            return loaded if isinstance(loaded, list) else None
        return None

    def _rows(self, sql: str, values: tuple[object, ...]) -> Iterator[tuple[str, ...]]:
        try:
            cursor = self._db.execute(sql, values)
            while page := cursor.fetchmany(_PAGE):
                yield from page
        except sqlite3.Error as error:
            raise self._unreadable(error) from None

    def _alert(self, body: str) -> Alert:
        try:
            return from_json(json.loads(body))
        except (ValueError, KeyError, TypeError) as error:
            raise Unreadable(
                f"{self.path} holds a row that is no alert ({error!r}); see audit verify"
            ) from None

    def _unreadable(self, error: sqlite3.Error) -> Unreadable:
        return Unreadable(f"{self.path} cannot be read: {error}")


_BETWEEN = "WHERE (?1 IS NULL OR changed >= ?1) AND (?2 IS NULL OR changed < ?2)"
