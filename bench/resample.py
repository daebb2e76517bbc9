"""How would this home look if somebody had recorded it for months?

The recordings that may be held are one to four weeks long; the learner is made for months. Here whole
recorded days of one home are drawn again and again (a block bootstrap) into a home of any length:

* a block runs from one cut of the day to the next; the cut is the quarter of an hour that recorded
  silences straddle least, so that few silences are stitched from two days,
* weekdays are drawn from weekdays, weekend days from weekend days (from all where there are fewer than 2),
* each block is warped: every hour runs quicker or slower by a random factor (log-normal, 0.25), the block
  as a whole takes its day; an event at midday moves by half an hour or so, no silence comes back exactly,
* one day in forty nobody is at home, for one to four days; only in homes with a door sensor, whose door
  opens and closes at both ends,
* where a sensor's state differs across a cut, the new state is laid in as a retained value.

What it cannot give: seasons, illness, visitors that the few recorded days did not hold. Days of the test
resemble days of the learning part, so figures from it are better than those of a real home of that
length would be. The same home, length and seed always give the same result.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace

import numpy as np

from bench.homes import Edge, Recorded, merged
from core.model import DAY, HOUR, MINUTE, SECOND, Flag
from core.quantity import Quantity

_STATES = frozenset({Quantity.CONTACT_OPEN, Quantity.BED_OCCUPIED, Quantity.SEAT_OCCUPIED, Quantity.USE})
_WARP = 0.25
_AWAY_EVERY = 40
_LEAST_BLOCKS = 3

Label = tuple[int, int, str]


def long_home(home: Recorded, days: int, seed: int = 1) -> Recorded | None:
    """This home, resampled to ``days`` days. None if it holds fewer than three whole days."""
    cut = _cut(home)
    blocks = _blocks(home, cut)
    if len(blocks) < _LEAST_BLOCKS:
        return None
    rng = np.random.default_rng([seed, days])
    weekend = [b for b in blocks if _weekend(b)]
    week = [b for b in blocks if not _weekend(b)]
    first = home.start // DAY * DAY + cut
    times = [e[0] for e in home.edges]
    edges: list[Edge] = []
    truth: list[Label] = []
    state: dict[tuple[str, Quantity], float] = {}
    day = 0
    while day < days:
        start = first + day * DAY
        if home.doors and day and rng.random() < 1 / _AWAY_EVERY:
            length = min(int(rng.integers(1, 5)), days - day)
            edges += _door(home.doors[0], start) + _door(home.doors[0], start + length * DAY - 10 * SECOND)
            truth.append((start, start + length * DAY, "away"))
            day += length
            continue
        kind = weekend if _weekend(start) else week
        kind = kind if len(kind) >= 2 else blocks
        source = kind[int(rng.integers(len(kind)))]
        warp = _Warp(rng, source, start)
        found = home.edges[bisect_left(times, source) : bisect_left(times, source + DAY)]
        edges += _synced(home, state, times, source, start)
        for t, name, quantity, value, flags in found:
            edges.append((warp(t), name, quantity, value, flags))
            if quantity in _STATES:
                state[name, quantity] = value
        for a, b, label in home.truth:
            if a < source + DAY and b > source:
                truth.append((warp(max(a, source)), warp(min(b, source + DAY)), label))
        day += 1
    edges.sort(key=lambda e: (e[0], e[1], e[2]))
    labels = sorted({label for _, _, label in truth})
    joined = [(a, b, label) for label in labels for a, b in merged(s[:2] for s in truth if s[2] == label)]
    return replace(home, edges=edges, truth=sorted(joined), _absences={})


def _weekend(t: int) -> bool:
    return (t // DAY + 3) % 7 >= 5  # 1970-01-01 was a Thursday


def _cut(home: Recorded) -> int:
    """At which time of day (ns) do silences cross least?"""
    times = np.unique(np.array([e[0] for e in home.edges], dtype=np.int64))
    best, cost = 12 * HOUR, float("inf")
    for quarter in range(96):
        at = np.arange(home.start // DAY + 1, home.stop // DAY) * DAY + quarter * 15 * MINUTE
        at = at[(at > times[0]) & (at < times[-1])]
        if not len(at):
            continue
        after = np.searchsorted(times, at)
        crossed = float(np.mean(np.sqrt(times[after] - times[after - 1])))
        if crossed < cost:
            best, cost = quarter * 15 * MINUTE, crossed
    return best


def _blocks(home: Recorded, cut: int) -> list[int]:
    """Where whole recorded days begin; not inside an absence nobody labelled."""
    labelled = home.labelled()
    stop = min(home.stop, labelled[1]) if labelled else home.stop
    gone = home.absences()
    starts = range(home.start // DAY * DAY + cut, stop - DAY + 1, DAY)
    clear = (t for t in starts if t >= home.start)
    return [t for t in clear if not any(a < t + DAY and b > t for a, b in gone)]


class _Warp:
    """From a recorded block to its place in the new home; never backwards, whole milliseconds."""

    def __init__(self, rng: np.random.Generator, source: int, start: int) -> None:
        pace = np.exp(rng.normal(0.0, _WARP, 24))
        self._to = np.concatenate([[0.0], np.cumsum(pace / pace.sum())]) * DAY
        self._from = np.arange(25) * float(HOUR)
        self._source, self._start = source, start

    def __call__(self, t: int) -> int:
        moved = int(np.interp(t - self._source, self._from, self._to)) // 1_000_000 * 1_000_000
        return self._start + min(moved, DAY - SECOND // 1000)


def _door(name: str, t: int) -> list[Edge]:
    return [(t, name, Quantity.CONTACT_OPEN, 1.0, 0), (t + 5 * SECOND, name, Quantity.CONTACT_OPEN, 0.0, 0)]


def _synced(
    home: Recorded, state: dict[tuple[str, Quantity], float], times: list[int], source: int, start: int
) -> list[Edge]:
    """Retained values for whatever was otherwise at the beginning of the recorded day."""
    then: dict[tuple[str, Quantity], float] = {}
    for t, name, quantity, value, _ in reversed(home.edges[: bisect_right(times, source - 1)]):
        if source - t > 3 * DAY:
            break
        if quantity in _STATES:
            then.setdefault((name, quantity), value)
    out: list[Edge] = []
    for key in sorted(state.keys() | then.keys()):
        value = then.get(key, 0.0)
        if state.get(key, 0.0) != value:
            out.append((start, *key, value, int(Flag.RETAINED)))
            state[key] = value
    return out
