"""What else could a recording of the same falls have looked like? Changes a clip goes through.

Each change keeps what happened and alters how it was seen: other frame rates, lost frames, fewer or more
points, missing columns here; another mounting, place, company and sort of sensor in ``falls_place.py``.
All chance comes from a generator seeded by names, so a change of a clip is always the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bench.falls_frames import FLOOR_M, Bend, Dice, Frames, rate_of
from bench.falls_place import (
    aside,
    axes,
    company,
    farther,
    hung,
    lifted,
    mirrored,
    pet,
    taller,
    tilted,
    tracked,
)  # fmt: skip
from core.model import Floats


# -- time ------------------------------------------------------------------------------------------
def rate(hz: float) -> Bend:
    """Fewer frames, or the same points shared out over more."""

    def bend(f: Frames, dice: Dice, _: Frames | None) -> Frames | None:
        own = rate_of(f)
        if abs(own - hz) < 0.3 * hz:
            return None
        if own > hz:
            due = np.floor((f.t - f.t[0]) * hz)
            return f.kept(np.flatnonzero(np.diff(due, prepend=-1.0) > 0))
        times = np.arange(f.t[0], f.t[-1], 1 / hz)
        after = np.minimum(np.searchsorted(f.t, times, side="left"), len(f.t) - 1)
        points: list[Floats] = []
        tracks: list[Floats] = []
        for n in np.unique(after).tolist():
            share = int((after == n).sum())
            part = dice.integers(0, share, len(f.points[n]))
            points += [f.points[n][part == k] for k in range(share)]
            if f.tracks is not None:
                tracks += [f.tracks[n]] * share
        return replace(f, t=times, points=points, tracks=None if f.tracks is None else tracks)

    return bend


def lost(share: float) -> Bend:
    """Frames missing at random."""

    def bend(f: Frames, dice: Dice, _: Frames | None) -> Frames:
        return f.kept(np.flatnonzero(dice.random(len(f.t)) >= share))

    return bend


def gaps(each_s: float, gap_s: float) -> Bend:
    """Nothing arrives for a while, again and again."""

    def bend(f: Frames, dice: Dice, _: Frames | None) -> Frames:
        return f.kept(np.flatnonzero((f.t + dice.random() * each_s) % each_s >= gap_s))

    return bend


def jitter(f: Frames, dice: Dice, _: Frames | None) -> Frames:
    """Frames arrive up to 80 ms late."""
    return replace(f, t=np.maximum.accumulate(f.t + dice.uniform(0, 0.08, len(f.t))))


def bursts(f: Frames, _: Dice, __: Frames | None) -> Frames:
    """Frames arrive together, two or three times a second."""
    return replace(f, t=np.ceil(f.t * 2.5) / 2.5)


def head(f: Frames, _: Dice, __: Frames | None) -> Frames | None:
    """The first second is missing."""
    return f.kept(np.flatnonzero(f.t >= f.t[0] + 1.0)) if f.t[-1] > f.t[0] + 3.0 else None


# -- points ----------------------------------------------------------------------------------------
def sparser(keep: float) -> Bend:
    """Fewer points."""

    def bend(f: Frames, dice: Dice, _: Frames | None) -> Frames:
        return f.moved(lambda p: p[dice.random(len(p)) < keep])

    return bend


def denser(times: int) -> Bend:
    """More points, each a little off."""

    def bend(f: Frames, dice: Dice, _: Frames | None) -> Frames:
        def more(p: Floats) -> Floats:
            p = np.repeat(p, times, axis=0)
            planar = not p[:, 2].any()
            p[:, :3] += dice.normal(0, 0.05, (len(p), 3))
            if planar:
                p[:, 2] = 0.0
            return p

        return f.moved(more)

    return bend


def noisy(metres: float) -> Bend:
    """Points less exact."""

    def bend(f: Frames, dice: Dice, _: Frames | None) -> Frames:
        def off(p: Floats) -> Floats:
            p[:, :3] += dice.normal(0, metres, (len(p), 3)) * (p[:, :3] != 0)
            return p

        return f.moved(off)

    return bend


def ghosts(f: Frames, dice: Dice, _: Frames | None) -> Frames:
    """Points of nobody, ten a second, anywhere."""
    planar = not any(p[:, 2].any() for p in f.points)
    each = 10 / max(rate_of(f), 1.0)

    def more(p: Floats) -> Floats:
        n = int(dice.poisson(each))
        place = (dice.uniform(-2.5, 2.5, n), dice.uniform(0.5, 6, n), f.floor_m + dice.uniform(0, 2.4, n))
        extra = np.column_stack((*place, dice.normal(0, 0.5, n), np.ones(n)))
        if planar:
            extra[:, 2] = 0.0
        if len(p) and np.isnan(p[:, 3]).all():
            extra[:, 3] = np.nan
        return np.concatenate((p, extra))

    return f.moved(more)


def column(index: int, value: float) -> Bend:
    """A column that says nothing."""

    def bend(f: Frames, _: Dice, __: Frames | None) -> Frames | None:
        def blank(p: Floats) -> Floats:
            p[:, index] = value
            return p

        if all(np.isnan(p[:, index]).all() for p in f.points) and value != value:
            return None
        return f.moved(blank)

    return bend


BENDS: Mapping[str, Bend] = {
    "4 Hz": rate(4), "10 Hz": rate(10), "20 Hz": rate(20), "30 Hz": rate(30),
    "a fifth of frames lost": lost(0.2), "half of frames lost": lost(0.5),
    "0.8 s gaps every 4 s": gaps(4, 0.8), "1.5 s gaps every 6 s": gaps(6, 1.5),
    "frames late by chance": jitter, "frames in bursts": bursts, "first second missing": head,
    "half the points": sparser(0.5), "a quarter of the points": sparser(0.25),
    "three times the points": denser(3), "0.1 m noise": noisy(0.1), "0.2 m noise": noisy(0.2),
    "10 ghost points a second": ghosts,
    "no Doppler": column(3, float("nan")), "Doppler all zero": column(3, 0.0),
    "no SNR": column(4, float("nan")), "SNR all zero": column(4, 0.0),
    "height written": hung(-FLOOR_M), "sensor 0.5 m lower": lifted(-0.5),
    "sensor 0.8 m higher": lifted(0.8),
    "tilt 15, told": tilted(15, True), "tilt 15, not told": tilted(15, False),
    "tilt 30, told": tilted(30, True),
    "upside down": axes("-z"), "ceiling": axes("-y"), "on its side": axes("x"), "other way round": mirrored,
    "person 0.85 times as tall": taller(0.85), "person 1.1 times as tall": taller(1.1),
    "1 m farther": farther(1), "2.5 m farther": farther(2.5), "40 degrees aside": aside(40),
    "second person 2 m off": company(2), "pet about": pet,
    "with tracks": tracked(True), "tracks only": tracked(False),
}  # fmt: skip
