"""What if the sensor had hung elsewhere, or been another, or somebody else had been there too?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.falls_frames import Bend, Dice, Frames, upright
from core.model import Floats


# -- mounting and place ----------------------------------------------------------------------------
def hung(height_m: float | None) -> Bend:
    """The mounting height is written down: its true value as far as anybody can tell, or not at all."""

    def bend(f: Frames, _: Dice, __: Frames | None) -> Frames | None:
        if not upright(f) or f.from_floor or f.mounting.height_m == height_m:
            return None
        return replace(f, mounting=replace(f.mounting, height_m=height_m))

    return bend


def lifted(metres: float) -> Bend:
    """The sensor hangs lower or higher, and nobody said how high."""

    def bend(f: Frames, _: Dice, __: Frames | None) -> Frames | None:
        if not upright(f):
            return None
        height = None if f.mounting.height_m is None else f.mounting.height_m + metres

        def shift(p: Floats) -> Floats:
            p[:, 2] -= 0.0 if f.from_floor else metres
            return p

        return replace(f.moved(shift), mounting=replace(f.mounting, height_m=height))

    return bend


def tilted(deg: float, told: bool) -> Bend:
    """The sensor looks down."""

    def bend(f: Frames, _: Dice, __: Frames | None) -> Frames | None:
        if not upright(f) or f.from_floor:
            return None
        c, s = np.cos(np.radians(deg)), np.sin(np.radians(deg))

        def turn(p: Floats) -> Floats:
            y, z = p[:, 1].copy(), p[:, 2].copy()
            p[:, 1], p[:, 2] = y * c - z * s, z * c + y * s
            return p

        tilt = f.mounting.tilt_deg + (deg if told else 0.0)
        return replace(f.moved(turn), mounting=replace(f.mounting, tilt_deg=tilt))

    return bend


def axes(name: str) -> Bend:
    """Other names for the axes; ``-y``: on the ceiling, looking down."""

    def bend(f: Frames, _: Dice, __: Frames | None) -> Frames | None:
        if not upright(f) or f.from_floor:
            return None
        over = 2.6 + f.floor_m

        def rename(p: Floats) -> Floats:
            x, y, z = p[:, 0].copy(), p[:, 1].copy(), p[:, 2].copy()
            if name == "-z":
                p[:, 0], p[:, 2] = -x, -z
            elif name == "-y":
                p[:, 1], p[:, 2] = over - z, y - 1.5
            elif name == "x":
                p[:, 0], p[:, 2] = z, -x
            return p

        height = 2.6 if name == "-y" else f.mounting.height_m
        return replace(f.moved(rename), mounting=replace(f.mounting, vertical_axis=name, height_m=height))

    return bend


def taller(times: float) -> Bend:
    """A smaller or a taller person."""

    def bend(f: Frames, _: Dice, __: Frames | None) -> Frames | None:
        at, low = (2, f.floor_m) if upright(f) else (0, 0.0)

        def scale(p: Floats) -> Floats:
            p[:, at] = low + (p[:, at] - low) * times
            return p

        return f.moved(scale)

    return bend


def farther(metres: float) -> Bend:
    """The same, farther away: fewer points, less exact across the beam."""

    def bend(f: Frames, dice: Dice, _: Frames | None) -> Frames:
        def away(p: Floats) -> Floats:
            reach = np.hypot(p[:, 0], p[:, 1]) if upright(f) else p[:, 1]
            grow = (reach + metres) / np.maximum(reach, 0.3)
            p[:, 1] += metres
            p[:, 0] += dice.normal(0, 0.05, len(p)) * grow
            p = p[dice.random(len(p)) < 1 / np.maximum(grow, 1.0)]
            if upright(f):
                p[:, 2] += dice.normal(0, 0.05 * metres, len(p))
            return p

        return f.moved(away)

    return bend


def aside(deg: float) -> Bend:
    """The same at the edge of the field."""

    def bend(f: Frames, _: Dice, __: Frames | None) -> Frames | None:
        if not upright(f):
            return None
        c, s = np.cos(np.radians(deg)), np.sin(np.radians(deg))

        def turn(p: Floats) -> Floats:
            x, y = p[:, 0].copy(), p[:, 1].copy()
            p[:, 0], p[:, 1] = x * c + y * s, y * c - x * s
            return p

        return f.moved(turn)

    return bend


def mirrored(f: Frames, _: Dice, __: Frames | None) -> Frames | None:
    """A sensor on its side, hung the other way round."""
    if f.mounting.vertical_axis not in ("x", "-x", "learn"):
        return None

    def flip(p: Floats) -> Floats:
        p[:, 0] = -p[:, 0]
        return p

    return f.moved(flip)


# -- company ---------------------------------------------------------------------------------------
def company(metres: float) -> Bend:
    """Somebody else's other clip happens beside it."""

    def bend(f: Frames, _: Dice, other: Frames | None) -> Frames | None:
        if other is None or other is f:
            return None
        nearest = np.minimum(np.searchsorted(other.t, f.t), len(other.t) - 1)
        axis = 0 if upright(f) else 1
        points = []
        for own, n in zip(f.points, nearest.tolist(), strict=True):
            more = other.points[n].copy()
            more[:, axis] += metres
            points.append(np.concatenate((own, more)))
        return replace(f, points=points, tracks=None)

    return bend


def pet(f: Frames, dice: Dice, _: Frames | None) -> Frames | None:
    """An animal walks about at knee height."""
    if not upright(f):
        return None
    blind = all(np.isnan(p[:, 3]).all() for p in f.points)
    x, y, heading = 1.0, 2.0, 0.0
    points = []
    for own, dt in zip(f.points, np.diff(f.t, prepend=f.t[0]), strict=True):
        heading += float(dice.normal(0, 1.5)) * dt
        x = float(np.clip(x + 0.6 * dt * np.cos(heading), -1.5, 1.5))
        y = float(np.clip(y + 0.6 * dt * np.sin(heading), 1.0, 4.0))
        n = int(dice.poisson(2))
        doppler = np.full(n, np.nan) if blind else dice.normal(0, 0.4, n)
        extra = np.column_stack((dice.normal(x, 0.15, n), dice.normal(y, 0.15, n),
                                 f.floor_m + dice.uniform(0.05, 0.4, n), doppler, np.ones(n)))  # fmt: skip
        points.append(np.concatenate((own, extra)))
    return replace(f, points=points)


# -- other sorts of sensor -------------------------------------------------------------------------
def tracked(cloud: bool) -> Bend:
    """The sensor follows the middle of the points by itself, and may keep the points to itself."""

    def bend(f: Frames, _: Dice, __: Frames | None) -> Frames | None:
        if not upright(f) or f.tracks is not None:
            return None
        rows: list[Floats] = []
        state: Floats | None = None
        for p in f.points:
            if len(p):
                middle = np.median(p[:, :3], axis=0)
                state = middle if state is None else state + 0.5 * (middle - state)
            row = np.zeros((0, 10)) if state is None else np.array([[1.0, *state, *[0.0] * 6]])
            rows.append(row)
        points = f.points if cloud else [np.zeros((0, 5))] * len(f.t)
        return replace(f, tracks=rows, points=points)

    return bend
