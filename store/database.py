"""How do samples lie in the file? The synchronous half: tables, commits, packing, retention, reading.

``tail`` takes rows as they come, without an index, so that a commit touches one or two pages; each hour
its rows move into ``pack``, one blob a series and hour. ``shot`` holds what was kept whole around events
of quantities too heavy for rows. WAL with ``synchronous=NORMAL``: consistent after a power cut, which may
cost the last commits; alerts are not kept here.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from core.model import HOUR, Block
from core.quantity import Quantity
from store.blocks import Series, by_series, join, nothing, of_rows, ordered, within
from store.means import means_of
from store.packing import Damaged, pack, unpack
from store.thinning import Row

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
  id INTEGER PRIMARY KEY, source TEXT NOT NULL, quantity TEXT NOT NULL, UNIQUE (source, quantity));
CREATE TABLE IF NOT EXISTS tail (t INTEGER NOT NULL, series INTEGER NOT NULL, value, flags INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS pack (
  series INTEGER NOT NULL, slot INTEGER NOT NULL, n INTEGER NOT NULL,
  low REAL, high REAL, mean REAL, blob BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS pack_key ON pack (series, slot);
CREATE TABLE IF NOT EXISTS shot (
  series INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, n INTEGER NOT NULL,
  blob BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS shot_key ON shot (series, first);
"""
SLOT = HOUR
MAX_SHOT_ROWS = 4096


def is_corrupt(error: sqlite3.Error) -> bool:
    """Is the file itself broken (then it is set aside), not just unreachable for now?"""
    name = getattr(error, "sqlite_errorname", "") or ""
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


class Foreign(Exception):
    """The file is a database of a later version of this program."""


class Database:
    """One file. Writing is for one thread, reading for any; both raise ``sqlite3.Error``."""

    def __init__(self, path: Path, thin_ns: int) -> None:
        self.path = path
        self._thin = thin_ns
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():  # a record of somebody's days is not for others on this machine
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._read_lock = threading.Lock()
        self._writer = self._connect()
        self._reader: sqlite3.Connection | None = None
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise
        self._ids: dict[Series, int] = {}
        for key, source, name in self._writer.execute("SELECT id, source, quantity FROM series"):
            with contextlib.suppress(ValueError):  # a quantity of an older program: kept, not read
                self._ids[(source, Quantity(name))] = key

    def _connect(self) -> sqlite3.Connection:
        link = sqlite3.connect(self.path, timeout=5, isolation_level=None, check_same_thread=False)
        link.execute("PRAGMA cache_size=-1000")
        return link

    def _prepare(self) -> None:
        link = self._writer
        version = int(link.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            raise Foreign(
                f"{self.path} was written by a later version (schema {version}, this program knows "
                f"{SCHEMA_VERSION}); update the program or move the file away"
            )
        link.execute("PRAGMA journal_mode=WAL")
        link.execute("PRAGMA synchronous=NORMAL")
        link.execute("PRAGMA journal_size_limit=4194304")
        if version < SCHEMA_VERSION:
            with _transaction(link):
                for statement in _SCHEMA.split(";"):
                    link.execute(statement)
                link.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def check(self) -> str:
        """What is broken in the file? Empty if nothing; reads all of it."""
        told = self._writer.execute("PRAGMA quick_check(1)").fetchone()
        return "" if told and told[0] == "ok" else str(told[0] if told else "no answer")

    def close(self) -> None:
        """Let go of the file."""
        with self._read_lock:
            for link in (self._writer, self._reader):
                if link is not None:
                    with contextlib.suppress(sqlite3.Error):
                        link.close()

    # -- writing

    def append(self, rows: Sequence[tuple[Series, Row]], shots: Iterable[Block]) -> None:
        """All rows and shots in one commit, or none."""
        with _transaction(self._writer) as link:
            link.executemany(
                "INSERT INTO tail VALUES (?, ?, ?, ?)",
                [(t, self._id(link, key), value, flags) for key, (t, value, flags) in rows],
            )
            for key, block in by_series(shots).items():
                for at in range(0, len(block), MAX_SHOT_ROWS):
                    part = block.cut(at, at + MAX_SHOT_ROWS)
                    blob = pack(part.t, part.value, part.flags, part.offsets)
                    ends = int(part.t[0]), int(part.t[-1])
                    link.execute(
                        "INSERT INTO shot VALUES (?, ?, ?, ?, ?)",
                        (self._id(link, key), *ends, len(part), blob),
                    )

    def _id(self, link: sqlite3.Connection, key: Series) -> int:
        known = self._ids.get(key)
        if known is None:
            told = (key[0], str(key[1]))
            link.execute("INSERT OR IGNORE INTO series (source, quantity) VALUES (?, ?)", told)
            found = link.execute("SELECT id FROM series WHERE source=? AND quantity=?", told).fetchone()
            known = self._ids[key] = int(found[0])
        return known

    def pack_before(self, t: int) -> int:
        """Move the tail's rows before the hour of ``t`` into packs; how many rows?"""
        cut = t // SLOT * SLOT
        found = self._writer.execute(
            "SELECT series, t, value, flags FROM tail WHERE t < ? ORDER BY series, t", (cut,)
        ).fetchall()
        if not found:
            return 0
        groups: dict[tuple[int, int], list[Row]] = {}
        for series, at, value, flags in found:
            groups.setdefault((series, at // SLOT), []).append((at, value, flags))
        named = {number: key for key, number in self._ids.items()}
        with _transaction(self._writer) as link:
            for (series, slot), rows in groups.items():
                if series in named:
                    self._pack_slot(link, named[series], series, slot, rows)
            link.execute("DELETE FROM tail WHERE t < ?", (cut,))
        return len(found)

    def _pack_slot(
        self, link: sqlite3.Connection, key: Series, series: int, slot: int, rows: list[Row]
    ) -> None:
        block = of_rows(*key, rows)
        old = link.execute("SELECT blob FROM pack WHERE series=? AND slot=?", (series, slot)).fetchone()
        if old is not None:  # late rows for an hour that is packed already
            with contextlib.suppress(Damaged):
                t, value, flags, _ = unpack(old[0])
                before = zip(t.tolist(), value.tolist(), flags.tolist(), strict=True)
                block = of_rows(*key, [*before, *rows])
        low = high = mean = None
        if block.value.dtype.kind == "f" and len(block):
            low, high = float(block.value.min()), float(block.value.max())
            mean = float(means_of(block, self._thin).value.mean())
        blob = pack(block.t, block.value, block.flags)
        link.execute(
            "INSERT OR REPLACE INTO pack VALUES (?, ?, ?, ?, ?, ?, ?)",
            (series, slot, len(block), low, high, mean, blob),
        )

    def forget_before(self, t: int) -> None:
        """Drop everything of hours that ended before ``t``."""
        with _transaction(self._writer) as link:
            link.execute("DELETE FROM pack WHERE slot < ?", (t // SLOT,))
            link.execute("DELETE FROM shot WHERE last < ?", (t // SLOT * SLOT,))

    def erase(self) -> None:
        """Remove every sample and give the space back."""
        with _transaction(self._writer) as link:
            for table in ("tail", "pack", "shot", "series"):
                link.execute(f"DELETE FROM {table}")
        self._ids.clear()
        self._writer.execute("VACUUM")
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def erase_before(self, t: int) -> int:
        """Remove every sample before ``t``, to the nanosecond, and give the space back; how many rows?

        What is damaged and reaches back before ``t`` goes as a whole.
        """
        self._writer.execute("PRAGMA secure_delete=ON")
        slot = t // SLOT
        with _transaction(self._writer) as link:
            gone = int(link.execute("DELETE FROM tail WHERE t < ?", (t,)).rowcount)
            for table, old, limit in (("pack", "slot < ?", slot), ("shot", "last < ?", t)):
                rows = link.execute(f"SELECT coalesce(sum(n), 0) FROM {table} WHERE {old}", (limit,))
                gone += int(rows.fetchone()[0])
                link.execute(f"DELETE FROM {table} WHERE {old}", (limit,))
            named = {number: key for key, number in self._ids.items()}
            for table, condition in (("pack", f"slot = {slot}"), ("shot", f"first < {t}")):
                for row, series, blob in link.execute(
                    f"SELECT rowid, series, blob FROM {table} WHERE {condition}"
                ).fetchall():
                    gone += self._cut(link, table, row, named.get(series), blob, t)
        self._writer.execute("VACUUM")
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    def _cut(
        self, link: sqlite3.Connection, table: str, row: int, key: Series | None, blob: bytes, t: int
    ) -> int:
        """Keep only what is not before ``t`` of one packed block; how many rows went?"""
        try:
            block = _unpacked(key, blob) if key is not None else None
        except Damaged:
            block = None
        kept = within(block, t, 2**63 - 1) if block is not None else None
        if block is None or kept is None or not len(kept):
            link.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))
            return len(block) if block is not None else 0
        if len(kept) == len(block):
            return 0
        part = pack(kept.t, kept.value, kept.flags, kept.offsets)
        if table == "shot":
            link.execute(
                "UPDATE shot SET first=?, n=?, blob=? WHERE rowid=?", (int(kept.t[0]), len(kept), part, row)
            )
        else:
            numbers = kept.value.dtype.kind == "f"
            low, high = (float(kept.value.min()), float(kept.value.max())) if numbers else (None, None)
            mean = float(means_of(kept, self._thin).value.mean()) if numbers else None
            link.execute(
                "UPDATE pack SET n=?, low=?, high=?, mean=?, blob=? WHERE rowid=?",
                (len(kept), low, high, mean, part, row),
            )
        return len(block) - len(kept)

    # -- reading

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One view of the file for several questions: packing must not move rows between them."""
        with self._read_lock:
            if self._reader is None:
                self._reader = self._connect()
                self._reader.execute("PRAGMA query_only=1")
            self._reader.execute("BEGIN")
            try:
                yield self._reader
            finally:
                self._reader.execute("ROLLBACK")

    def series(self) -> list[Series]:
        """Which series are known?"""
        return sorted(self._ids)

    def read(self, key: Series, t0: int, t1: int) -> tuple[Block, int]:
        """Rows (means included) of one series with t0 <= t < t1, and how many blobs were damaged."""
        number = self._ids.get(key)
        if number is None:
            return nothing(*key), 0
        rows: list[Row] = []
        with self._reading() as link:
            if _heavy(key):
                blobs = link.execute(
                    "SELECT blob FROM shot WHERE series=? AND first < ? AND last >= ? ORDER BY first",
                    (number, t1, t0),
                ).fetchall()
            else:
                blobs = link.execute(
                    "SELECT blob FROM pack WHERE series=? AND slot BETWEEN ? AND ? ORDER BY slot",
                    (number, t0 // SLOT, (t1 - 1) // SLOT),
                ).fetchall()
                rows = link.execute(
                    "SELECT t, value, flags FROM tail WHERE series=? AND t >= ? AND t < ?", (number, t0, t1)
                ).fetchall()
        parts = [of_rows(*key, rows)]
        damaged = 0
        for (blob,) in blobs:
            try:
                parts.append(within(_unpacked(key, blob), t0, t1))
            except Damaged:
                damaged += 1
        return join(parts), damaged

    def hours(self, key: Series, t0: int, t1: int) -> list[tuple[int, int, float, float, float]]:
        """(start, rows kept, lowest, highest, mean) of each packed hour; nothing is unpacked."""
        number = self._ids.get(key)
        if number is None:
            return []
        with self._reading() as link:
            found = link.execute(
                "SELECT slot, n, low, high, mean FROM pack WHERE series=? AND slot BETWEEN ? AND ? "
                "AND low IS NOT NULL ORDER BY slot",
                (number, t0 // SLOT, (t1 - 1) // SLOT),
            ).fetchall()
        return [(slot * SLOT, n, low, high, mean) for slot, n, low, high, mean in found]

    def last(self, key: Series) -> Block:
        """The rows of the newest hour of one series (means included), or none."""
        number = self._ids.get(key)
        if number is None:
            return nothing(*key)
        table, column = ("shot", "last") if _heavy(key) else ("pack", "slot")
        with self._reading() as link:
            rows = link.execute("SELECT t, value, flags FROM tail WHERE series=?", (number,)).fetchall()
            found = link.execute(
                f"SELECT blob FROM {table} WHERE series=? ORDER BY {column} DESC LIMIT 1", (number,)
            ).fetchone()
        if rows:
            return of_rows(*key, rows)
        if found:
            with contextlib.suppress(Damaged):
                return _unpacked(key, found[0])
        return nothing(*key)


def _heavy(key: Series) -> bool:
    return key[1].shape in ("vector", "points")


def _unpacked(key: Series, blob: bytes) -> Block:
    t, value, flags, offsets = unpack(blob)
    return ordered(*key, t, value, flags, offsets)


@contextlib.contextmanager
def _transaction(link: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    link.execute("BEGIN IMMEDIATE")
    try:
        yield link
        link.execute("COMMIT")
    except BaseException:
        if link.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                link.execute("ROLLBACK")
        raise
