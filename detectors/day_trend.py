"""Has anything changed against the person's own usual? Median of the last week against the weeks before.

Nothing is said before enough days are known: five of the last seven and ten of the 28 before them. A
change is told when the two medians are further apart than one and a half times the usual spread of single
days (the median distance from the median, scaled to a standard deviation) and than a floor that matters
to people. Days of which a third or more could not be seen do not count. A single day is odd when it is
three and a half such spreads away. Medians, because one bad night must not shift what is usual.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

RECENT, BEFORE = 7, 28
ENOUGH_RECENT, ENOUGH_BEFORE = 5, 10
_TO_SIGMA = 1.4826  # median absolute deviation to standard deviation, of a normal distribution
_CHANGE, _ODD = 1.5, 3.5
_UNSEEN_SHARE = 1 / 3

FLOORS: dict[str, float] = {
    "asleep_s": 2700.0,
    "in_bed_s": 2700.0,
    "bed_exits": 1.5,
    "turn_overs": 8.0,
    "naps_s": 1800.0,
    "out_s": 1800.0,
    "outings": 1.5,
    "visits": 2.0,
    "visits_at_night": 1.5,
    "activity": 15.0,
    "heart_bpm": 5.0,
    "breath_bpm": 2.0,
}
"""Which figures have a trend, and the smallest change worth telling."""


@dataclass(frozen=True, slots=True)
class Trend:
    """One figure: the last week's median, the usual one and its spread (None: not enough days known)."""

    figure: str
    recent: float | None
    usual: float | None
    spread: float | None
    change: str  # more, less, same, or "" where too few days are known
    days: int  # of the days before that are known


def known(row: Mapping[str, Any], figure: str) -> float | None:
    """The figure of a day, if it says anything; a day that was hardly seen does not."""
    value = row.get(figure)
    totals = row.get("totals_s", {})
    length = row.get("length_s", 0)
    lived = length - totals.get("ahead", 0)
    if not isinstance(value, int | float) or isinstance(value, bool) or not row.get("whole", False):
        return None
    if lived <= 0 or totals.get("unknown", 0) >= _UNSEEN_SHARE * lived:
        return None
    return float(value)


def spread_of(values: Sequence[float]) -> float:
    """How far are single days usually from the middle? As a standard deviation.

    >>> round(spread_of([1, 2, 3, 4, 100]), 2)
    1.48
    """
    middle = median(values)
    return _TO_SIGMA * median(abs(v - middle) for v in values)


def trend(rows: Sequence[Mapping[str, Any]], figure: str) -> Trend:
    """The trend of one figure over days in order, the newest last."""
    recent = [v for r in rows[-RECENT:] if (v := known(r, figure)) is not None]
    before = [v for r in rows[-RECENT - BEFORE : -RECENT] if (v := known(r, figure)) is not None]
    now = median(recent) if len(recent) >= ENOUGH_RECENT else None
    if len(before) < ENOUGH_BEFORE:
        return Trend(figure, now, None, None, "", len(before))
    usual, spread = median(before), spread_of(before)
    change = ""
    if now is not None:
        apart = abs(now - usual) >= max(_CHANGE * spread, FLOORS[figure])
        change = "same" if not apart else "more" if now > usual else "less"
    return Trend(figure, now, usual, spread, change, len(before))


def trends(rows: Sequence[Mapping[str, Any]]) -> list[Trend]:
    """All figures that were ever known, in the order of :data:`FLOORS`."""
    found = [trend(rows, figure) for figure in FLOORS]
    return [t for t in found if t.recent is not None or t.usual is not None]


def odd(rows: Sequence[Mapping[str, Any]], figure: str) -> list[bool]:
    """Which days stand out among the 28 before them? All false where too few are known."""
    out = []
    for i, row in enumerate(rows):
        value = known(row, figure)
        before = [v for r in rows[max(0, i - BEFORE) : i] if (v := known(r, figure)) is not None]
        strange = False
        if value is not None and len(before) >= ENOUGH_BEFORE:
            limit = max(_ODD * spread_of(before), 1.5 * FLOORS[figure])
            strange = abs(value - median(before)) >= limit
        out.append(strange)
    return out


def battery_days(rows: Sequence[Mapping[str, Any]], sensor: str) -> float | None:
    """In how many days is this battery empty, going on as of late? None where it does not fall.

    The slope is the median of the slopes between all pairs of days (Theil and Sen), so that one odd
    reading does not turn it.
    """
    points = [
        (float(i), float(pct))
        for i, r in enumerate(rows)
        if isinstance(pct := r.get("sensors", {}).get(sensor, {}).get("battery_pct"), int | float)
    ]
    if len(points) < ENOUGH_BEFORE:
        return None
    slopes = [
        (b[1] - a[1]) / (b[0] - a[0]) for k, a in enumerate(points) for b in points[k + 1 :] if b[0] > a[0]
    ]
    slope = median(slopes)
    return None if slope >= -0.01 else round(points[-1][1] / -slope, 1)
