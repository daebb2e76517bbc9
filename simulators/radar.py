"""What would radar modules on serial ports report? LD2410C presence, LD2450 targets, LD6002C falls.

Each looks along +y from the wall of its room at whoever is there. Values are rounded to what the wire
carries. Figures: about 10 frames/s (LD2410C, LD2450), a fall told once the body has been low for 15 s
(LD6002C: 30 frames times sensitivity 10 at 20 frames/s), a motionless target lost after 30 s (LD2450).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot

from core.model import SECOND, Reading, Sensor
from core.quantity import Quantity as Q
from simulators.people import Span
from simulators.prng import Prng
from simulators.world import World

FRAMES_PER_S = 10.0
STATUS_PER_S = 1.0
LOW_FOR_S = 15.0
LOST_AFTER_S = 30.0
MOVING_STIR, MOTIONLESS_STIR = 0.25, 0.02
GATE_M = 0.36
FLOOR_TOP_M = 0.6  # the LD6002C's own default threshold of body height


def beats(world: World, sensor: Sensor, usual_per_s: float, chance: Prng) -> Iterator[int]:
    """When does a streaming sensor send a frame? A steady rate with a little jitter, while it works."""
    period = SECOND / world.scenario.rate(sensor.id, usual_per_s)
    phase = chance.uniform(0.05, 0.95) * period
    slack = min(0.2 * period, 0.02 * SECOND)
    n = 0
    while True:
        t = world.start + round(phase + n * period + chance.uniform(-slack, slack))
        if t >= world.stop:
            return
        if t >= world.start and world.alive(sensor.id, t):
            yield t
        n += 1


def ld2410c(world: World, sensor: Sensor) -> Iterator[list[Reading]]:
    """State, distances and energies of the nearest moving and the nearest still target."""
    chance = world.chance("ld2410c", sensor.id)
    room = world.occupants(sensor.room)
    for t in beats(world, sensor, FRAMES_PER_S, chance):
        moving = still = 0.0
        for span in _seen(room.at(t)):
            x, y = span.at(t)
            distance = round(max(0.2, hypot(x, y) + chance.normal(0, 0.04)), 2)
            if span.stir >= MOVING_STIR:
                moving = min(moving or distance, distance)
            else:
                still = min(still or distance, distance)
        values = {
            Q.PRESENCE: float(moving > 0 or still > 0),
            Q.MOVING: float(moving > 0),
            Q.STILL: float(still > 0),
            Q.MOVING_ENERGY: float(40 + chance.below(60)) if moving else float(chance.below(8)),
            Q.STILL_ENERGY: float(50 + chance.below(50)) if still else float(chance.below(8)),
        }
        if moving:
            values[Q.MOVING_DISTANCE_M] = moving
        if still:
            values[Q.STILL_DISTANCE_M] = still
        if moving or still:
            values[Q.DISTANCE_M] = min(d for d in (moving, still) if d)
        yield [Reading(sensor.id, q, t, v) for q, v in values.items()]


def ld2450(world: World, sensor: Sensor) -> Iterator[list[Reading]]:
    """Up to three targets: x, y, radial speed, gate size; who lies motionless fades from its view."""
    chance = world.chance("ld2450", sensor.id)
    room = world.occupants(sensor.room)
    for t in beats(world, sensor, FRAMES_PER_S, chance):
        readings = []
        for span in _seen(room.at(t))[:3]:
            if span.stir <= MOTIONLESS_STIR and t - span.start > LOST_AFTER_S * SECOND:
                continue
            if chance.chance(0.02):  # now and then a frame misses somebody
                continue
            x, y = span.at(t)
            vx, vy = span.velocity()
            away = (x * vx + y * vy) / max(0.1, hypot(x, y))
            target = (
                round(x + chance.normal(0, 0.03), 3),
                round(max(0.1, y + chance.normal(0, 0.03)), 3),
                round(away, 2),
                GATE_M,
            )
            readings.append(Reading(sensor.id, Q.TARGET, t, target))
        yield [Reading(sensor.id, Q.TARGET_COUNT, t, float(len(readings))), *readings]


def ld6002c(world: World, sensor: Sensor) -> Iterator[list[Reading]]:
    """Presence and its own fall verdict, about once a second."""
    chance = world.chance("ld6002c", sensor.id)
    room = world.occupants(sensor.room)
    low_since: int | None = None
    for t in beats(world, sensor, STATUS_PER_S, chance):
        people = _seen(room.at(t))
        low = [s for s in people if s.posture == "floor"]
        if low:
            low_since = min(s.start for s in low) if low_since is None else low_since
        else:
            low_since = None
        fallen = low_since is not None and t - low_since >= LOW_FOR_S * SECOND
        yield [Reading(sensor.id, Q.PRESENCE, t, float(bool(people)))]
        yield [Reading(sensor.id, Q.FALL_STATE, t, 2.0 if fallen else 0.0)]  # its word for confirmed


def _seen(spans: list[Span]) -> list[Span]:
    """Whom does a radar for people notice? A robot's metal hardly rises over the floor."""
    return [s for s in spans if s.kind == "person" or (s.kind == "pet" and s.stir >= 0.5)]
