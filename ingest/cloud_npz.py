"""How do radar clips kept as arrays (``.npz``) become blocks of clouds, tracks and heights?

One file holds many clips, each with its own start: ``t`` seconds within the clip, ``clip`` the clip of each
frame, ``points`` x, y, z (m), doppler (m/s), snr with ``point_offsets``; where the sensor tracks, ``tracks``
and ``heights`` with their offsets; ``clip_label`` 1 where the clip holds a fall.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core.model import DAY, Block, Floats, Home, Ints, Mounting, Resident, Room, Sensor
from core.quantity import VECTOR_WIDTH, Quantity
from ingest.errors import LogError

NEEDED = ("t", "clip", "points", "point_offsets")


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip: what the radar saw from ``start`` to ``stop`` (last frame), ns; ``label`` 1 = a fall."""

    name: str
    label: int | None
    start: int
    stop: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class ClipSet:
    """All clips of one file, and what its ``meta`` says."""

    home: Home
    clips: tuple[Clip, ...]
    meta: Mapping[str, Any]


def read(
    path: Path | str, start_ns: int = DAY, source: str = "radar", mounting: Mounting | None = None
) -> ClipSet:
    """Every clip begins at ``start_ns``. ``mounting`` wins over what the file's ``meta`` tells.

    Raises LogError if the file is not of this form.
    """
    path = Path(path)
    arrays = _load(path)
    meta = _meta(arrays)
    sensor = Sensor(
        id=source,
        device="radar_log",
        link="log",
        room="room",
        kind="radar",
        mounting=mounting or _mounting(meta),
    )
    home = Home(
        id="radar-log",
        residents=(Resident("resident"),),
        rooms={"room": Room("room", "living")},
        sensors={source: sensor},
    )
    t, clip = arrays["t"], arrays["clip"]
    if len(t) != len(clip) or len(arrays["point_offsets"]) != len(t) + 1:
        raise LogError(f"{path}: columns of different lengths")
    names, labels = arrays.get("clip_name"), arrays.get("clip_label")
    clips: list[Clip] = []
    for number in np.unique(clip).tolist():
        frames = np.flatnonzero(clip == number)
        first, last = int(frames[0]), int(frames[-1]) + 1
        if last - first != len(frames):
            raise LogError(f"{path}: the frames of clip {number} do not stand together")
        times = start_ns + np.rint(t[first:last] * 1e9).astype(np.int64)
        times = np.maximum.accumulate(times)
        known = number >= 0
        clips.append(
            Clip(
                name=str(names[number])
                if names is not None and known and number < len(names)
                else str(number),
                label=int(labels[number]) if labels is not None and known and number < len(labels) else None,
                start=start_ns,
                stop=int(times[-1]),
                blocks=tuple(_blocks(arrays, source, times, first, last)),
            )
        )
    return ClipSet(home, tuple(clips), meta)


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, KeyError) as error:
        raise LogError(f"{path}: cannot be read as .npz: {error}") from None
    missing = [name for name in NEEDED if name not in arrays]
    if missing:
        raise LogError(f"{path}: is not a radar log; it lacks {', '.join(missing)}")
    return arrays


def _blocks(
    arrays: Mapping[str, npt.NDArray[Any]], source: str, times: Ints, first: int, last: int
) -> list[Block]:
    bounds = arrays["point_offsets"][first : last + 1].astype(np.int64)
    points = arrays["points"][bounds[0] : bounds[-1]].astype(np.float64)
    out = [_block(source, Quantity.CLOUD, times, points, bounds - bounds[0])]
    for name, quantity in (("track", Quantity.TRACK), ("height", Quantity.HEIGHT)):
        if f"{name}s" not in arrays or f"{name}_offsets" not in arrays:
            continue
        bounds = arrays[f"{name}_offsets"][first : last + 1].astype(np.int64)
        rows = arrays[f"{name}s"][bounds[0] : bounds[-1]].astype(np.float64)
        t = np.repeat(times, np.diff(bounds))
        if quantity is Quantity.HEIGHT:  # 0.00 stands for missing; missing pairs are not sent
            there = (rows[:, 1] != 0) | (rows[:, 2] != 0)
            rows, t = rows[there], t[there]
        if len(rows):
            out.append(_block(source, quantity, t, rows[:, : VECTOR_WIDTH[quantity]], None))
    return out


def _block(source: str, quantity: Quantity, t: Ints, value: Floats, offsets: Ints | None) -> Block:
    flags = np.zeros(len(t), np.uint8)
    t, value = np.ascontiguousarray(t), np.ascontiguousarray(value)
    for array in (t, value, flags, *(() if offsets is None else (offsets,))):
        array.flags.writeable = False
    return Block(source, quantity, t, value, flags, offsets)


def _meta(arrays: Mapping[str, npt.NDArray[Any]]) -> Mapping[str, Any]:
    try:
        told = json.loads(str(arrays["meta"]))
    except (KeyError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _mounting(meta: Mapping[str, Any]) -> Mounting:
    """What the words of ``meta`` tell of height, tilt and the axis that points up."""
    sensor, axes = str(meta.get("sensor", "")), str(meta.get("axes", ""))
    high = re.search(r"(\d+(?:\.\d+)?) ?m high", sensor)
    tilt = re.search(r"(\d+(?:\.\d+)?) ?degrees? tilt", sensor)
    corrected = "tilt-corrected" in axes
    upright = re.search(r"\b([xyz]) (?:is the )?(?:vertical|up)\b", axes, re.IGNORECASE)
    axis = upright[1].lower() if upright else "z"
    if upright and "flip" in axes:
        axis = "learn"
    return Mounting(
        height_m=float(high[1]) if high else None,
        tilt_deg=float(tilt[1]) if tilt and not corrected else 0.0,
        vertical_axis=axis,
    )
