"""What would gas modules on serial ports report? ZE07-CO and MH-Z9041A, once a second.

ZE07-CO: CO in 0.1 ppm steps, a slow sensor (90 % of a step after 60 s by its datasheet). MH-Z9041A: a
laser, quick and blind to other gases, in 0.1 % LEL.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.model import SECOND, Reading, Sensor
from core.quantity import Quantity as Q
from simulators.radar import beats
from simulators.world import World

PER_S = 1.0
CO_TAU_S = 26.0  # 60 s to 90 %
CO_NOISE_PPM = 0.2
METHANE_NOISE_LEL = 0.03


def ze07_co(world: World, sensor: Sensor) -> Iterator[list[Reading]]:
    """CO in ppm: the room's level, seen through a slow cell."""
    chance = world.chance("ze07_co", sensor.id)
    level = world.level("co_ppm", sensor.room)
    shown, last = level.at(world.start), world.start
    for t in beats(world, sensor, PER_S, chance):
        # backward Euler: no exponential, so the same on every machine
        step = (t - last) / SECOND / CO_TAU_S
        shown, last = (shown + step * level.at(t)) / (1 + step), t
        value = max(0.0, round(shown + chance.normal(0, CO_NOISE_PPM), 1))
        yield [Reading(sensor.id, Q.CO_PPM, t, value)]


def mh_z9041a(world: World, sensor: Sensor) -> Iterator[list[Reading]]:
    """Methane as a part of its lower explosive limit."""
    chance = world.chance("mh_z9041a", sensor.id)
    level = world.level("methane_lel", sensor.room)
    for t in beats(world, sensor, PER_S, chance):
        value = max(0.0, round(level.at(t) + chance.normal(0, METHANE_NOISE_LEL), 1))
        yield [Reading(sensor.id, Q.GAS_LEL_PCT, t, value)]
