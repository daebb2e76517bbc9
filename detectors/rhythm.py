"""How often does a sensor speak? Its longest pause of each of the last fourteen days of its own.

Days are counted from the sensor's first report, so nothing depends on the clock or on where a slice
of time was cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.model import DAY, HOUR, SECOND

_KEEP = 14
_RUN = 20 * SECOND  # reports closer than this are one run
_OUTAGE = 25 * HOUR


class Rhythm:
    """Learns pauses (ns) from reports in time order.

    >>> r = Rhythm()
    >>> r.reach(0, 0)
    >>> for h in range(1, 49): r.add(3600 * SECOND, h * 3600 * SECOND)
    >>> r.days, r.usual() // SECOND, r.longest() // SECOND
    (2, 3600, 3600)
    """

    def __init__(self) -> None:
        self._day0: int | None = None
        self._day = 0
        self._pause = 0  # longest of the day in hand
        self._pauses: list[int] = []  # longest of each full day, newest last
        self._ranked: list[int] = []

    @property
    def days(self) -> int:
        """How many full days are known (at most 14)?"""
        return len(self._pauses)

    def add(self, pause: int, t: int) -> None:
        """A pause of this length ended at ``t``. Over 25 h it was an outage, which teaches nothing."""
        if _RUN < pause <= _OUTAGE:
            self._roll(t, pause)
            self._pause = max(self._pause, pause)

    def same_day(self, t: int) -> bool:
        """Does ``t`` lie in the day in hand?"""
        return self._day0 is not None and (t - self._day0) // DAY == self._day

    def reach(self, first: int, last: int) -> None:
        """It spoke from ``first`` to ``last`` without a pause worth counting."""
        if self._day0 is None:
            self._day0 = first
        self._roll(last, 0)

    def _roll(self, t: int, pause: int) -> None:
        if self._day0 is None:
            self._day0 = t
        day = (t - self._day0) // DAY
        if day == self._day:
            return
        gone = [max(self._pause, pause)]
        if pause and day > self._day + 1:
            gone.append(pause)
        self._pauses = (self._pauses + gone)[-_KEEP:]
        self._ranked = sorted(self._pauses)
        self._day, self._pause = day, pause

    def usual(self) -> int:
        """The median of the daily longest pauses, ns; 0 if no full day is known."""
        return self._ranked[len(self._ranked) // 2] if self._ranked else 0

    def twice(self) -> int:
        """Which pause was reached or passed on at least two days, ns?"""
        return self._ranked[-2] if len(self._ranked) > 1 else 0

    def longest(self) -> int:
        """The longest known pause, ns."""
        return max(self._pause, self._ranked[-1] if self._ranked else 0)

    def snapshot(self) -> list[Any]:
        return [self._day0, self._day, self._pause, self._pauses]

    @classmethod
    def restored(cls, state: Sequence[Any]) -> Rhythm:
        rhythm = cls()
        rhythm._day0, rhythm._day, rhythm._pause, rhythm._pauses = (*state[:3], list(state[3]))
        rhythm._ranked = sorted(rhythm._pauses)
        return rhythm
