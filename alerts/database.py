"""How is a small SQLite file kept open, whatever happens to it? Connections, errors with names, repair.

Each thread has a connection of its own. After any error connections are made anew, because a file that
failed once may have been replaced, remounted or repaired. A damaged file is renamed and a new one made.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from alerts.schema import TooNew, migrate

_BUSY_S = 5.0
_CHECK_BELOW_BYTES = 64 * 1024 * 1024  # a full check of a larger file would delay being armed


class OutboxError(Exception):
    """Storage failed. ``reason``: full, read_only, io, corrupt, locked, closed or other."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Database:
    """One file of ours. Safe from any thread. ``on_ready(db, new)`` runs each time it was made usable."""

    def __init__(self, path: Path, on_ready: Callable[[sqlite3.Connection, bool], None]) -> None:
        self.path = path
        self.set_aside: list[str] = []  # what happened to damaged files
        self.writing = threading.RLock()  # a queue of our own: SQLite's waits in steps of up to 100 ms
        self._on_ready = on_ready
        self._local = threading.local()
        self._generation = 0
        self._ready = False
        self._closed = False

    def close(self) -> None:
        """Let go of the file. Safe twice; afterwards every call raises OutboxError."""
        with self.writing:
            self._closed = True
            self._disconnect()

    def read(self, sql: str, values: Any = ()) -> list[Any]:
        """All rows of a query."""
        try:
            return self.connect().execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    @contextmanager
    def transaction(self, sync: Literal["FULL", "NORMAL"]) -> Iterator[sqlite3.Connection]:
        """All or nothing. With ``FULL`` it survives a power cut once this returns."""
        with self.writing:
            db = self.connect()
            try:
                db.execute(f"PRAGMA synchronous = {sync}")
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except sqlite3.Error as error:
                raise self._failed(error) from error
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def connect(self) -> sqlite3.Connection:
        """This thread's connection; the first one also makes the file and its layout."""
        if self._closed:
            raise OutboxError("closed", f"{self.path}: the outbox is closed")
        known: sqlite3.Connection | None = getattr(self._local, "db", None)
        if known is not None and self._local.generation == self._generation and self._ready:
            return known
        with self.writing:
            try:
                db = self._open()
            except sqlite3.Error as error:
                failed = self._failed(error)
                if failed.reason != "corrupt":
                    raise failed from error
                db = self._open_again()
            self._local.db, self._local.generation = db, self._generation
            return db

    def _open_again(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _open(self) -> sqlite3.Connection:
        new = not self.path.exists()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if new:  # personal data: nobody else reads it
                os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError as error:
            raise OutboxError(
                "io", f"{self.path}: {error.strerror}; alerts go out but are not kept"
            ) from error
        db = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA journal_size_limit = 4194304")
            if not self._ready:
                if not new and self.path.stat().st_size < _CHECK_BELOW_BYTES:
                    verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
                    if verdict != "ok":
                        db.close()
                        self._set_aside(f"damaged: {verdict}")
                        return self._open()
                try:
                    migrate(db)
                except TooNew as error:
                    db.close()
                    self._set_aside(str(error))
                    return self._open()
                self._on_ready(db, new)
                self._sync_folder()
                self._ready = True
        except BaseException:
            db.close()
            raise
        return db

    def _failed(self, error: sqlite3.Error) -> OutboxError:
        """The error with a name; connections are made anew, a damaged file is set aside."""
        code = getattr(error, "sqlite_errorcode", None)
        reason = _REASONS.get((code or 0) & 0xFF, "other")
        with self.writing:
            if reason == "corrupt":
                self._set_aside(f"damaged: {error}")
            else:
                self._disconnect()
        return OutboxError(reason, f"{self.path}: {error}; alerts go out but are not kept")

    def _disconnect(self) -> None:
        """Every thread makes a new connection at its next call; only this thread's is closed here."""
        self._generation += 1
        self._ready = False
        known: sqlite3.Connection | None = getattr(self._local, "db", None)
        if known is not None:
            known.close()
            self._local.db = None

    def _set_aside(self, why: str) -> None:
        self._disconnect()
        number = 1
        while (target := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        try:
            for suffix in ("", "-wal", "-shm"):
                source = self.path.with_name(self.path.name + suffix)
                if source.exists():
                    source.rename(target.with_name(target.name + suffix))
            self._sync_folder()
        except OSError as error:
            raise OutboxError("io", f"{self.path}: damaged and cannot be moved: {error.strerror}") from error
        self.set_aside.append(f"{target.name}: {why}")

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


_REASONS = {
    sqlite3.SQLITE_FULL: "full", sqlite3.SQLITE_READONLY: "read_only", sqlite3.SQLITE_IOERR: "io",
    sqlite3.SQLITE_CORRUPT: "corrupt", sqlite3.SQLITE_NOTADB: "corrupt", sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked", sqlite3.SQLITE_CANTOPEN: "io",
}  # fmt: skip
