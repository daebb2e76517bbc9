"""A small harness for the life-safety detectors: readings in, events out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.contracts import Detector, DetectorSpec
from core.model import SECOND, Block, Event, Home, Reading, Sensor
from core.quantity import Quantity

T0 = 1_800_000_000 * SECOND
Row = tuple[float, Quantity, float] | tuple[float, Quantity, float, int]


def home(kind: str, source: str = "s") -> Home:
    return Home("h", sensors={source: Sensor(source, "any", "broker", kind=kind)})


def made(spec: DetectorSpec, kind: str = "", **params: Any) -> Detector:
    return spec.make(spec.params(**params), home(kind or spec.name))


def tell(
    detector: Detector, rows: Sequence[Row], source: str = "s", until_s: float | None = None
) -> list[Event]:
    """Rows (seconds after T0, quantity, value[, flags]) given one at a time, then time until ``until_s``."""
    events: list[Event] = []
    for row in rows:
        reading = Reading(source, row[1], T0 + round(row[0] * SECOND), row[2], row[3] if len(row) > 3 else 0)
        events += detector.process([Block.of([reading])])
    if until_s is not None:
        events += detector.advance(T0 + round(until_s * SECOND))
    return events


def brief(events: Sequence[Event], *keys: str) -> list[tuple[Any, ...]]:
    """(seconds after T0, kind, phase, evidence of these keys...)."""
    return [((e.t - T0) / SECOND, e.kind, e.phase.value, *(e.evidence.get(k) for k in keys)) for e in events]
