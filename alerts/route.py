"""How do alerts get from the outbox into one sink, however it behaves? One route for each sink.

A route is a plain state machine: :meth:`Route.step` makes one turn and says when it wants the next. The
threads of :mod:`alerts.delivery` only call it, so tests can drive it with a hand-moved clock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from alerts.gate import NOW, Gate
from alerts.outbox import Order, Outbox, OutboxError
from alerts.revision import rings, weight
from core.clock import Clock
from core.contracts import Refused, Sink
from core.model import SECOND, Alert, AlertState, Severity

Key = tuple[str, int]

_PAGE = 200
_GATED_PAGE = 5000  # what waits for the morning must not hide what is new
_MAX_LIVE = 20_000
_RECENT = 200  # deliveries whose time is remembered, for a drill to tell
_MAX_WAIT_S = 3600.0
_OUTBOX_WAIT = 2 * SECOND
_LOOK_AGAIN = SECOND // 4  # while a page is being worked on, how often is the outbox asked for worse news
_NOTE_AFTER = SECOND // 20  # quick deliveries are noted in the outbox together, slow ones one by one


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """How patient is a route? Waits after failures double from ``first_wait_s`` to ``longest_wait_s``,
    without chance in them. A failure that lasts ``fault_after_s`` is announced.
    """

    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0
    fault_after_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Parked:
    """One revision that a sink will never take."""

    alert: Alert
    reason: str


class Route:
    """The way into one sink. ``step`` belongs to one thread; everything else is safe from any."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        outbox: Outbox,
        clock: Clock,
        *,
        from_severity: Severity = Severity.INFO,
        batch: int = 1,
        order: Order = "severity",
        settings: RouteSettings | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.name, self.sink = name, sink
        self._outbox, self._clock = outbox, clock
        self._from, self._order = from_severity, order
        self._batch = max(1, batch) if gate is None else 1
        self._settings = settings or RouteSettings()
        self._gate = gate
        self._held_until: int | None = None  # the gate lets something pass then
        self._lock = threading.Lock()
        self._live: deque[Alert] = deque(maxlen=_MAX_LIVE)  # given past a broken outbox
        self._taken_live: dict[Key, None] = {}  # delivered, but the outbox does not know yet
        self._page: deque[Alert] = deque()
        self._fresh = True  # the outbox may hold more than the page
        self._loaded_at = 0
        self._done: list[Key] = []  # delivered, to be noted in the outbox
        self._done_since = 0
        self._singly = 0  # so many revisions go one by one, to find the one that is refused
        self._failures = 0
        self._retry_at: int | None = None
        self._failing_since: int | None = None
        self._reason = ""
        self._calling_since: int | None = None
        self._own_since: int | None = None  # since when does the sink itself say that it is not well
        self._parked: deque[Parked] = deque(maxlen=1000)
        self._recent: deque[tuple[str, int, int]] = deque(maxlen=_RECENT)
        self.delivered = 0
        self.parked_count = 0

    def nudge(self) -> None:
        """The outbox has something new."""
        with self._lock:
            self._fresh = True

    def push_live(self, alerts: Sequence[Alert]) -> None:
        """Deliver these from memory: the outbox could not take them."""
        with self._lock:
            self._live.extend(alerts)

    def step(self) -> int | None:
        """Make one turn. When is the next one wanted: an event time, now or earlier = at once; None = when
        there is news.
        """
        now = self._clock.now()
        if self._retry_at is not None and now < self._retry_at:
            return self._retry_at
        self._retry_at = None
        try:
            batch, live = self._choose()
        except OutboxError:  # alerts for this sink may wait in there; look again soon
            self._page.clear()
            return now + _OUTBOX_WAIT
        if not batch:
            return self._held_until
        with self._lock:
            self._calling_since = now
        try:
            taken = {(str(i), int(r)) for i, r in self.sink.deliver(batch)}
        except Refused as refusal:
            self._returned()
            return self._refused(batch, live, str(refusal) or "refused")
        except Exception as error:  # a channel's own mistake must not stop its thread
            self._returned()
            return self._failed(error)
        self._returned()
        done = [a for a in batch if (a.id, a.revision) in taken]
        self._settle(done, live, now)
        if len(done) < len(batch):
            return self._failed(OSError(f"took {len(done)} of {len(batch)}"), progress=bool(done))
        self._well()
        return now

    def note(self) -> None:
        """Note in the outbox what was delivered. The route's own thread calls it, last when it stops."""
        done, self._done = self._done, []
        if done:
            try:
                self._outbox.taken(self.name, done)
            except OutboxError:
                self._remember(done)

    # -- for the supervisor

    def fault(self, now: int) -> str:
        """Why has it been failing for too long? "" if it has not."""
        limit = round(self._settings.fault_after_s * SECOND)
        with self._lock:
            if self._calling_since is not None and now - self._calling_since >= limit:
                return f"no answer for {(now - self._calling_since) // SECOND} s"
            if self._failing_since is not None and now - self._failing_since >= limit:
                return self._reason
        ask: Callable[[], str] | None = getattr(self.sink, "fault", None)
        own = ask() if ask is not None else ""
        if not own:
            self._own_since = None
        elif self._own_since is None:
            self._own_since = now
        return own if self._own_since is not None and now - self._own_since >= limit else ""

    @property
    def has_news(self) -> bool:
        """Is it worth another turn before the time? Not while it waits after a failure."""
        with self._lock:
            return self._retry_at is None and (self._fresh or bool(self._live))

    @property
    def failing(self) -> bool:
        """Is something wrong at this moment (maybe not for long enough to be told)?"""
        with self._lock:
            return self._failing_since is not None or self._calling_since is not None

    def take_parked(self) -> list[Parked]:
        """What was parked since the last call?"""
        with self._lock:
            parked = list(self._parked)
            self._parked.clear()
        return parked

    def reached(self, alert: str) -> list[dict[str, int]]:
        """Which revisions of this alert were taken of late, and when (event time, ns)?"""
        return [{"revision": r, "at": at} for name, r, at in list(self._recent) if name == alert]

    def status(self) -> dict[str, Any]:
        """How is it doing, as JSON?"""
        try:
            backlog: int | None = self._outbox.backlog(self.name)
        except OutboxError:
            backlog = None
        with self._lock:
            return {
                "delivered": self.delivered,
                "parked": self.parked_count,
                "backlog": backlog,
                "live": len(self._live),
                "failing_since": self._failing_since,
                "reason": self._reason if self._failing_since is not None else "",
            }

    # -- inside

    def _choose(self) -> tuple[list[Alert], bool]:
        """What goes next: from memory if the outbox failed, else from the page of pending revisions."""
        now = self._clock.now()
        if self._live_head() is not None:
            self.note()
        while (live := self._live_head()) is not None:
            try:
                earlier = self._outbox.pending(self.name, _PAGE, "written", live.id)
                concerns = self._concerns(live)
            except OutboxError:
                earlier, concerns = [], weight(live).rank <= self._from.rank
            earlier = [a for a in earlier if a.revision < live.revision and self._unknown(a)]
            if earlier:
                self._page = deque([a for a in self._page if a.id != live.id])
                self._page.extendleft(reversed(earlier))
                return [earlier[0]], False
            if concerns and self._unknown(live) and (self._gate is None or self._gate.ask(live, now) == NOW):
                return [live], True
            with self._lock:
                self._live.popleft()
        while True:
            self._look(now)
            if self._gate is None:
                return list(islice(self._page, 1 if self._singly else self._batch)), False
            found, skipped = self._let_through(self._gate, now)
            if found or self._page or not skipped:
                return found, False

    def _look(self, now: int) -> None:
        """Load a page of what is pending, if there is none or there may be worse news."""
        if not self._page or self._held_until is not None or now - self._loaded_at >= _LOOK_AGAIN:
            with self._lock:
                fresh, self._fresh = self._fresh, False
            if fresh or not self._page:
                self.note()
                self._page, self._loaded_at = deque(self._load()), now

    def _let_through(self, gate: Gate, now: int) -> tuple[list[Alert], int]:
        """The first revision of the page that may go out now, and how many are not for this channel.

        A ring that has to wait is dropped when a later one of the same alert comes for this channel, or
        when somebody has answered or it is over; mere news waits behind it.
        """
        self._held_until = None
        waiting: dict[str, tuple[Alert, int]] = {}
        skipped: list[Alert] = []
        found: list[Alert] = []
        for alert in self._page:
            held = waiting.get(alert.id)
            if held is not None and alert.state is AlertState.OPEN and not rings(alert):
                continue
            until = gate.ask(alert, now)
            if held is not None and (until is not None or alert.state is not AlertState.OPEN):
                skipped.append(waiting.pop(alert.id)[0])
            if until is None:
                skipped.append(alert)
            elif until == NOW:
                found = [alert]
                break
            else:
                waiting[alert.id] = (alert, until)
        if waiting:
            self._held_until = min(until for _, until in waiting.values())
        self._settle(skipped, False, now, delivered=False)
        return found, len(skipped)

    def _live_head(self) -> Alert | None:
        with self._lock:
            return self._live[0] if self._live else None

    def _unknown(self, alert: Alert) -> bool:
        return (alert.id, alert.revision) not in self._taken_live

    def _load(self) -> list[Alert]:
        while True:
            limit = _PAGE if self._gate is None else _GATED_PAGE
            page = self._outbox.pending(self.name, limit, self._order)
            skip = [a for a in page if not self._concerns(a)]
            known = [a for a in page if (a.id, a.revision) in self._taken_live]
            if not skip and not known:
                return page
            self._outbox.taken(self.name, [(a.id, a.revision) for a in (*skip, *known)])
            for alert in known:
                self._taken_live.pop((alert.id, alert.revision), None)

    def _concerns(self, alert: Alert) -> bool:
        """Is it, or was it ever, bad enough for this sink? Whoever heard of it also hears its end."""
        if alert.kind == "test":  # the daily test is for every channel it names
            only = alert.evidence.get("channels")
            return not isinstance(only, list) or self.name in only
        if weight(alert).rank <= self._from.rank:
            return True
        return alert.revision > 1 and self._outbox.worst(alert).rank <= self._from.rank

    def _settle(self, done: Sequence[Alert], live: bool, began: int, delivered: bool = True) -> None:
        keys = [(a.id, a.revision) for a in done]
        if delivered:
            self.delivered += len(keys)
            at = self._clock.now()
            self._recent.extend((name, revision, at) for name, revision in keys)
            if self._gate is not None:
                for alert in done:
                    self._gate.sent(alert, began)
        self._singly = max(0, self._singly - len(keys))
        if live:
            with self._lock:
                for alert in done:
                    if self._live and self._live[0] is alert:
                        self._live.popleft()
            self._remember(keys)
            return
        gone = set(keys)
        self._page = deque(a for a in self._page if (a.id, a.revision) not in gone)
        with self._lock:
            if self._live:
                self._live = deque((a for a in self._live if (a.id, a.revision) not in gone), _MAX_LIVE)
        now = self._clock.now()
        if not self._done:
            self._done_since = began
        self._done += keys
        if not self._page or now - self._done_since >= _NOTE_AFTER:
            self.note()

    def _remember(self, keys: Sequence[Key]) -> None:
        self._taken_live.update(dict.fromkeys(keys))
        while len(self._taken_live) > _MAX_LIVE:
            self._taken_live.pop(next(iter(self._taken_live)))

    def _refused(self, batch: Sequence[Alert], live: bool, reason: str) -> int | None:
        if len(batch) > 1:
            self._singly = len(batch)
            return self._clock.now()
        alert = batch[0]
        with self._lock:
            self._parked.append(Parked(alert, reason))
            self.parked_count += 1
        if not live:
            try:
                self._outbox.parked(self.name, (alert.id, alert.revision), reason)
            except OutboxError:
                self._remember([(alert.id, alert.revision)])
            self._page = deque(a for a in self._page if a is not alert)
            self._singly = max(0, self._singly - 1)
        else:
            with self._lock:
                self._live.popleft()
            self._remember([(alert.id, alert.revision)])
        self._well()
        return self._clock.now()

    def _failed(self, error: Exception, progress: bool = False) -> int:
        self.note()
        now = self._clock.now()
        settings = self._settings
        self._failures = 0 if progress else min(self._failures + 1, 64)
        wait_s = min(settings.longest_wait_s, settings.first_wait_s * 2 ** max(0, self._failures - 1))
        after_s = getattr(error, "after_s", None)
        if isinstance(after_s, (int, float)) and after_s > 0:
            wait_s = min(float(after_s), _MAX_WAIT_S)
        self._retry_at = now + round(wait_s * SECOND)
        with self._lock:
            if self._failing_since is None:
                self._failing_since = now
            self._reason = (str(error) or type(error).__name__)[:300]
        return self._retry_at

    def _returned(self) -> None:
        with self._lock:
            self._calling_since = None

    def _well(self) -> None:
        self._failures = 0
        with self._lock:
            self._failing_since, self._reason = None, ""
