"""A small home for the daily-life detectors: readings of many sensors in, events out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from core.contracts import Detector, DetectorSpec
from core.model import HOUR, SECOND, Block, Event, Home, Reading, Resident, Room, Sensor
from core.quantity import Quantity

Q = Quantity
T0 = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) * SECOND  # a Monday, midnight


def sensor(name: str, room: str, kind: str, **options: Any) -> Sensor:
    return Sensor(name, "any", "broker", room=room, kind=kind, address=name, options=options)


def home(zone: str = "UTC", extra: Iterable[Sensor] = (), doors: bool = True) -> Home:
    """Door, hall, kitchen, living (motion each) and a bed."""
    sensors = [
        *([sensor("door", "hall", "door")] if doors else []),
        sensor("hall", "hall", "motion"),
        sensor("kitchen", "kitchen", "motion"),
        sensor("living", "living", "motion"),
        sensor("bedroom", "bedroom", "motion"),
        sensor("bed", "bedroom", "bed"),
        *extra,
    ]
    rooms = {r: Room(r, r) for r in ("hall", "kitchen", "living", "bedroom", "bathroom")}
    return Home("h", zone, residents=(Resident("ann"),), rooms=rooms, sensors={s.id: s for s in sensors})


def at(hours: float) -> int:
    """Hours after T0."""
    return T0 + round(hours * HOUR)


def give(detector: Detector, readings: Sequence[Reading], until: int | None = None) -> list[Event]:
    """One block a reading, in order; then time goes on until ``until``."""
    events: list[Event] = []
    for reading in sorted(readings, key=lambda r: r.t):
        events += detector.process([Block.of([reading])])
    if until is not None:
        events += detector.advance(until)
    return events


def pulse(source: str, hours: float) -> list[Reading]:
    """A motion sensor fires."""
    t = at(hours)
    return [Reading(source, Q.MOTION, t, 1.0), Reading(source, Q.MOTION, t + SECOND, 0.0)]


def walk(hours: float, *sources: str) -> list[Reading]:
    """Somebody walks past these motion sensors, 30 s apart."""
    return [r for k, source in enumerate(sources) for r in pulse(source, hours + k / 120)]


def door(hours: float, source: str = "door") -> list[Reading]:
    """A door is opened and closed."""
    t = at(hours)
    return [Reading(source, Q.CONTACT_OPEN, t, 1.0), Reading(source, Q.CONTACT_OPEN, t + 5 * SECOND, 0.0)]


def told(events: Iterable[Event]) -> list[tuple[float, str, str, str]]:
    """(hours after T0, kind, phase, stage)."""
    return [(round((e.t - T0) / HOUR, 3), e.kind, e.phase.value, e.evidence.get("stage", "")) for e in events]


def made(spec: DetectorSpec, where: Home | None = None, **params: Any) -> Detector:
    return spec.make(spec.params(**params), where or home())


def day_of(start_h: float, until_h: float = 22.5, every_h: float = 0.5) -> list[Reading]:
    """An ordinary day: up at 7, about the rooms every half hour, to bed at 22.5."""
    rooms = ("bedroom", "kitchen", "living", "hall")
    out: list[Reading] = []
    h, k = start_h + 7, 0
    while h < start_h + until_h:
        out += walk(h, rooms[k % 4], rooms[(k + 1) % 4])
        h, k = h + every_h, k + 1
    return out + walk(start_h + until_h, "hall", "bedroom")
