"""How high was the body over time? Lines for a picture, as the fall detector sees it.

The middle and the upper edge of the body with most points, each second (a single frame's height is noise);
each track, each head. Where the floor is known heights count from it, else from the sensor.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from core.model import SECOND, Alert, Block, Floats, Home, Mounting
from core.quantity import Quantity as Q
from detectors.fall_watch import UPRIGHT, Watch
from gateway.picture import Line

STEP = SECOND // 4


def height_lines(block: Block, home: Home, from_floor: Collection[str] = ()) -> list[Line]:
    """The lines of one block of a radar; none for what says nothing about height."""
    sensor = home.sensors.get(block.source)
    mounting = sensor.mounting if sensor else Mounting()
    if block.quantity is Q.CLOUD:
        return _cloud(block, mounting, block.source in from_floor)
    if block.quantity is Q.TRACK:
        return [Line(f"{block.source} track", block.t.tolist(), _missing(block.value[:, 3]))]
    if block.quantity is Q.HEIGHT:
        return [Line(f"{block.source} head", block.t.tolist(), _missing(block.value[:, 1]))]
    return []


def _missing(heights: Floats) -> list[float]:
    """A height of exactly 0 is no height."""
    return np.where(heights == 0, np.nan, heights).tolist()  # type: ignore[no-any-return]


def _cloud(block: Block, mounting: Mounting, from_floor: bool) -> list[Line]:
    watch = Watch(mounting, from_floor)
    t: list[int] = []
    middle: list[float] = []
    top: list[float] = []

    def close(until: int) -> None:
        while (due := watch.due()) is not None and due <= until:
            watch.close()
            history = watch.scene.history if watch.scene is not None else []
            body = max(history[-1], key=lambda b: b.points, default=None) if history else None
            floor = watch.floor_m or 0.0
            t.append(due)
            middle.append(body.p50 - floor if body else np.nan)
            top.append(body.p90 - floor if body else np.nan)

    for i, at in enumerate(block.t.tolist()):
        close(at)
        watch.see(at, block.points(i))
    close(int(block.t[-1]) + STEP if len(block) else 0)
    return [Line(f"{block.source} middle", t, middle), Line(f"{block.source} top", t, top)] if t else []


def thresholds(told: Sequence[Alert]) -> list[tuple[str, float]]:
    """The heights a fall was judged by: before, low, and above which the person is up again."""
    found: dict[str, float] = {}
    for alert in told:
        for key in ("height_before_m", "low_m"):
            if isinstance(alert.evidence.get(key), int | float):
                found[key] = float(alert.evidence[key])
    if len(found) == 2:
        low = found["low_m"]
        found["up_again_m"] = low + UPRIGHT * (found["height_before_m"] - low)
    return list(found.items())
