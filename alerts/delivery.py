"""Who carries alerts from the outbox to the sinks? One thread for each, so that none waits for another.

A supervisor looks after them: a sink that fails or hangs for long is told once, and once when it is
back, as events of kind ``channel_fault``; a revision that a sink refuses for good as ``channel_refused``.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from alerts.outbox import Outbox, OutboxError
from alerts.route import Parked, Route, RouteSettings
from core.clock import Clock, SystemClock
from core.model import SECOND, Alert, Event, Phase

__all__ = ["Delivery", "Route", "RouteSettings"]

_log = logging.getLogger(__name__)

_CHECK_S = 5.0  # how often the supervisor looks while something is wrong
_OWN = ("channel_fault", "channel_refused")


class Delivery:
    """All ways out. Made stopped; ``start`` begins, ``close`` ends within its time whatever sinks do."""

    def __init__(
        self, outbox: Outbox, routes: Sequence[Route], clock: Clock, on_trouble: Callable[[Event], None]
    ) -> None:
        names = [r.name for r in routes]
        if len(set(names)) != len(names):
            raise ValueError(f"two sinks have the same name: {sorted(names)}")
        self._outbox, self._routes, self._clock = outbox, list(routes), clock
        self._on_trouble = on_trouble
        self._workers = [_Worker(r, clock, self._wake_supervisor) for r in routes]
        self._told: dict[str, str] = {}
        self._attention = threading.Event()
        self._closing = threading.Event()
        self._checking = threading.Lock()
        self._supervisor = threading.Thread(target=self._supervise, name="alerts-supervisor", daemon=True)

    def start(self, from_start: Iterable[str] = ()) -> None:
        """Begin. Sinks new to the outbox start from now, those named in ``from_start`` from its oldest."""
        early = set(from_start)
        # Where storage fails, alerting goes on from memory; the outbox enters its sinks when it is back.
        with contextlib.suppress(OutboxError):
            self._outbox.keep_sinks(r.name for r in self._routes)
        for route in self._routes:
            with contextlib.suppress(OutboxError):
                self._outbox.register(route.name, route.name in early)
        for worker in self._workers:
            worker.start()
        self._supervisor.start()

    def wake(self) -> None:
        """Something was written: every sink looks at once."""
        for worker in self._workers:
            worker.route.nudge()
            worker.wake()

    def push_live(self, alerts: Sequence[Alert]) -> None:
        """The outbox failed: deliver these from memory. They are not delivered again when it is back."""
        if not alerts:
            return
        for worker in self._workers:
            worker.route.push_live(alerts)
            worker.wake()

    def check(self) -> list[Event]:
        """Which sinks were lost or came back since the last call, and what did they refuse?

        The supervisor calls it; a test or a pipeline without threads may.
        """
        now = self._clock.now()
        events: list[Event] = []
        with self._checking:
            for route in self._routes:
                source = f"channel:{route.name}"
                reason = route.fault(now)
                if reason and route.name not in self._told:
                    self._told[route.name] = reason
                    events.append(_event("channel_fault", source, now, Phase.ONSET, {"reason": reason}))
                elif not reason and route.name in self._told and not route.failing:
                    del self._told[route.name]
                    events.append(_event("channel_fault", source, now, Phase.CLEAR, {}))
                parked = [p for p in route.take_parked() if not _own(p, source)]
                if parked:
                    events.append(_event("channel_refused", source, now, Phase.ONSET, _refusal(parked)))
        return events

    def status(self) -> dict[str, Any]:
        """How is each sink doing, as JSON?"""
        return {r.name: r.status() for r in self._routes}

    def reached(self, alert: str) -> dict[str, list[dict[str, int]]]:
        """Which revisions of this alert did each channel take since the start, and when?"""
        return {r.name: r.reached(alert) for r in self._routes}

    def close(self, timeout_s: float = 5.0) -> bool:
        """Stop; what is not delivered stays in the outbox. False if a sink still hangs after the time."""
        self._closing.set()
        self._attention.set()
        for worker in self._workers:
            worker.stop()
            if worker.ident is None:  # never started
                worker.let_go()
        threads = [t for t in (*self._workers, self._supervisor) if t.is_alive()]
        for thread in threads:
            thread.join(timeout_s / len(threads))
        return not any(t.is_alive() for t in threads)

    # -- inside

    def _wake_supervisor(self) -> None:
        self._attention.set()

    def _supervise(self) -> None:
        while not self._closing.is_set():
            busy = bool(self._told) or any(r.failing or hasattr(r.sink, "fault") for r in self._routes)
            self._attention.wait(_CHECK_S if busy else None)
            if self._attention.is_set() and not self._closing.is_set():
                self._attention.clear()
                # a burst of turns is one look
                self._closing.wait(0.2)
            for event in self.check():
                try:
                    self._on_trouble(event)
                except Exception:  # whoever listens must not be able to stop the watch
                    _log.exception("a channel trouble could not be handed over: %s", event)


class _Worker(threading.Thread):
    """The thread of one route: turn after turn, asleep while there is nothing to do."""

    def __init__(self, route: Route, clock: Clock, turned: Callable[[], None]) -> None:
        super().__init__(name=f"alerts-{route.name}", daemon=True)
        self.route = route
        self._clock, self._turned = clock, turned
        self._awake = threading.Event()
        self._stopping = threading.Event()

    def wake(self) -> None:
        self._awake.set()

    def stop(self) -> None:
        self._stopping.set()
        self._awake.set()

    def run(self) -> None:
        while True:
            self._awake.clear()
            if self._stopping.is_set():
                break
            self._turned()  # so that a call that hangs from here on is noticed
            due = self.route.step()
            self._turned()
            if due is None:
                self._awake.wait()
            elif (wait_s := (due - self._clock.now()) / SECOND) > 0:
                self._rest(due, wait_s)
        self.let_go()

    def let_go(self) -> None:
        """The last thing done with the route: note what was delivered, close the sink."""
        self.route.note()
        close: Callable[[], None] | None = getattr(self.route.sink, "close", None)
        if close is not None:
            try:
                close()
            except Exception:  # on the way out nobody can mend it
                _log.exception("channel %s could not be closed", self.route.name)

    def _rest(self, due: int, wait_s: float) -> None:
        """Wait until ``due`` or a stop; until there is news, too, unless it is a pause after a failure."""
        real = isinstance(self._clock, SystemClock)
        while True:
            self._awake.clear()
            if self._stopping.is_set() or self._clock.now() >= due or self.route.has_news:
                return
            self._awake.wait(min(wait_s, 1.0) if real else None)


def _event(kind: str, source: str, t: int, phase: Phase, evidence: dict[str, Any]) -> Event:
    return Event("delivery", kind, source, t, phase, evidence)


def _own(parked: Parked, source: str) -> bool:
    """Is it news about this very sink? Telling that it refused that would never end."""
    return parked.alert.source == source and parked.alert.kind in _OWN


def _refusal(parked: Sequence[Parked]) -> dict[str, Any]:
    last = parked[-1]
    return {
        "count": len(parked),
        "alert": last.alert.id,
        "revision": last.alert.revision,
        "reason": last.reason[:300],
    }
