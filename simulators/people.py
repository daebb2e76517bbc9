"""Where is everybody, how do they hold themselves, and how much do they stir? Steps to spans.

``timeline()`` turns a scenario's steps into spans: stretches of time in which one actor stands in one
room or walks a straight line. Spans are computed once; imitated sensors look at them. ``stir`` says how
much somebody moves: 1 walking, 0.6 housework, 0.15 sitting, 0.04 asleep, 0 only breathing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import hypot
from typing import Literal

from core.model import SECOND, Home
from simulators.prng import Prng
from simulators.rooms import Plan, Point, hall_of, plan_of
from simulators.scenario import ActorConfig, Posture, Scenario, Step

WALK_M_S = {"person": 0.7, "pet": 1.0, "robot": 0.25}  # an old person indoors; Graham 2010 gives 0.7 to 1.0
STIR: dict[str, float] = {"stand": 0.3, "sit": 0.15, "lie": 0.04, "floor": 0.0}
TOP_M: dict[str, float] = {"stand": 1.6, "sit": 1.15, "lie": 0.75, "floor": 0.25}
FALL_S = 0.8


@dataclass(frozen=True, slots=True)
class Span:
    """One actor over [start, stop) ns: room, a straight line from ``a`` to ``b`` (m), posture, stir."""

    start: int
    stop: int
    actor: str
    kind: Literal["person", "pet", "robot"]
    room: str
    a: Point
    b: Point
    posture: Posture
    stir: float

    def at(self, t: int) -> Point:
        """Where in the room at ``t``?"""
        if self.a == self.b:
            return self.a
        part = (t - self.start) / (self.stop - self.start)
        return (self.a[0] + part * (self.b[0] - self.a[0]), self.a[1] + part * (self.b[1] - self.a[1]))

    def velocity(self) -> Point:
        """How fast (m/s)?"""
        seconds = (self.stop - self.start) / SECOND
        return (self.b[0] - self.a[0]) / seconds, (self.b[1] - self.a[1]) / seconds

    @property
    def top_m(self) -> float:
        """How high is the top of it above the floor?"""
        if self.kind != "person":
            return 0.3 if self.kind == "pet" else 0.1
        return TOP_M[self.posture]


@dataclass(frozen=True, slots=True)
class Doorway:
    """The front door was used at ``t``: somebody went out or came in."""

    t: int
    actor: str
    out: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everybody's spans, and every use of the front door."""

    spans: dict[str, tuple[Span, ...]]  # by actor, in order of time
    doorways: tuple[Doorway, ...]

    def in_room(self, room: str) -> list[Span]:
        """All spans in this room, by start."""
        found = [s for spans in self.spans.values() for s in spans if s.room == room]
        return sorted(found, key=lambda s: (s.start, s.actor))


class Occupants:
    """Who is in one room at ``t``? Asked many times, for any ``t``."""

    def __init__(self, timeline: Timeline, room: str) -> None:
        self._spans = [[s for s in spans if s.room == room] for spans in timeline.spans.values()]
        self._starts = [[s.start for s in spans] for spans in self._spans]

    def at(self, t: int) -> list[Span]:
        """At most one span an actor, in the order of the actors."""
        found = []
        for spans, starts in zip(self._spans, self._starts, strict=True):
            i = bisect_right(starts, t) - 1
            if i >= 0 and spans[i].stop > t:
                found.append(spans[i])
        return found


def timeline(scenario: Scenario, home: Home, start: int, steps: Iterable[tuple[int, Step]]) -> Timeline:
    """The spans of every actor from ``start`` (ns) on; ``steps`` with their times, in order."""
    stop = start + round(scenario.duration_s * SECOND)
    spans: dict[str, tuple[Span, ...]] = {}
    doorways: list[Doorway] = []
    listed = list(steps)
    for name, actor in scenario.actors.items():
        chance = Prng(scenario.seed).fork("actor", name)
        walker = _Walker(name, actor, home, start, chance)
        own = [(t, s) for t, s in listed if s.actor == name and s.do in _PEOPLE]
        bounds = [*(t for t, _ in own[1:]), stop]
        walker.fill(own[0][0] if own else stop)
        for (t, step), until in zip(own, bounds, strict=False):
            walker.take(max(t, walker.now), step)
            walker.fill(until)
        spans[name] = tuple(s for s in walker.spans if s.stop > s.start)
        doorways += walker.doorways
    return Timeline(spans, tuple(sorted(doorways, key=lambda d: (d.t, d.actor))))


_PEOPLE = {"be", "go", "busy", "rest", "fall", "get_up", "leave", "come"}


class _Walker:
    """One actor's pose now, and the spans so far."""

    def __init__(self, name: str, actor: ActorConfig, home: Home, now: int, chance: Prng) -> None:
        self.name, self.kind, self.home, self.now, self.chance = name, actor.kind, home, now, chance
        self.room = actor.room
        self.xy: Point = self._plan(actor.room).spot(actor.place)
        self.posture: Posture = actor.posture
        self.stir = STIR[actor.posture] if actor.stir is None else actor.stir
        self.busy = False
        self.spans: list[Span] = []
        self.doorways: list[Doorway] = []

    def _plan(self, room: str) -> Plan:
        return plan_of(self.home, room)

    def _span(self, until: int, to: Point | None = None, stir: float | None = None) -> None:
        target = self.xy if to is None else to
        if until > self.now and self.room:
            self.spans.append(
                Span(
                    self.now, until, self.name, self.kind, self.room, self.xy, target,
                    self.posture, self.stir if stir is None else stir,
                )
            )  # fmt: skip
        self.now, self.xy = max(until, self.now), target

    def fill(self, until: int) -> None:
        """Go on as before until then: stay, or keep pottering about."""
        while self.busy and self.room and self.now < until:
            plan = self._plan(self.room)
            x = self.chance.uniform(-plan.half_m, plan.half_m)
            y = self.chance.uniform(0, plan.depth_m)
            self._walk(plan.inside(x, y), until)
            pause = round(self.chance.uniform(3, 20) * SECOND)
            self._span(min(self.now + pause, until), stir=0.5 if self.kind == "person" else 0.2)
        self._span(until)

    def _walk(self, to: Point, until: int | None = None) -> None:
        length = hypot(to[0] - self.xy[0], to[1] - self.xy[1])
        if length < 0.05:
            return
        arrival = self.now + round(length / WALK_M_S[self.kind] * SECOND)
        if until is not None and arrival > until:
            part = (until - self.now) / (arrival - self.now)
            to = (self.xy[0] + part * (to[0] - self.xy[0]), self.xy[1] + part * (to[1] - self.xy[1]))
            arrival = until
        self._span(arrival, to, stir=1.0)

    def _settle(self, step: Step) -> None:
        self.posture = step.posture
        self.stir = STIR[step.posture] if step.stir is None else step.stir

    def _route(self, room: str, place: str) -> None:
        """Walk there through the doors, standing."""
        self.posture, self.busy = "stand", False
        if self.kind == "person":
            self.stir = STIR["stand"]
        if room != self.room:
            self._walk(self._plan(self.room).spot("door"))
            hall = hall_of(self.home)
            if hall and hall not in (self.room, room):
                self._enter(hall, (0.0, 0.6))
                self._walk((0.0, 2.0))
            self._enter(room, self._plan(room).spot("door"))
        self._walk(self._plan(room).spot(place))

    def _enter(self, room: str, at: Point) -> None:
        self.room, self.xy = room, at

    def take(self, t: int, step: Step) -> None:
        """Do one step, beginning at ``t``."""
        self._span(t)
        match step.do:
            case "be":
                self.busy = False
                self._enter(step.room, self._plan(step.room).spot(step.place))
                self._settle(step)
            case "go":
                self._route(step.room, step.place)
                self._settle(step)
            case "busy":
                if step.room:
                    self._route(step.room, "")
                self.posture, self.busy = "stand", True
            case "rest":
                self.busy = False
                self._settle(step)
            case "fall":
                self.busy = False
                self.posture = "stand"
                self._span(self.now + round(FALL_S * SECOND), stir=1.0)
                self.posture, self.stir = "floor", 0.0 if step.stir is None else step.stir
                self._span(self.now + 2 * SECOND, stir=0.2)
            case "get_up":
                self._span(self.now + 4 * SECOND, stir=0.8)
                self.posture, self.stir = "stand", STIR["stand"]
            case "leave":
                if self.room:
                    self._route(hall_of(self.home) or self.room, "front")
                    self.doorways.append(Doorway(self.now, self.name, out=True))
                    self._span(self.now + 3 * SECOND, stir=0.6)
                    self.room = ""
            case "come":
                hall = hall_of(self.home) or step.room
                self._enter(hall, self._plan(hall).spot("front"))
                self.posture = "stand"
                self.doorways.append(Doorway(self.now, self.name, out=False))
                self._span(self.now + 4 * SECOND, stir=0.6)
                self._route(step.room, step.place)
                self._settle(step)


def shifted(spans: Sequence[Span], by: int) -> list[Span]:
    """The same later (ns); for tests."""
    return [replace(s, start=s.start + by, stop=s.stop + by) for s in spans]
