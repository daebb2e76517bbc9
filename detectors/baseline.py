"""What is normal for this sensor now? A level that follows slowly, at limited speeds.

A sensor's zero drifts by little a day; a leak or a fire rises in seconds to hours. So the baseline
may rise only at ``rise`` and fall only at ``fall`` (units per second): drift passes through it, events
do not. It falls faster than it rises, because air that was foul while it was learnt gets clean, and only
towards the higher of the last two samples, so a single wrong low one does not move it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Baseline:
    """A slew-limited baseline; ``first_max`` bounds what the very first sample may make normal."""

    def __init__(self, rise: float, fall: float, first_max: float = float("inf")) -> None:
        self._rise = rise / 1e9
        self._fall = fall / 1e9
        self._first_max = first_max
        self._t: int | None = None
        self._value = 0.0
        self.level = 0.0

    @property
    def t(self) -> int | None:
        """When was the last sample?"""
        return self._t

    def add(self, t: int, value: float, frozen: bool = False) -> float:
        """One sample: how far is it above (below: negative) what is normal? ``frozen`` forbids rising.

        >>> b = Baseline(rise=0.01, fall=1.0)
        >>> b.add(0, 5.0), b.add(10**9, 9.0), b.add(2 * 10**9, 2.0), b.add(3 * 10**9, 2.0)
        (0.0, 3.99, -3.0199999999999996, -2.0199999999999996)
        """
        if self._t is None:
            self.level = min(value, self._first_max)
        else:
            dt = t - self._t
            high = self.level if frozen else self.level + self._rise * dt
            self.level = min(max(value, self._value, self.level - self._fall * dt), high)
        self._t, self._value = t, value
        return value - self.level

    def state(self) -> dict[str, Any]:
        """Its state as JSON."""
        return {"t": self._t, "value": self._value, "level": self.level}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self._t = None if state["t"] is None else int(state["t"])
        self._value = float(state["value"])
        self.level = float(state["level"])
