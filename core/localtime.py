"""Which hour of the day is it for the people in the home? Pure: time zone rules, no clock.

Event time is ns close to UTC; ``offset`` is wall minus event time as last told by ``wall_offset_s``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from datetime import time as TimeOfDay
from zoneinfo import ZoneInfo

from core.model import SECOND


class LocalTime:
    """Local wall time of one zone.

    >>> lt = LocalTime("Asia/Shanghai")
    >>> lt.at(0).isoformat()
    '1970-01-01T08:00:00+08:00'
    >>> lt.hour(0)
    8.0
    """

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        self.offset = 0  # ns; wall clock minus event time

    def at(self, t: int) -> datetime:
        """The local wall time at event time ``t``, to the microsecond."""
        micros = (t + self.offset) // 1000
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        return (epoch + timedelta(microseconds=micros)).astimezone(self.zone)

    def hour(self, t: int) -> float:
        """Hour of the local day, 0.0 to below 24.0 (25-hour days repeat an hour, as clocks do)."""
        local = self.at(t)
        return local.hour + local.minute / 60 + (local.second + local.microsecond / 1e6) / 3600

    def instant(self, day: date, clock: TimeOfDay) -> int:
        """Event time of a local date and time.

        A time that daylight saving skips is taken as the instant after the gap; one that happens
        twice, as the first.
        """
        naive = datetime.combine(day, clock)
        aware = naive.replace(tzinfo=self.zone, fold=0)
        return round(aware.timestamp()) * SECOND - self.offset

    def next(self, t: int, clock: TimeOfDay) -> int:
        """The first event time strictly after ``t`` at which the local clock shows ``clock``."""
        day = self.at(t).date() - timedelta(days=1)
        while True:
            candidate = self.instant(day, clock)
            if candidate > t:
                return candidate
            day += timedelta(days=1)


def in_window(hour: float, start: float, stop: float) -> bool:
    """Does an hour of day lie in [start, stop), a window that may pass midnight?

    >>> in_window(23.5, 22, 7), in_window(7.0, 22, 7), in_window(12, 8, 20)
    (True, False, True)
    """
    return start <= hour < stop if start <= stop else hour >= start or hour < stop
