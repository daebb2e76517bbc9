"""What does a radar make of a scene? Echoes of bodies and things, noise, ghosts: points, tracks, heights.

The geometry is exact, the radio is a sketch: echo strength by body part with Swerling-1 fluctuation,
fourth-power loss with range, a beam that is worse to the sides, loss of what stands still (static clutter
removal), cells of range and Doppler of which only the strongest echo survives, angles noisier than ranges,
mirror images in walls and floor. It has no fading over time, no material, no tracker of a vendor. What a
detector scores on it is a figure about this sketch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from core.model import Floats, Ints
from simulators.moves import Moves, breath_m_s
from simulators.person import LIMBS, joints
from simulators.prng import Prng
from simulators.things import Thing
from simulators.tracker import Seen, track

DT_S = 0.01  # for velocities
Part = tuple[Floats, Floats, Floats, int]
"""Echoes: places and velocities [frames, n, 3], strengths in dB [frames, n], whose (-1: nobody's)."""


@dataclass(frozen=True, slots=True)
class Sensor3d:
    """A kind of radar. Angles in degrees, lengths in metres, speeds in m/s, levels in dB."""

    name: str
    rate_hz: float
    height_m: float = 2.0
    tilt_deg: float = 15.0
    range_step_m: float = 0.06
    doppler_step_m_s: float = 0.07
    doppler: bool = True
    azimuth_sd_deg: float = 1.5
    elevation_sd_deg: float = 3.0
    beam_deg: float = 60.0  # half power, to each side
    level_db: float = 16.0  # of a trunk at 2 m, over the detection threshold
    still_loss_db: float = 16.0
    most_points: int = 80
    noise_per_frame: float = 0.3
    tracks: bool = False
    turned: bool = False  # turned by 90 degrees: measures height and range, no azimuth
    axes: str = ""


@dataclass(slots=True)
class Scene:
    """Who and what is there, and the walls."""

    people: list[Moves]
    things: list[Thing] = field(default_factory=list)
    walls_x_m: tuple[float, float] = (-2.2, 2.2)
    ghost_db: float = -15.0  # of a mirror image in a wall
    floor_db: float = -19.0


def look(sensor: Sensor3d, scene: Scene, seconds: float, chance: Prng) -> Seen:
    """The frames of a scene, from its start."""
    frames = int(seconds * sensor.rate_hz)
    jitter = (chance.uniforms(frames) - 0.5) * 0.06 / sensor.rate_hz
    t = (np.arange(frames) + 0.5) / sensor.rate_hz + jitter
    people = [
        person(m.poses(t), m.poses(t + DT_S), m.height_m, i, t, chance) for i, m in enumerate(scene.people)
    ]
    seen = see(sensor, t, [*people, *(thing_part(thing, chance) for thing in scene.things)], scene, chance)
    if sensor.tracks:
        track(seen)
    return seen


def see(sensor: Sensor3d, t: Floats, parts: Sequence[Part], scene: Scene, chance: Prng) -> Seen:
    """The frames at these instants, of these echoes and their mirror images; NaN is nowhere."""
    frames = len(t)
    parts = [p for part in parts for p in (part, *_images(part, scene))] or [_nothing(frames)]
    at = np.concatenate([p[0] for p in parts], axis=1)
    velocity = np.concatenate([p[1] for p in parts], axis=1)
    echo = np.concatenate([np.broadcast_to(p[2], p[0].shape[:2]) for p in parts], axis=1)
    actor = np.concatenate([np.full(p[0].shape[1], p[3]) for p in parts])
    frame, points, who = _detect(sensor, at, velocity, echo, actor, chance)
    frame, points, who = _with_noise(sensor, frames, frame, points, who, scene, chance)
    offsets = np.searchsorted(frame, np.arange(frames + 1)).astype(np.int64)
    return Seen(t, points, offsets, who, *_empty(frames))


def _empty(frames: int) -> tuple[Floats, Ints, Floats, Ints]:
    none = np.zeros(frames + 1, dtype=np.int64)
    return np.zeros((0, 10)), none, np.zeros((0, 3)), none


def _nothing(frames: int) -> Part:
    return np.zeros((frames, 0, 3)), np.zeros((frames, 0, 3)), np.zeros((frames, 0)), -1


def person(poses: Floats, later: Floats, height_m: float, actor: int, t: Floats, chance: Prng) -> Part:
    """Echoes of a body in these poses, and DT_S later; rows of NaN are frames without it."""
    now = joints(poses, height_m)
    moving = (joints(later, height_m) - now) / DT_S
    at, velocity, echo = [], [], []
    for limb in LIMBS:
        u = chance.uniforms(len(t) * limb.samples).reshape(len(t), limb.samples, 1)
        across = chance.normals(len(t) * limb.samples * 3).reshape(len(t), limb.samples, 3)
        middle = now[:, None, limb.a] + u * (now[:, None, limb.b] - now[:, None, limb.a])
        at.append(middle + 0.5 * limb.radius_m * across)
        velocity.append(moving[:, None, limb.a] + u * (moving[:, None, limb.b] - moving[:, None, limb.a]))
        echo.append(np.full((len(t), limb.samples), limb.echo_db))
    out = np.concatenate(velocity, axis=1)
    out[:, :20, 1] += breath_m_s(t)[:, None]
    return np.concatenate(at, axis=1), out, np.concatenate(echo, axis=1), actor


def thing_part(thing: Thing, chance: Prng) -> Part:
    """Echoes of a thing."""
    scatter = 0.03 * chance.normals(thing.at.size).reshape(thing.at.shape)
    return thing.at + scatter, thing.velocity, np.full(thing.at.shape[:2], thing.echo_db), -1


def _images(part: Part, scene: Scene) -> list[Part]:
    """Mirror images in both walls and in the floor."""
    at, velocity, echo, _ = part
    out: list[Part] = []
    left, right = scene.walls_x_m
    for axis, place, loss in (
        (0, left, scene.ghost_db),
        (0, right, scene.ghost_db),
        (2, 0.0, scene.floor_db),
    ):
        mirrored, moving = at.copy(), velocity.copy()
        mirrored[..., axis] = 2 * place - mirrored[..., axis]
        moving[..., axis] = -moving[..., axis]
        out.append((mirrored, moving, echo + loss, -1))
    return out


def _detect(
    sensor: Sensor3d, at: Floats, velocity: Floats, echo: Floats, actor: Ints, chance: Prng
) -> tuple[Ints, Floats, Ints]:
    """Frame, point and actor of every echo that gets through."""
    view = at - np.array([0.0, 0.0, sensor.height_m])
    distance = np.maximum(np.linalg.norm(view, axis=2), 0.2)
    radial = np.sum(view * velocity, axis=2) / distance
    azimuth = np.degrees(np.arctan2(view[..., 0], np.maximum(view[..., 1], 1e-3)))
    flat = np.hypot(view[..., 0], view[..., 1])
    elevation = np.degrees(np.arctan2(view[..., 2], flat)) + sensor.tilt_deg
    shape = at.shape[:2]
    luck = 10 * np.log10(-np.log(np.maximum(chance.uniforms(at[..., 0].size).reshape(shape), 1e-12)))
    level = sensor.level_db + echo - 40 * np.log10(distance / 2) + luck
    level -= 3 * (azimuth / sensor.beam_deg) ** 2 + 3 * (elevation / sensor.beam_deg) ** 2
    level -= sensor.still_loss_db * (np.abs(radial) < 0.5 * sensor.doppler_step_m_s)
    found = (level > 0) & (view[..., 1] > 0.1)
    frame, index = np.nonzero(found)
    level, radial, distance = level[found], radial[found], distance[found]
    keep = _strongest(sensor, frame, distance, radial, level)
    frame, index = frame[keep], index[keep]
    noise = chance.normals(3 * len(frame)).reshape(3, -1)
    spread = 1.0 / np.sqrt(1.0 + level[keep] / 6.0)
    r = np.round(distance[keep] / sensor.range_step_m) * sensor.range_step_m + 0.02 * noise[0]
    az = np.radians(azimuth[frame, index] + sensor.azimuth_sd_deg * spread * noise[1])
    el = np.radians(elevation[frame, index] - sensor.tilt_deg + sensor.elevation_sd_deg * spread * noise[2])
    doppler = np.round(radial[keep] / sensor.doppler_step_m_s) * sensor.doppler_step_m_s
    points = np.stack(
        (r * np.cos(el) * np.sin(az), r * np.cos(el) * np.cos(az), sensor.height_m + r * np.sin(el), doppler,
         level[keep] + 8.0), axis=1
    )  # fmt: skip
    return frame, points, actor[index]


def _strongest(sensor: Sensor3d, frame: Ints, distance: Floats, radial: Floats, level: Floats) -> Ints:
    """Of each range-Doppler cell the strongest echo; of each frame the strongest points."""
    order = np.argsort(-level, kind="stable")
    cell = np.round(distance[order] / sensor.range_step_m).astype(np.int64) * 4096
    cell += np.round(radial[order] / sensor.doppler_step_m_s).astype(np.int64) + 2048
    cell += frame[order].astype(np.int64) << 32
    _, first = np.unique(cell, return_index=True)
    kept = order[np.sort(first)]  # strongest first
    by_frame = kept[np.argsort(frame[kept], kind="stable")]
    counts = np.bincount(frame[by_frame], minlength=1)
    rank = np.arange(len(by_frame)) - np.repeat(np.cumsum(counts) - counts, counts)
    out: Ints = by_frame[rank < sensor.most_points]
    return out


def _with_noise(
    sensor: Sensor3d, frames: int, frame: Ints, points: Floats, who: Ints, scene: Scene, chance: Prng
) -> tuple[Ints, Floats, Ints]:
    """False detections anywhere in view."""
    count = int(frames * sensor.noise_per_frame)
    u = chance.uniforms(5 * count).reshape(5, -1)
    left, right = scene.walls_x_m
    extra = np.stack(
        (left + (right - left) * u[0], 0.3 + 4.2 * u[1], 2.4 * u[2], (u[3] - 0.5) * 2.0, 8.0 + 4 * u[4]),
        axis=1,
    )
    when = (chance.uniforms(count) * frames).astype(np.int64)
    frame = np.concatenate((frame, when))
    order = np.argsort(frame, kind="stable")
    all_points: Floats = np.concatenate((points, extra))[order]
    return frame[order], all_points, np.concatenate((who, np.full(count, -1)))[order]


def describe(seen: Sequence[Seen]) -> dict[str, float]:
    """How does it look as numbers? Points a frame (median), and 5th, 50th, 95th percentile of z."""
    counts = np.concatenate([np.diff(s.offsets) for s in seen])
    z = np.concatenate([s.points[:, 2] for s in seen])
    low, mid, high = (float(v) for v in np.percentile(z, (5, 50, 95)))
    return {"points": float(np.median(counts)), "z5_m": low, "z50_m": mid, "z95_m": high}
