"""What happens when a detector fails? It alone stops, says so, and is tried again later.

A detector that raises is set aside with a ``detector_fault`` event and built anew, cold, after a pause
that doubles from one minute to an hour of event time. Nothing else is disturbed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.contracts import Detector
from core.model import HOUR, MINUTE, Block, Event, Phase

log = logging.getLogger("hearthwatch.detector")


class Guard:
    """One detector behind a fence."""

    def __init__(self, name: str, make: Callable[[], Detector]) -> None:
        self.name = name
        self._make = make
        self._detector: Detector | None = make()
        self.wants = self._detector.wants
        self.failures = 0
        self._retry_at: int | None = None
        self._told = False  # is its fault already known to people?

    @property
    def working(self) -> bool:
        """Is it running just now?"""
        return self._detector is not None

    def process(self, blocks: Sequence[Block], upto: int) -> list[Event]:
        """Its events for this slice, or its fault."""
        if self._detector is None:
            return []
        try:
            return self._detector.process(blocks)
        except Exception as error:
            return self._fail(error, max((int(b.t[-1]) for b in blocks), default=upto))

    def advance(self, t: int) -> list[Event]:
        """Its deadlines before ``t``; also the moment at which a fallen one is tried again."""
        if self._detector is None:
            return self._retry(t)
        try:
            return self._detector.advance(t)
        except Exception as error:
            return self._fail(error, t)

    def _fail(self, error: Exception, t: int) -> list[Event]:
        self.failures += 1
        pause = min(HOUR, MINUTE << min(self.failures - 1, 6))
        log.exception("detector %s failed; it is tried again in %d s", self.name, pause // 10**9)
        self._detector, self._retry_at = None, t + pause
        if self._told:
            return []
        self._told = True
        evidence = {"detector": self.name, "error": f"{type(error).__name__}: {error}"[:200]}
        return [Event(self.name, "detector_fault", f"detector:{self.name}", t, Phase.ONSET, evidence)]

    def _retry(self, t: int) -> list[Event]:
        if self._retry_at is None or t <= self._retry_at:
            return []
        at, self._retry_at = self._retry_at, None
        try:
            self._detector = self._make()
        except Exception as error:
            return self._fail(error, t)
        self._told = False
        return [Event(self.name, "detector_fault", f"detector:{self.name}", at, Phase.CLEAR, {})]

    def snapshot(self) -> dict[str, Any]:
        """Its state, or an empty one while it is down."""
        if self._detector is None:
            return {}
        return self._detector.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a snapshot. Raises ValueError where it is not one of its own."""
        if not state:
            raise ValueError("no state was kept")
        fresh = self._make()
        fresh.restore(state)
        self._detector = fresh
