"""How does an ordinary day of somebody old and alone go? Steps for any stretch of days, with chance.

The habits are a table: about when, what, where. Each day draws its own times (a quarter of an hour or so
around the habit), so that days resemble each other and never repeat. Getting up at night follows the
usual once-a-night of this age. Nothing here is a measurement: it is scenery for the sensors.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from datetime import time as TimeOfDay
from typing import Any

from core.localtime import LocalTime
from core.model import MINUTE, SECOND, Home
from simulators.prng import Prng
from simulators.scenario import Step

# hour of day, spread (minutes), what: a verb of Step, kind of room, place, posture
_HABITS: tuple[tuple[float, float, str, str, str, str], ...] = (
    (6.5, 15, "go", "bathroom", "toilet", "sit"),
    (6.65, 2, "go", "bathroom", "sink", "stand"),
    (6.9, 10, "busy", "kitchen", "", "stand"),
    (7.4, 8, "go", "kitchen", "table", "sit"),
    (8.0, 12, "busy", "living", "", "stand"),
    (8.6, 15, "go", "living", "sofa", "sit"),
    (9.5, 15, "out", "", "", ""),
    (11.3, 10, "busy", "kitchen", "", "stand"),
    (12.0, 8, "go", "kitchen", "table", "sit"),
    (12.6, 6, "go", "bathroom", "toilet", "sit"),
    (12.8, 6, "go", "bedroom", "bed", "lie"),
    (14.1, 12, "go", "living", "sofa", "sit"),
    (15.5, 15, "go", "bathroom", "toilet", "sit"),
    (15.7, 5, "busy", "living", "", "stand"),
    (16.3, 12, "go", "living", "window", "sit"),
    (17.4, 12, "busy", "kitchen", "", "stand"),
    (18.1, 8, "go", "kitchen", "table", "sit"),
    (18.7, 8, "go", "living", "sofa", "sit"),
    (20.2, 15, "go", "bathroom", "toilet", "sit"),
    (20.4, 5, "go", "living", "sofa", "sit"),
    (21.7, 10, "go", "bathroom", "sink", "stand"),
    (22.1, 8, "go", "bedroom", "bed", "lie"),
)
_NIGHT_VISIT = 0.8  # nights with one visit to the toilet
_OUT = 0.6  # days with an errand
_BACK_AFTER_MIN = (35.0, 80.0)


def day_steps(
    home: Home, zone: str, actor: str, start: int, stop: int, chance: Prng
) -> list[tuple[int, Step]]:
    """What does ``actor`` do in [start, stop) ns? Steps in order; the first says what goes on at start."""
    local = LocalTime(zone)
    first = local.at(start).date() - timedelta(days=1)
    steps: list[tuple[int, dict[str, Any]]] = []
    day = first
    while local.instant(day, TimeOfDay(0)) < stop:
        steps += _one_day(home, local, day, chance.fork(day.isoformat()))
        day += timedelta(days=1)
    steps.sort(key=lambda s: s[0])
    before = [s for s in steps if s[0] <= start and s[1]["do"] in ("go", "busy", "come")]
    out: list[tuple[int, Step]] = []
    if before:
        now = dict(before[-1][1])
        if now["do"] != "busy":
            now["do"] = "be"
        out.append((start, _step(actor, now)))
    out += [(t, _step(actor, s)) for t, s in steps if start < t < stop]
    return out


def _step(actor: str, fields: dict[str, Any]) -> Step:
    return Step(at_s=0, actor=actor, **fields)


def _one_day(home: Home, local: LocalTime, day: date, chance: Prng) -> Iterator[tuple[int, dict[str, Any]]]:
    rooms = {r.kind: r.id for r in reversed(list(home.rooms.values()))}
    midnight = local.instant(day, TimeOfDay(0))

    def when(hour: float, spread_min: float) -> int:
        at = local.instant(day, TimeOfDay(int(hour), int(hour % 1 * 60)))
        return at + round(chance.uniform(-spread_min, spread_min) * MINUTE)

    if chance.chance(_NIGHT_VISIT) and "bathroom" in rooms and "bedroom" in rooms:
        at = midnight + round(chance.uniform(90, 270) * MINUTE)
        yield at, {"do": "go", "room": rooms["bathroom"], "place": "toilet", "posture": "sit"}
        back = at + round(chance.uniform(4, 8) * MINUTE)
        yield back, {"do": "go", "room": rooms["bedroom"], "place": "bed", "posture": "lie"}
    out = chance.chance(_OUT)
    last = 0
    for hour, spread, what, kind, place, posture in _HABITS:
        at = max(when(hour, spread), last + 90 * SECOND)
        last = at
        if what == "out":
            away = round(chance.uniform(*_BACK_AFTER_MIN) * MINUTE)
            if out and "living" in rooms:
                yield at, {"do": "leave"}
                last = at + away
                yield last, {"do": "come", "room": rooms["living"], "place": "sofa", "posture": "sit"}
        elif kind not in rooms:
            continue
        elif what == "busy":
            yield at, {"do": "busy", "room": rooms[kind]}
        else:
            yield at, {"do": what, "room": rooms[kind], "place": place, "posture": posture}
