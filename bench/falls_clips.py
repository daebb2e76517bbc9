"""What is in a folder of radar recordings? Clips as blocks, and how the sensor hung.

The format (one ``.npz`` a set): ``t`` seconds, ``clip`` per frame, ``points`` float32[P,5] = x, y, z,
Doppler, SNR with ``point_offsets``; ``clip_label`` (1 = holds one fall), ``clip_name``, ``meta`` (JSON:
sensor, axes, rate ...); where the sensor tracks, ``tracks`` float32[T,10] with ``track_offsets``. What
the detector is told comes from these facts only, never from the name of a set.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.model import SECOND, Block, Floats, Home, Ints, Mounting, Sensor
from core.quantity import Quantity as Q
from detectors.fall import FallParams

SOURCE = "radar"
GAP_S = 2.0  # a longer gap between frames is time nobody watched


@dataclass(frozen=True)
class Clip:
    """One clip: readings as blocks, whether it holds a fall, and when that was at its lowest."""

    set: str
    name: str
    fall: bool
    mounting: Mounting
    from_floor: bool  # its z counts from the floor, not from the sensor
    t: Ints  # of each frame
    blocks: tuple[Block, ...]
    watched_s: float
    told_impact_s: float | None = None  # where the file says when the fall ended

    @property
    def home(self) -> Home:
        """A home with just this sensor."""
        return Home("bench", sensors={SOURCE: Sensor(SOURCE, "npz", "file", mounting=self.mounting)})

    @property
    def params(self) -> FallParams:
        """The safe settings, and what the file says of its heights."""
        return FallParams(from_floor=(SOURCE,) if self.from_floor else ())

    def cut(self, start: int, stop: int) -> list[Block]:
        """The blocks of [start, stop) of event time."""
        parts = []
        for block in self.blocks:
            a, b = np.searchsorted(block.t, (start, stop))
            if b > a:
                parts.append(block.cut(int(a), int(b)))
        return parts

    def impact_s(self) -> float | None:
        """When was the fall at its end, s into the clip? Looks at the whole clip; for measuring only.

        What the file says; else the middle of the second with the lowest median height; where up is
        unknown, of the half second with the fastest motion.
        """
        if self.told_impact_s is not None:
            return self.told_impact_s if self.fall else None
        cloud = next((b for b in self.blocks if b.quantity is Q.CLOUD), None)
        if not self.fall or cloud is None or cloud.offsets is None or len(cloud.value) == 0:
            return None
        seconds = np.repeat(cloud.t / SECOND, np.diff(cloud.offsets))
        upright = self.mounting.vertical_axis in ("z", "y", "-z", "-y")
        half = 0.5 if upright else 0.25
        best, at = np.inf, None
        for middle in np.arange(half, seconds[-1] - half, 0.1):
            a, b = np.searchsorted(seconds, (middle - half, middle + half))
            if b - a < 3:
                continue
            part = cloud.value[a:b]
            low = np.median(part[:, 2]) if upright else -np.percentile(np.abs(part[:, 3]), 90)
            if low < best:
                best, at = float(low), float(middle)
        return at


METRES = r"(\d+(?:\.\d+)?) ?m\b"
HEIGHT = rf"{METRES} (?:high|up\b|above)|(?:height|mounted at|hung at) (?:of )?{METRES}"
TILT = r"(\d+(?:\.\d+)?) ?(?:deg\w*|°) (?:down\w* )?tilt|tilt\w* (?:of |by )?(\d+(?:\.\d+)?) ?(?:deg|°)"
HEIGHTS = ("height_m", "mount_height_m", "mounting_height_m", "sensor_height_m")
TILTS = ("tilt_deg", "mount_tilt_deg", "mounting_tilt_deg")
AXES = ("x", "y", "z", "-x", "-y", "-z", "learn")
LEVELLED = r"tilt-corrected|levelled|(above|from|over) (the )?(floor|ground)"
UPRIGHT = r"(?<![\w-])(-?[xyz]) (?:is )?(?:the )?vertical|vertical(?: axis)? is (-?[xyz])\b"


def mounting_of(meta: Mapping[str, Any]) -> tuple[Mounting, bool]:
    """How did it hang, and do its heights count from the floor? From the numbers and words of ``meta``.

    >>> mounting_of({"sensor": "radar, 2 m high, 15 degrees tilt", "axes": "z up m above the floor"})[1]
    True
    """
    facts = {**meta, **given} if isinstance(given := meta.get("mounting"), Mapping) else meta
    text = " ".join(str(meta.get(k, "")) for k in ("sensor", "mounting", "axes"))
    axes = str(meta.get("axes", ""))
    height = _number(facts, HEIGHTS) or _first(HEIGHT, text)
    tilt = _number(facts, TILTS) or _first(TILT, text)
    axis = (_first(UPRIGHT, axes) or "z").lower()
    if str(facts.get("vertical_axis", "")).lower() in AXES:
        axis = str(facts["vertical_axis"]).lower()
    if axis != "z" and re.search(r"sign\b.*\b(flip|differ|chang|unknown)", axes):
        axis = "learn"
    relative = re.search(r"relative to the (sensor|radar|antenna)", axes)
    from_floor = axis == "z" and not relative and bool(re.search(LEVELLED, axes, re.IGNORECASE))
    return Mounting(
        float(height) if height else None, float(tilt) if tilt and not from_floor else 0.0, axis
    ), from_floor


def _number(facts: Mapping[str, Any], names: Sequence[str]) -> str | None:
    found = (facts.get(name) for name in names)
    return next((str(n) for n in found if isinstance(n, int | float) and not isinstance(n, bool)), None)


def _first(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text, re.IGNORECASE)
    return next((group for group in found.groups() if group), None) if found else None


def clips(path: Path) -> Iterator[Clip]:
    """The clips of one file, in order."""
    with np.load(path, allow_pickle=False) as data:
        mounting, from_floor = mounting_of(json.loads(str(data["meta"])) if "meta" in data else {})
        tracked = "tracks" in data
        impacts = data.get("clip_impact_s")
        seconds, index = data["t"], data["clip"]
        points, offsets = data["points"].astype(np.float64), data["point_offsets"]
        if tracked:
            tracks, track_offsets = data["tracks"].astype(np.float64), data["track_offsets"]
        for number, (name, label) in enumerate(zip(data["clip_name"], data["clip_label"], strict=True)):
            frames = np.flatnonzero(index == number)
            if len(frames) == 0:
                continue
            a, b = int(frames[0]), int(frames[-1]) + 1
            if b - a != len(frames):
                raise ValueError(f"{path}: the frames of clip {name} do not stand together")
            t = np.maximum.accumulate(np.round((seconds[a:b] - seconds[a]) * SECOND).astype(np.int64))
            bounds = offsets[a : b + 1] - offsets[a]
            cloud = points[offsets[a] : offsets[b]]
            blocks = [block(Q.CLOUD, t, cloud, bounds)]
            if tracked:
                counts = np.diff(track_offsets[a : b + 1])
                rows = tracks[track_offsets[a] : track_offsets[b]]
                blocks.append(block(Q.TRACK, np.repeat(t, counts), rows))
            steps = np.diff(t) / SECOND
            watched = float(steps[steps <= GAP_S].sum())
            told = None if impacts is None else float(impacts[number])
            yield Clip(
                path.stem, str(name), bool(label), mounting, from_floor, t, tuple(blocks), watched, told
            )  # fmt: skip


def block(quantity: Q, t: Ints, value: Floats, offsets: Ints | None = None) -> Block:
    """A block of one sensor's plain readings."""
    flags = np.zeros(len(t), dtype=np.uint8)
    for array in (t, value, flags):
        array.flags.writeable = False
    return Block(SOURCE, quantity, t, value, flags, offsets)
