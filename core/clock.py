"""What time is it? The only file that reads a clock.

Event time is anchored to the wall clock once, at start, and then advanced by the monotonic clock: it
never runs backwards and never jumps, so durations are right even when a hub without a battery clock
is set by NTP an hour after boot. When wall and event time drift apart by more than a step, that is a
fact to be told (``Mark.CLOCK``), not a reason to move event time.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Whoever needs the time is given one of these."""

    def now(self) -> int:
        """Event time, ns. Never decreases."""

    def wall_offset(self) -> int:
        """Wall clock minus event time, ns."""

    def sleep(self, seconds: float) -> None:
        """Wait this many seconds of event time."""


class SystemClock:
    """The real clock. ``speed`` > 1 lets a demonstration's event time run faster than real time.

    ``start`` continues an earlier event time (a restart), so that it never goes back.
    """

    def __init__(self, speed: float = 1.0, start: int | None = None) -> None:
        wall = time.time_ns()
        self._speed = speed
        self._event0 = wall if start is None else max(start, wall)
        self._mono0 = time.monotonic_ns()
        self._wall0 = wall

    def now(self) -> int:
        elapsed = time.monotonic_ns() - self._mono0
        return self._event0 + (elapsed if self._speed == 1.0 else int(elapsed * self._speed))

    def wall_offset(self) -> int:
        if self._speed != 1.0:  # a demonstration's day is its own
            return 0
        return time.time_ns() - self.now()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds) / self._speed)


class ManualClock:
    """A clock that is told the time; for replay and tests.

    >>> c = ManualClock(5); c.advance(2); c.now()
    7
    """

    def __init__(self, now: int = 0, wall_offset: int = 0) -> None:
        self._now = now
        self._wall_offset = wall_offset

    def now(self) -> int:
        return self._now

    def wall_offset(self) -> int:
        return self._wall_offset

    def set_wall_offset(self, offset: int) -> None:
        """Step the wall clock, as NTP or a person would."""
        self._wall_offset = offset

    def advance(self, by: int) -> None:
        """Move on by ``by`` ns."""
        if by < 0:
            raise ValueError("event time never runs backwards")
        self._now += by

    def sleep(self, seconds: float) -> None:
        self.advance(int(max(0.0, seconds) * 1e9))
