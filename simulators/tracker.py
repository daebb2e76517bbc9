"""How does a tracking radar turn points into tracks and heights? A kind imitation of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.model import Floats, Ints

LOST_AFTER_S = 2.0


@dataclass(slots=True)
class Seen:
    """Frames: ``t`` s, points with offsets, which actor each point is from (-1: none), tracks, heights."""

    t: Floats
    points: Floats  # [p, 5] x, y, z, doppler, snr; z above the floor
    offsets: Ints
    actor: Ints
    tracks: Floats  # [n, 10]
    track_offsets: Ints
    heights: Floats  # [n, 3]
    height_offsets: Ints


class Tracker:
    """A track of each person: an alpha-beta filter over the middle of their points.

    Which point is whose is known here, so tracks never swap and ghosts are never tracked: kinder than
    a real tracker. A track ends after LOST_AFTER_S without points.
    """

    def __init__(self) -> None:
        self._state: dict[int, Floats] = {}
        self._top: dict[int, tuple[float, float]] = {}
        self._missed: dict[int, float] = {}
        self._last: float | None = None

    def frame(self, t: float, cloud: Floats, who: Ints) -> tuple[list[Floats], list[tuple[float, ...]]]:
        """Tracks [10] and heights [3] after this frame; ``who`` is whose each point is (-1: nobody's)."""
        dt = 0.0 if self._last is None else t - self._last
        self._last = t
        seen = set(who[who >= 0].tolist())
        rows: list[Floats] = []
        heights: list[tuple[float, ...]] = []
        for tid in sorted(seen | self._state.keys()):
            own = cloud[who == tid, :3]
            self._missed[tid] = 0.0 if len(own) else self._missed.get(tid, 0.0) + dt
            s = self._state.get(tid)
            if self._missed[tid] > LOST_AFTER_S or (s is None and len(own) < 3):
                self._state.pop(tid, None)
                continue
            s = self._begin(tid, own) if s is None else self._go_on(tid, s, own, dt)
            self._state[tid] = s
            rows.append(np.concatenate(([float(tid)], s)))
            heights.append((float(tid), *self._top[tid]))
        return rows, heights

    def _begin(self, tid: int, own: Floats) -> Floats:
        self._top[tid] = (float(own[:, 2].max()), float(own[:, 2].min()))
        return np.concatenate((own.mean(axis=0), np.zeros(6)))

    def _go_on(self, tid: int, s: Floats, own: Floats, dt: float) -> Floats:
        s = s.copy()
        s[:3] += dt * s[3:6]
        if not len(own):
            s[3:6] *= 0.8
            return s
        miss, before = own.mean(axis=0) - s[:3], s[3:6].copy()
        s[:3] += 0.45 * miss
        s[3:6] += 0.12 * miss / max(dt, 1e-3)
        s[6:9] = 0.3 * (s[3:6] - before) / max(dt, 1e-3)
        z = np.sort(own[:, 2])
        low, high = float(z[len(z) // 20]), float(z[-1 - len(z) // 20])
        self._top[tid] = (0.7 * self._top[tid][0] + 0.3 * high, 0.7 * self._top[tid][1] + 0.3 * low)
        return s


def track(seen: Seen) -> None:
    """Add tracks and heights to frames."""
    tracker = Tracker()
    rows: list[Floats] = []
    heights: list[tuple[float, ...]] = []
    counts = []
    for f, t in enumerate(seen.t.tolist()):
        cut = slice(seen.offsets[f], seen.offsets[f + 1])
        more, high = tracker.frame(t, seen.points[cut], seen.actor[cut])
        rows += more
        heights += high
        counts.append(len(more))
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    seen.tracks, seen.track_offsets = np.array(rows).reshape(-1, 10), offsets
    seen.heights, seen.height_offsets = np.array(heights).reshape(-1, 3), offsets
