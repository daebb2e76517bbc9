"""What stands in ``samples.db``? Read without touching it, whether or not a gateway is writing.

Blocks come series by series, hour by hour, in order of time, so that a month does not have to fit into
memory. What waits in a running gateway's memory (the last seconds) is not in the file yet.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from core.model import Block
from core.quantity import Quantity
from store.blocks import Series, join, of_rows, ordered, within
from store.database import SCHEMA_VERSION, SLOT
from store.packing import Damaged, unpack

FOREVER = (-(2**63), 2**63 - 1)


class Unreadable(Exception):
    """There are no samples, or they cannot be read; says why."""


class SampleReader:
    """A store of samples, read only. Raises :class:`Unreadable`."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.damaged = 0  # packed hours that could not be read
        if not self.path.exists():
            raise Unreadable(f"{self.path} does not exist; no gateway has run with this configuration")
        try:
            self._link = sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
            version = int(self._link.execute("PRAGMA user_version").fetchone()[0])
            if version != SCHEMA_VERSION:
                raise Unreadable(f"{self.path} has schema {version}, this program reads {SCHEMA_VERSION}")
            rows = self._link.execute("SELECT id, source, quantity FROM series").fetchall()
        except sqlite3.Error as error:
            raise Unreadable(f"{self.path} cannot be read: {error}") from None
        self._ids: dict[Series, int] = {}
        for number, source, name in rows:
            with contextlib.suppress(ValueError):  # a quantity of an older program
                self._ids[source, Quantity(name)] = number

    def __enter__(self) -> SampleReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._link.close()

    def series(self, sources: Collection[str] | None = None) -> list[Series]:
        """Which series are there (of these sources), in order?"""
        return sorted(key for key in self._ids if sources is None or key[0] in sources)

    def count(self) -> int:
        """At most how many rows are there? Some are kept both thinned and whole, and come once."""
        sql = "SELECT (SELECT count(*) FROM tail), (SELECT coalesce(sum(n), 0) FROM pack), "
        sql += "(SELECT coalesce(sum(n), 0) FROM shot)"
        return sum(int(n) for n in self._ask(sql, ())[0])

    def blocks(self, key: Series, start: int | None = None, stop: int | None = None) -> Iterator[Block]:
        """The rows of one series with start <= t < stop, an hour a block, in order of time."""
        low = FOREVER[0] if start is None else start
        high = FOREVER[1] if stop is None else stop
        number = self._ids[key]
        if key[1].shape in ("vector", "points"):
            sql = "SELECT blob FROM shot WHERE series=? AND first < ? AND last >= ? ORDER BY first, last"
            for (blob,) in self._ask(sql, (number, high, low)):
                yield from self._some(self._unpacked(key, blob), low, high)
            return
        slots: dict[int, list[Any]] = {}
        sql = "SELECT t, value, flags FROM tail WHERE series=? AND t >= ? AND t < ? ORDER BY t"
        for row in self._ask(sql, (number, low, high)):
            slots.setdefault(row[0] // SLOT, []).append(row)
        sql = "SELECT slot FROM pack WHERE series=? AND slot BETWEEN ? AND ? ORDER BY slot"
        packed = [s for (s,) in self._ask(sql, (number, low // SLOT, (high - 1) // SLOT))]
        for slot in sorted({*packed, *slots}):
            found = self._ask("SELECT blob FROM pack WHERE series=? AND slot=?", (number, slot))
            parts = [b for (blob,) in found if (b := self._unpacked(key, blob)) is not None]
            if slot in slots:
                parts.append(of_rows(*key, slots[slot]))
            if parts:
                yield from self._some(join(parts), low, high)

    def _ask(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._link.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise Unreadable(f"{self.path} cannot be read: {error}") from None

    def _unpacked(self, key: Series, blob: object) -> Block | None:
        assert isinstance(blob, bytes)
        try:
            t, value, flags, offsets = unpack(blob)
        except Damaged:
            self.damaged += 1
            return None
        return ordered(*key, t, value, flags, offsets)

    @staticmethod
    def _some(block: Block | None, low: int, high: int) -> Iterator[Block]:
        if block is not None and len(part := within(block, low, high)):
            yield part
