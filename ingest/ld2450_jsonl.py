"""How do target lists of a 24 GHz radar, saved without times, become blocks?

One line a report: ``{"targets":[{"coord":[x mm, y mm],"speed":cm/s}]}``; reports follow each other every
``period_s``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.model import DAY, SECOND, Block, Home, Mounting, Resident, Room, Sensor
from core.quantity import Quantity
from ingest.errors import LogError
from ingest.recording import lines

PERIOD_S = 0.088
RESOLUTION_M = 0.36  # the distance gate the module reports by default; these logs leave it out


def targets(line: str | bytes) -> list[tuple[float, float, float]] | None:
    """x, y (m) and speed (m/s, + = away) of each target of a line; None if it is no such line.

    >>> targets('{"targets":[{"coord":[-144,617],"speed":-8}]}'), targets('{"x":1}')
    ([(-0.144, 0.617, -0.08)], None)
    """
    try:
        told = json.loads(line)
        rows = [(float(r["coord"][0]), float(r["coord"][1]), float(r["speed"])) for r in told["targets"]]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None
    if any(not abs(n) < 1e6 for row in rows for n in row):  # also NaN
        return None
    return [(x / 1000, y / 1000, speed / 100) for x, y, speed in rows]


def recognises(line: str) -> bool:
    """Does this line look like one of ours?"""
    return targets(line) is not None


def read(
    path: Path | str,
    start_ns: int = DAY,
    period_s: float = PERIOD_S,
    source: str = "radar",
    mounting: Mounting | None = None,
    refused: dict[str, Any] | None = None,
) -> tuple[Home, list[Block]]:
    """The targets, and how many there were in each report. Raises LogError if no line is a report.

    A line that is none keeps its place in time; ``refused["not_a_report"]`` counts them.
    """
    path = Path(path)
    t: list[int] = []
    rows: list[tuple[float, float, float, float]] = []
    at: list[int] = []
    counts: list[float] = []
    bad = 0
    for number, line in enumerate(lines(path)):
        found = targets(line)
        if found is None:
            bad += 1
            continue
        now = start_ns + round(number * period_s * SECOND)
        at.append(now)
        counts.append(float(len(found)))
        for x, y, speed in found:
            t.append(now)
            rows.append((x, y, speed, RESOLUTION_M))
    if not at:
        raise LogError(f'{path}: holds no report like {{"targets":[{{"coord":[x,y],"speed":v}}]}}')
    if refused is not None:
        refused["not_a_report"] = bad
    sensor = Sensor(source, "radar_log", "log", "room", "radar", mounting=mounting or Mounting())
    home = Home(
        id="radar-log",
        residents=(Resident("resident"),),
        rooms={"room": Room("room", "living")},
        sensors={source: sensor},
    )
    blocks = [Block.build(source, Quantity.TARGET_COUNT, at, counts, [0] * len(at))]
    if rows:
        blocks.append(Block.build(source, Quantity.TARGET, t, rows, [0] * len(t)))
    return home, blocks
