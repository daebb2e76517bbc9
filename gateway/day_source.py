"""Where do the readings of a day come from? The gateway's own samples and alerts, or a recording.

The samples file is opened read only, also while the gateway runs. A recording goes through the same
drivers, pipeline and detectors as the daemon; a log of meanings (a home's CSV) enters behind the drivers.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from core.localtime import LocalTime
from core.model import SECOND, Alert, AlertState, Block, Home, Severity
from core.quantity import Quantity
from detectors.day_facts import LOOK_FURTHER, WANTED, Day, bounds, facts

KEPT = WANTED | {Quantity.BATTERY_PCT, Quantity.LINK_QUALITY, Quantity.RSSI_DBM}
MOST_REVISIONS = 20_000
_UNCOMMITTED_NS = 180 * SECOND  # a running gateway's newest samples are not on disk yet


class NoDay(Exception):
    """There is nothing to read; the text says what to do."""


@dataclass
class Kept:
    """Readings and alerts of one home. Times in ns of event time."""

    home: Home
    reached: int
    now: int | None  # None: a log, which has no present
    alerts: list[Alert]  # every revision, in the order of telling
    offset: int = 0  # wall minus event time
    blocks: list[Block] = field(default_factory=list)  # of a log: all of it
    reader: Any = None  # of a store: asked per stretch

    @property
    def local(self) -> LocalTime:
        """The wall time of the home."""
        local = LocalTime(self.home.zone)
        local.offset = self.offset
        return local

    def read(self, start: int, stop: int) -> list[Block]:
        """The readings of [start, stop)."""
        if self.reader is None:
            return [part for part in (_within(b, start, stop) for b in self.blocks) if len(part)]
        found: list[Block] = self.reader.blocks(KEPT, start, stop)
        return found

    def today(self) -> date:
        """The local date of the present, or of the last reading of a log."""
        at = self.now if self.now is not None else self.reached - 1
        return self.local.at(at).date()

    def wanted(self, told: str) -> date:
        """Which date is meant? Raises NoDay."""
        today = self.today()
        if told in ("", "today"):
            return today
        if told == "yesterday":
            return today - timedelta(days=1)
        try:
            return date.fromisoformat(told)
        except ValueError:
            raise NoDay(f"{told!r} is no date; write it as {today.isoformat()}") from None

    def day(self, day: date) -> Day:
        """The facts of one day."""
        start, stop = bounds(day, self.local)
        seen = start
        for back in LOOK_FURTHER:
            blocks = self.read(start - back, stop)
            earliest = min((int(b.t[0]) for b in blocks), default=start)
            if back != LOOK_FURTHER[0] and earliest >= seen:
                break  # there is nothing older
            seen = earliest
            found = facts(
                blocks, self.home, day, self.reached, self.now, self.silent(), self.offset, look_back=back
            )
            if found.spans[0].state != "unknown":
                break
        return found

    def silent(self) -> list[tuple[str, int, int]]:
        """Which sensors are known to have been silent, from when to when?"""
        out = []
        since: dict[str, int] = {}
        for alert in self.alerts:
            if alert.kind != "sensor_silent" or alert.severity is Severity.INFO:
                continue
            if alert.state is AlertState.CLEARED:
                out.append((alert.source, since.pop(alert.source, alert.opened), alert.changed))
            elif alert.source not in since:
                seen = alert.evidence.get("last_seen")
                since[alert.source] = (
                    seen if type(seen) is int and 0 < seen < alert.changed else alert.changed
                )
        return out + [(source, t, max(self.reached, t)) for source, t in since.items()]


def from_store(plan: Any, now: int) -> Kept:
    """What the gateway of this configuration kept. Raises NoDay."""
    from store.database import Foreign
    from store.reading import SampleReader

    path = plan.state_dir / "samples.db"
    if not path.exists():
        raise NoDay(f"{path} does not exist; start the gateway with this configuration, or give a --log")
    try:
        reader = SampleReader(path, round(plan.config.store.samples.thin_s * SECOND))
        reached = reader.reached()
        offset = _offset(reader.blocks(frozenset({Quantity.WALL_OFFSET_S}), 0, (reached or 0) + 1))
    except (sqlite3.Error, Foreign) as error:
        raise NoDay(f"{path}: {error}") from None
    if reached is None:
        raise NoDay(f"{path} holds no samples yet; they are written every half minute")
    now = max(now, reached + 1)
    reached = now if now - reached <= _UNCOMMITTED_NS else reached + 1
    return Kept(plan.home, reached, now, _alerts(plan.state_dir), offset, reader=reader)


def from_log(logs: Sequence[Path], plan: Any) -> Kept:
    """What these logs hold, run through the pipeline; a home's CSV brings its own home. Raises NoDay."""
    from gateway import build
    from gateway.replay import replay_blocks, replay_packets
    from ingest import withings_csv
    from ingest.errors import LogError
    from ingest.formats import BLOCKS, open_blocks, open_log, recognise

    if withings_csv.recognises(logs[0]):
        return _mat(logs[0])
    try:
        kind = recognise(logs[0])
        ended = 0
        if kind in BLOCKS:
            stories = open_blocks(logs[0], kind)
            if len(stories) != 1:
                raise NoDay(f"{logs[0]} holds {len(stories)} clips, not a home's days")
            home, blocks = stories[0]
            found = replay_blocks(build.make_pipeline(build.plan_for(home)), blocks).alerts
            # such a log holds what sensors meant, not when they were last heard: silence says nothing
            found = [a for a in found if a.kind != "sensor_silent"]
        else:
            if plan is None:
                raise NoDay("these are packets of sensors: name their home with --config")
            home, blocks = plan.home, []
            pipeline = build.make_pipeline(plan)
            pipeline.on_blocks = lambda some: blocks.extend(b for b in some if b.quantity in KEPT)
            found = []
            for path in logs:
                result = replay_packets(pipeline, open_log(path).packets())
                found += result.alerts
                ended = max(ended, result.last or 0)
    except (LogError, OSError) as error:
        raise NoDay(str(error)) from None
    if not blocks:
        raise NoDay(f"{logs[0]}: holds no readings of which a day could be made")
    reached = max(ended, *(int(b.t[-1]) for b in blocks)) + 1
    return Kept(home, reached, None, found, _offset(blocks), blocks=blocks)


def _mat(path: Path) -> Kept:
    """The export of a sleep mat: a home of one bed."""
    from ingest import withings_csv
    from ingest.errors import LogError

    try:
        home, blocks = withings_csv.home_and_blocks(withings_csv.read(path))
    except LogError as error:
        raise NoDay(str(error)) from None
    if not blocks:
        raise NoDay(f"{path}: holds no rows of which a day could be made")
    return Kept(home, max(int(b.t[-1]) for b in blocks) + 1, None, [], blocks=blocks)


def _within(block: Block, start: int, stop: int) -> Block:
    low, high = np.searchsorted(block.t, (start, stop), side="left")
    return block.cut(int(low), int(high))


def _offset(blocks: Sequence[Block]) -> int:
    """Wall minus event time as last told, ns."""
    told = [b for b in blocks if b.quantity is Quantity.WALL_OFFSET_S and len(b)]
    if not told:
        return 0
    last = max(told, key=lambda b: int(b.t[-1]))
    value = float(last.value[-1])
    return round(value * SECOND) if abs(value) < 1e10 else 0


def _alerts(state_dir: Path) -> list[Alert]:
    """The newest revisions of the record, read without mending or locking it. Raises NoDay."""
    from alerts.archive import Archive, Unreadable

    path = state_dir / "alerts.db"
    if not path.exists():
        return []
    try:
        with Archive(path) as archive:
            return list(deque(archive.revisions(), MOST_REVISIONS))
    except Unreadable as error:
        raise NoDay(str(error)) from None
