"""Which kinds of radar are imitated in front of simulated bodies, and in which axes do they report?

Rates, heights and numbers of points are those of the recordings of such sensors: people tracking at 18
frames a second, an out-of-the-box cloud at 10, a low-power radar with few points at 4, and a planar one
turned on its side.
"""

from __future__ import annotations

import numpy as np

from core.model import SECOND, Block, Floats, Ints
from core.quantity import Quantity as Q
from simulators.scatter import Sensor3d
from simulators.tracker import Seen

_FLOOR = "x lateral m, y forward m, z up m above the floor (already tilt-corrected), doppler m/s, snr dB"

_OWN = "x lateral m, y along the beam m, z across it m, relative to the sensor, doppler m/s, snr dB"

SENSORS: tuple[Sensor3d, ...] = (
    Sensor3d("sim_3d", 10.0, level_db=24.0, most_points=40, axes=_OWN),
    Sensor3d("sim_tracked", 18.0, tracks=True, level_db=25.0, most_points=80, axes=_FLOOR),
    Sensor3d("sim_sparse", 3.8, height_m=1.6, tilt_deg=0.0, doppler=False, level_db=17.0, still_loss_db=9.0,
             most_points=12, range_step_m=0.1, azimuth_sd_deg=4.0, elevation_sd_deg=5.0, noise_per_frame=0.2,
             axes="x lateral m, y forward m, z up m relative to the sensor; doppler absent (NaN)"),
    Sensor3d("sim_turned", 20.0, height_m=1.2, tilt_deg=0.0, level_db=16.0, most_points=10, range_step_m=0.05,
             elevation_sd_deg=3.0, noise_per_frame=0.4, turned=True,
             axes="x is the VERTICAL axis, y range m, z always 0, doppler m/s, snr"),
)  # fmt: skip


def points_of(sensor: Sensor3d, seen: Seen) -> Floats:
    """The points in the sensor's own axes, as its files have them."""
    points = seen.points.copy()
    if sensor.turned:
        across = np.hypot(points[:, 0], points[:, 1])
        points[:, 0], points[:, 1], points[:, 2] = points[:, 2] - sensor.height_m, across, 0.0
    elif "relative to the sensor" in sensor.axes:
        down = np.radians(sensor.tilt_deg)
        y, z = points[:, 1].copy(), points[:, 2] - sensor.height_m
        points[:, 1] = y * np.cos(down) - z * np.sin(down)
        points[:, 2] = y * np.sin(down) + z * np.cos(down)
    if not sensor.doppler:
        points[:, 3] = np.nan
    return points


def blocks(sensor: Sensor3d, seen: Seen, source: str, start: int = 0) -> list[Block]:
    """The clip as the blocks a gateway would give its detectors, beginning at ``start`` (ns)."""
    t = start + np.round(seen.t * SECOND).astype(np.int64)
    out = [_block(source, Q.CLOUD, t, points_of(sensor, seen), seen.offsets)]
    if len(seen.tracks):
        out.append(_block(source, Q.TRACK, np.repeat(t, np.diff(seen.track_offsets)), seen.tracks))
        out.append(_block(source, Q.HEIGHT, np.repeat(t, np.diff(seen.height_offsets)), seen.heights))
    return out


def _block(source: str, quantity: Q, t: Ints, value: Floats, offsets: Ints | None = None) -> Block:
    flags = np.zeros(len(t), dtype=np.uint8)
    for array in (t, value, flags):
        array.flags.writeable = False
    return Block(source, quantity, t, value, flags, offsets)
