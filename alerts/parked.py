"""What did channels refuse for good, and how is it offered once more when the cause is mended?

Beside a running gateway: the file is neither checked, mended nor set aside from here.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alerts.archive import Unreadable
from alerts.revision import from_json
from core.model import Alert


@dataclass(frozen=True, slots=True)
class ParkedRevision:
    """One revision a channel refused. ``again``: it is offered once more already."""

    channel: str
    alert: Alert
    reason: str
    again: bool


def parked(path: Path, channel: str = "") -> list[ParkedRevision]:
    """What lies aside (of one channel), oldest first. Raises Unreadable."""
    sql = """SELECT p.sink, r.body, p.reason, p.again FROM parked p JOIN revision r USING (seq)
             WHERE ?1 = '' OR p.sink = ?1 ORDER BY p.seq, p.sink"""
    try:
        with closing(_open(path, "ro")) as db:
            rows = db.execute(sql, (channel,)).fetchall()
        return [ParkedRevision(str(s), from_json(json.loads(b)), str(r), bool(a)) for s, b, r, a in rows]
    except (sqlite3.Error, ValueError, KeyError) as error:
        raise Unreadable(f"{path} cannot be read: {error}") from None


def offer_again(path: Path, channel: str = "") -> int:
    """Offer what lies aside (of one channel) once more; how many? Raises Unreadable.

    A running gateway takes them with its next alert or test, a stopped one when it starts.
    """
    sql = "UPDATE parked SET again = 1 WHERE NOT again AND (?1 = '' OR sink = ?1)"
    try:
        with closing(_open(path, "rw")) as db:
            count = db.execute(sql, (channel,)).rowcount
            db.commit()
            return int(count)
    except sqlite3.Error as error:
        raise Unreadable(f"{path} cannot be written: {error}") from None


def _open(path: Path, mode: str) -> sqlite3.Connection:
    if not path.exists():
        raise Unreadable(f"{path} does not exist; no gateway has run with this configuration")
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=5)
