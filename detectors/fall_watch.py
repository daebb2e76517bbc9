"""Did the body that one radar sees fall, and is it up again?

Two evidences make a fall: a fast drop, and low afterwards. Both are in the score of
``detectors/fall_model.json``; where the floor is known, a smaller drop that ends just above the floor
is enough, and one that ends high above it is none (a ghost in the ceiling that vanished). A small drop of
something that was low before is somebody rolling out of bed, or a cat leaving the sofa: it counts beside
a resting zone, and where somebody of a person's height was seen not long ago.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from core.model import MINUTE, SECOND, Floats, Mounting
from detectors.fall_around import Zone, inside
from detectors.fall_case import Look
from detectors.fall_geometry import STILL_MPS, Family, Geometry
from detectors.fall_model import load
from detectors.fall_scene import SLOT, Body, Change, Scene

GAP = 2 * SECOND  # nothing came for this long: what was seen before belongs to another scene
UPRIGHT = 0.6  # of the drop must be made good
MOTION_MPS = 0.25
MOTION_M = 0.35  # a quarter second's way of the body's place, for sensors without Doppler
PERSON_M = 0.9  # three quarters of a standing body reach above this; of an animal on a sofa they do not
PERSON_SLOTS = 4  # in a row
LATELY = 30 * MINUTE
GHOST = 4  # who got up makes at least a fourth of the points of the fall
BESIDE_M = 1.0  # who rolls off a bed lies within this of it
TRACK_POINTS = 4  # a track without a cloud counts as this many points


class Lying(NamedTuple):
    """Where somebody fell, between which heights, and of how many points."""

    u: float
    v: float
    before_m: float
    low_m: float
    points: int


class Watch:
    """One radar: its geometry as it turns out, its scene, and the fall it saw last."""

    def __init__(
        self, mounting: Mounting, from_floor: bool = False, alone: bool = True, zones: Sequence[Zone] = ()
    ) -> None:
        self._mounting, self._from_floor, self._alone, self._zones = mounting, from_floor, alone, zones
        self._tall = 0  # slots in a row with somebody of a person's height
        self._person: int | None = None  # when that was last so for long enough
        self._models = load()
        self._tracked = self._flat = False
        self._pointed = self._moves = False  # it has shown points; a point of it has moved
        self._start: int | None = None  # of the open slot
        self.seen: int | None = None  # the newest frame
        self._lying: Lying | None = None
        self.scene: Scene | None = None
        self.changes: list[Change] = []  # of the newest slot; for training
        self._dropped: Lying | None = None  # only between `close` and `lie`
        self._geometry = Geometry(mounting, from_floor)

    # -- frames ------------------------------------------------------------------------------------
    def see(self, t: int, cloud: Floats | None, tracks: Floats | None = None) -> None:
        """One frame at ``t``: points float64[m,5], tracks float64[k,10], or None where not sent."""
        sort = self._sort(cloud, tracks)
        if self.scene is None or sort != (self._tracked, self._flat, self._pointed, self._moves):
            if self.scene is None and not any(sort[:3]):
                return  # nothing yet that tells which sort of radar it is
            self._tracked, self._flat, self._pointed, self._moves = sort
            self._begin()
        assert self.scene is not None
        if self._start is None:
            self._start = t
        self.seen = t
        points = self._geometry.level(cloud if self._pointed and cloud is not None else _as_points(tracks))
        if self._pointed and not self._moves:
            points[:, 3] = np.nan
        self.scene.add(points)

    def _sort(self, cloud: Floats | None, tracks: Floats | None) -> tuple[bool, bool, bool, bool]:
        """What can this radar do, from what it has shown: tracks, no heights, points, Doppler?

        A Doppler that has only ever been 0 is none: zeros fill the column of sensors that do not measure it.
        """
        tracked, pointed = self._tracked or tracks is not None, self._pointed
        flat, moves = self._flat, self._moves
        if cloud is not None and len(cloud):
            flat = (flat or not pointed) and not cloud[:, 2].any()
            pointed = True
            moves = moves or bool((np.abs(cloud[:, 3]) > STILL_MPS).any())
        return tracked, flat, pointed, moves

    def _begin(self) -> None:
        mounting = self._mounting
        if not self._pointed:  # tracks alone: whether they count from the floor is the radar's own setting
            mounting = replace(mounting, height_m=None, tilt_deg=0.0)
        self._geometry = Geometry(mounting, self._from_floor, self._tracked, self._flat)
        family = self._geometry.family
        model = self._models[Family.CLOUD if family is Family.FLAT else family]
        self.scene = Scene(model, family, self._geometry.signed)
        self._lying = None

    @property
    def family(self) -> Family:
        """Which sort of radar has it turned out to be?"""
        return self._geometry.family

    @property
    def floor_m(self) -> float | None:
        """Where is the floor in the heights of its bodies? None if nobody said how high the radar hangs."""
        return self._geometry.floor_m

    # -- slots -------------------------------------------------------------------------------------
    def due(self) -> int | None:
        """At which instant is the open slot over?"""
        return None if self._start is None else self._start + SLOT

    def close(self) -> Look | None:
        """The open slot is over: what does the last second show?"""
        scene, end = self.scene, self.due()
        assert scene is not None
        assert end is not None
        if self.seen is None or end - self.seen > GAP:
            self._start = None
            self._begin()
            return None
        self._start = end
        seen = scene.close()
        if self._geometry.family is Family.FLAT:
            return None
        self._notice(end, seen)
        self.changes = [change for body in seen if (change := scene.compare(body)) is not None]
        here = self._follow(seen)
        best = max(self.changes, key=self.score, default=None)
        if best is None or self.score(best) <= 0:
            return here
        body = best.body
        if self._lying is not None and body.points * GHOST < self._lying.points:
            return here
        self._dropped = Lying(body.u, body.v, best.before_m, body.p50, body.points)
        return here._replace(height_m=self._above(body.p50), low=True, drop=self._facts(best))

    def _notice(self, t: int, seen: list[Body]) -> None:
        """Is somebody here who is as high as a person?"""
        floor = self._geometry.floor_m
        tall = floor is not None and any(b.p75 - floor >= PERSON_M for b in seen)
        self._tall = min(self._tall + 1, PERSON_SLOTS) if tall else 0
        if self._tall == PERSON_SLOTS:
            self._person = t

    def lie(self) -> None:
        """The case took the newest drop: follow that body from now on."""
        self._lying = self._dropped

    def rest(self) -> None:
        """The case is closed: follow nobody."""
        self._lying = None

    def score(self, change: Change) -> float:
        """How surely is this change a fall? Above 0 it is one."""
        model = self._models[self._geometry.family]
        score = model.score(change.features)
        floor = self._geometry.floor_m
        if floor is None:
            return score
        top, drop = change.body.p75 - floor, change.highest_m - change.body.p50
        if top > model.floor_high_m:
            return min(score, model.floor_high_m - top)
        if not self._somebody(change, floor):
            return score
        return max(score, min(model.floor_low_m - top, drop - model.floor_drop_m))

    def _somebody(self, change: Change, floor: float) -> bool:
        """Can what dropped have been a person?"""
        if change.top_m - floor >= PERSON_M:
            return True
        if self._person is not None and self.seen is not None and self.seen - self._person < LATELY:
            return True
        return inside(self._zones, change.body.v, change.body.u, BESIDE_M)

    def _follow(self, seen: list[Body]) -> Look:
        lying = self._lying
        if lying is None or not seen:
            return Look()
        ways = [float(np.hypot(b.u - lying.u, b.v - lying.v)) for b in seen]
        way = min(ways)
        body = seen[ways.index(way)]
        risen = (body.p50 - lying.low_m) / ((lying.before_m - lying.low_m) or 1.0)
        if risen > UPRIGHT and body.points * GHOST < lying.points:
            return Look()  # a few stray points high up are nobody who got up
        if way > self._models[self._geometry.family].near_m:
            # somebody else, or the same person after a gap: only who lives alone can be nobody else
            return Look(self._above(body.p50), upright=self._alone and risen > UPRIGHT)
        self._lying = lying._replace(u=body.u, v=body.v)
        motion = body.motion if body.motion == body.motion else 0.0
        moving = motion > MOTION_MPS or way > MOTION_M
        return Look(self._above(body.p50), upright=risen > UPRIGHT, low=risen <= UPRIGHT, moving=moving)

    # -- evidence ----------------------------------------------------------------------------------
    def _above(self, height: float) -> float:
        return round(height - (self._geometry.floor_m or 0.0), 3)

    def _facts(self, change: Change) -> dict[str, Any]:
        body, scene = change.body, self.scene
        assert scene is not None
        trace: list[list[float]] = []
        for back in range(len(scene.history) - 1, -1, -1):
            near = scene.near(body, back, back)
            if near:
                trace.append([-back * SLOT / SECOND, self._above(near[0].p50)])
        facts = {
            "drop_m": round(float(change.features[0]), 3),
            "height_before_m": self._above(change.before_m),
            "low_m": self._above(body.p50),
            "speed_mps": _speed(trace),
            "score": round(self.score(change), 3),
            "points": body.points,
            "family": str(self._geometry.family),
            "above_floor": self._geometry.floor_m is not None,
            "place_m": [round(body.v, 3), round(body.u, 3)],
            "trace": trace,
        }
        if body.doppler == body.doppler:
            facts["doppler_mps"] = round(body.doppler, 3)
        return facts

    # -- state -------------------------------------------------------------------------------------
    def snapshot(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "tracked": self._tracked,
            "flat": self._flat,
            "pointed": self._pointed,
            "moves": self._moves,
            "tall": self._tall,
            "person": self._person,
            "start": self._start,
            "seen": self.seen,
            "lying": None if self._lying is None else list(self._lying),
            "scene": None if self.scene is None else self.scene.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a snapshot."""
        self._tracked, self._flat = bool(state["tracked"]), bool(state["flat"])
        self._pointed, self._moves = bool(state["pointed"]), bool(state["moves"])
        self._tall, self._person = int(state["tall"]), state["person"]
        if state["scene"] is not None:
            self._begin()
            assert self.scene is not None
            self.scene.restore(state["scene"])
        self._start, self.seen = state["start"], state["seen"]
        self._lying = None if state["lying"] is None else Lying(*state["lying"])


def _as_points(tracks: Floats | None) -> Floats:
    """Tracks without a cloud stand for a few points each; a height of exactly 0 is no height."""
    if tracks is None:
        return np.zeros((0, 5))
    real = tracks[tracks[:, 3] != 0]
    speed = np.sqrt((real[:, 4:7] ** 2).sum(axis=1)) + 2 * STILL_MPS  # who stands still is no wall
    points = np.column_stack((real[:, 1:4], speed, np.ones(len(real))))
    cloud: Floats = np.repeat(points, TRACK_POINTS, axis=0)
    return cloud


def _speed(trace: list[list[float]]) -> float:
    """How fast was the middle half of the way down, m/s? A lower bound: one second is pooled."""
    heights = [h for _, h in trace]
    high, low = max(heights), heights[-1]
    upper, lower = high - 0.25 * (high - low), low + 0.25 * (high - low)
    start = max((t for t, h in trace if h >= upper), default=trace[0][0])
    end = min((t for t, h in trace if t > start and h <= lower), default=0.0)
    return round((upper - lower) / max(end - start, 0.25), 3)
