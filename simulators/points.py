"""What would a TI radar of points report? Clouds, tracks and heights of the bodies in its room.

IWR6843 with the people-tracking demo: points in the sensor's own axes, tracks and heights counted from the
floor, as its documents say. IWRL6432: few points, seldom. See ``simulators/scatter.py`` for what is exact
and what is a sketch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

import numpy as np

from core.model import SECOND, Floats, Reading, Sensor
from core.quantity import Quantity as Q
from simulators.bodies import echoes, low_echoes, stays
from simulators.radar import beats
from simulators.radar_kinds import SENSORS, points_of
from simulators.rooms import plan_of
from simulators.scatter import Scene, see
from simulators.tracker import Tracker
from simulators.world import World

CHUNK_S = 20.0
_KINDS = {"ti_iwr6843": "sim_tracked", "ti_iwrl6432": "sim_sparse"}
_RELATIVE = "relative to the sensor"


def ti(world: World, sensor: Sensor) -> Iterator[list[Reading]]:
    """One cloud a frame, and tracks and heights where the radar has them."""
    base = next(s for s in SENSORS if s.name == _KINDS[sensor.device])
    height_m = sensor.mounting.height_m or base.height_m
    kind = replace(base, height_m=height_m, tilt_deg=sensor.mounting.tilt_deg, axes=_RELATIVE, doppler=True)
    chance = world.chance("points", sensor.id)
    found = stays(world, sensor.room)
    low = [
        there
        for spans in world.people.spans.values()
        if (there := [s for s in spans if s.room == sensor.room and s.kind != "person"])
    ]
    plan = plan_of(world.home, sensor.room)
    scene = Scene([], walls_x_m=(-plan.half_m, plan.half_m))
    tracker = Tracker()

    def chunk(t: int) -> int:
        return (t - world.start) // round(CHUNK_S * SECOND)

    for number, group in groupby(beats(world, sensor, kind.rate_hz, chance.fork("beats")), key=chunk):
        times = list(group)
        own = chance.fork("chunk", number)
        parts = [
            echoes(those, i, times, own)
            for i, those in enumerate(found.values())
            if any(s.start <= times[-1] and s.stop > times[0] for s in those)
        ]
        parts += [low_echoes(spans, times, own) for spans in low]
        seconds = (np.array(times, dtype=np.int64) - world.start) / SECOND
        seen = see(kind, seconds, parts, scene, own)
        points = points_of(kind, seen)
        for f, t in enumerate(times):
            cut = slice(seen.offsets[f], seen.offsets[f + 1])
            readings = [Reading(sensor.id, Q.CLOUD, t, _wire(points[cut]))]
            if kind.tracks:
                tracks, heights = tracker.frame(float(seconds[f]), seen.points[cut], seen.actor[cut])
                readings += [Reading(sensor.id, Q.TRACK, t, _single(row.tolist())) for row in tracks]
                readings += [Reading(sensor.id, Q.HEIGHT, t, _single(row)) for row in heights]
            yield readings


def _wire(points: Floats) -> Floats:
    """As the wire carries it: single precision, whole SNR."""
    out: Floats = points.astype(np.float32).astype(np.float64)
    out[:, 4] = np.round(np.maximum(points[:, 4], 0.0) * 10)
    return out


def _single(row: tuple[float, ...] | list[float]) -> tuple[float, ...]:
    return tuple(float(np.float32(v)) for v in row)
