"""What does somebody do, second by second? Key poses joined by motions, with gait, sway and breath.

A :class:`Moves` is written like a script (walk there, sit down, fall backwards, lie) and then asked for
the pose at any instants. Durations of falls are those measured on real ones: 0.6 to 1 s from losing
balance to the ground from standing, faster from a chair, some seconds for a slide along a wall.
"""

from __future__ import annotations

from math import atan2, degrees, hypot
from typing import Literal

import numpy as np

from core.model import Floats
from simulators.person import P, pose
from simulators.prng import Prng

Ease = Literal["smooth", "drop", "linear"]
Direction = Literal["forward", "backward", "right", "left"]
_LANDING: dict[Direction, str] = {"forward": "prone", "backward": "supine", "right": "right", "left": "left"}
_MILES: dict[Direction, tuple[float, float]] = {  # how far the pelvis travels: right, forward (m)
    "forward": (0.0, 0.45), "backward": (0.0, -0.35), "right": (0.4, 0.0), "left": (-0.4, 0.0),
}  # fmt: skip


class Moves:
    """One person's script. Times in seconds from its start; ``now`` is how far it is written."""

    def __init__(self, chance: Prng, x: float, y: float, yaw: float = 180.0, height_m: float = 1.62) -> None:
        self.height_m, self.now, self._chance = height_m, 0.0, chance
        start = pose(height_m, "stand")
        start[[P.X, P.Y, P.YAW]] = x, y, yaw
        self._times: list[float] = [0.0]
        self._poses: list[Floats] = [start]
        self._eases: list[Ease] = ["linear"]
        self._gait: list[tuple[float, float, float]] = []  # from, to, steps/s
        self._shakes: list[tuple[float, float, float, float, P]] = []  # from, to, degrees, per s, what
        self.impact_s: float | None = None

    @property
    def last(self) -> Floats:
        """The pose reached."""
        return self._poses[-1]

    def to(self, target: Floats, seconds: float, ease: Ease = "smooth") -> Moves:
        """Change to this pose within ``seconds``."""
        self.now += max(seconds, 1e-3)
        self._times.append(self.now)
        self._poses.append(target)
        self._eases.append(ease)
        return self

    def become(self, name: str, seconds: float, ease: Ease = "smooth", z: float | None = None) -> Moves:
        """Take a posture of ``simulators.person.pose`` where one is."""
        target = pose(self.height_m, name)
        target[[P.X, P.Y, P.YAW]] = self.last[[P.X, P.Y, P.YAW]]
        if z is not None:
            target[P.Z] = z
        return self.to(target, seconds, ease)

    def rest(self, seconds: float) -> Moves:
        """Stay as one is; sway and breath go on."""
        return self.to(self.last.copy(), seconds)

    def until(self, t: float) -> Moves:
        """Stay as one is until ``t``, if that is still ahead."""
        return self.rest(t - self.now) if t > self.now else self

    def walk(self, x: float, y: float, speed_m_s: float = 0.8) -> Moves:
        """Turn and walk there."""
        dx, dy = x - float(self.last[P.X]), y - float(self.last[P.Y])
        length = hypot(dx, dy)
        if length < 0.05:
            return self
        turned = pose(self.height_m, "stand")
        yaw = _nearest(degrees(atan2(dx, dy)), float(self.last[P.YAW]))
        turned[[P.X, P.Y, P.YAW]] = self.last[P.X], self.last[P.Y], yaw
        self.to(turned, 0.2 + abs(yaw - float(self.last[P.YAW])) / 180)
        there = turned.copy()
        there[[P.X, P.Y]] = x, y
        begun = self.now
        self.to(there, length / speed_m_s, "linear")
        self._gait.append((begun, self.now, 0.9 + 0.9 * speed_m_s))
        return self

    def fall(self, direction: Direction, seconds: float = 0.8) -> Moves:
        """Lose balance and go down; ``impact_s`` is when."""
        right, forward = _MILES[direction]
        yaw = np.radians(self.last[P.YAW])
        target = pose(self.height_m, _LANDING[direction])
        target[P.X] = self.last[P.X] + np.cos(yaw) * right + np.sin(yaw) * forward
        target[P.Y] = self.last[P.Y] + np.cos(yaw) * forward - np.sin(yaw) * right
        target[P.YAW] = self.last[P.YAW]
        self.to(target, seconds, "drop")
        self.impact_s = self.now
        return self.stay_down()

    def stay_down(self) -> Moves:
        """The second after: it rebounds a little and comes to rest."""
        jolt = self.last.copy()
        jolt[P.Z] += 0.04
        calm = self.last.copy()
        return self.to(jolt, 0.12).to(calm, 0.25).rest(0.6)

    def slide(self, seconds: float = 3.0) -> Moves:
        """Slide down along a wall to sitting on the floor, then tip over."""
        self.become("slump", seconds)
        self.impact_s = self.now
        self.rest(1.0)
        side = "right" if self._chance.chance(0.5) else "left"
        return self.become(side, 1.2).rest(0.5)

    def roll_off(self, bed_z: float) -> Moves:
        """From lying on a bed over its edge to the floor."""
        target = self.last.copy()
        yaw = np.radians(self.last[P.YAW])
        target[P.X] += 0.7 * np.cos(yaw)
        target[P.Y] -= 0.7 * np.sin(yaw)
        edge = self.last.copy() + 0.45 * (target - self.last)
        edge[P.Z] = bed_z
        self.to(edge, 0.9)
        target[P.Z] = 0.12
        self.to(target, max(0.25, (2 * (bed_z - 0.12) / 9.81) ** 0.5), "drop")
        self.impact_s = self.now
        return self.stay_down()

    def shake(self, seconds: float, degrees_: float, per_s: float, *what: P) -> Moves:
        """Move these joints to and fro for so long (arms of a jack, a wave)."""
        begun = self.now
        self.rest(seconds)
        self._shakes += [(begun, self.now, degrees_, per_s, w) for w in what]
        return self

    def jump(self, height_m: float = 0.25) -> Moves:
        """Crouch, leave the floor, land."""
        crouch = self.last.copy()
        crouch[[P.Z, P.TRUNK, P.THIGH_L, P.THIGH_R]] += (-0.18, 25, 40, 40)
        crouch[[P.SHANK_L, P.SHANK_R]] -= 25
        high = self.last.copy()
        high[P.Z] += height_m
        flight = (2 * height_m / 9.81) ** 0.5
        stand = self.last.copy()
        self.to(crouch, 0.35).to(high, 0.15 + flight)
        return self.to(stand, flight, "drop").to(crouch, 0.12).to(stand, 0.3)

    def poses(self, t: Floats) -> Floats:
        """The pose at each instant of ``t`` (s): float64[n, WIDTH]."""
        # one key more: who did nothing yet simply stands
        times = np.array([*self._times, self.now + 1.0])
        poses = np.stack([*self._poses, self.last])
        i = np.clip(np.searchsorted(times, t, side="right") - 1, 0, len(times) - 2)
        part = np.clip((t - times[i]) / (times[i + 1] - times[i]), 0.0, 1.0)
        kinds = np.array([("linear", "smooth", "drop").index(e) for e in (*self._eases, "linear")])[i + 1]
        s = np.choose(kinds, (part, part * part * (3 - 2 * part), part * part))
        out: Floats = poses[i] + s[:, None] * (poses[i + 1] - poses[i])
        self._walking(t, out)
        for start, stop, size, per_s, what in self._shakes:
            if not len(t) or stop < t[0] or start > t[-1]:
                continue
            on = (t >= start) & (t < stop)
            out[on, what] += size * 0.5 * (1 - np.cos(2 * np.pi * per_s * (t[on] - start)))
        self._sway(t, out)
        return out

    def _walking(self, t: Floats, out: Floats) -> None:
        for start, stop, steps_per_s in self._gait:
            if not len(t) or stop < t[0] or start > t[-1]:
                continue
            on = (t >= start) & (t < stop)
            phase = np.pi * steps_per_s * (t[on] - start)
            swing = np.sin(phase)
            out[on, P.THIGH_L] += 24 * swing
            out[on, P.THIGH_R] -= 24 * swing
            out[on, P.SHANK_L] += 18 * swing - 20 * np.maximum(0, np.cos(phase))
            out[on, P.SHANK_R] += -18 * swing - 20 * np.maximum(0, -np.cos(phase))
            out[on, P.ARM_L] -= 16 * swing
            out[on, P.ARM_R] += 16 * swing
            out[on, P.Z] += 0.02 * np.abs(np.cos(phase))
            out[on, P.TRUNK] += 4

    def _sway(self, t: Floats, out: Floats) -> None:
        """Nobody stands still: slow sway, and small movements that come and go."""
        draws = self._chance.fork("sway").uniforms(12)
        size = np.where(out[:, P.Z] > 0.2, 1.0, 0.15)  # the floor holds a body still
        for k in range(3):
            w = 2 * np.pi * (0.15 + 0.5 * draws[k])
            out[:, P.X] += 0.004 * size * np.sin(w * t + 9 * draws[3 + k])
            out[:, P.Y] += 0.005 * size * np.sin(w * t + 9 * draws[6 + k])
            out[:, P.ARM_L] += 1.5 * size * np.sin(2.3 * w * t + 9 * draws[9 + k])
            out[:, P.ARM_R] += 1.5 * size * np.sin(1.9 * w * t + 5 * draws[9 + k])


def breath_m_s(t: Floats, per_min: float = 15.0) -> Floats:
    """How fast does the chest move towards the radar (m/s)? Some 4 mm at 15 breaths a minute."""
    w = 2 * np.pi * per_min / 60
    out: Floats = 0.002 * w * np.cos(w * t)
    return out


def _nearest(yaw: float, before: float) -> float:
    """The same heading, turned by the shorter way."""
    return before + (yaw - before + 180) % 360 - 180
