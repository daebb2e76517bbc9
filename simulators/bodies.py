"""How does the script of a home look as bodies that move? Spans of a timeline to joints at any instant.

Spans say where somebody is and how they hold themselves; a radar of points needs limbs. Each stay in a room
becomes a script of moves with the same times: walks with gait, sitting and lying down, falls, small
gestures according to ``stir``.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import hypot

import numpy as np

from core.model import SECOND, Floats
from simulators.moves import Moves
from simulators.people import FALL_S, Span
from simulators.person import WIDTH, P
from simulators.prng import Prng
from simulators.scatter import DT_S, Part, person
from simulators.world import World

_POSTURES = {"stand": "stand", "sit": "sit", "lie": "supine"}
_BED_M = 0.55
_CHANGE_S = {"stand": 1.4, "sit": 1.5, "lie": 2.2, "floor": 1.0}
_GESTURES_FROM = 0.03  # stir of somebody who is not asleep


@dataclass(frozen=True, slots=True)
class Stay:
    """One actor's time in one room without a break: [start, stop) ns, and how they moved (s from start)."""

    start: int
    stop: int
    moves: Moves


def stays(world: World, room: str) -> dict[str, list[Stay]]:
    """Everybody's stays in this room (people only), in order."""
    out: dict[str, list[Stay]] = {}
    for actor, spans in world.people.spans.items():
        own = [s for s in spans if s.room == room and s.kind == "person"]
        chance = world.chance("body", actor)
        found = out.setdefault(actor, [])
        run: list[Span] = []
        for i, span in enumerate(own):
            run.append(span)
            if i + 1 == len(own) or own[i + 1].start > span.stop:
                found.append(Stay(run[0].start, span.stop, _moves(run, chance.fork(room, run[0].start))))
                run = []
    return out


def echoes(found: list[Stay], actor: int, times: list[int], chance: Prng) -> Part:
    """What a radar could see of this actor at these instants (ns); NaN where they are not in the room."""
    poses, later = (np.full((len(times), WIDTH), np.nan) for _ in range(2))
    clock = np.array(times, dtype=np.int64)
    height_m = 1.6
    for stay in found:
        on = (clock >= stay.start) & (clock < stay.stop)
        if on.any():
            seconds: Floats = (clock[on] - stay.start) / SECOND
            poses[on], later[on] = stay.moves.poses(seconds), stay.moves.poses(seconds + DT_S)
            height_m = stay.moves.height_m
    seconds = (clock - clock[0]) / SECOND
    return person(poses, later, height_m, actor, seconds, chance)


def low_echoes(spans: list[Span], times: list[int], chance: Prng) -> Part:
    """The same of a pet or a robot: some points close over the floor, nobody's to a tracker."""
    pet = bool(spans) and spans[0].kind == "pet"
    n = 8 if pet else 4
    spread = chance.normals(n * 3).reshape(n, 3) * ((0.1, 0.16, 0.06) if pet else (0.12, 0.12, 0.02))
    at, velocity = (np.full((len(times), 1, 3), np.nan) for _ in range(2))
    starts = [s.start for s in spans]
    for f, t in enumerate(times):
        i = bisect_right(starts, t) - 1
        if i >= 0 and spans[i].stop > t:
            at[f, 0] = (*spans[i].at(t), 0.2 if pet else 0.06)
            velocity[f, 0] = (*spans[i].velocity(), 0.0)
    limbs = 0.15 * chance.normals(len(times) * n).reshape(len(times), n) * np.abs(velocity[:, :, 1])
    moving = np.repeat(velocity, n, axis=1)
    moving[..., 1] += limbs
    return at + spread, moving, np.full((len(times), n), -7.0), -1


def _moves(run: list[Span], chance: Prng) -> Moves:
    first = run[0]
    moves = Moves(chance.fork("moves"), *first.a, yaw=chance.uniform(0, 360))
    if first.a == first.b and first.posture != "stand":
        _hold(moves, first, 0.01)
    for span, after in zip(run, [*run[1:], None], strict=True):
        start, stop = (span.start - first.start) / SECOND, (span.stop - first.start) / SECOND
        if span.a != span.b:
            _rise(moves)
            length = hypot(span.b[0] - span.a[0], span.b[1] - span.a[1])
            turn = 0.2 + 1.0
            moves.walk(*span.b, min(1.4, length / max(0.3, stop - moves.now - turn)))
        elif _falls(span, after):
            moves.until(start)
            way = ("forward", "backward", "right", "left")[chance.below(4)]
            moves.fall(way, FALL_S)  # type: ignore[arg-type]
        else:
            _hold(moves, span, _CHANGE_S[span.posture])
            _gestures(moves, span, stop, chance)
        moves.until(stop)
    return moves


def _falls(span: Span, after: Span | None) -> bool:
    brief = span.stop - span.start <= round(FALL_S * SECOND)
    return brief and span.posture == "stand" and after is not None and after.posture == "floor"


def _hold(moves: Moves, span: Span, seconds: float) -> None:
    """Take the span's posture, unless it is held already."""
    if span.posture == "floor":
        return  # the fall left them there, however they lie
    name = _POSTURES[span.posture]
    if span.posture == "stand":
        if not _upright(moves):
            moves.become("stand", _CHANGE_S["stand"])
    elif span.posture == "lie":
        if moves.last[P.Z] != _BED_M:
            moves.become(name, seconds, z=_BED_M)
    elif _upright(moves) or moves.last[P.Z] == _BED_M:
        moves.become(name, seconds)


def _rise(moves: Moves) -> None:
    if not _upright(moves):
        moves.become("stand", _CHANGE_S["stand"])


def _upright(moves: Moves) -> bool:
    return bool(moves.last[P.Z] > 0.45 * moves.height_m and abs(moves.last[P.TRUNK]) < 30)


def _gestures(moves: Moves, span: Span, stop: float, chance: Prng) -> None:
    """The arms move now and then; how often and how far goes with ``stir``."""
    if span.stir < _GESTURES_FROM:
        return
    while True:
        wait = chance.uniform(3.0, 12.0) / max(span.stir, 0.1) * 0.2
        if moves.now + wait + 2.0 > stop:
            return
        moves.rest(wait)
        arm = P.ARM_L if chance.chance(0.5) else P.ARM_R
        moves.shake(chance.uniform(0.8, 1.8), 20 + 60 * span.stir, 0.8, arm, P(arm + 2))
