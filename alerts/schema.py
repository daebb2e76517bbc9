"""How is ``alerts.db`` laid out, and how does an older file become a newer one?

Each step of :data:`MIGRATIONS` runs in one transaction together with its version number, so a process
killed in the middle leaves either the old layout or the new one.
"""

from __future__ import annotations

import sqlite3

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # body is the revision as JSON; chain links every row to all rows before it (see alerts/audit.py)
        """CREATE TABLE revision (
            seq INTEGER PRIMARY KEY, id TEXT NOT NULL, revision INTEGER NOT NULL, rank INTEGER NOT NULL,
            state TEXT NOT NULL, changed INTEGER NOT NULL, body TEXT NOT NULL, chain TEXT NOT NULL,
            UNIQUE (id, revision))""",
        # every row up to cursor is settled; rows after it one by one in settled
        "CREATE TABLE sink (name TEXT PRIMARY KEY, cursor INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE settled (sink TEXT, seq INTEGER, PRIMARY KEY (sink, seq)) WITHOUT ROWID",
        """CREATE TABLE parked (
            sink TEXT, seq INTEGER, reason TEXT NOT NULL, again INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (sink, seq)) WITHOUT ROWID""",
        "CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    ),
)

VERSION = len(MIGRATIONS)


class TooNew(Exception):
    """The file was written by a newer program."""


def migrate(db: sqlite3.Connection, steps: tuple[tuple[str, ...], ...] = MIGRATIONS) -> int:
    """Bring an open database to the newest layout; from which version did it come?

    The connection must be in autocommit mode. Raises TooNew, or sqlite3.Error.
    """
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > len(steps):
        raise TooNew(f"layout {found}, this program knows up to {len(steps)}")
    for number, statements in enumerate(steps[found:], start=found + 1):
        db.execute("BEGIN IMMEDIATE")
        try:
            if int(db.execute("PRAGMA user_version").fetchone()[0]) >= number:
                db.execute("ROLLBACK")  # somebody else was quicker
                continue
            for statement in statements:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
    return found
