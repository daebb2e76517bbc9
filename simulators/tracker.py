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


def track(seen: Seen, people: int) -> None:
    """A track of each person: an alpha-beta filter over the middle of their points.

    Which point is whose is known here, so tracks never swap and ghosts are never tracked: kinder than
    a real tracker. A track ends after LOST_AFTER_S without points.
    """
    rows, heights, counts = [], [], []
    state: list[Floats | None] = [None] * people
    top: list[tuple[float, float]] = [(0.0, 0.0)] * people
    missed = [0.0] * people
    last = float(seen.t[0]) if len(seen.t) else 0.0
    for f, t in enumerate(seen.t.tolist()):
        dt, last, count = t - last, t, 0
        cut = slice(seen.offsets[f], seen.offsets[f + 1])
        cloud, who = seen.points[cut], seen.actor[cut]
        for tid in range(people):
            own = cloud[who == tid, :3]
            s = state[tid]
            missed[tid] = 0.0 if len(own) else missed[tid] + dt
            if (s is None and len(own) < 3) or missed[tid] > LOST_AFTER_S:
                state[tid] = None
                continue
            if s is None:
                s = np.concatenate((own.mean(axis=0), np.zeros(6)))
                top[tid] = (float(own[:, 2].max()), float(own[:, 2].min()))
            else:
                s[:3] += dt * s[3:6]
                if len(own):
                    miss = own.mean(axis=0) - s[:3]
                    before = s[3:6].copy()
                    s[:3] += 0.45 * miss
                    s[3:6] += 0.12 * miss / max(dt, 1e-3)
                    s[6:9] = 0.3 * (s[3:6] - before) / max(dt, 1e-3)
                    high, low = np.percentile(own[:, 2], (95, 5))
                    top[tid] = (0.7 * top[tid][0] + 0.3 * float(high), 0.7 * top[tid][1] + 0.3 * float(low))
                else:
                    s[3:6] *= 0.8
            state[tid] = s
            rows.append(np.concatenate(([float(tid)], s)))
            heights.append((float(tid), *top[tid]))
            count += 1
        counts.append(count)
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    seen.tracks, seen.track_offsets = np.array(rows).reshape(-1, 10), offsets
    seen.heights, seen.height_offsets = np.array(heights).reshape(-1, 3), offsets
