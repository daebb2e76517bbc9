"""Where do all sources put their packets, and how does the one pipeline thread get them?

Any number of threads put, one thread drains. Bounded in packets and in bytes: when too much waits, further
ordinary data is refused and counted, because telemetry is shed first; marks (link up, down, session lost,
blind) always get in. A source that can ask its far end to repeat (MQTT at QoS 1) looks at the refusal and
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

LIMIT_BYTES = 32_000_000  # of payload
_SHEDDABLE = frozenset({Mark.DATA, Mark.RETAINED})
_SMALL, _FEW = 4096, 1024  # below both, bytes are not even counted up: 4 MB at most


class Inbox:
    """Which packets wait for the pipeline? ``origin`` is a small number the gateway gives each source.

    Packets of one origin come from one thread at a time.

    >>> from core.clock import ManualClock
    >>> inbox = Inbox(ManualClock(), limit=2)
    >>> [inbox.put(0, Packet("broker", "t", at, b"x")) for at in (5, 3, 9)]
    [True, True, False]
    >>> [(origin, p.at) for origin, p in inbox.drain(0, 10)]
    [(0, 5), (0, 5)]
    >>> inbox.counters()["dropped"]
    {0: 1}
    """

    def __init__(self, clock: Clock, limit: int = 100_000, limit_bytes: int = LIMIT_BYTES) -> None:
        if limit < 1:
            raise ValueError("the inbox must hold at least one packet")
        self._clock = clock
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._waiting: deque[tuple[int, Packet]] = deque()
        self._arrived = threading.Event()
        self._asleep = False
        self._ports: dict[int, Callable[[Packet], bool]] = {}
        self._bytes_in: list[list[int]] = []  # one counter a port: += is not atomic between threads
        self._bytes_out = 0
        self._dropped: dict[int, int] = {}
        self._taken = 0
        self._last = 0
        self._backwards = 0
        self._most = 0

    def put(self, origin: int, packet: Packet) -> bool:
        """Leave a packet, from any thread. False: refused, because the inbox is full."""
        port = self._ports.get(origin)
        return (port or self._open(origin))(packet)

    def port(self, origin: int) -> Callable[[Packet], None]:
        """What to give to ``Source.start``: ``put`` with the origin filled in.

        It returns what :meth:`put` returns; the contract's type only promises nothing.
        """
        return cast("Callable[[Packet], None]", self._ports.get(origin) or self._open(origin))

    def _open(self, origin: int) -> Callable[[Packet], bool]:
        waiting, append, count = self._waiting, self._waiting.append, [0]
        few = min(_FEW, self._limit)
        self._bytes_in.append(count)

        def put(packet: Packet) -> bool:
            size = len(packet[3])
            if (size > _SMALL or len(waiting) >= few) and packet[4] in _SHEDDABLE and self._is_full(size):
                self._dropped[origin] = self._dropped.get(origin, 0) + 1
                return False
            count[0] += size
            append((origin, packet))
            # The drainer says it sleeps before it looks a last time, so one of the two sees the other.
            if self._asleep:
                self._asleep = False  # one wake-up is enough
                self._arrived.set()
            return True

        self._ports[origin] = put
        return put

    def _is_full(self, size: int) -> bool:
        return len(self._waiting) >= self._limit or self._bytes() + size > self._limit_bytes

    def _bytes(self) -> int:
        return sum(count[0] for count in self._bytes_in) - self._bytes_out

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
        size = 0
        for _ in range(count):
            entry = take()
            at = entry[1].at
            size += len(entry[1].data)
            if at < last:
                self._backwards += 1
                entry = (entry[0], entry[1]._replace(at=last))
            else:
                last = at
            out.append(entry)
        self._last = last
        self._bytes_out += size
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
            "waiting_bytes": self._bytes(),
            "taken": self._taken,
            "dropped": dict(self._dropped),
            "most_at_once": self._most,
            "stamps_moved": self._backwards,
        }
