"""What bodies does a radar see, how high are they, and how high were they a moment ago?

A cloud of 1 to 300 points a frame says little about height by itself (a single frame's 95th percentile
correlates with a camera's head height at about 0.1). So points are pooled over one second, up to two
while they are few, on a grid of quarter seconds of event time; that makes the same rule serve 4 Hz and
30 Hz sensors, near and far. In each second the
points are split into at most two bodies by place; the median of a body's heights is its height. A drop
is that height now against the same spot's height in the three seconds before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from core.model import SECOND, Floats
from detectors.fall_geometry import STILL_MPS, Family
from detectors.fall_model import Model

SLOT = SECOND // 4
POOL = 4  # slots in one second
LONG_POOL = 8  # slots, while there are few points
BACK = 12  # slots looked back
SETTLE = 2  # the newest slots are still part of the fall
BODIES = 2
FRAME_POINTS = 64  # more points of one frame, and more of one slot, are thinned evenly
SLOT_POINTS = 512
POOL_POINTS = 160


class Body(NamedTuple):
    """One body in one second: place on the floor, points, heights (percentiles, m), |Doppler| (m/s)."""

    u: float
    v: float
    points: int
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float
    doppler: float  # 95th percentile; NaN where the sensor gives none
    motion: float  # mean


class Change(NamedTuple):
    """A body, from which height it came, the highest (but one) it had, its top then, and the features."""

    body: Body
    before_m: float
    highest_m: float
    top_m: float  # fourth highest of the 75th percentiles before
    features: Floats


def thin(points: Floats, most: int) -> Floats:
    """At most this many rows, evenly."""
    if len(points) <= most:
        return points
    kept: Floats = points[np.linspace(0, len(points) - 1, most).astype(np.int64)]
    return kept


def bodies(points: Floats, model: Model, family: Family) -> list[Body]:
    """Who is there? Densest place first, at most two; ``points`` float64[m,4] as levelled."""
    found: list[Body] = []
    rest = thin(points, POOL_POINTS)
    while len(rest) >= model.min_points and len(found) < BODIES:
        inside = _densest(rest, model.radius_m, family)
        group = rest[inside]
        if len(group) < model.min_points:
            break
        found.append(_body(group))
        rest = rest[~inside]
    enough = model.share * sum(b.points for b in found)
    return [b for b in found if b.points >= enough]


def _densest(points: Floats, radius: float, family: Family) -> np.ndarray[Any, np.dtype[np.bool_]]:
    if family is Family.ROTATED:  # one floor coordinate: the fullest stretch of range
        ordered = np.sort(points[:, 0])
        counts = np.searchsorted(ordered, ordered + 2 * radius, side="right") - np.arange(len(ordered))
        start = ordered[np.argmax(counts)]
        return np.asarray((points[:, 0] >= start) & (points[:, 0] <= start + 2 * radius))
    spot = points[:, :2]
    apart = spot[:, None, :] - spot[None, :, :]
    near = (apart * apart).sum(axis=2) < radius * radius
    group = spot[near[np.argmax(near.sum(axis=1))]]
    centre = np.median(group, axis=0)
    return np.asarray(((spot - centre) ** 2).sum(axis=1) < radius * radius)


def _body(group: Floats) -> Body:
    p10, p25, p50, p75, p90 = map(float, np.percentile(group[:, 2], (10, 25, 50, 75, 90)))
    u, v = map(float, np.median(group[:, :2], axis=0))
    speed = group[:, 3]
    moving = bool(np.isfinite(speed).all())
    fast = float(np.percentile(speed, 95)) if moving else float("nan")
    mean = float(speed.mean()) if moving else float("nan")
    return Body(u, v, len(group), p10, p25, p50, p75, p90, fast, mean)


def features(
    now: Body, before: list[Body], lately: list[Body], model: Model, signed: bool, lesser: bool = False
) -> Change | None:
    """How did a body change against ``before`` (the same spot, without the newest slots)?

    float64[7]: ``drop_m`` below the fourth highest height before, ``settled_drop_m`` below the sixth
    (the lowest, while there are fewer), ``log_doppler`` of the fastest motion before, ``lately`` and
    now, ``log_spread`` of the heights now, ``foot_m`` and ``top_m`` the fall of the lower and the upper
    edge, ``lesser`` 1 if it has less than half of all points: two people's points are easily confused.
    Where up is not known the larger change is taken as down.
    """
    if len(before) < model.min_rows:
        return None
    middle = sorted(b.p50 for b in before)
    fourth, sixth = min(3, len(middle) - 1), min(5, len(middle) - 1)
    drop, rise = middle[-1 - fourth] - now.p50, now.p50 - middle[fourth]
    if signed or drop > rise:
        settled = middle[-1 - sixth] - now.p50
        foot = sorted(b.p10 for b in before)[fourth] - now.p10
        top = sorted(b.p90 for b in before)[-1 - fourth] - now.p90
        start = middle[-1 - fourth]
    else:
        drop, settled = rise, now.p50 - middle[sixth]
        foot = now.p90 - sorted(b.p90 for b in before)[-1 - fourth]
        top = now.p10 - sorted(b.p10 for b in before)[fourth]
        start = middle[fourth]
    fastest = max((b.doppler for b in (*before, *lately, now) if b.doppler == b.doppler), default=0.0)
    speed, spread = float(np.log(fastest + 0.1)), float(np.log(now.p75 - now.p25 + 0.1))
    highest = middle[max(0, len(middle) - 2)]
    tall = sorted(b.p75 for b in before)[-1 - fourth]
    return Change(now, start, highest, tall, np.array((drop, settled, speed, spread, foot, top, lesser)))


class Scene:
    """One radar's last four seconds. ``add`` frames, ``close`` slots; both in time order."""

    def __init__(self, model: Model, family: Family, signed: bool) -> None:
        self._model, self._family, self._signed = model, family, signed
        self._slot: list[Floats] = []  # frames of the open slot
        self._pool: list[Floats] = []  # points of the slots before it
        self.history: list[list[Body]] = []  # one entry a slot, newest last

    def add(self, points: Floats) -> None:
        """One frame of levelled points, float64[m,4]."""
        if sum(map(len, self._slot)) < SLOT_POINTS:
            self._slot.append(thin(points, FRAME_POINTS))

    def close(self) -> list[Body]:
        """The slot is over: who was there in the last second?"""
        slot = np.concatenate(self._slot) if self._slot else np.zeros((0, 4))
        still = slot[:, 3] < STILL_MPS
        if still.any():  # a sensor that shows walls and furniture
            slot = slot[~still]
        self._pool = [*self._pool, slot][-LONG_POOL:]
        self._slot = []
        counts = np.cumsum([len(part) for part in reversed(self._pool)])
        slots = min(max(POOL, int(np.searchsorted(counts, self._model.enough)) + 1), len(self._pool))
        points = np.concatenate(self._pool[-slots:])
        seen = bodies(points, self._model, self._family)
        self.history = [*self.history, seen][-BACK - 1 :]
        return seen

    def near(self, body: Body, newest: int, oldest: int) -> list[Body]:
        """Which bodies stood at the same spot, from ``oldest`` to ``newest`` slots ago?"""
        reach = self._model.near_m
        slots = self.history[max(0, len(self.history) - 1 - oldest) : len(self.history) - newest]
        return [b for slot in slots for b in slot if np.hypot(b.u - body.u, b.v - body.v) < reach]

    def compare(self, body: Body) -> Change | None:
        """How did this body of the newest slot come here?"""
        before, lately = self.near(body, SETTLE, BACK), self.near(body, 1, SETTLE - 1)
        lesser = 2 * body.points < sum(b.points for b in self.history[-1])
        return features(body, before, lately, self._model, self._signed, lesser)

    def snapshot(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "slot": [rows(p) for p in self._slot],
            "pool": [rows(p) for p in self._pool],
            "history": [[[none(x) for x in body] for body in slot] for slot in self.history],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a snapshot."""
        self._slot = [points(p) for p in state["slot"]]
        self._pool = [points(p) for p in state["pool"]]
        self.history = [[Body._make(map(number, body)) for body in slot] for slot in state["history"]]


def none(x: float) -> float | None:
    """JSON has no NaN."""
    return None if x != x else x


def number(x: float | None) -> float:
    """The way back of :func:`none`."""
    return float("nan") if x is None else x


def rows(array: Floats) -> list[list[float | None]]:
    """Points as JSON."""
    return [[none(x) for x in row] for row in array.tolist()]


def points(data: Any) -> Floats:
    """The way back of :func:`rows`."""
    return np.array([[number(x) for x in row] for row in data], dtype=np.float64).reshape(-1, 4)
