"""What would every sensor of a home send while a scenario plays? Packets, in order, always the same.

``packets()`` is the whole simulator without hardware: driven by passed-in time, its chance seeded by the
scenario. It makes readings of what is true in the home and lets each driver's own ``encode`` turn them
into what the device would send, so decoding them must give back what was true.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from operator import itemgetter

from core.config import Config, Document
from core.model import Home, Mark, Packet, Reading, Sensor
from devices import DRIVERS
from simulators import gas, generic, points, radar, zigbee
from simulators.scenario import Scenario
from simulators.sheets import SHEETS
from simulators.world import World, build

Emulator = Callable[[World, Sensor], Iterator[list[Reading]]]

EMULATORS: Mapping[str, Emulator] = {
    "zigbee2mqtt": zigbee.says,
    "ld2410": radar.ld2410c,
    "ld2410b": radar.ld2410c,
    "ld2410c": radar.ld2410c,
    "ld2450": radar.ld2450,
    "ld6002c": radar.ld6002c,
    "mr60fda2": radar.ld6002c,
    "ti_iwr6843": points.ti,
    "ti_iwrl6432": points.ti,
    "ze07_co": gas.ze07_co,
    "mh_z9041a": gas.mh_z9041a,
}
"""Which function imitates which device? Other serial devices are imitated by ``generic.py``."""
EMULATORS = dict.fromkeys(SHEETS, generic.says) | dict(EMULATORS)


class SimulationError(Exception):
    """The scenario does not fit this home; the text says what is missing."""


def played(scenario: Scenario, home: Home) -> Home:
    """The home with only the sensors the scenario plays, in its time zone.

    Raises SimulationError if it names a sensor the home has not, or one that nothing imitates.
    """
    if scenario.sensors != "all" and (missing := [s for s in scenario.sensors if s not in home.sensors]):
        raise SimulationError(f"scenario {scenario.name} plays {missing[0]!r}, which config.yaml has not")
    sensors = {i: s for i, s in home.sensors.items() if scenario.uses(i)}
    for sensor in sensors.values():
        if sensor.device not in EMULATORS:
            raise SimulationError(
                f"sensor {sensor.id} is a {sensor.device}, which the simulator cannot imitate; "
                f"it knows {', '.join(EMULATORS)}"
            )
    return replace(home, sensors=sensors, zone=scenario.time_zone or home.zone)


def check(scenario: Scenario, document: Document, config: Config) -> None:
    """Does every room, sensor and link a scenario names exist? Raises ConfigError with its line."""
    known = {"room": set(config.rooms), "sensor": set(config.sensors), "link": set(config.links)}
    for i, step in enumerate(scenario.steps):
        for field, existing in known.items():
            name = getattr(step, field)
            if name and name not in existing:
                raise document.error(("steps", i, field), f"there is no {field} {name!r} in this home")
    for i, truth in enumerate(scenario.truth):
        sources = {*config.sensors, *config.residents, *(f"link:{name}" for name in config.links)}
        for field, name in (("room", truth.room), ("source", truth.source)):
            if name and name not in (set(config.rooms) if field == "room" else sources):
                raise document.error(("truth", i, field), f"there is no {field} {name!r} in this home")
    for i, sensor in enumerate([] if scenario.sensors == "all" else scenario.sensors):
        if sensor not in config.sensors:
            raise document.error(("sensors", i), f"there is no sensor {sensor!r} in this home")
    for sensor in scenario.rates:
        if sensor not in config.sensors:
            raise document.error(("rates", sensor), f"there is no sensor {sensor!r} in this home")


def packets(scenario: Scenario, config: Config | Home, start: int) -> Iterator[Packet]:
    """Every packet of the scenario beginning at ``start`` (ns of event time), ordered by ``at``.

    What the broker remembers comes first, marked retained. Link marks and an end are not in it; see
    :func:`marked`. Raises SimulationError if home and scenario do not fit.
    """
    home = _home(scenario, config)
    world = build(scenario, home, start)
    over_mqtt = [s for s in home.sensors.values() if s.address]
    yield from remembered(scenario, home, start)
    streams = [_stream(world, s) for s in home.sensors.values()]
    streams += [iter(zigbee.gone(world, s)) for s in over_mqtt]
    yield from heapq.merge(*streams, key=itemgetter(2))


def remembered(scenario: Scenario, config: Config | Home, start: int) -> list[Packet]:
    """What the broker remembers for a gateway that connects at ``start``: bridge and availability."""
    sensors = [s for s in _home(scenario, config).sensors.values() if s.address]
    return zigbee.found(sensors, start)


def marked(scenario: Scenario, config: Config | Home, start: int) -> Iterator[Packet]:
    """The same as a gateway would have recorded it: links come up, go down while unplugged, and an end."""
    home = _home(scenario, config)
    world = build(scenario, home, start)
    links = sorted({s.link for s in home.sensors.values()})
    for link in links:
        yield Packet(link, "", start, b"", Mark.UP)
    yield from heapq.merge(
        _cables(world, links), (p for p in packets(scenario, config, start)), key=itemgetter(2)
    )
    yield Packet("", "", world.stop, b"", Mark.END)


def _home(scenario: Scenario, config: Config | Home) -> Home:
    return played(scenario, config.as_home() if isinstance(config, Config) else config)


def _cables(world: World, links: Iterable[str]) -> Iterator[Packet]:
    marks = []
    for link in links:
        for a, b in world.unplugged.get(link, []):
            marks.append(Packet(link, "", a, b"unplugged", Mark.DOWN))
            if b < world.stop:
                marks.append(Packet(link, "", b, b"", Mark.UP))
    yield from sorted(marks, key=itemgetter(2))


def _stream(world: World, sensor: Sensor) -> Iterator[Packet]:
    spec = DRIVERS[sensor.device]
    for readings in EMULATORS[sensor.device](world, sensor):
        yield from spec.encode(sensor, readings)
