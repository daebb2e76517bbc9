"""What moves in a room besides people? A fan, a curtain, a pet, a vacuum robot, as points with velocities."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from core.model import Floats
from simulators.prng import Prng

_DT = 0.01  # s; for velocities


@dataclass(slots=True)
class Thing:
    """Points that are not a person: a fan, a curtain, a pet. All arrays [frames, points(, 3)]."""

    at: Floats
    velocity: Floats
    echo_db: float


def fan(t: Floats, x: float, y: float, z: float, chance: Prng) -> Thing:
    """A standing fan: blades that come and go, in one place, at every speed."""
    n = 6
    u = chance.uniforms(len(t) * n * 2).reshape(len(t), n, 2)
    turn, out = 2 * np.pi * u[..., 0], 0.2 * np.sqrt(u[..., 1])
    at = np.stack((x + out * np.cos(turn), np.full(turn.shape, y), z + out * np.sin(turn)), axis=2)
    speed = 12.0 * out * np.sin(turn + 1.0)  # aliased by the radar into any Doppler bin
    velocity = np.stack((np.zeros_like(speed), ((speed + 3) % 6) - 3, np.zeros_like(speed)), axis=2)
    return Thing(at, velocity, -8.0)


def curtain(t: Floats, y: float, left: float, right: float, chance: Prng) -> Thing:
    """A curtain in a draught: a slowly moving plane from the floor to 2.2 m."""
    n = 10
    u = chance.uniforms(n * 2).reshape(n, 2)
    x, z = left + (right - left) * u[:, 0], 2.2 * u[:, 1]
    w = 2 * np.pi * 0.35
    phase = w * t[:, None] + 4 * x[None, :]
    depth = y + 0.08 * np.sin(phase) * (1 - z / 2.6)
    at = np.stack((np.broadcast_to(x, depth.shape), depth, np.broadcast_to(z, depth.shape)), axis=2)
    moving = 0.08 * w * np.cos(phase) * (1 - z / 2.6)
    zero = np.zeros_like(moving)
    return Thing(at, np.stack((zero, moving, zero), axis=2), -11.0)


def roamer(t: Floats, kind: Literal["pet", "robot"], depth_m: float, chance: Prng) -> Thing:
    """A cat or small dog (with jumps onto furniture and off it), or a vacuum robot."""
    pet = kind == "pet"
    way = [(float(chance.uniform(-1.5, 1.5)), float(chance.uniform(0.8, depth_m))) for _ in range(40)]
    x, y, z, times = [way[0][0]], [way[0][1]], [0.0], [0.0]
    for a, b in pairwise(way):
        high = 0.45 if pet and chance.chance(0.25) else 0.0
        speed = chance.uniform(0.4, 1.4) if pet else 0.25
        wait = chance.uniform(0.0, 4.0) if pet else 0.3
        length = float(np.hypot(b[0] - a[0], b[1] - a[1]))
        for spot, level, after in ((b, z[-1], length / speed), (b, high, 0.35), (b, high, wait)):
            x.append(spot[0])
            y.append(spot[1])
            z.append(level)
            times.append(times[-1] + max(after, 0.01))
    n = 8 if pet else 4
    spread = chance.normals(n * 3).reshape(n, 3) * ((0.1, 0.16, 0.06) if pet else (0.12, 0.12, 0.02))

    def place(at: Floats) -> Floats:
        middle = np.stack([np.interp(at, times, axis) for axis in (x, y, z)], axis=1)
        middle[:, 2] += 0.2 if pet else 0.06
        return middle

    now, later = place(t), place(t + _DT)
    at = now[:, None] + spread[None]
    at[..., 2] = np.maximum(at[..., 2], 0.03)
    velocity = np.broadcast_to(((later - now) / _DT)[:, None], at.shape).copy()
    if pet:
        velocity[..., 1] += 0.15 * chance.normals(len(t) * n).reshape(len(t), n)
    return Thing(at, velocity, -7.0)
