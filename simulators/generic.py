"""What would any other serial device in a scripted home report? The world as it stands around the sensor.

One function for every device of ``sheets.py`` that has no imitation of its own in ``home.py``: at the pace of
its data sheet it measures what is true in its room. Heart and breath (56 to 74, 12 to 18 a minute, drifting
slowly) are told only while somebody is still, as bed radars do; a fall once somebody has been low for 15 s.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.model import SECOND, Reading, Sensor
from core.quantity import Quantity as Q
from devices import DRIVERS
from simulators.around import Around, rows
from simulators.people import Span
from simulators.prng import Prng
from simulators.radar import LOW_FOR_S, MOVING_STIR, beats
from simulators.sheets import SHEETS
from simulators.world import World
from simulators.zigbee import SMOKE_LEVEL

ASKED_PER_S = 1.0  # a device that waits to be asked is asked once a second
ALARM_PER_S = 0.05  # an alarm on a port is asked every 20 s
TESTED_S = 5.0
_DRIFT_S = 600.0
_VITALS = (Q.BREATH_RATE_BPM, Q.HEART_RATE_BPM)


def says(world: World, sensor: Sensor) -> Iterator[list[Reading]]:
    """Its readings, one report's worth at a time."""
    sheet = SHEETS[sensor.device]
    pace = sheet.per_s or (ALARM_PER_S if sheet.on_change else ASKED_PER_S)
    chance = world.chance(sensor.device, sensor.id)
    drift = chance.fork("vitals")
    known = _quantities(sensor)
    low_since: int | None = None
    for n, t in enumerate(beats(world, sensor, pace, chance)):
        around, body = look(world, sensor, t)
        low = body is not None and body.posture == "floor"
        low_since = (low_since or t) if low else None
        around.fallen = low_since is not None and t - low_since >= LOW_FOR_S * SECOND
        around.heart_bpm, around.breath_bpm = _vitals(drift, (t - world.start) / SECOND)
        told = rows(around, known)
        if around.moving or n % 3:
            told = [row for row in told if row[0] not in _VITALS]
        yield [Reading(sensor.id, q, t, v) for q, v in told]


def look(world: World, sensor: Sensor, t: int) -> tuple[Around, Span | None]:
    """What is true around this sensor at ``t``, and the person it is about."""
    room = sensor.room
    people = [s for s in world.occupants(room).at(t) if s.kind == "person"]
    nearest = min(people, key=lambda s: sum(v * v for v in s.at(t)), default=None)
    around = Around(
        present=bool(people),
        moving=any(s.stir >= MOVING_STIR for s in people),
        in_bed=any(s.posture == "lie" for s in people),
        co_ppm=round(world.level("co_ppm", room).at(t), 1),
        methane_lel_pct=round(world.level("methane_lel", room).at(t), 1),
        smoke=world.level("smoke", room).at(t) >= SMOKE_LEVEL,
        test=any(0 <= t - pressed < TESTED_S * SECOND for pressed in world.tests.get(sensor.id, [])),
    )
    if nearest is not None:
        x, y = nearest.at(t)
        around.x_m, around.y_m = round(x, 2), round(max(0.1, y), 2)
    return around, nearest


def _vitals(drift: Prng, seconds: float) -> tuple[float, float]:
    """Heart and breath at this time: straight lines between draws ten minutes apart."""
    knot, part = divmod(seconds, _DRIFT_S)
    a, b = _knot(drift, int(knot)), _knot(drift, int(knot) + 1)
    part /= _DRIFT_S
    return round(a[0] + part * (b[0] - a[0])), round(a[1] + part * (b[1] - a[1]))


def _knot(drift: Prng, n: int) -> tuple[float, float]:
    chance = drift.fork(n)
    return chance.uniform(56, 74), chance.uniform(12.5, 17.5)


def _quantities(sensor: Sensor) -> tuple[Q, ...]:
    listed = sensor.options.get("registers")
    if listed:
        return tuple(dict.fromkeys(Q(item["quantity"]) for item in listed))
    found = dict.fromkeys(span.quantity for group in DRIVERS[sensor.device].spans for span in group)
    if sensor.device == "c1001":  # falls or sleep, never both
        sleeps = sensor.options.get("mode") == "sleep"
        for quantity in (Q.FALL_STATE,) if sleeps else (Q.BED_OCCUPIED, *_VITALS):
            found.pop(quantity, None)
    if sensor.device in ("ld2410b", "ld2410c", "ld2412") and not sensor.options.get("engineering"):
        found.pop(Q.LIGHT_LEVEL, None)
    return tuple(found)
