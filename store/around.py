"""Which samples are kept whole, because something happened around them?

All samples of the last ``before_s`` are remembered in memory, up to a bound; when an event is marked,
those before it are handed out, and those after it as they come. Each row is handed out once, also when
events overlap. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.model import Block
from store.blocks import chosen, cost

MAX_WINDOWS = 256


@dataclass(slots=True)
class _Kept:
    block: Block
    handed: npt.NDArray[np.bool_]
    cost: int


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when [start, stop), and of which sources (None: all)?"""

    start: int
    stop: int
    sources: frozenset[str] | None


class Around:
    """Memory of ``before_ns``, bounded by ``max_bytes``; windows around events."""

    def __init__(self, before_ns: int, max_bytes: int) -> None:
        self._before = before_ns
        self._max = max_bytes
        self._ring: deque[_Kept] = deque()
        self._bytes = 0
        self._windows: list[Window] = []
        self._reached = 0
        self.forgotten = 0  # rows let go before their time, because memory was full

    def add(self, blocks: Iterable[Block]) -> list[Block]:
        """Remember these; which of their rows lie in a window that is open?"""
        out: list[Block] = []
        for block in blocks:
            if not len(block):
                continue
            kept = _Kept(block, np.zeros(len(block), np.bool_), cost(block) + len(block))
            self._ring.append(kept)
            self._bytes += kept.cost
            self._reached = max(self._reached, int(block.t[-1]))
            for window in self._windows:
                out += self._take(kept, window)
        self._forget()
        return out

    def mark(self, window: Window) -> list[Block]:
        """Something happened: which remembered rows lie in the window? Later ones come from ``add``."""
        self._windows = [w for w in self._windows if w.stop > self._reached][-MAX_WINDOWS + 1 :]
        self._windows.append(window)
        return [b for kept in self._ring for b in self._take(kept, window)]

    def _take(self, kept: _Kept, window: Window) -> list[Block]:
        block = kept.block
        if window.sources is not None and block.source not in window.sources:
            return []
        if block.t[-1] < window.start or block.t[0] >= window.stop:
            return []
        mask = (block.t >= window.start) & (block.t < window.stop) & ~kept.handed
        if not mask.any():
            return []
        kept.handed |= mask
        return [chosen(block, mask)]

    def _forget(self) -> None:
        oldest = self._reached - self._before
        ring = self._ring
        while ring and (int(ring[0].block.t[-1]) < oldest or self._bytes > self._max):
            gone = ring.popleft()
            self._bytes -= gone.cost
            if int(gone.block.t[-1]) >= oldest:
                self.forgotten += len(gone.block)
