"""How do packets become alerts? The one thread in the middle: pure, no I/O, no clock.

    packets -> drivers -> readings -> (hold until the watermark) -> blocks -> detectors -> book -> alerts

The same object serves the daemon, the replay and the tests. What it is given decides everything it
does; how the packets are cut into calls decides nothing. Packets are first stamped strictly apart
(``stamp``); the stamped packets are what a recording keeps.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from alerts.book import AlertBook
from core.contracts import Driver
from core.model import Alert, Block, Event, Home, Mark, Packet, Phase, Reading
from core.quantity import Quantity
from gateway.guard import Guard
from gateway.lane import DRILL, Command, Lane
from gateway.question import Signs
from gateway.routes import Routes
from gateway.state import Latest

log = logging.getLogger("hearthwatch.pipeline")

_by_time = itemgetter(2)
CLOCK_STEP_TOLD_NS = 60 * 10**9  # a wall clock moved by more than this is told as an event


class Pipeline:
    """Everything between what arrives and what people are told.

    ``lateness`` (ns) is how long readings may trail their arrival; ``commands`` turns packets of our
    own command topic into :class:`Command`; ``on_blocks`` is given every released block (the store).
    """

    def __init__(
        self,
        home: Home,
        drivers: Sequence[tuple[str, Driver]],
        prompt: Sequence[Guard],
        patient: Sequence[Guard],
        make_book: Callable[[], AlertBook],
        lateness: int = 2 * 10**9,
        commands: Callable[[Packet], Command | None] | None = None,
        prompt_kinds: frozenset[str] = frozenset(),
        signs: Signs | None = None,
    ) -> None:
        self.home = home
        self.drivers = tuple(drivers)
        self.routes = Routes(self.drivers)
        self.prompt = Lane("prompt", prompt, make_book())
        self.patient = Lane("patient", patient, make_book(), signs)
        self.gateway = Lane("gateway", (), make_book())  # troubles of the gateway itself
        self.latest = Latest()
        self.on_blocks: Callable[[list[Block]], None] | None = None
        self.reached = 0
        self.counts: dict[str, int] = dict.fromkeys(("packets", "readings", "late", "unrouted"), 0)
        self._lateness = lateness
        self._commands = commands
        self._prompt_kinds = prompt_kinds  # what a drill rehearses at once
        self._held: list[Reading] = []
        self._ordered = True  # arrivals only grow; a device's own time may be earlier
        self._released = 0
        self._blind_at = 0  # deadlines inside a blind stretch wait until it is known to be one
        self._wall_offset: int | None = None

    # -- in -------------------------------------------------------------------------------------

    def stamp(self, packets: Sequence[Packet]) -> list[Packet]:
        """The packets with arrivals strictly after each other and after the time reached."""
        out = []
        last = self.reached
        for packet in packets:
            if packet.at <= last:
                packet = packet._replace(at=last + 1)
            last = packet.at
            out.append(packet)
        return out

    def feed(self, packets: Sequence[Packet]) -> list[Alert]:
        """Take stamped packets; which alerts of the prompt lane come of them, at once?"""
        early: list[Reading] = []
        held = self._held
        wants = self.prompt.wants
        resolve = self.routes.resolve
        count = late = 0
        for packet in packets:
            at = packet.at
            if packet.mark is not Mark.DATA and packet.mark is not Mark.RETAINED:
                readings = self._marked(packet)
                for driver in self.routes.on_link(packet.link):
                    driver.feed(packet)
            else:
                drivers = resolve(packet.link, packet.channel)
                if not drivers:
                    self._other(packet)
                    continue
                readings = drivers[0].feed(packet)
                for driver in drivers[1:]:
                    readings = readings + driver.feed(packet)
            count += len(readings)
            for reading in readings:
                if reading.quantity in wants:
                    early.append(reading if reading.t == at else reading._replace(t=at))
                if reading.t != at:
                    floor = at - self._lateness
                    if reading.t > at or reading.t < floor:
                        late += reading.t < floor
                        reading = reading._replace(t=min(at, max(floor, reading.t)))
                    self._ordered = False
                held.append(reading)
        if packets:
            self.reached = max(self.reached, packets[-1].at)
        self.counts["packets"] += len(packets)
        self.counts["readings"] += count
        self.counts["late"] += late
        if not early:
            return []
        return self.prompt.run(group(early), self.reached + 1)

    def advance(self, now: int | None = None) -> list[Alert]:
        """Time has reached ``now``: release what has waited long enough, let deadlines pass."""
        if now is not None and now > self.reached:
            self.reached = now
        alerts = self.prompt.run((), self.reached + 1)
        watermark = self.reached + 1 - self._lateness
        if watermark <= self._released or watermark <= self._blind_at:
            return alerts
        held = self._held
        if not self._ordered:
            held.sort(key=_by_time)
            self._ordered = True
        if held and held[-1][2] < watermark:
            ready, self._held = held, []
        else:
            cut = bisect_left(held, watermark, key=_by_time)
            ready, self._held = held[:cut], held[cut:]
        blocks = group(ready)
        self._released = watermark
        self.latest.note(blocks)
        if blocks and self.on_blocks is not None:
            self.on_blocks(blocks)
        return alerts + self.patient.run(blocks, watermark) + self.gateway.run((), watermark)

    def turn(self, packets: Sequence[Packet], now: int | None = None) -> list[Alert]:
        """Feed and advance in one call; what the replay does."""
        return self.feed(packets) + self.advance(now)

    def finish(self) -> list[Alert]:
        """The input ends for good: release what is still held, as if time had gone on by the lateness."""
        return self.advance(self.reached + self._lateness)

    def feed_blocks(self, blocks: Sequence[Block], upto: int) -> list[Alert]:
        """Stored or foreign blocks of one slice ending before ``upto``, straight to the detectors."""
        self.counts["readings"] += sum(len(b) for b in blocks)
        ordered = sorted(blocks, key=lambda b: (b.source, b.quantity))
        self.reached = max(self.reached, upto)
        self._released = max(self._released, upto)
        self.latest.note(ordered)
        if ordered and self.on_blocks is not None:
            self.on_blocks(ordered)
        early = [b for b in ordered if b.quantity in self.prompt.wants]
        return self.prompt.run(early, upto) + self.patient.run(ordered, upto)

    def raise_events(self, events: list[Event]) -> list[Alert]:
        """Troubles of the gateway itself (storage, channels, cold start)."""
        return self.gateway.raise_events(events)

    # -- packets that are not sensor data -------------------------------------------------------

    def _other(self, packet: Packet) -> None:
        command = self._commands(packet) if self._commands else None
        if command is None:
            self.counts["unrouted"] += 1
        elif packet.mark is not Mark.DATA:  # an old command must not act again
            pass
        elif command.word == DRILL:
            (self.prompt if command.alert in self._prompt_kinds else self.patient).command(command)
        else:
            for lane in (self.prompt, self.patient, self.gateway):
                lane.command(command)

    def _marked(self, packet: Packet) -> list[Reading]:
        at, mark = packet.at, packet.mark
        if mark is Mark.UP or mark is Mark.DOWN:
            value = 1.0 if mark is Mark.UP else 0.0
            return [Reading(f"link:{packet.link}", Quantity.LINK_UP, at, value)]
        if mark is Mark.CLOCK:
            return self._clock(packet)
        if mark is Mark.BLIND:
            seconds = _number(packet.data)
            if seconds is None or seconds < 0:
                return []
            self._blind_at = at
            return [Reading("gateway", Quantity.BLIND_S, at, seconds)]
        if mark is Mark.LOST:
            evidence = {"reason": "session"}
            self.patient.later.append(
                Event("gateway", "gap", f"link:{packet.link}", at, Phase.ONSET, evidence)
            )
        return []

    def _clock(self, packet: Packet) -> list[Reading]:
        offset = _number(packet.data)
        if offset is None:
            return []
        step = 0 if self._wall_offset is None else int(offset) - self._wall_offset
        self._wall_offset = int(offset)
        if abs(step) >= CLOCK_STEP_TOLD_NS:
            told = Event("gateway", "clock_step", "gateway", packet.at, Phase.ONSET, {"step_s": step / 1e9})
            self.patient.later.append(told)
        return [Reading("gateway", Quantity.WALL_OFFSET_S, packet.at, offset / 1e9)]

    # -- state ----------------------------------------------------------------------------------

    def lanes(self) -> tuple[Lane, Lane, Lane]:
        """Prompt, patient and the gateway's own."""
        return self.prompt, self.patient, self.gateway

    def open_alerts(self) -> list[Alert]:
        """What is open now, in all lanes?"""
        return [a for lane in self.lanes() for a in lane.book.open_alerts()]

    def health(self) -> dict[str, Any]:
        """Counters of drivers, by name."""
        return {name: driver.health() for name, driver in self.drivers}

    def snapshot(self) -> dict[str, Any]:
        """All state, as JSON; what is still held is part of it."""
        return {
            "reached": self.reached,
            "released": self._released,
            "wall_offset": self._wall_offset,
            "signs": None if self.patient.signs is None else self.patient.signs.snapshot(),
            "held": [
                [r.source, r.quantity.value, r.t, _json_value(r.value), int(r.flags)] for r in self._held
            ],
            "lanes": {
                lane.name: {
                    "book": lane.book.snapshot(),
                    "later": [
                        [e.detector, e.kind, e.source, e.t, e.phase.value, dict(e.evidence)]
                        for e in lane.later
                    ],
                    "commands": [[c.t, c.alert, c.by, c.word, c.cause] for c in lane.commands],
                    "detectors": {g.name: g.snapshot() for g in lane.guards},
                }
                for lane in self.lanes()
            },
        }

    def restore(self, state: dict[str, Any]) -> list[str]:
        """Go on from a snapshot; which detectors had to start cold? Raises ValueError if torn."""
        cold: list[str] = []
        try:
            self.reached = int(state["reached"])
            self._released = int(state["released"])
            self._wall_offset = state["wall_offset"]
            self._held = [
                Reading(s, Quantity(q), int(t), tuple(v) if isinstance(v, list) else v, int(f))
                for s, q, t, v, f in state["held"]
            ]
            self._ordered = False
            if self.patient.signs is not None and state.get("signs") is not None:
                self.patient.signs.restore(state["signs"])
            for lane in self.lanes():
                kept = state["lanes"][lane.name]
                lane.book.restore(kept["book"])
                lane.later = [Event(d, k, s, t, Phase(p), e) for d, k, s, t, p, e in kept["later"]]
                lane.commands = [Command(*c) for c in kept["commands"]]
                lane.reached = self.reached
                for guard in lane.guards:
                    try:
                        guard.restore(kept["detectors"].get(guard.name) or {})
                    except Exception as error:
                        log.warning("detector %s starts cold: %s", guard.name, error)
                        cold.append(guard.name)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a whole snapshot: {error!r}") from None
        return cold


def group(readings: Sequence[Reading]) -> list[Block]:
    """Readings in time order as one block per (source, quantity), in that order.

    >>> rows = [Reading("b", Quantity.GAS, 1, 0.0), Reading("a", Quantity.CO, 2, 1.0)]
    >>> [b.quantity.value for b in group(rows)]
    ['co', 'gas']
    """
    if not readings:
        return []
    columns: dict[tuple[str, Quantity], tuple[list[int], list[Any], list[int]]] = {}
    for source, quantity, t, value, flags in readings:
        column = columns.get((source, quantity))
        if column is None:
            column = columns[(source, quantity)] = ([], [], [])
        column[0].append(t)
        column[1].append(value)
        column[2].append(flags)
    return [Block.build(source, quantity, *columns[source, quantity]) for source, quantity in sorted(columns)]


def _number(data: bytes) -> float | None:
    try:
        value = float(data)
    except ValueError:
        return None
    return value if abs(value) < 1e20 else None


def _json_value(value: Any) -> Any:
    if isinstance(value, float | int | str):
        return value
    if isinstance(value, tuple):
        return list(value)
    return value.tolist()
