"""Where do all sources put their packets, and how does the one pipeline thread get them?

Any number of threads put, one thread drains. Bounded: when ``limit`` packets wait, further ordinary
data is refused and counted, because telemetry is shed first; marks (link up, down, session lost, blind)
always get in. A source that can ask its far end to repeat (MQTT at QoS 1) looks at the refusal and
leaves the message unacknowledged, so nothing the broker still holds is lost.

Arrival stamps come from many threads; draining makes them one line: ``at`` never decreases.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, cast

from core.clock import Clock
from core.model import Mark, Packet

_SHEDDABLE = frozenset({Mark.DATA, Mark.RETAINED})


class Inbox:
    """Which packets wait for the pipeline? ``origin`` is a small number the gateway gives each source.

    >>> from core.clock import ManualClock
    >>> inbox = Inbox(ManualClock(), limit=2)
    >>> [inbox.put(0, Packet("broker", "t", at, b"x")) for at in (5, 3, 9)]
    [True, True, False]
    >>> [(origin, p.at) for origin, p in inbox.drain(0, 10)]
    [(0, 5), (0, 5)]
    >>> inbox.counters()["dropped"]
    {0: 1}
    """

    def __init__(self, clock: Clock, limit: int = 100_000) -> None:
        if limit < 1:
            raise ValueError("the inbox must hold at least one packet")
        self._clock = clock
        self._limit = limit
        self._waiting: deque[tuple[int, Packet]] = deque()
        self._arrived = threading.Event()
        self._asleep = False
        self._dropped: dict[int, int] = {}
        self._taken = 0
        self._last = 0
        self._backwards = 0
        self._most = 0

    def put(self, origin: int, packet: Packet) -> bool:
        """Leave a packet, from any thread. False: refused, because the inbox is full."""
        waiting = self._waiting
        if len(waiting) >= self._limit and packet.mark in _SHEDDABLE:
            self._dropped[origin] = self._dropped.get(origin, 0) + 1
            return False
        waiting.append((origin, packet))
        # The drainer says it sleeps before it looks a last time, so one of the two sees the other.
        if self._asleep:
            self._asleep = False  # one wake-up is enough
            self._arrived.set()
        return True

    def port(self, origin: int) -> Callable[[Packet], None]:
        """What to give to ``Source.start``: ``put`` with the origin filled in.

        It returns what :meth:`put` returns; the contract's type only promises nothing.
        """

        # as in put(), written out: this runs once a message
        waiting, limit, append = self._waiting, self._limit, self._waiting.append

        def put(packet: Packet) -> bool:
            if len(waiting) >= limit and packet[4] in _SHEDDABLE:
                self._dropped[origin] = self._dropped.get(origin, 0) + 1
                return False
            append((origin, packet))
            if self._asleep:
                self._asleep = False
                self._arrived.set()
            return True

        return cast("Callable[[Packet], None]", put)

    def drain(self, timeout_s: float, max_packets: int) -> list[tuple[int, Packet]]:
        """Take up to ``max_packets`` in order of arrival; waits up to ``timeout_s`` (real) for the first.

        For one thread only. Empty after the time-out.
        """
        waiting = self._waiting
        if not waiting and timeout_s > 0:
            self._arrived.clear()
            self._asleep = True
            if not waiting:
                self._arrived.wait(timeout_s)
            self._asleep = False
        count = min(len(waiting), max_packets)
        if count > self._most:
            self._most = count
        out: list[tuple[int, Packet]] = []
        last = self._last
        take = waiting.popleft
        for _ in range(count):
            entry = take()
            at = entry[1].at
            if at < last:
                self._backwards += 1
                entry = (entry[0], entry[1]._replace(at=last))
            else:
                last = at
            out.append(entry)
        self._last = last
        self._taken += count
        return out

    def wake(self) -> None:
        """End a waiting :meth:`drain` at once (a stop request), from any thread."""
        self._arrived.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def counters(self) -> Mapping[str, Any]:
        """How full is it, how many were taken, and how many of which origin were refused? As JSON."""
        return {
            "waiting": len(self._waiting),
            "limit": self._limit,
            "taken": self._taken,
            "dropped": dict(self._dropped),
            "most_at_once": self._most,
            "stamps_moved": self._backwards,
        }
