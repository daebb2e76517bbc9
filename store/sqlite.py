"""Where do the home's time series lie, without wearing out the card or making anybody wait?

The pipeline hands blocks over and goes on; a thread of our own thins them (``store/thinning.py``),
commits every 30 s and packs every hour (``store/database.py``). Telemetry is the first to be shed: the
queue is bounded, drops are counted, a full disk or a broken file is survived and told in ``status``.

Times are event time throughout; what is old is judged by the newest sample, never by the wall.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from core.clock import Clock
from core.config import SamplesConfig
from core.model import DAY, SECOND, Block, Reading
from core.quantity import Quantity
from store.around import Around, Window
from store.blocks import Series, by_series, cost, distinct, join, nothing, of_rows, within
from store.damaged import damaged_files, put_aside
from store.database import SLOT, Database, Foreign, is_corrupt
from store.means import means_of, real
from store.thinning import Row, Thinner
from store.waiting import Waiting

COMMIT_S = 30
TURN_S = 1.0
QUEUE_ROWS = 200_000
QUEUE_BYTES = 24_000_000
RING_BYTES = 16_000_000
NOTICE_S = 120  # an event may be noticed this long after it became true, and still find what was before
LATE_S = 5  # a bucket is closed this long after its end
RETRY_OPEN_S = 30


class Hour(NamedTuple):
    """One hour of a series: ``start`` ns, how many rows were kept, what they say."""

    start: int
    rows: int
    low: float
    high: float
    mean: float


class SampleStore:
    """``samples.db`` and the thread that writes it. All methods are safe from any thread.

    With ``threaded=False`` nothing happens by itself; call :meth:`turn` (tests, simulations).
    """

    def __init__(
        self, path: Path | str, settings: SamplesConfig, clock: Clock, *, threaded: bool = True
    ) -> None:
        self.path = Path(path)
        self._settings = settings
        self._clock = clock
        self._thin_ns = round(settings.thin_s * 1e9)
        self._lock = threading.Lock()  # queue, pending rows, newest values
        self._turning = threading.Lock()  # one turn at a time
        self._queue: deque[Sequence[Block]] = deque()
        self._queue_rows = 0
        self._queue_bytes = 0
        self._marks: deque[Window] = deque()
        self._thinners: dict[Series, Thinner] = {}
        self._around = self._memory()
        self._waiting = Waiting()
        self._latest: dict[Series, Block] = {}
        self._newest = 0
        self._committed = clock.now()
        self._packed_slot = -1
        self._forgot_day = -1
        self._fault = ""
        self._fault_since = 0
        self._next_open = 0
        self._checked = False
        self._set_aside: list[str] = []
        self._counts = dict.fromkeys(
            ("rows_in", "rows_kept", "rows_dropped", "commits", "failures", "damaged_blobs"), 0
        )
        self._db: Database | None = None
        self._closed = False
        self._open()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        if threaded:
            self._thread = threading.Thread(target=self._run, name="samples", daemon=True)
            self._thread.start()

    # -- for the pipeline

    def write(self, blocks: Sequence[Block]) -> None:
        """Keep these some time soon. Never waits; drops the whole call and counts it when too much waits."""
        rows = sum(map(len, blocks))
        size = sum(map(cost, blocks))
        with self._lock:
            self._counts["rows_in"] += rows
            full = self._queue_rows + rows > QUEUE_ROWS or self._queue_bytes + size > QUEUE_BYTES
            if full or self._closed:
                self._counts["rows_dropped"] += rows
                return
            self._queue.append(blocks)
            self._queue_rows += rows
            self._queue_bytes += size
            hurry = self._queue_bytes > QUEUE_BYTES // 8
        if hurry:
            self._wake.set()

    def mark(self, t: int, sources: Collection[str] | None = None) -> None:
        """An event at ``t``: keep samples whole from raw_before_s before to raw_after_s after it."""
        before = round(self._settings.raw_before_s * 1e9)
        after = round(self._settings.raw_after_s * 1e9)
        self.keep_raw(t - before, t + after, sources)

    def keep_raw(self, t0: int, t1: int, sources: Collection[str] | None = None) -> None:
        """Keep all samples with t0 <= t < t1 whole (of these sources, or all), as far as remembered."""
        with self._lock:
            self._marks.append(Window(t0, t1, None if sources is None else frozenset(sources)))

    # -- for people

    def read(self, source: str, quantity: Quantity, t0: int, t1: int) -> Block:
        """Kept samples with t0 <= t < t1. Numbers that came often are there by lowest and highest of
        each bucket, whole around events; see :meth:`means`. Empty while the file cannot be read.
        """
        return real(self._read((source, quantity), t0, t1))

    def means(self, source: str, quantity: Quantity, t0: int, t1: int) -> Block:
        """The mean of each bucket of ``thin_s`` that has samples, at the middle of the bucket."""
        thin = self._thin_ns
        if quantity.shape not in ("scalar", "flag"):
            return nothing(source, quantity)
        whole = self._read((source, quantity), t0 // thin * thin, -(-t1 // thin) * thin)
        return within(means_of(whole, thin), t0, t1)

    def hours(self, source: str, quantity: Quantity, t0: int, t1: int) -> list[Hour]:
        """Lowest, highest and mean of each whole hour that touches [t0, t1), cheaply, for long charts.

        Only numbers and flags; an hour appears soon after it is over.
        """
        database = self._db
        if database is None or t1 <= t0:
            return []
        try:
            return [Hour(*row) for row in database.hours((source, quantity), t0, t1)]
        except sqlite3.Error as error:
            self._fail(f"{self.path}: {error}; reading failed")
            return []

    def series(self) -> list[Series]:
        """Which (source, quantity) pairs have ever been kept, or wait to be?"""
        with self._lock:
            known = set(self._latest) | {key for key, _ in self._waiting.rows}
        return sorted(known | set(self._db.series() if self._db else []))

    def latest(self) -> dict[Series, Reading]:
        """The newest sample of each series (not of targets, tracks and clouds)."""
        with self._lock:
            known = dict(self._latest)
        if self._db is not None:
            for key in self._db.series():
                if key not in known and key[1].shape in ("scalar", "flag", "text"):
                    with contextlib.suppress(sqlite3.Error):
                        known[key] = real(self._db.last(key))
        out: dict[Series, Reading] = {}
        for key, block in known.items():
            if len(block):
                out[key] = next(block.cut(len(block) - 1, len(block)).readings())
        return out

    def status(self) -> Mapping[str, Any]:
        """How much waits, was kept, was dropped; what is wrong (``fault``, "" if nothing); as JSON."""
        with self._lock:
            return {
                "path": str(self.path),
                "fault": self._fault,
                "fault_since": self._fault_since,
                "set_aside": list(self._set_aside),
                "queued_rows": self._queue_rows,
                "pending_rows": len(self._waiting.rows),
                "forgotten_rows": self._around.forgotten,
                **self._counts,
            }

    def erase(self) -> None:
        """Remove every sample, also those that wait and those in files set aside."""
        with self._turning, self._lock:
            self._queue.clear()
            self._waiting.clear()
            self._latest.clear()
            self._thinners.clear()
            self._queue_rows = self._queue_bytes = 0
            self._around = self._memory()
            if self._db is not None:
                self._db.erase()
            for path in damaged_files(self.path):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Commit what waits and let go of the file, within seconds. Twice does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(10)
        with self._turning:
            self._take()
            for key, thinner in self._thinners.items():
                self._waiting.add([(key, row) for row in thinner.end()], [])
            self._commit()
            if self._db is not None:
                self._db.close()
                self._db = None

    def _memory(self) -> Around:
        return Around(round((self._settings.raw_before_s + NOTICE_S) * 1e9), RING_BYTES)

    # -- the writer's work

    def _run(self) -> None:
        while True:
            self._wake.wait(TURN_S)
            self._wake.clear()
            if self._closed:
                return
            try:
                self.turn()
            except Exception as error:  # telemetry must never take the process with it
                self._fail(f"unexpected {type(error).__name__}: {error}")

    def turn(self) -> None:
        """One round: take what waits, thin it, and commit and pack when it is time."""
        with self._turning:
            self._take()
            now = self._clock.now()
            if now - self._committed >= COMMIT_S * SECOND:
                self._committed = now
                if self._commit():
                    self._tidy()

    def _take(self) -> None:
        with self._lock:
            taken = list(self._queue)
            marks = list(self._marks)
            self._queue.clear()
            self._marks.clear()
            self._queue_rows = self._queue_bytes = 0
        blocks = by_series(b for some in taken for b in some)
        whole = self._around.add(blocks.values())
        for window in marks:
            whole += self._around.mark(window)
        rows: list[tuple[Series, Row]] = []
        for key, block in blocks.items():
            self._newest = max(self._newest, int(block.t[-1]))
            if key[1].shape in ("vector", "points"):
                continue
            thinner = self._thinners.get(key)
            if thinner is None:
                thinner = self._thinners[key] = Thinner(key[1], self._thin_ns)
            rows.extend((key, row) for row in thinner.feed(block))
        late = self._newest - LATE_S * SECOND
        for key, thinner in self._thinners.items():
            over = thinner.over(late)
            if over:
                rows.extend((key, row) for row in over)
        heavy: list[Block] = []
        for block in whole:
            if block.quantity.shape in ("vector", "points"):
                heavy.append(block)
            else:
                key = (block.source, block.quantity)
                columns = zip(block.t.tolist(), block.value.tolist(), block.flags.tolist(), strict=True)
                rows.extend((key, row) for row in columns if row[1] == row[1])
        with self._lock:
            for key, block in blocks.items():
                if key[1].shape in ("scalar", "flag", "text"):
                    self._latest[key] = block.cut(len(block) - 1, len(block))
            self._counts["rows_dropped"] += self._waiting.add(rows, heavy)

    def _commit(self) -> bool:
        if self._db is None:
            self._open()
        database = self._db
        if database is None:
            return False
        with self._lock:
            rows, shots = list(self._waiting.rows), list(self._waiting.shots)
        if not rows and not shots:
            return True
        try:
            database.append(rows, shots)
        except sqlite3.Error as error:
            self._broken(error)
            return False
        with self._lock:
            self._waiting.done(len(rows), len(shots))
            self._counts["commits"] += 1
            self._counts["rows_kept"] += len(rows) + sum(map(len, shots))
            self._fault = ""
        return True

    def _tidy(self) -> None:
        """Pack the hours that are over, and forget what is too old; each at most once an hour or day."""
        database = self._db
        late = self._newest - 2 * LATE_S * SECOND
        if database is None or late <= 0:
            return
        try:
            if not self._checked:
                self._checked = True
                if wrong := database.check():
                    raise _Broken(wrong)
            if late // SLOT > self._packed_slot:
                database.pack_before(late)
                self._packed_slot = late // SLOT
            # a sample from the future must not erase the past: never beyond the clock
            today = min(late, self._clock.now())
            if today // DAY > self._forgot_day:
                database.forget_before(today - self._settings.keep_days * DAY)
                self._forgot_day = today // DAY
        except sqlite3.Error as error:
            self._broken(error)

    # -- when the file is not as it should be

    def _open(self) -> None:
        now = self._clock.now()
        if now < self._next_open:
            return
        self._next_open = now + RETRY_OPEN_S * SECOND
        try:
            self._db = Database(self.path, self._thin_ns)
            self._checked = False
            self._next_open = 0
        except sqlite3.Error as error:
            self._db = None
            self._broken(error)
        except (OSError, Foreign) as error:
            self._fail(str(error))

    def _broken(self, error: sqlite3.Error) -> None:
        if not (isinstance(error, _Broken) or is_corrupt(error)):
            self._fail(f"{self.path}: {error}; samples wait in memory and the oldest are dropped")
            return
        if self._db is not None:
            self._db.close()
            self._db = None
        moved = put_aside(self.path, self._clock.now() // SECOND)
        with self._lock:
            self._set_aside.append(moved)
        self._fail(f"{self.path}: {error}; the damaged file was set aside as {moved}, a new one is begun")
        self._next_open = 0
        with contextlib.suppress(sqlite3.Error, OSError):
            self._db = Database(self.path, self._thin_ns)
            self._checked = True
            self._packed_slot = -1

    def _fail(self, text: str) -> None:
        with self._lock:
            self._counts["failures"] += 1
            if not self._fault:
                self._fault_since = self._clock.now()
            self._fault = text

    def _read(self, key: Series, t0: int, t1: int) -> Block:
        """Committed, pending and held rows of one series, means included."""
        if t1 <= t0:
            return nothing(*key)
        parts: list[Block] = []
        database = self._db
        if database is not None:
            try:
                block, damaged = database.read(key, t0, t1)
                self._counts["damaged_blobs"] += damaged
                parts.append(block)
            except sqlite3.Error as error:
                self._fail(f"{self.path}: {error}; reading failed")
        with self._lock:
            rows, shots = self._waiting.of(key, t0, t1)
            thinner = self._thinners.get(key)
            if thinner is not None:
                rows += [row for row in thinner.held() if t0 <= row[0] < t1]
        if key[1].shape in ("vector", "points"):
            parts += [within(shot, t0, t1) for shot in shots]
            return join(parts) if parts else nothing(*key)
        return distinct(join([*parts, of_rows(*key, rows)]))


class _Broken(sqlite3.DatabaseError):
    """The check found damage."""
