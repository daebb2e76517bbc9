"""Where is a point, seen from the room: over which spot of the floor, and how high?

Points come in the sensor's own axes. A wall radar looks along +y with z up and may be tilted; a radar
turned on its side has x up; one on the ceiling looks down, so its y axis points to the floor. Logs of
demonstration programs often hold levelled points whose z counts from the floor; the detector's setting
``from_floor`` names such radars. Two kinds of points are not there at all and are left out: those within
arm's reach of the antenna, and those seen at an angle at which a patch antenna no longer measures.
"""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from core.model import Floats, Mounting

NEAR_M = 0.4
FAR_M = 8.0
STEEP = math.tan(math.radians(60.0))  # beyond this angle from its axis an antenna measures no height
STILL_MPS = 1e-6  # exactly zero Doppler: walls and furniture of sensors that do not remove clutter


class Family(StrEnum):
    """Which sort of radar is it? One parameter set each; never one per product."""

    CLOUD = "cloud"  # points in three dimensions
    TRACKED = "tracked"  # the same, and tracks of people
    ROTATED = "rotated"  # two dimensions, on its side: range and height only
    FLAT = "flat"  # two dimensions, upright: nothing to be learnt about height


class Geometry:
    """The mounting of one radar. ``signed`` is false where up and down cannot be told apart."""

    def __init__(
        self, mounting: Mounting, from_floor: bool = False, tracked: bool = False, flat: bool = False
    ) -> None:
        axis = mounting.vertical_axis
        from_floor = from_floor and axis == "z"
        self.signed = True
        if axis in ("x", "-x") or (axis == "learn" and flat):
            self.family = Family.ROTATED
            self.signed = axis != "learn"
        elif flat and axis in ("z", "-z"):
            self.family = Family.FLAT
        else:
            self.family = Family.TRACKED if tracked else Family.CLOUD
        self._axis = "x" if self.family is Family.ROTATED else axis.lstrip("-") if axis != "learn" else "z"
        self._sign = -1.0 if axis.startswith("-") else 1.0
        tilt = 0.0 if from_floor or self._axis != "z" else math.radians(mounting.tilt_deg)
        self._cos, self._sin = math.cos(tilt), math.sin(tilt)
        self._sensor_m = mounting.height_m if from_floor else 0.0  # where the sensor is in these heights
        self.floor_m: float | None = None  # where the floor is
        if from_floor:
            self.floor_m = 0.0
        elif mounting.height_m is not None and self.signed:
            self.floor_m = -mounting.height_m

    def level(self, cloud: Floats) -> Floats:
        """Which points count? float64[m,4]: two floor coordinates, height (m), |Doppler| (m/s or NaN).

        Heights count from the sensor, or from the floor where they came so. ``cloud`` is
        float64[n,5] in sensor axes; points without numbers are dropped.
        """
        fine = (np.abs(cloud[:, :3]) <= FAR_M).all(axis=1)  # NaN compares false
        x, y, z, doppler = (cloud[fine, i] for i in range(4))
        if self._axis == "z":
            up, side, ahead = self._sign * z, x, y
        elif self._axis == "x":
            up, side, ahead = self._sign * x, z, y
        else:
            up, side, ahead = self._sign * y, x, z
        seen = self._seen(up, np.hypot(side, ahead))
        height = up * self._cos - ahead * self._sin
        ahead = ahead * self._cos + up * self._sin
        out: Floats = np.column_stack((ahead, side, height, np.abs(doppler)))[seen]
        return out

    def _seen(self, up: Floats, away: Floats) -> npt.NDArray[np.bool_]:
        if self._sensor_m is None:  # levelled points of a sensor at an unknown height
            return (away > NEAR_M) & (away < FAR_M)
        above = np.abs(up - self._sensor_m)
        reach = np.hypot(above, away)
        flat_enough = away < above * STEEP if self._axis == "y" else above < away * STEEP
        return (reach > NEAR_M) & (reach < FAR_M) & flat_enough
