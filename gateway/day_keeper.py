"""Who writes down the figures of each day? A duty of the daemon, ten minutes after midnight, aside.

The pipeline's thread only looks at the clock; reading and counting is done by a thread of its own, from
the samples on disk, so that no alert ever waits for yesterday. Days that were missed (the gateway was
off) are made up for as long as their samples are kept, a week at most.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from datetime import time as TimeOfDay
from typing import TYPE_CHECKING, Any

from core.localtime import LocalTime
from core.model import MINUTE, Alert, Packet
from store.days import DayStore

if TYPE_CHECKING:
    from gateway.app import Gateway

log = logging.getLogger("hearthwatch.days")

_LOOK_EVERY = MINUTE
_AFTER_MIDNIGHT = TimeOfDay(0, 10)  # every sample of the day is on disk by then
_MAKE_UP_DAYS = 7


class DayKeeper:
    """Writes ``days.db``, once a day."""

    name = "days"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._local = LocalTime(gateway.plan.home.zone)
        self._store = DayStore(gateway.folder / "days.db")
        self._looked_at: int | None = None
        self._done: date | None = None  # the last day that is written, as far as known
        self._last = ""
        self._fault = ""
        self._thread: threading.Thread | None = None

    def turn(self, now: int, packets: Sequence[Packet], alerts: Sequence[Alert]) -> None:
        """Is a day over that is not written yet?"""
        if self._looked_at is not None and now - self._looked_at < _LOOK_EVERY:
            return
        self._looked_at = now
        if self._thread is not None and self._thread.is_alive():
            return
        self._local.offset = self._gateway.clock.wall_offset()
        today = self._local.at(now).date()
        if now < self._local.instant(today, _AFTER_MIDNIGHT):
            today -= timedelta(days=1)
        yesterday = today - timedelta(days=1)
        if self._done is None or self._done < yesterday:
            self._done = yesterday  # tried once; a failure is tried again tomorrow, with all that is missing
            self._thread = threading.Thread(
                target=self._write, args=(yesterday, now), name="days", daemon=True
            )
            self._thread.start()

    def status(self) -> Mapping[str, Any]:
        """The last day written, and what is wrong."""
        return {"last": self._last, "fault": self._fault}

    def close(self) -> None:
        """Let a write that is under way end; it is short."""
        if self._thread is not None:
            self._thread.join(5)

    def _write(self, last: date, now: int) -> None:
        from gateway.day_source import NoDay, from_store
        from gateway.weeks import has_readings, row_of

        try:
            first = last - timedelta(days=_MAKE_UP_DAYS - 1)
            known = self._store.read(first, last)
            days = (first + timedelta(days=n) for n in range(_MAKE_UP_DAYS))
            missing = [d for d in days if not known.get(d.isoformat(), {}).get("whole")]
            if not missing:
                return
            kept = from_store(self._gateway.plan, now)
            try:
                rows = [row_of(kept, d) for d in missing if has_readings(kept, d)]
            finally:
                kept.reader.close()
            self._store.write(rows)
            if rows:
                self._last = str(rows[-1]["date"])
                log.info("figures of %d days written, the last is %s", len(rows), self._last)
            self._fault = ""
        except NoDay as error:
            self._fault = str(error)  # nothing was kept yet: no trouble
        except (sqlite3.Error, OSError, ValueError) as error:
            self._fault = f"{self._store.path}: {error}"[:200]
            log.warning("the figures of the day could not be written: %s", error)
