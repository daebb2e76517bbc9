"""Is an alert safe from a crash and a power cut? The durable queue between the book and all ways out.

``alerts.db`` holds every revision, what each sink has taken, and small facts (timers). Write-ahead log
with full sync: on reconstructed power-loss images full sync lost no acknowledged row, normal sync lost
rows in most. What a sink has taken is committed without a sync of its own: after a power cut a sink may
be given a revision again, never too few.

Storage trouble never stops alerting: :meth:`Outbox.write` raises :class:`OutboxError`, keeps the
revisions in memory and writes them first when storage is back. A damaged file is set aside.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from alerts.audit import GENESIS, link
from alerts.database import Database, OutboxError
from alerts.revision import from_json, to_json
from core.model import Alert, Severity

Key = tuple[str, int]
Order = Literal["written", "severity"]

__all__ = ["Key", "Order", "Outbox", "OutboxError"]

_MAX_UNWRITTEN = 20_000


class Outbox:
    """The durable queue. Safe from any thread; each thread has a connection of its own."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._db = Database(self.path, self._enter_all)
        self.set_aside = self._db.set_aside  # what happened to damaged files, for a trouble alert
        self._registered: dict[str, bool] = {}  # sink -> from the start; a new file must know them too
        self._unwritten: list[Alert] = []
        self._dropped = 0
        try:
            self._db.connect()
        except OutboxError as error:  # told again by the first write; alerting goes on without it
            self.fault: str = str(error)
        else:
            self.fault = ""

    # -- writing

    def write(self, alerts: Sequence[Alert]) -> int:
        """Make these revisions durable, in this order; how many were new?

        One synced transaction; when it returns they survive a power cut. A (id, revision) that is
        there already stays as it is. Raises OutboxError; then nothing is claimed, and the revisions are
        kept in memory (bounded) and written first by the next call, which may be ``write([])``.
        """
        with self._db.writing:
            batch = [*self._unwritten, *alerts]
            if not batch:
                return 0
            try:
                try:
                    count = self._append(batch)
                except OutboxError as error:
                    if error.reason != "corrupt":
                        raise
                    count = self._append(batch)  # into the new file; the damaged one is set aside
            except OutboxError as error:
                self._dropped += max(0, len(batch) - _MAX_UNWRITTEN)
                self._unwritten = batch[-_MAX_UNWRITTEN:]
                self.fault = str(error)
                raise
            self._unwritten, self.fault = [], ""
            return count

    @property
    def unwritten(self) -> int:
        """How many revisions wait in memory because storage failed?"""
        return len(self._unwritten)

    @property
    def dropped(self) -> int:
        """How many revisions were lost because storage failed for so long that memory was full?"""
        return self._dropped

    def _append(self, alerts: Sequence[Alert]) -> int:
        with self._db.transaction("FULL") as db:
            last = db.execute("SELECT seq, chain FROM revision ORDER BY seq DESC LIMIT 1").fetchone()
            base = self._base(db)
            seq, chain = last if last is not None and last[0] >= base[0] else base
            count = 0
            for alert in alerts:
                body = json.dumps(to_json(alert), ensure_ascii=False, separators=(",", ":"))
                key = (alert.id, alert.revision)
                if db.execute("SELECT 1 FROM revision WHERE id = ? AND revision = ?", key).fetchone():
                    continue
                seq, chain, count = seq + 1, link(chain, body), count + 1
                db.execute(
                    "INSERT INTO revision VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (seq, *key, alert.severity.rank, str(alert.state), alert.changed, body, chain),
                )
            return count

    # -- sinks

    def register(self, sink: str, from_start: bool = False) -> None:
        """A sink takes part from now on, or from the oldest revision kept. Known sinks go on as they were."""
        with self._db.writing:
            self._registered[sink] = from_start
        with self._db.transaction("NORMAL") as db:
            self._enter(db, sink, from_start)

    def _enter(self, db: sqlite3.Connection, sink: str, from_start: bool) -> None:
        cursor = 0 if from_start else self._last(db)
        db.execute("INSERT OR IGNORE INTO sink VALUES (?, ?)", (sink, cursor))

    def keep_sinks(self, names: Iterable[str]) -> None:
        """Forget all sinks but these, so that what they never took can be pruned."""
        keep = set(names)
        with self._db.writing:
            self._registered = {n: s for n, s in self._registered.items() if n in keep}
        with self._db.transaction("NORMAL") as db:
            for (name,) in db.execute("SELECT name FROM sink").fetchall():
                if name not in keep:
                    for table in ("settled", "parked"):
                        db.execute(f"DELETE FROM {table} WHERE sink = ?", (name,))
                    db.execute("DELETE FROM sink WHERE name = ?", (name,))

    def pending(
        self, sink: str, limit: int = 100, order: Order = "written", alert_id: str | None = None
    ) -> list[Alert]:
        """What has this sink not taken yet (of one alert)?

        ``written``: in the order of writing. ``severity``: alerts with the worst pending revision first;
        revisions of one alert always stay in order. Nothing for a sink that is not registered.
        """
        first = "min(rank) OVER (PARTITION BY id), " if order == "severity" else ""
        sql = f"""
            SELECT body FROM (
                SELECT r.seq, r.id, r.rank, r.body FROM revision r, sink s
                WHERE s.name = :sink AND r.seq > s.cursor
                  AND NOT EXISTS (SELECT 1 FROM settled t WHERE t.sink = :sink AND t.seq = r.seq)
                UNION ALL
                SELECT r.seq, r.id, r.rank, r.body FROM revision r JOIN parked p USING (seq)
                WHERE p.sink = :sink AND p.again
            ) WHERE :id IS NULL OR id = :id ORDER BY {first} seq LIMIT :limit"""
        rows = self._db.read(sql, {"sink": sink, "limit": limit, "id": alert_id})
        return [_alert(body) for (body,) in rows]

    def backlog(self, sink: str) -> int:
        """How many revisions wait for this sink?"""
        sql = """SELECT (SELECT count(*) FROM revision WHERE seq > s.cursor)
                 - (SELECT count(*) FROM settled WHERE sink = s.name AND seq > s.cursor)
                 + (SELECT count(*) FROM parked WHERE sink = s.name AND again) FROM sink s WHERE s.name = ?"""
        rows = self._db.read(sql, (sink,))
        return int(rows[0][0]) if rows else 0

    def taken(self, sink: str, keys: Iterable[Key]) -> None:
        """This sink has these (id, revision); do not offer them again."""
        with self._db.transaction("NORMAL") as db:
            self._settle(db, sink, keys)

    def parked(self, sink: str, key: Key, reason: str) -> None:
        """This sink will never take this one; keep it aside with the reason and go on."""
        with self._db.transaction("NORMAL") as db:
            self._settle(db, sink, [key])
            db.execute(
                """INSERT OR REPLACE INTO parked
                   SELECT ?, seq, ?, 0 FROM revision WHERE id = ? AND revision = ?""",
                (sink, reason[:500], *key),
            )

    def parked_list(self, sink: str | None = None) -> list[tuple[str, Alert, str]]:
        """What was parked: (sink, alert, reason), oldest first."""
        sql = """SELECT p.sink, r.body, p.reason FROM parked p JOIN revision r USING (seq)
                 WHERE ?1 IS NULL OR p.sink = ?1 ORDER BY p.seq, p.sink"""
        return [(name, _alert(body), reason) for name, body, reason in self._db.read(sql, (sink,))]

    def unpark(self, sink: str) -> int:
        """Offer what was parked once more (its cause was mended); how many?"""
        with self._db.transaction("NORMAL") as db:
            return db.execute("UPDATE parked SET again = 1 WHERE sink = ? AND NOT again", (sink,)).rowcount

    def _settle(self, db: sqlite3.Connection, sink: str, keys: Iterable[Key]) -> None:
        for key in keys:
            row = db.execute("SELECT seq FROM revision WHERE id = ? AND revision = ?", key).fetchone()
            if row is not None:
                db.execute(
                    "INSERT OR IGNORE INTO settled SELECT name, ? FROM sink WHERE name = ? AND cursor < ?",
                    (row[0], sink, row[0]),
                )
                db.execute("DELETE FROM parked WHERE sink = ? AND seq = ?", (sink, row[0]))
        db.execute(
            """UPDATE sink SET cursor = coalesce(
                   (SELECT min(r.seq) - 1 FROM revision r WHERE r.seq > sink.cursor AND NOT EXISTS (
                       SELECT 1 FROM settled t WHERE t.sink = sink.name AND t.seq = r.seq)),
                   max(sink.cursor, coalesce((SELECT max(seq) FROM revision), 0))) WHERE name = ?""",
            (sink,),
        )
        db.execute(
            "DELETE FROM settled WHERE sink = ?1 AND seq <= (SELECT cursor FROM sink WHERE name = ?1)",
            (sink,),
        )

    # -- reading

    def latest(self, open_only: bool = False) -> list[Alert]:
        """The latest revision of each alert, oldest alert first."""
        sql = """SELECT body FROM revision r WHERE NOT EXISTS (
                     SELECT 1 FROM revision n WHERE n.id = r.id AND n.revision > r.revision)"""
        if open_only:
            sql += " AND r.state != 'cleared'"
        return sorted((_alert(b) for (b,) in self._db.read(sql)), key=lambda a: (a.opened, a.id))

    def history(
        self,
        alert_id: str | None = None,
        start: int | None = None,
        stop: int | None = None,
        limit: int = 1000,
    ) -> list[Alert]:
        """Revisions in the order of writing: of one alert, changed in [start, stop); the newest ``limit``."""
        sql = """SELECT body FROM (SELECT seq, body FROM revision
                 WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR changed >= ?2)
                   AND (?3 IS NULL OR changed < ?3)
                 ORDER BY seq DESC LIMIT ?4) ORDER BY seq"""
        return [_alert(body) for (body,) in self._db.read(sql, (alert_id, start, stop, limit))]

    def worst(self, alert: Alert) -> Severity:
        """How bad was this alert at its worst, up to this revision?"""
        sql = "SELECT min(rank) FROM revision WHERE id = ? AND revision <= ?"
        rank = self._db.read(sql, (alert.id, alert.revision))[0][0]
        return list(Severity)[min(alert.severity.rank, rank if rank is not None else alert.severity.rank)]

    def head(self) -> tuple[int, str]:
        """Number and chain of the newest row; told elsewhere, it shows when rows were cut off the end."""
        rows = self._db.read("SELECT seq, chain FROM revision ORDER BY seq DESC LIMIT 1", ())
        return (int(rows[0][0]), str(rows[0][1])) if rows else self._base(self._db.connect())

    def chain(self) -> Iterator[tuple[int, str, str]]:
        """(seq, body, chain) of every row from the base on, for the audit; first the base itself."""
        base = self._base(self._db.connect())
        yield (base[0], "", base[1])
        sql = "SELECT seq, body, chain FROM revision WHERE seq > ? ORDER BY seq"
        yield from self._db.read(sql, (base[0],))

    # -- facts

    def put_fact(self, key: str, value: Any, durable: bool = True) -> None:
        """Remember one small JSON value (a timer, a last-seen time). None forgets it.

        Durable: it survives a power cut; else only a crash, and costs no sync.
        """
        with self._db.transaction("FULL" if durable else "NORMAL") as db:
            if value is None:
                db.execute("DELETE FROM fact WHERE key = ?", (key,))
            else:
                text = json.dumps(value, ensure_ascii=False)
                db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (key, text))

    def get_fact(self, key: str, default: Any = None) -> Any:
        """What was remembered under this key?"""
        rows = self._db.read("SELECT value FROM fact WHERE key = ?", (key,))
        return json.loads(rows[0][0]) if rows else default

    # -- bounds

    def prune(self, before: int, max_rows: int = 200_000) -> int:
        """Drop old history; how many rows?

        Rows changed before ``before`` go once every sink has taken them. Above ``max_rows`` the oldest
        go even if a sink never came for them. The latest revision of an open alert always stays.
        """
        with self._db.transaction("NORMAL") as db:
            settled = db.execute("SELECT coalesce(min(cursor), 9223372036854775807) FROM sink").fetchone()[0]
            young = db.execute(
                "SELECT min(seq) FROM revision WHERE changed >= ? OR seq > ?", (before, settled)
            ).fetchone()[0]
            last = self._last(db)
            upto = last if young is None else young - 1
            surplus = db.execute("SELECT seq FROM revision ORDER BY seq DESC LIMIT 1 OFFSET ?", (max_rows,))
            row = surplus.fetchone()
            upto = max(upto, row[0] if row else 0)
            there = db.execute("SELECT max(seq) FROM revision WHERE seq <= ?", (upto,)).fetchone()[0]
            upto = there or 0  # the row itself may have been erased on request
            base = self._base(db)
            if upto <= base[0]:
                return 0
            chain = db.execute("SELECT chain FROM revision WHERE seq = ?", (upto,)).fetchone()[0]
            gone = db.execute(
                """DELETE FROM revision WHERE seq <= ? AND NOT (state != 'cleared' AND NOT EXISTS (
                       SELECT 1 FROM revision n
                       WHERE n.id = revision.id AND n.revision > revision.revision))""",
                (upto,),
            ).rowcount
            db.execute("INSERT OR REPLACE INTO fact VALUES ('chain_base', ?)", (json.dumps([upto, chain]),))
            for table in ("settled", "parked"):
                db.execute(f"DELETE FROM {table} WHERE seq NOT IN (SELECT seq FROM revision)")
            db.execute("UPDATE sink SET cursor = max(cursor, ?)", (upto,))
            return int(gone)

    def close(self) -> None:
        """Let go of the file. Safe twice; afterwards every call raises OutboxError."""
        self._db.close()

    # -- inside

    def _enter_all(self, db: sqlite3.Connection, new: bool) -> None:
        """A file that was made anew must know the sinks too, and owes them everything in it."""
        for sink, from_start in self._registered.items():
            self._enter(db, sink, from_start or new)

    def _last(self, db: sqlite3.Connection) -> int:
        row = db.execute("SELECT coalesce(max(seq), 0) FROM revision").fetchone()
        return max(int(row[0]), self._base(db)[0])

    def _base(self, db: sqlite3.Connection) -> tuple[int, str]:
        row = db.execute("SELECT value FROM fact WHERE key = 'chain_base'").fetchone()
        if row is None:
            return 0, GENESIS
        seq, chain = json.loads(row[0])
        return int(seq), str(chain)


def _alert(body: str) -> Alert:
    return from_json(json.loads(body))
