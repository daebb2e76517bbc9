"""How is a clip taken apart into frames, changed, and put together again?"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bench.falls_clips import Clip, block
from core.model import SECOND, Floats, Ints, Mounting
from core.quantity import Quantity as Q

FLOOR_M = -1.4  # where the floor is taken to be under a sensor whose height nobody wrote down
Dice = np.random.Generator


@dataclass(frozen=True)
class Frames:
    """A clip taken apart: ``t`` s, points float64[m,5] of each frame, tracks float64[k,10] or None."""

    t: Floats
    points: list[Floats]
    tracks: list[Floats] | None
    mounting: Mounting
    from_floor: bool

    @property
    def floor_m(self) -> float:
        """Height of the floor in these points."""
        if self.from_floor:
            return 0.0
        return -self.mounting.height_m if self.mounting.height_m else FLOOR_M

    def kept(self, which: Ints) -> Frames:
        """Only these frames."""
        tracks = None if self.tracks is None else [self.tracks[i] for i in which]
        return replace(self, t=self.t[which], points=[self.points[i] for i in which], tracks=tracks)

    def moved(self, how: Callable[[Floats], Floats]) -> Frames:
        """Every point changed by ``how`` (float64[m,5] to the same)."""
        return replace(self, points=[how(p.copy()) for p in self.points])


Bend = Callable[[Frames, Dice, "Frames | None"], "Frames | None"]


def dice_of(*names: str) -> Dice:
    """A generator that depends on nothing but these names."""
    return np.random.default_rng(zlib.crc32("\x1f".join(names).encode()))


def apart(clip: Clip) -> Frames:
    """The frames of a clip."""
    cloud = next(b for b in clip.blocks if b.quantity is Q.CLOUD)
    points = [cloud.points(i).copy() for i in range(len(cloud))]
    tracks = None
    some = next((b for b in clip.blocks if b.quantity is Q.TRACK), None)
    if some is not None:
        edges = np.searchsorted(some.t, [clip.t, clip.t + 1])
        tracks = [some.value[a:b].copy() for a, b in edges.T]
    return Frames(clip.t / SECOND, points, tracks, clip.mounting, clip.from_floor)


def together(clip: Clip, frames: Frames) -> Clip:
    """The clip with these frames instead."""
    t = np.maximum.accumulate(np.round(frames.t * SECOND).astype(np.int64))
    counts = [len(p) for p in frames.points]
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    cloud = np.concatenate([*frames.points, np.zeros((0, 5))])
    blocks = [block(Q.CLOUD, t, cloud, offsets)]
    if frames.tracks is not None:
        rows = np.concatenate([*frames.tracks, np.zeros((0, 10))])
        blocks.append(block(Q.TRACK, np.repeat(t, [len(r) for r in frames.tracks]), rows))
    return replace(
        clip, t=t, blocks=tuple(blocks), mounting=frames.mounting, from_floor=frames.from_floor,
        told_impact_s=clip.impact_s(),
    )  # fmt: skip


def rate_of(f: Frames) -> float:
    """Frames a second."""
    return float((len(f.t) - 1) / max(f.t[-1] - f.t[0], 0.1)) if len(f.t) > 1 else 1.0


def upright(f: Frames) -> bool:
    """Is z up, and does it say anything?"""
    return f.mounting.vertical_axis == "z" and any(p[:, 2].any() for p in f.points)
