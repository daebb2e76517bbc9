"""What becomes of what was kept, when people ask that it be removed?

Everything of the home, everything before a day, or the alerts of one resident. It needs the state folder for
itself: a gateway that runs would write what it holds in memory back. Only files this program makes are
touched; what else lies in the folder is named and left. What was sent elsewhere cannot be fetched back: it
is named too. See docs/decisions/0012.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

from alerts import erasure
from alerts.erasure import Choice
from core.localtime import LocalTime
from core.model import SECOND, Packet
from gateway.journal import Journal, read_journal, runtime_dir
from gateway.words import word
from ingest.recording import Header, RecordingReader, write_all
from store.damaged import damaged_files
from store.database import Database

ALERTS, SAMPLES, DAYS = "alerts.db", "samples.db", "days.db"
STATE = ("state.json", "state.old", "state.new")
OURS = frozenset({*STATE, "answers.key", "lock", "control.sock", "journal"})
_STAMP = re.compile(r"^rec-(\d{8}T\d{6})Z-\d{4}\.jsonl(\.zst)?$")
_PARTS = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Scope:
    """What is to go? Exactly one of the three. ``before``: event time, ns."""

    everything: bool = False
    before: int | None = None
    resident: str = ""

    def choice(self, zone: LocalTime) -> Choice:
        """The same for the record of alerts; its words hold no name."""
        if self.everything:
            return Choice("everything", everything=True)
        if self.before is not None:
            return Choice(f"before {zone.at(self.before):%Y-%m-%d %H:%M}", before=self.before)
        return Choice("one resident", resident=self.resident)


@dataclass(slots=True)
class Told:
    """What was (or would be) removed: (what, how many); what remains; and what went wrong."""

    removed: list[tuple[str, int]] = field(default_factory=list)
    remains: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def survey(plan: Any, scope: Scope) -> list[tuple[str, int]]:
    """What would go? Changes nothing."""
    folder: Path = plan.state_dir
    found: list[tuple[str, int]] = []
    if (folder / ALERTS).exists():
        with contextlib.suppress(sqlite3.Error):
            count = erasure.count(folder / ALERTS, scope.choice(LocalTime(plan.home.zone)))
            found.append((word("erase.alerts"), count))
    if not scope.resident:
        found += [(p.name, 1) for p in (folder / SAMPLES, folder / DAYS) if p.exists()]
        files = [*(folder / "evidence").glob("*.jsonl*"), *_recordings(folder)]
        found.append((word("erase.files"), len(files)))
    return [x for x in found if x[1]]


def erase(plan: Any, scope: Scope, now: int, by: str) -> Told:
    """Remove it. The caller holds the lock of the state folder. Never stops half-way for one bad file."""
    folder: Path = plan.state_dir
    told = Told()
    steps = [(ALERTS, _alerts), *(() if scope.resident else ((SAMPLES, _samples), (DAYS, _days)))]
    gone: frozenset[str] = frozenset()
    for name, step in steps:
        if not (folder / name).exists():
            continue
        try:
            count, ids = step(plan, scope, now, by)
            gone |= ids
            told.removed.append((name, count))
        except (sqlite3.Error, OSError) as error:
            _unusable(folder / name, scope, told, str(error))
    for name, step2 in (("evidence", _evidence), ("recordings", _records), ("damaged", _set_aside)):
        try:
            count = step2(plan, scope, gone)
            if count:
                told.removed.append((word(f"erase.{name}"), count))
        except OSError as error:
            told.failed.append(f"{name}: {error}")
    if not scope.resident:
        _journal(folder, scope, told)
    if scope.everything:
        count = sum(_unlink(folder / name) for name in (*STATE, "answers.key"))
        told.removed.append((word("erase.state"), count))
    told.remains += remains(plan, scope)
    return told


def remains(plan: Any, scope: Scope) -> list[str]:
    """What cannot be removed from here, or was not asked for."""
    out = [word("erase.remains.config")]
    if not scope.everything:
        out.append(word("erase.remains.learnt"))
    if scope.resident:
        out.append(word("erase.remains.samples"))
    influx = plan.config.store.influx
    if influx is not None:
        out.append(
            word("erase.remains.influx").format(url=influx.url, bucket=influx.bucket, home=plan.home.id)
        )
    names = [c.name for c in plan.channels if c.type != "log"]
    if names:
        out.append(word("erase.remains.channels").format(names=", ".join(names)))
    folder: Path = plan.state_dir
    strange = sorted(p.name for p in folder.iterdir() if not _ours(p)) if folder.is_dir() else []
    if strange:
        out.append(word("erase.remains.files").format(folder=folder, names=", ".join(strange)))
    return out


# -- the parts


def _alerts(plan: Any, scope: Scope, now: int, by: str) -> tuple[int, frozenset[str]]:
    zone = LocalTime(plan.home.zone)
    removed = erasure.erase(plan.state_dir / ALERTS, scope.choice(zone), plan.home.id, now, by)
    return removed.rows, removed.alerts


def _samples(plan: Any, scope: Scope, now: int, by: str) -> tuple[int, frozenset[str]]:
    path = plan.state_dir / SAMPLES
    if scope.everything:
        return sum(_unlink(path.with_name(path.name + x)) for x in _PARTS), frozenset()
    assert scope.before is not None
    store = Database(path, round(plan.config.store.samples.thin_s * SECOND))
    try:
        return store.erase_before(scope.before), frozenset()
    finally:
        store.close()


def _days(plan: Any, scope: Scope, now: int, by: str) -> tuple[int, frozenset[str]]:
    path = plan.state_dir / DAYS
    if scope.everything:
        return sum(_unlink(path.with_name(path.name + x)) for x in _PARTS), frozenset()
    assert scope.before is not None
    first_kept = LocalTime(plan.home.zone).at(scope.before - 1).date().isoformat()
    with contextlib.closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as link:
        link.execute("PRAGMA secure_delete=ON")
        count = link.execute("DELETE FROM day WHERE date <= ?", (first_kept,)).rowcount
        link.execute("VACUUM")
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return int(count), frozenset()


def _evidence(plan: Any, scope: Scope, gone: frozenset[str]) -> int:
    files = list((plan.state_dir / "evidence").glob("*.jsonl*"))
    if not scope.everything:
        files = [f for f in files if f.name.split(".")[0] in gone or _older(f, scope.before)]
    return sum(map(_unlink, files))


def _records(plan: Any, scope: Scope, gone: frozenset[str]) -> int:
    """Whole recordings that are older go; the one that reaches over the instant is written anew."""
    if scope.resident:
        return 0
    files = _recordings(plan.state_dir)
    if scope.everything:
        return sum(map(_unlink, files))
    assert scope.before is not None
    count = 0
    for path, following in zip_longest(files, files[1:]):
        began = _began(path)
        if began is None or began >= scope.before:
            continue
        ended = _began(following) if following is not None else None
        if ended is not None and ended <= scope.before:
            count += _unlink(path)
        else:
            count += _shorten(path, scope.before)
    return count


def _shorten(path: Path, before: int) -> int:
    kept = list(_after(path, before))
    if not kept:
        return _unlink(path)
    reader = RecordingReader(path)
    next(iter(reader.packets()), None)
    header = reader.headers[0] if reader.headers else Header()
    beside = path.with_name("part-" + path.name)
    write_all(beside, kept, Header(header.home, before, header.config_hash))
    beside.replace(path)
    return 1


def _after(path: Path, before: int) -> Iterator[Packet]:
    return (p for p in RecordingReader(path).packets() if p.at >= before)


def _set_aside(plan: Any, scope: Scope, gone: frozenset[str]) -> int:
    """Damaged files that were put aside hold what nobody can sort any more: they go with any erasure."""
    folder = plan.state_dir
    files = [*damaged_files(folder / SAMPLES), *folder.glob(f"{ALERTS}.damaged-*")]
    return sum(map(_unlink, files))


def _journal(folder: Path, scope: Scope, told: Told) -> None:
    path = runtime_dir(folder) / "journal"
    packets = read_journal(path)
    if not path.exists():
        return
    limit = None if scope.everything else scope.before
    kept = [] if limit is None else [p for p in packets if p.at >= limit]
    if len(kept) < len(packets):
        path.unlink()
        journal = Journal(path)
        journal.append(kept)
        journal.close()
        told.removed.append((word("erase.journal"), len(packets) - len(kept)))


def _unusable(path: Path, scope: Scope, told: Told, why: str) -> None:
    """A file nobody can open: with everything it goes as a file; else a person must decide."""
    if scope.everything:
        for part in _PARTS:
            _unlink(path.with_name(path.name + part))
        told.removed.append((path.name, 1))
    else:
        told.failed.append(f"{path.name}: {why}")


def _recordings(folder: Path) -> list[Path]:
    return sorted(p for p in (folder / "recordings").glob("rec-*") if _STAMP.match(p.name))


def _began(path: Path) -> int | None:
    match = _STAMP.match(path.name)
    if match is None:
        return None
    return round(datetime.strptime(match.group(1), "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp()) * SECOND


def _older(path: Path, before: int | None) -> bool:
    return before is not None and path.stat().st_mtime_ns < before


def _ours(path: Path) -> bool:
    name = path.name
    known = name.startswith((ALERTS, SAMPLES, DAYS)) or name in OURS
    return known or (path.is_dir() and name in ("evidence", "recordings"))


def _unlink(path: Path) -> int:
    try:
        path.unlink()
    except FileNotFoundError:
        return 0
    return 1
