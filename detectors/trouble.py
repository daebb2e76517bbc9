"""Does this gas sensor's number mean anything now? Warm-up, faults and impossible values.

A sensor that warms up, reports a fault, or sends a number its range cannot hold gives *no value*,
never clean air. What the numbers themselves show to be wrong is told here (kind ``measuring_fault``):
a value out of range, saturation, a warm-up that does not end. Warm-up is believed for at most
``warm_up_max_s``: a warm-up flag that got stuck must not switch a detector off. The fault flag alone
is told by the detector that watches devices; here it only makes the numbers no values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.model import SECOND, Event
from detectors.lifecycle import LifeCycle
from detectors.marks import REPEAT

KIND = "measuring_fault"
OUT_OF_RANGE = "out_of_range"
SATURATED = "saturated"
WARMING_UP = "warming_up"


class Trouble:
    """One sensor's ability to measure."""

    def __init__(self, detector: str, source: str, warm_up_max_s: float, recover_s: float = 60.0) -> None:
        self._cycle = LifeCycle(detector, KIND, source)
        self._max = int(warm_up_max_s * SECOND)
        self._recover = int(recover_s * SECOND)
        self._fault = False
        self._warm: int | None = None  # warming up since
        self._warm_level = False
        self._bad: int | None = None  # last impossible value

    @property
    def usable(self) -> bool:
        """May a number be used now?"""
        return not self._fault and self._warm is None

    @property
    def resting(self) -> bool:
        """Is nothing the matter and nothing pending?"""
        return self.usable and self._cycle.opened is None

    def fault(self, failed: bool, flags: int) -> None:
        """The fault flag was heard."""
        if not flags & REPEAT:
            self._fault = failed

    def warming(self, t: int, warming: bool, flags: int) -> list[Event]:
        """The warm-up flag was heard."""
        if flags & REPEAT:
            return []
        rises, self._warm_level = warming and not self._warm_level, warming
        if rises:
            self._warm = t
        if warming:
            return []
        self._warm = None
        return self._cycle.set(t, WARMING_UP, None)

    def number(self, t: int, reason: str) -> list[Event]:
        """A number was heard; ``reason`` is "" if it is possible, else the word for what is wrong."""
        if reason:
            self._bad = t
            return self._cycle.set(t, "value", {"reason": reason})
        if self._bad is not None and t - self._bad >= self._recover:
            self._bad = None
            return self._cycle.set(t, "value", None)
        return []

    def due(self) -> int | None:
        """When does a warm-up stop being believed?"""
        return None if self._warm is None else self._warm + self._max

    def fire(self, due: int) -> list[Event]:
        """The warm-up took too long: its numbers count again, and somebody should look at it."""
        self._warm = None
        return self._cycle.set(due, WARMING_UP, {"reason": WARMING_UP})

    def state(self) -> dict[str, Any]:
        """Its state as JSON."""
        return {
            "cycle": self._cycle.state(),
            "fault": self._fault,
            "warm": self._warm,
            "warm_level": self._warm_level,
            "bad": self._bad,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self._cycle.load(state["cycle"])
        self._fault = bool(state["fault"])
        self._warm_level = bool(state["warm_level"])
        self._warm = None if state["warm"] is None else int(state["warm"])
        self._bad = None if state["bad"] is None else int(state["bad"])
