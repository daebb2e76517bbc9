"""How long is this person usually still, here and at this hour?

Every silence (from one sign of life to the next, at home) teaches: where it began, at which local hour,
on which day, how long it lasted. Once a day the allowed stillness of every place and hour is chosen as
the length tau that makes this sum least:

    hours by which an emergency that begins at a random moment of such silences would be found late
    + price x expected number of silences longer than tau

over past silences that began near that hour (Gaussian in the hour of day), weighing recent days
(half-life), the same day of the week, and the same place more. A silence of L hours counts as one
longer than tau with a probability that falls from one to zero around L: nine tenths of it logistic with
the width ``spread_h + spread_share * L`` (tomorrow's night is about as long as tonight's), one tenth
log-logistic, 1 / (1 + (tau / L) ** tail) (now and then something new happens). A long silence (a night)
that began at another hour than the one looked at is taken to end half as much later or earlier as it
began (``end_pull``): who goes to bed late sleeps in, but not by all of it.

The price of a false alarm follows from the budget: it is the lowest at which the home's own silences,
smeared like that, would bring no more false alarms than twice the budget (about half of the smeared ones
come true), between bounds that no home passes. The budget rises or falls with what the last sixty days
brought against it. An alarm that no limit could have avoided (a silence longer than the longest limit)
says nothing about the price.

On top of it lies a rule by the clock: an age of silence that is half as long again plus two hours as
any known silence ever was at that hour is too long (somebody who is always up by eight).

Memory is bounded: at most ``_KEEP`` silences of ``window_days``; those under 20 min only as sums by
place and hour. A silence more than two hours longer than the longest limit teaches nothing: it was an
absence nobody saw, or an emergency. So no holiday and no growing maximum makes the model blind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.model import Floats

_SHORT_H = 1 / 3
_KEEP = 3000
_PLACES = 128
_REST = "||"  # all places beyond the first so many
_TAUS = 48
_AUDIT_DAYS = 60
_LONG_H = 4.0  # such a silence is a night: its end keeps to the clock too


@dataclass(frozen=True, slots=True)
class HabitParams:
    """How is it learned? The meaning of each stands in the module."""

    at_most_per_month: float = 1.0
    longest_h: float = 12.0
    shortest_h: float = 2.0  # a nap that nobody ever took before is no emergency yet
    window_days: int = 56
    half_life_days: float = 10.0
    other_weekday: float = 0.5
    hour_width_h: float = 1.0
    spread_h: float = 0.3
    spread_share: float = 0.04
    tail: float = 6.0
    tail_share: float = 0.1
    end_pull: float = 0.5
    other_place: float = 0.05
    same_room: float = 0.1
    expected: float = 2.0  # false alarms the smeared silences may promise, as a multiple of the budget
    price_from: float = 100.0  # square hours; for a budget of one a month
    price_to: float = 600.0
    clock_factor: float = 1.5
    clock_margin_h: float = 2.0


class Habits:
    """Learns silences, tells limits. Hours are local hours of day; ``day`` is a running day number."""

    def __init__(self, params: HabitParams) -> None:
        self._p = params
        self._taus: Floats = np.geomspace(params.shortest_h, params.longest_h, _TAUS)
        self._places: list[str] = []  # "room|source|state"
        self._silences: list[tuple[int, float, float, int]] = []  # day, hour, length (h), place
        self._today: dict[int, list[float]] = {}  # place -> 24 sums of h, 24 sums of h2/2, since the fit
        self._sums: dict[int, list[float]] = {}  # the same, faded, at the fit
        self._since: int | None = None  # day of the first fit
        self._fitted: int | None = None  # day of the last fit
        self._count = 0  # silences known at the fit
        self._false: list[int] = []  # days of false alarms
        self._lived = [0.0] * 24  # faded days seen at home, by hour of the clock
        self._lived_today = [0.0] * 24
        self._limits: Floats | None = None
        self._clock: Floats | None = None

    def add(self, day: int, hour: float, length_h: float, place: str) -> None:
        """A silence that began on this day at this hour is over."""
        if length_h > self._p.longest_h + 2:
            return
        index = self._index(place)
        self._live(hour, length_h)
        if length_h >= _SHORT_H:
            self._silences.append((day, round(hour, 2), round(length_h, 3), index))
            return
        sums = self._today.setdefault(index, [0.0] * 48)
        sums[int(hour) % 24] += length_h
        sums[24 + int(hour) % 24] += length_h * length_h / 2

    def _live(self, hour: float, length_h: float) -> None:
        stop = hour + length_h
        while hour < stop:
            edge = min(int(hour) + 1.0, stop)
            self._lived_today[int(hour) % 24] += edge - hour
            hour = edge

    def experience(self, hour: float) -> float:
        """How many days is this hour known at home, 0 to ``window_days``? Absence does not count."""
        p = self._p
        daily = 0.5 ** (1 / p.half_life_days)
        left = max(1.0 - self._lived[int(hour) % 24] * (1 - daily), 0.5 ** (p.window_days / p.half_life_days))
        return -p.half_life_days * math.log2(left)

    def false_alarm(self, day: int, length_h: float) -> None:
        """An alarm was followed by ordinary life, after a silence of this length in all."""
        if length_h <= self._p.longest_h:
            self._false.append(day)

    def _index(self, place: str) -> int:
        try:
            return self._places.index(place)
        except ValueError:
            if len(self._places) < _PLACES:
                self._places.append(place if len(self._places) < _PLACES - 1 else _REST)
            return len(self._places) - 1

    def fit(self, day: int) -> None:
        """Learn what was added; once a day."""
        p = self._p
        passed = 0 if self._fitted is None else max(0, day - self._fitted)
        fade = 0.5 ** (passed / p.half_life_days)
        for index in sorted(self._sums.keys() | self._today.keys()):
            old = self._sums.get(index, [0.0] * 48)
            new = self._today.get(index, [0.0] * 48)
            self._sums[index] = [round(a * fade + b, 4) for a, b in zip(old, new, strict=True)]
        self._today = {}
        pairs = zip(self._lived, self._lived_today, strict=True)
        self._lived = [round(a * fade + min(b, 1.0), 4) for a, b in pairs]
        self._lived_today = [0.0] * 24
        self._silences = [s for s in self._silences[-_KEEP:] if day - s[0] <= p.window_days]
        self._false = [d for d in self._false[-64:] if day - d <= 90]
        self._since = day if self._since is None else min(self._since, day)
        self._fitted, self._count, self._limits = day, len(self._silences), None

    def limit(self, place: str, hour: float) -> float | None:
        """Which stillness (h) is allowed that begins here at this hour? None if nothing is known."""
        if self._fitted is None or not self._places:
            return None
        if self._limits is None:
            self._limits = self._solve()
            self._clock = self._ages()
        try:
            row = self._limits[self._places.index(place)]
        except (ValueError, IndexError):
            row = self._limits[-1]
        at = (hour - 0.5) % 24
        i = int(at)
        share = at - i
        limit = float(row[i] * (1 - share) + row[(i + 1) % 24] * share)
        return self._by_clock(hour, limit)

    def _by_clock(self, hour: float, limit: float) -> float:
        """The first age at which it is longer still than it ever was at that hour of the clock, if sooner."""
        assert self._clock is not None
        age = 0.0
        while age < limit:
            at = hour + age
            edge = (int(at * 2) + 1) / 2 - hour
            known = float(self._clock[int(at * 2) % 48])
            allowed = max(age, known * self._p.clock_factor + self._p.clock_margin_h)
            if allowed < edge:
                return min(allowed, limit)
            age = edge
        return limit

    def _solve(self) -> Floats:
        """Limits [place (last: unknown place), hour]."""
        p, taus, day = self._p, self._taus, self._fitted
        assert day is not None
        n = len(self._places)
        over = np.zeros((n, 24, _TAUS))
        late = np.zeros((n, 24, _TAUS))
        spent = np.zeros((n, 24))
        centres = np.arange(24) + 0.5
        rows = np.array(self._silences[: self._count], dtype=np.float64).reshape(-1, 4)
        since = day - rows[:, 0]
        weight = 0.5 ** (since / p.half_life_days) * np.where(since % 7 == 0, 1.0, p.other_weekday)
        near = self._near(rows[:, 1], centres) * weight  # [24, silences]
        exceed, lateness = self._exceed(rows[:, 2:3]), self._lateness(rows[:, 2:3])
        for place in range(n):
            mine = np.flatnonzero(rows[:, 3] == place)
            nights, short = mine[rows[mine, 2] >= _LONG_H], mine[rows[mine, 2] < _LONG_H]
            if short.size:
                over[place] = near[:, short] @ exceed[short]
                late[place] = near[:, short] @ lateness[short]
            if nights.size:
                apart = np.clip((rows[nights, 1] - centres[:, None] + 12) % 24 - 12, -3, 3)
                length = np.maximum(rows[nights, 2] + p.end_pull * apart, 1.0)[:, :, None]
                share = near[:, nights][:, :, None]
                over[place] += (share * self._exceed(length)).sum(axis=1)
                late[place] += (share * self._lateness(length)).sum(axis=1)
            spent[place] = near[:, mine] @ rows[mine, 2]
        mix = self._near(centres, centres)
        fade = (1 + 6 * p.other_weekday) / 7
        for place, sums in self._sums.items():
            short, half = mix @ np.array(sums[:24]) * fade, mix @ np.array(sums[24:]) * fade
            late[place] += short[:, None] * taus - half[:, None]
            spent[place] += short
        rooms = np.array([place.split("|", 1)[0] for place in self._places])
        blend = np.where(rooms[:, None] == rooms[None, :], p.same_room, p.other_place)
        np.fill_diagonal(blend, 1.0)
        blend = np.vstack([blend, np.full((1, n), 1.0)])
        own = over  # not blended: what this home's own silences would bring
        over, late = np.tensordot(blend, own, 1), np.tensordot(blend, late, 1)
        days = float(spent.sum()) / 24
        wanted = p.expected * p.at_most_per_month / 30 * days / self._strictness()
        low, high = (math.log(price / p.at_most_per_month) for price in (p.price_from, p.price_to))
        for _ in range(8):  # the lowest price at which no more false alarms are expected than are wanted
            price = (low + high) / 2
            best = np.argmin(late + math.exp(price) * over, axis=-1)
            expected = float(np.take_along_axis(own, best[:n, :, None], axis=-1).sum())
            low, high = (price, high) if expected > wanted else (low, price)
        limits: Floats = taus[np.argmin(late + math.exp(high) * over, axis=-1)]
        return limits

    def _exceed(self, length: Floats) -> Floats:
        """How likely is it that another silence like one of this length is longer than each tau?"""
        p, taus = self._p, self._taus
        apart = (taus - length) / (p.spread_h + p.spread_share * length)
        usual = 1.0 / (1.0 + np.exp(np.clip(apart, -30, 30)))
        heavy = 1.0 / (1.0 + (taus / np.maximum(length, 1e-6)) ** p.tail)
        return usual * (1.0 - p.tail_share) + heavy * p.tail_share

    def _lateness(self, length: Floats) -> Floats:
        """Hours by which emergencies at random moments of it are found late, for each tau, times hours."""
        within = np.minimum(length, self._taus)
        return within * self._taus - within * within / 2

    def _ages(self) -> Floats:
        """How old did silences get in each half hour of the clock, at most, give or take an hour?"""
        ages = np.zeros(48)
        for _, hour, length, _ in self._silences[: self._count]:
            first, last = int(hour * 2), int((hour + length) * 2)
            for i in range(first, last + 1):
                ages[i % 48] = max(ages[i % 48], min(length, (i + 1) / 2 - hour))
        wide: Floats = np.max([np.roll(ages, k) for k in (-2, -1, 0, 1, 2)], axis=0)
        return wide

    def _near(self, hours: npt.NDArray[Any], centres: npt.NDArray[Any]) -> Floats:
        """Weights [centres, hours]: how near in the hour of day?"""
        apart = (hours[None, :] - centres[:, None] + 12) % 24 - 12
        weights: Floats = np.exp(-0.5 * (apart / self._p.hour_width_h) ** 2)
        return weights

    def _strictness(self) -> float:
        """How do the false alarms of the last 60 days compare with 0.8 of the budget? 1 = just right.

        Above 1 fewer are wanted from now on, below 1 more: the budget is kept by what happens.
        """
        assert self._fitted is not None
        assert self._since is not None
        seen = min(_AUDIT_DAYS, self._fitted - self._since)
        lately = sum(1 for d in self._false if self._fitted - d <= _AUDIT_DAYS)
        return (2 + lately) / (2 + 0.8 * self._p.at_most_per_month * seen / 30)

    def reuse(self, other: Habits) -> None:
        """Take over limits that ``other`` has worked out of the very same state (saves time only)."""
        if (self._fitted, self._count, self._places) == (other._fitted, other._count, other._places):
            self._limits, self._clock = other._limits, other._clock

    def snapshot(self) -> dict[str, Any]:
        return {
            "places": list(self._places),
            "silences": [v for s in self._silences for v in s],
            "today": {str(k): [round(x, 9) for x in v] for k, v in self._today.items()},
            "sums": {str(k): list(v) for k, v in self._sums.items()},
            "since": self._since,
            "fitted": self._fitted,
            "count": self._count,
            "false": list(self._false),
            "lived": list(self._lived),
            "lived_today": list(self._lived_today),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._places = list(state["places"])
        flat: Sequence[Any] = state["silences"]
        self._silences = [(int(a), b, c, int(d)) for a, b, c, d in zip(*[iter(flat)] * 4, strict=True)]
        self._today = {int(k): list(v) for k, v in state["today"].items()}
        self._sums = {int(k): list(v) for k, v in state["sums"].items()}
        self._since, self._fitted, self._count = state["since"], state["fitted"], state["count"]
        self._false = list(state["false"])
        self._lived, self._lived_today = list(state["lived"]), list(state["lived_today"])
        self._limits = None
