"""Which rate is out of range, for how long, and which range is usual for this person?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.model import DAY, HOUR, MINUTE

_NEVER = 1 << 62
_LOST_S = 300  # minutes without a value end what was not told yet
_UNSEEN_S = 1800  # and so long without one ends what was told
_BACK = 5 * MINUTE
_SHARE = 0.6  # of the minutes need a value
_NOON = 12 * HOUR  # a night belongs to one day

Range = tuple[float, float]


class Usual:
    """The range of one rate on the last 28 days, from minutes; days go from noon to noon of UTC.

    >>> usual = Usual()
    >>> for day in range(8):
    ...     for m in range(180):
    ...         usual.add(day * DAY + m * MINUTE, 55.0 + m % 11)
    >>> usual.range()
    (45.8, 75.8)
    """

    KEEP, ENOUGH_DAYS, ENOUGH_MINUTES = 28, 7, 120

    def __init__(self) -> None:
        self._day: int | None = None
        self._counts: dict[int, int] = {}  # whole rates of the present day -> minutes
        self._days: list[list[float]] = []  # [low, high] of the days before

    def add(self, t: int, rate: float) -> None:
        """One more minute."""
        day = (t + _NOON) // DAY
        if day != self._day:
            self._end()
            self._day = day
        key = round(rate)
        self._counts[key] = self._counts.get(key, 0) + 1

    def _end(self) -> None:
        n = sum(self._counts.values())
        if n >= self.ENOUGH_MINUTES:
            ends = [float(self._at(n * share)) for share in (0.02, 0.98)]
            self._days = [*self._days[-(self.KEEP - 1) :], ends]
        self._counts = {}

    def _at(self, wanted: float) -> int:
        seen = 0
        for rate in sorted(self._counts):
            seen += self._counts[rate]
            if seen >= wanted:
                break
        return rate

    def range(self) -> Range | None:
        """The usual range, widened by a sixth; None until seven days are known."""
        if len(self._days) < self.ENOUGH_DAYS:
            return None
        middle = [sorted(ends)[len(ends) // 2] for ends in zip(*self._days, strict=True)]
        return round(middle[0] * 5 / 6, 1), round(middle[1] * 7 / 6, 1)

    def state(self) -> list[Any]:
        """Its state as JSON."""
        counts = [[k, n] for k, n in sorted(self._counts.items())]
        return [self._day, counts, [list(d) for d in self._days]]

    def load(self, state: Sequence[Any]) -> None:
        """Go on from :meth:`state`."""
        self._day, counts, days = state
        self._counts, self._days = dict(counts), [list(d) for d in days]


class Streak:
    """One rate of one sensor, a minute's median at a time: how long out of range?"""

    def __init__(self, low: float, high: float, question_s: float, warning_s: float) -> None:
        self._fixed = (low, high)
        self._hold = {"question": int(question_s * 1e9), "warning": int(warning_s * 1e9)}
        self._since: dict[str, list[int]] = {}  # stage -> [out since, minutes with a value]
        self._last = 0  # end of the last minute with a value
        self._back: int | None = None  # back in range since
        self._stage = ""
        self._rate = 0.0
        self._range: Range = self._fixed
        self.unseen = False  # it ended because nothing was read any more

    def minute(self, ends: int, rate: float, usual: Range | None) -> None:
        """The median of the minute that ended."""
        low, high = self._fixed
        near = (max(low, usual[0]), min(high, usual[1])) if usual is not None else self._fixed
        if near[0] >= near[1]:
            near = self._fixed
        self._last, self.unseen = ends, False
        out = {
            "question": not near[0] <= rate <= near[1],
            "warning": not low <= rate <= high,
        }
        for stage, bad in out.items():
            if bad:
                since = self._since.setdefault(stage, [ends - MINUTE, 0])
                since[1] += 1
            elif not self._stage or stage == "warning":
                self._since.pop(stage, None)
        if out["question"]:
            self._back, self._rate = None, rate
            self._range = self._fixed if out["warning"] else near
            self._climb(ends)
        elif self._stage:
            self._back = ends - MINUTE if self._back is None else self._back
            if ends - self._back >= _BACK:
                self.forget()
                self.unseen = False

    def _climb(self, ends: int) -> None:
        for stage in ("warning", "question"):
            if stage in self._since and self._stage != "warning":
                since, minutes = self._since[stage]
                lasted = ends - since
                if lasted >= self._hold[stage] and minutes * MINUTE >= _SHARE * lasted:
                    self._stage = stage
                    return

    def evidence(self) -> dict[str, Any] | None:
        """What holds now? None while in range, or not long enough out of it."""
        if not self._stage:
            return None
        since = self._since.get(self._stage) or self._since["question"]
        return {
            "stage": self._stage,
            "rate": round(self._rate, 1),
            "range": [self._range[0], self._range[1]],
            "since": since[0],
        }

    def forgotten(self) -> int:
        """When has nothing been read for so long that it is over?"""
        if not self._since:
            return _NEVER
        return self._last + (_UNSEEN_S if self._stage else _LOST_S) * 10**9

    def forget(self) -> None:
        """It is over; nobody knows whether it is well."""
        self.unseen = bool(self._stage)
        self._since, self._stage, self._back = {}, "", None

    def blind(self, by: int) -> None:
        """The gateway did not run for ``by`` ns."""
        if self._stage:
            self._last += by
        else:
            self.forget()

    def state(self) -> list[Any]:
        """Its state as JSON."""
        since = [[stage, *pair] for stage, pair in sorted(self._since.items())]
        return [since, self._last, self._back, self._stage, self._rate, list(self._range), self.unseen]

    def load(self, state: Sequence[Any]) -> None:
        """Go on from :meth:`state`."""
        since, self._last, self._back, self._stage, self._rate, limits, self.unseen = state
        self._since = {stage: [a, n] for stage, a, n in since}
        self._range = (limits[0], limits[1])
