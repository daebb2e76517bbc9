"""How are kept packets played again: as they came, faster, or as fast as possible?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice

from core.clock import Clock
from core.contracts import Log
from core.model import Packet


def paced(log: Log, clock: Clock, speed: float = 1.0) -> Iterator[Packet]:
    """The packets of a log, each when it is due: ``speed`` 60 plays an hour in a minute.

    Stamps stay as recorded. ``math.inf`` never waits. Late packets come at once, without catching up
    by force. Raises ValueError for a speed that is not above 0.
    """
    if not speed > 0:
        raise ValueError("speed must be above 0; use math.inf for as fast as possible")
    if math.isinf(speed):
        yield from log.packets()
        return
    began = clock.now()
    first: int | None = None
    for packet in log.packets():
        if first is None:
            first = packet.at
        early_ns = began + (packet.at - first) / speed - clock.now()
        if early_ns > 0:
            clock.sleep(early_ns / 1e9)
        yield packet


def chunks(packets: Iterable[Packet], size: int) -> Iterator[list[Packet]]:
    """The same packets in lists of ``size`` (the last may be shorter); size 0 means all in one.

    >>> [len(c) for c in chunks([Packet("l", "", i, b"") for i in range(5)], 2)]
    [2, 2, 1]
    """
    if size < 0:
        raise ValueError("size must not be negative; 0 means everything in one chunk")
    rest = iter(packets)
    if size == 0:
        everything = list(rest)
        if everything:
            yield everything
        return
    while part := list(islice(rest, size)):
        yield part
