"""What would battery sensors behind Zigbee2MQTT publish?

Door, motion, presence, bed, smoke, gas, CO, water and button: they speak on change and about once an hour,
each time with their whole state, as Zigbee2MQTT does.
Bridge state and availability are retained. Figures: motion sensors hold for 90 s and are blind for 60 s
(usual Aqara settings), gas trips at 8 % LEL (EN 50194 allows 3 to 20), CO by the times of EN 50291-1.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping

from core.model import MINUTE, SECOND, Mark, Packet, Reading, Sensor
from core.quantity import Quantity as Q
from simulators.people import Span
from simulators.world import World

REPORT_S = 3600.0
HOLD_S, BLIND_S = 90.0, 60.0
LEAVE_S = 30.0
BED_S = 3.0  # until a mat believes it
SMOKE_LEVEL = 0.1  # dB/m; EN 14604 wants an alarm between 0.05 and 0.2
GAS_LEL_PCT = 8.0
CO_ALARM = ((300.0, 2.0), (100.0, 25.0), (50.0, 75.0))  # ppm, minutes
State = dict[Q, float]
Change = tuple[int, State]
Changes = Callable[[World, Sensor], Iterator[Change]]
_ONLINE, _OFFLINE = b'{"state":"online"}', b'{"state":"offline"}'


def says(world: World, sensor: Sensor) -> Iterator[list[Reading]]:
    """Its readings, one message's worth at a time."""
    chance = world.chance("zigbee", sensor.id)
    state: State = dict(_AT_REST.get(sensor.kind, {}))
    battery = round(chance.uniform(60, 100))
    state[Q.BATTERY_PCT], state[Q.LINK_QUALITY] = float(battery), float(60 + chance.below(120))
    levels = [(t, {Q.BATTERY_PCT: pct}) for t, pct in world.battery.get(sensor.id, [])]
    rhythm = chance.fork("reports")
    reports: list[Change] = []
    t = world.start + round(rhythm.uniform(0.5, 8.0) * SECOND)
    while t < world.stop:
        reports.append((t, {}))
        t += round(rhythm.uniform(0.85, 1.1) * REPORT_S * SECOND)
    changes = list(_CHANGES[sensor.kind](world, sensor)) if sensor.kind in _CHANGES else []
    for t, change in heapq.merge(changes, levels, reports, key=lambda c: c[0]):
        if not world.start <= t < world.stop or not world.alive(sensor.id, t):
            state.update({q: v for q, v in change.items() if q not in _PULSES})
            continue
        passing = {q: v for q, v in change.items() if q in _PULSES}
        state.update({q: v for q, v in change.items() if q not in _PULSES})
        state[Q.LINK_QUALITY] = float(60 + chance.below(120))
        yield [Reading(sensor.id, q, t, v) for q, v in {**state, **passing}.items()]


_PULSES = {Q.SOS, Q.TEST}
_AT_REST: dict[str, State] = {
    "door": {Q.CONTACT_OPEN: 0.0},
    "motion": {Q.MOTION: 0.0},
    "presence": {Q.PRESENCE: 0.0},
    "bed": {Q.BED_OCCUPIED: 0.0},
    "smoke": {Q.SMOKE: 0.0},
    "gas": {Q.GAS: 0.0},
    "co": {Q.CO: 0.0},
    "water": {Q.WATER: 0.0},
    "button": {},
}


def found(sensors: list[Sensor], start: int) -> list[Packet]:
    """What the broker remembers for a client that connects at the start: bridge and availability."""
    topics = sorted({(s.link, f"{s.address.split('/')[0]}/bridge/state") for s in sensors})
    topics += [(s.link, f"{s.address}/availability") for s in sensors]
    return [Packet(link, topic, start, _ONLINE, Mark.RETAINED) for link, topic in topics]


def gone(world: World, sensor: Sensor) -> list[Packet]:
    """Zigbee2MQTT notices a dead battery sensor after 25 h and says so, retained."""
    out = []
    for a, b in world.dead.get(sensor.id, []):
        if a + 1500 * MINUTE < min(b, world.stop):
            t = a + 1500 * MINUTE
            out.append(Packet(sensor.link, f"{sensor.address}/availability", t, _OFFLINE))
        if b < world.stop:
            out.append(Packet(sensor.link, f"{sensor.address}/availability", b, _ONLINE))
    return out


def _door(world: World, sensor: Sensor) -> Iterator[Change]:
    for t, is_open in world.doors.get(sensor.id, []):
        yield t, {Q.CONTACT_OPEN: float(is_open)}


def _motion(world: World, sensor: Sensor) -> Iterator[Change]:
    hits = heapq.merge(*(_hits(world, sensor, actor) for actor in world.people.spans))
    ends, quiet_from = 0, 0
    on = False
    for t in hits:
        if on and t > ends:
            yield ends, {Q.MOTION: 0.0}
            on = False
        if t < quiet_from:
            continue
        yield t, {Q.MOTION: 1.0}
        on, quiet_from, ends = True, t + round(BLIND_S * SECOND), t + round(HOLD_S * SECOND)
    if on:
        yield ends, {Q.MOTION: 0.0}


def _hits(world: World, sensor: Sensor, actor: str) -> Iterator[int]:
    """The instants at which its lens sees this actor move."""
    chance = world.chance("lens", sensor.id, actor)
    for span in world.people.spans[actor]:
        if span.room != sensor.room or span.stir <= 0:
            continue
        seen = min(1.0, span.stir * {"person": 1.6, "pet": 0.15, "robot": 0.02}[span.kind])
        t = span.start + round(chance.uniform(0.2, 1.0) * SECOND)
        while t < span.stop:
            if chance.chance(seen):
                yield t
            t += round(chance.uniform(3, 25) * SECOND)


def _presence(world: World, sensor: Sensor) -> Iterator[Change]:
    people = [s for s in world.people.in_room(sensor.room) if s.kind == "person"]
    for a, b in _together(people, round(LEAVE_S * SECOND)):
        yield a + SECOND // 2, {Q.PRESENCE: 1.0}
        yield b + round(LEAVE_S * SECOND), {Q.PRESENCE: 0.0}


def _bed(world: World, sensor: Sensor) -> Iterator[Change]:
    """A mat under the mattress: who lies in its room lies on it."""
    lying = [s for s in world.people.in_room(sensor.room) if s.kind == "person" and s.posture == "lie"]
    for a, b in _together(lying, round(BED_S * SECOND)):
        yield a + round(BED_S * SECOND), {Q.BED_OCCUPIED: 1.0}
        yield b + round(BED_S * SECOND), {Q.BED_OCCUPIED: 0.0}


def _together(spans: list[Span], linger: int) -> list[list[int]]:
    """Stretches [start, stop) of spans with pauses of at most ``linger`` between them."""
    stays: list[list[int]] = []
    for span in spans:
        if stays and span.start <= stays[-1][1] + linger:
            stays[-1][1] = max(stays[-1][1], span.stop)
        else:
            stays.append([span.start, span.stop])
    return stays


def _level(what: str, threshold: float, quantity: Q, delay_s: float) -> Changes:
    def changes(world: World, sensor: Sensor) -> Iterator[Change]:
        edges = world.level(what, sensor.room).crossings(threshold)
        found: list[Change] = [(t + round(delay_s * SECOND), {quantity: float(above)}) for t, above in edges]
        found += [(t, {Q.TEST: 1.0}) for t in world.tests.get(sensor.id, [])]
        yield from sorted(found, key=lambda c: c[0])

    return changes


def _co(world: World, sensor: Sensor) -> Iterator[Change]:
    """Alarm once a concentration has stood its time; off when below 50 ppm."""
    level = world.level("co_ppm", sensor.room)
    onsets = []
    for ppm, minutes in CO_ALARM:
        edges = level.crossings(ppm)
        for i, (t, above) in enumerate(edges):
            end = edges[i + 1][0] if i + 1 < len(edges) else world.stop
            if above and t + round(minutes * MINUTE) <= end:
                onsets.append(t + round(minutes * MINUTE))
    falls = [t for t, above in level.crossings(50.0) if not above]
    changes = [(t, {Q.CO: 1.0}) for t in onsets] + [(t, {Q.CO: 0.0}) for t in falls]
    yield from sorted(changes, key=lambda c: c[0])


def _button(world: World, sensor: Sensor) -> Iterator[Change]:
    for t in world.presses.get(sensor.id, []):
        yield t, {Q.SOS: 1.0}


_CHANGES: Mapping[str, Changes] = {
    "door": _door,
    "motion": _motion,
    "presence": _presence,
    "bed": _bed,
    "smoke": _level("smoke", SMOKE_LEVEL, Q.SMOKE, 2.0),
    "gas": _level("methane_lel", GAS_LEL_PCT, Q.GAS, 5.0),
    "co": _co,
    "water": _level("water", 0.5, Q.WATER, 1.0),
    "button": _button,
}
