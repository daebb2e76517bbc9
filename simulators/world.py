"""What is true in the simulated home at each instant, besides where people are? Air, doors, faults.

A :class:`World` is made once from a scenario and then only looked at: gas and smoke as straight lines
between points, presses and doors as lists of instants, faults as intervals. Everything is in event time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from core.localtime import LocalTime
from core.model import SECOND, Home
from simulators.day import day_steps
from simulators.people import Occupants, Timeline, timeline
from simulators.prng import Prng
from simulators.scenario import Scenario, Step

Interval = tuple[int, int]
BEFORE = {"co_ppm": 0.4, "methane_lel": 0.0, "smoke": 0.0, "water": 0.0}  # CO: a home with a gas stove


class Level:
    """A quantity of the air that changes in straight lines.

    >>> level = Level(0, 0.0); level.ramp(0, 10, 5.0); level.at(5), level.at(20)
    (2.5, 5.0)
    """

    def __init__(self, start: int, value: float) -> None:
        self._t = [start]
        self._v = [value]

    def at(self, t: int) -> float:
        """Its value; before the first point the first value."""
        i = bisect_right(self._t, t) - 1
        if i < 0:
            return self._v[0]
        if i == len(self._t) - 1 or self._t[i + 1] == self._t[i]:
            return self._v[i]
        part = (t - self._t[i]) / (self._t[i + 1] - self._t[i])
        return self._v[i] + part * (self._v[i + 1] - self._v[i])

    def ramp(self, start: int, stop: int, to: float) -> None:
        """From what it is at ``start`` to ``to`` at ``stop``; what was planned later is dropped."""
        now = self.at(start)
        keep = bisect_right(self._t, start)
        del self._t[keep:], self._v[keep:]
        self._t += [start, max(stop, start)]
        self._v += [now, to]

    def crossings(self, threshold: float) -> list[tuple[int, bool]]:
        """When does it reach ``threshold`` (True) or fall below it (False)? Strictly alternating."""
        out: list[tuple[int, bool]] = []
        above = False
        for i, value in enumerate(self._v):
            if (value >= threshold) == above:
                continue
            above = not above
            t = self._t[i]
            if i and value != self._v[i - 1]:
                part = (threshold - self._v[i - 1]) / (value - self._v[i - 1])
                t = self._t[i - 1] + round(part * (self._t[i] - self._t[i - 1]))
            out.append((t, above))
        return out


@dataclass(slots=True)
class World:
    """One played scenario. ``start`` and ``stop`` in ns; all else is looked up."""

    scenario: Scenario
    home: Home
    start: int
    stop: int
    people: Timeline
    levels: dict[tuple[str, str], Level] = field(default_factory=dict)
    doors: dict[str, list[tuple[int, bool]]] = field(default_factory=dict)  # sensor: (t, open)
    presses: dict[str, list[int]] = field(default_factory=dict)
    tests: dict[str, list[int]] = field(default_factory=dict)
    battery: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    dead: dict[str, list[Interval]] = field(default_factory=dict)  # sensor
    unplugged: dict[str, list[Interval]] = field(default_factory=dict)  # link
    _rooms: dict[str, Occupants] = field(default_factory=dict)

    def level(self, what: str, room: str) -> Level:
        """The air of one room."""
        return self.levels.get((what, room)) or Level(self.start, BEFORE[what])

    def occupants(self, room: str) -> Occupants:
        """Who is in this room?"""
        if room not in self._rooms:
            self._rooms[room] = Occupants(self.people, room)
        return self._rooms[room]

    def chance(self, *names: str | int) -> Prng:
        """A stream of chance for this name in this playing."""
        return Prng(self.scenario.seed).fork("world", *names)

    def alive(self, sensor: str, t: int) -> bool:
        """Does the sensor work at ``t``, and is its port plugged in?"""
        found = self.home.sensors.get(sensor)
        gaps = self.dead.get(sensor, []) + (self.unplugged.get(found.link, []) if found else [])
        return not any(a <= t < b for a, b in gaps)

    def says(self) -> list[tuple[int, Step]]:
        """The steps that have a sentence for people, with their times."""
        return [(self.time(s), s) for s in self.scenario.steps if s.says]

    def time(self, step: Step) -> int:
        """When does this step happen?"""
        return self.start + round(step.at_s * SECOND)

    def local(self, t: int) -> datetime:
        """Local wall time."""
        return LocalTime(self.scenario.time_zone or self.home.zone).at(t)


def build(scenario: Scenario, home: Home, start: int) -> World:
    """The world of a scenario that begins at ``start`` (ns of event time)."""
    stop = start + round(scenario.duration_s * SECOND)
    zone = scenario.time_zone or home.zone
    steps: list[tuple[int, Step]] = []
    for i, step in enumerate(scenario.steps):
        t = start + round(step.at_s * SECOND)
        if step.do == "day":
            later = (s.at_s for s in scenario.steps[i + 1 :] if s.actor == step.actor)
            until = start + round(next(later, scenario.duration_s) * SECOND)
            chance = Prng(scenario.seed).fork("day", step.actor)
            steps += day_steps(home, zone, step.actor, t, until, chance)
        else:
            steps.append((t, step))
    steps.sort(key=lambda s: s[0])
    world = World(scenario, home, start, stop, timeline(scenario, home, start, steps))
    _things(world, steps)
    return world


def _things(world: World, steps: Iterable[tuple[int, Step]]) -> None:
    for t, step in steps:
        match step.do:
            case "level":
                assert step.what is not None  # the scenario checked both
                assert step.to is not None
                key = (step.what, step.room)
                level = world.levels.setdefault(key, Level(world.start, BEFORE[step.what]))
                level.ramp(t, t + round(step.over_s * SECOND), step.to)
            case "open" | "close":
                world.doors.setdefault(step.sensor, []).append((t, step.do == "open"))
            case "press":
                world.presses.setdefault(step.sensor, []).append(t)
            case "test":
                world.tests.setdefault(step.sensor, []).append(t)
            case "battery":
                assert step.to is not None
                world.battery.setdefault(step.sensor, []).append((t, step.to))
            case "die":
                world.dead.setdefault(step.sensor, []).append((t, world.stop + SECOND))
            case "revive":
                _end(world.dead.get(step.sensor), t)
            case "unplug":
                world.unplugged.setdefault(step.link, []).append((t, world.stop + SECOND))
            case "replug":
                _end(world.unplugged.get(step.link), t)
            case _:
                pass
    _front_door(world)


def _end(gaps: list[Interval] | None, t: int) -> None:
    if gaps:
        gaps[-1] = (gaps[-1][0], t)


def _front_door(world: World) -> None:
    """People coming and going open and close the door contacts of the hall (or of outdoors)."""
    rooms = {r.id for r in world.home.rooms.values() if r.kind in ("hall", "outdoors")}
    fronts = [s.id for s in world.home.sensors.values() if s.kind == "door" and s.room in rooms]
    for door in fronts:
        own = world.doors.setdefault(door, [])
        for use in world.people.doorways:
            wait = 2 * SECOND if use.out else 0
            own += [(use.t - wait, True), (use.t + 4 * SECOND, False)]
        own.sort()
