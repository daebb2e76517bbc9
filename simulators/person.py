"""How is a body posed, and where are its parts? A stick figure with a trunk, a head and four limbs.

A pose is a vector of :data:`WIDTH` numbers (:class:`P`): where the pelvis is (m), where the body faces,
how the trunk leans, how thighs, shanks and arms are held (degrees). :func:`joints` gives the positions of
all joints for many poses at once. Proportions are the usual parts of body height (Drillis and Contini
1966): thigh 0.245, shank 0.246, trunk to shoulder 0.288, upper arm 0.186, forearm with hand 0.254.

Body frame before turning: x right, y forward, z up. Limb angles count from straight down, forward
positive; ``trunk`` from upright, forward positive; ``roll`` to the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from core.model import Floats


class P(IntEnum):
    """Which number of a pose is what?"""

    X = 0
    Y = 1
    Z = 2  # pelvis above the floor
    YAW = 3  # 0 faces +y (away from the radar), 180 faces the radar
    TRUNK = 4
    ROLL = 5
    THIGH_L = 6
    THIGH_R = 7
    SHANK_L = 8
    SHANK_R = 9
    ARM_L = 10
    ARM_R = 11
    FOREARM_L = 12
    FOREARM_R = 13
    SPREAD_ARMS = 14
    SPREAD_LEGS = 15
    LEG_ROLL = 16  # legs out to the side: -90 when lying on the right side


WIDTH = len(P)
JOINTS = ("pelvis", "chest", "shoulders", "head", "hip_l", "hip_r", "knee_l", "knee_r", "foot_l", "foot_r",
          "shoulder_l", "shoulder_r", "elbow_l", "elbow_r", "hand_l", "hand_r")  # fmt: skip
_J = {name: i for i, name in enumerate(JOINTS)}


@dataclass(frozen=True, slots=True)
class Limb:
    """A piece of body between two joints: radius (m) and echo in dB against the trunk."""

    a: int
    b: int
    radius_m: float
    echo_db: float
    samples: int


def _limb(a: str, b: str, radius_m: float, echo_db: float, samples: int) -> Limb:
    return Limb(_J[a], _J[b], radius_m, echo_db, samples)


LIMBS: tuple[Limb, ...] = (
    _limb("pelvis", "chest", 0.15, 0.0, 10),
    _limb("chest", "shoulders", 0.16, 0.0, 10),
    _limb("shoulders", "head", 0.09, -6.0, 4),
    _limb("hip_l", "knee_l", 0.08, -5.0, 5),
    _limb("hip_r", "knee_r", 0.08, -5.0, 5),
    _limb("knee_l", "foot_l", 0.05, -8.0, 4),
    _limb("knee_r", "foot_r", 0.05, -8.0, 4),
    _limb("shoulder_l", "elbow_l", 0.05, -9.0, 3),
    _limb("shoulder_r", "elbow_r", 0.05, -9.0, 3),
    _limb("elbow_l", "hand_l", 0.04, -10.0, 3),
    _limb("elbow_r", "hand_r", 0.04, -10.0, 3),
)
"""Echo strengths are round numbers for a 60 GHz body: the trunk dominates, hands and feet are weak."""


def pose(height_m: float, name: str) -> Floats:
    """One of the postures: stand, sit, squat, kneel, prone, supine, right, left, slump, bend.

    >>> round(float(pose(1.7, "stand")[P.Z]), 2), round(float(pose(1.7, "supine")[P.Z]), 2)
    (0.9, 0.12)
    """
    out = np.zeros(WIDTH)
    for key, value in _POSTURES[name].items():
        out[key] = value
    out[P.Z] = _PELVIS[name] * height_m if name not in _LYING else 0.12
    return out


_LYING = {"prone", "supine", "right", "left"}
_PELVIS = {"stand": 0.53, "sit": 0.30, "squat": 0.17, "kneel": 0.29, "slump": 0.075, "bend": 0.50}


def _held(
    trunk: float = 0,
    thigh: float = 0,
    shank: float = 0,
    arm: float = 0,
    forearm: float = 10,
    spread: float = 6,
    **more: float,
) -> dict[P, float]:
    """Both sides alike; ``more`` are names of :class:`P` in lower case."""
    out = {P.TRUNK: trunk, P.SPREAD_ARMS: spread}
    pairs = ((P.THIGH_L, thigh), (P.SHANK_L, shank), (P.ARM_L, arm), (P.FOREARM_L, forearm))
    for left, value in pairs:
        out |= {left: value, P(left + 1): value}
    return out | {P[name.upper()]: value for name, value in more.items()}


_POSTURES: dict[str, dict[P, float]] = {
    "stand": _held(spread_legs=4),
    "sit": _held(5, thigh=88, arm=25, forearm=80),
    "squat": _held(45, thigh=110, shank=-35, arm=70, forearm=80),
    "kneel": _held(10, thigh=5, shank=-88, arm=20, forearm=60),
    "bend": _held(85, thigh=10, shank=-8, arm=85, forearm=85),
    "prone": _held(90, thigh=-90, shank=-90, arm=120, forearm=95, spread=25),
    "supine": _held(-90, thigh=90, shank=90, arm=90, forearm=90, spread=30, spread_legs=8),
    "right": _held(roll=88, leg_roll=-85, arm_l=40, arm_r=60, forearm_l=60, forearm_r=80),
    "left": _held(roll=-88, leg_roll=85, arm_l=60, arm_r=40, forearm_l=80, forearm_r=60),
    "slump": _held(-12, thigh=82, shank=86, arm=8, forearm=25, spread=20),
}


def joints(poses: Floats, height_m: float) -> Floats:
    """Where are the joints? float64[n, WIDTH] to float64[n, len(JOINTS), 3] in room coordinates (m)."""
    angle = np.radians(poses)
    h = height_m
    pelvis = np.zeros((len(poses), 3))
    trunk, roll = angle[:, P.TRUNK], angle[:, P.ROLL]
    up = _stack(np.sin(roll), np.sin(trunk) * np.cos(roll), np.cos(trunk) * np.cos(roll))
    side = _stack(np.cos(roll), np.zeros_like(roll), -np.sin(roll))
    out = np.zeros((len(poses), len(JOINTS), 3))
    out[:, _J["pelvis"]] = pelvis
    out[:, _J["chest"]] = 0.15 * h * up
    shoulders = 0.288 * h * up
    out[:, _J["shoulders"]] = shoulders
    out[:, _J["head"]] = (0.288 + 0.15) * h * up
    leg_roll, spread_legs = angle[:, P.LEG_ROLL], angle[:, P.SPREAD_LEGS]
    for sign, thigh, shank, end in ((-1, P.THIGH_L, P.SHANK_L, "l"), (1, P.THIGH_R, P.SHANK_R, "r")):
        hip = sign * 0.055 * h * side
        knee = hip + 0.245 * h * _down(angle[:, thigh], leg_roll + sign * spread_legs)
        out[:, _J[f"hip_{end}"]] = hip
        out[:, _J[f"knee_{end}"]] = knee
        out[:, _J[f"foot_{end}"]] = knee + 0.246 * h * _down(angle[:, shank], leg_roll + sign * spread_legs)
    spread = angle[:, P.SPREAD_ARMS]
    for sign, arm, forearm, end in ((-1, P.ARM_L, P.FOREARM_L, "l"), (1, P.ARM_R, P.FOREARM_R, "r")):
        shoulder = shoulders + sign * 0.11 * h * side
        elbow = shoulder + 0.186 * h * _down(angle[:, arm], sign * spread)
        out[:, _J[f"shoulder_{end}"]] = shoulder
        out[:, _J[f"elbow_{end}"]] = elbow
        out[:, _J[f"hand_{end}"]] = elbow + 0.2 * h * _down(angle[:, forearm], sign * spread)
    yaw = angle[:, P.YAW]
    cos, sin = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x, y = out[..., 0].copy(), out[..., 1].copy()
    out[..., 0] = cos * x + sin * y + poses[:, P.X, None]
    out[..., 1] = cos * y - sin * x + poses[:, P.Y, None]
    out[..., 2] += poses[:, P.Z, None]
    out[..., 2] = np.maximum(out[..., 2], 0.03)  # nothing sinks into the floor
    return out


def _stack(x: Floats, y: Floats, z: Floats) -> Floats:
    return np.stack((x, y, z), axis=1)


def _down(forward: Floats, sideways: Floats) -> Floats:
    """The direction of a limb held so far forward and sideways from straight down."""
    return _stack(np.sin(sideways), np.sin(forward) * np.cos(sideways), -np.cos(forward) * np.cos(sideways))
