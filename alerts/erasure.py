"""How is part of the record of alerts removed so that what remains can still be verified?

Of the rows that go, only the chain value of the last of each unbroken run stays (a hash, nothing can be
read from it), and a record of the erasure is appended to the chain: an alert of kind ``erasure``, already
over, whose evidence vouches for exactly these runs. So rows after a hole still follow from something, a
hole nobody tells of is a break, and an erasure cannot be hidden or widened afterwards without breaking
the chain at its record. See docs/decisions/0012 and :mod:`alerts.audit`.

The file is overwritten (``secure_delete``), rebuilt and its log cut; a flash card may still hold old
pages until it reuses them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alerts.archive import ERASED
from alerts.audit import ERASURE, GENESIS, Erased, digest, link
from alerts.revision import to_json
from core.model import Alert, AlertState, Severity, alert_id

GATE = "gate:"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which revisions go? All; those changed before an event time; those of one resident.

    The latest revision of an alert that is not over stays, whatever its age, unless ``everything`` goes.
    ``scope`` is what the record says of it, without a name.
    """

    scope: str
    everything: bool = False
    before: int | None = None
    resident: str = ""

    def where(self) -> tuple[str, Mapping[str, Any]]:
        """As a condition on the table of revisions. Records of earlier erasures always stay."""
        given = {"kind": ERASURE, "before": self.before, "resident": self.resident}
        keep = "json_extract(body, '$.kind') != :kind"
        if self.everything:
            return keep, given
        if self.resident:
            return f"{keep} AND json_extract(body, '$.resident') = :resident", given
        latest = "NOT EXISTS (SELECT 1 FROM revision n WHERE n.id = r.id AND n.revision > r.revision)"
        return f"{keep} AND changed < :before AND NOT (state != 'cleared' AND {latest})", given


@dataclass(frozen=True, slots=True)
class Removed:
    """What went: how many revisions, of which alerts, and the number of the record that tells of it."""

    rows: int = 0
    alerts: frozenset[str] = field(default_factory=frozenset)
    record: int = 0


def count(path: Path, choice: Choice) -> int:
    """How many revisions would go? Changes nothing."""
    where, given = choice.where()
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
        return int(db.execute(f"SELECT count(*) FROM revision r WHERE {where}", given).fetchone()[0])


def erase(path: Path, choice: Choice, home: str, now: int, by: str) -> Removed:
    """Remove them, in one transaction, and give the space back. Raises ``sqlite3.Error``.

    No gateway may be using the file.
    """
    with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as db:
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN EXCLUSIVE")
        try:
            removed = _erase(db, choice, home, now, by)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return removed


def _erase(db: sqlite3.Connection, choice: Choice, home: str, now: int, by: str) -> Removed:
    where, given = choice.where()
    rows = db.execute(f"SELECT seq, id, chain FROM revision r WHERE {where} ORDER BY seq", given).fetchall()
    _facts(db, choice, {str(r[1]) for r in rows})
    if not rows:
        return Removed()
    base = db.execute("SELECT value FROM fact WHERE key = 'chain_base'").fetchone()
    seq, chain = json.loads(base[0]) if base else (0, GENESIS)
    record = max(int(seq), int(db.execute("SELECT max(seq) FROM revision").fetchone()[0])) + 1
    runs: list[Erased] = []
    for number, _, value in rows:
        if number <= seq:
            continue  # was kept beyond the base because it was open: not part of the chain any more
        if runs and runs[-1].last == number - 1:
            runs[-1] = Erased(runs[-1].first, number, value, record)
        else:
            runs.append(Erased(number, number, value, record))
    newest = db.execute("SELECT seq, chain FROM revision ORDER BY seq DESC LIMIT 1").fetchone()
    if newest is not None and newest[0] > seq:
        chain = newest[1]
    told = _record(choice, home, now, by, len(rows), digest(runs))
    body = json.dumps(to_json(told), ensure_ascii=False, separators=(",", ":"))
    db.execute(f"DELETE FROM revision AS r WHERE {where}", given)
    db.execute(
        "INSERT INTO revision VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (record, told.id, 1, told.severity.rank, str(told.state), now, body, link(str(chain), body)),
    )
    held = json.dumps([[r.first, r.last, r.chain] for r in runs])
    db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (f"{ERASED}{record}", held))
    for table in ("settled", "parked"):
        db.execute(f"DELETE FROM {table} WHERE seq NOT IN (SELECT seq FROM revision)")
    return Removed(len(rows), frozenset(str(r[1]) for r in rows), record)


def _record(choice: Choice, home: str, now: int, by: str, rows: int, mark: str) -> Alert:
    said = {"why": "news", "closed": "passed", "scope": choice.scope}
    evidence = {**said, "rows": rows, "by": by, "digest": mark}
    return Alert(
        alert_id(home, ERASURE, "gateway", now), ERASURE, Severity.INFO, "gateway", "", "", now, now,
        AlertState.CLEARED, 1, evidence,
    )  # fmt: skip


def _facts(db: sqlite3.Connection, choice: Choice, gone: set[str]) -> None:
    """Small facts that speak of alerts: what each channel was told, and when it rang for what."""
    for key, text in db.execute("SELECT key, value FROM fact").fetchall():
        if key == "chain_base" or key.startswith(ERASED):
            continue
        if choice.everything:
            db.execute("DELETE FROM fact WHERE key = ?", (key,))
        elif key.startswith(GATE):
            kept = json.loads(text)
            if not isinstance(kept, dict):
                continue
            told = {k: v for k, v in kept.get("told", {}).items() if k not in gone}
            calls = kept.get("calls", {})
            if choice.before is not None:
                calls = {k: v for k, v in calls.items() if v[0] >= choice.before}
            text = json.dumps({"told": told, "calls": calls}, ensure_ascii=False)
            db.execute("UPDATE fact SET value = ? WHERE key = ?", (text, key))
