"""One home walked and frozen: how late would the alarm come, and how often did it come for nothing?

The rules of the measurement stand in :mod:`bench.inactivity`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.homes import Recorded, Span, blocks, merged
from core.model import DAY, HOUR, Event, Phase
from core.quantity import Quantity
from detectors.household import Seen
from detectors.inactivity import InactivityDetector, InactivityParams
from detectors.rows import Row

Q = Quantity
CAP_H = 48.0
LEARN_DAYS = 28

# When (h) and on which of eight sensors an empty home's motion sensors fired (tm000, 14 to 17 July 2016).
GHOST_SPAN_H = 82.5
GHOSTS: tuple[tuple[float, int], ...] = (
    (12.84, 0), (17.11, 1), (31.72, 2), (41.73, 3), (46.32, 4), (46.37, 3), (49.85, 2), (52.77, 5),
    (69.96, 6), (74.89, 5), (77.12, 7), (78.02, 3), (80.63, 1),
)  # fmt: skip


@dataclass
class Walk:
    """What one detector did in one home."""

    name: str
    days: float = 0.0  # at home, in the test part
    false_alarms: int = 0
    questions: int = 0
    false_at: list[int] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    ghost_delays: list[float] = field(default_factory=list)
    by_day: list[bool] = field(default_factory=list)
    second_half: list[bool] = field(default_factory=list)
    masked: int = 0
    away_ns: tuple[int, int, int, int] | None = None  # truly away, of it seen; truly home, of it seen
    limits: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what of the files could not be used
    seconds: float = 0.0


def measure(
    home: Recorded,
    params: InactivityParams,
    freezes: int,
    seed: int,
    learn_days: int | None = None,
    ghosts: bool = False,
) -> Walk:
    """Walk one home, freeze it at random instants, compare away with the truth."""
    began = time.perf_counter()
    walk = Walk(home.name, notes=list(home.notes))
    labelled = home.labelled()
    stop = min(home.stop, labelled[1]) if labelled else home.stop
    whole = stop - home.start
    learn = home.start + (learn_days * DAY if learn_days else min(LEARN_DAYS * DAY, whole // 2))
    gone = merged([*home.away(), *home.outings(), *home.absences()])
    at_home = _without((learn, stop), gone)
    walk.days = sum(b - a for a, b in at_home) / DAY
    rng = np.random.default_rng(seed)
    instants = _draw(at_home, freezes, rng)
    detector = InactivityDetector(params, home.home)
    ghost_sensors = sorted(s.id for s in home.home.sensors.values() if s.kind == "motion")
    away = _AwayCount(merged(home.away()), (max(learn, labelled[0]), stop)) if labelled else None
    if away is not None:
        _watch(detector, away)
    times = np.array([e[0] for e in home.edges], dtype=np.int64)
    i = 0
    for at in [*instants, stop + 1]:
        j = int(np.searchsorted(times, min(at, stop), side="right"))
        events = detector.process(blocks(home.edges[i:j])) if j > i else []
        events += detector.advance(at)
        i = j
        _count(walk, events, learn)
        if at > stop:
            break
        _freeze(walk, detector, params, home, at, rng, ghost_sensors if ghosts else [])
        walk.second_half.append(at > learn + (stop - learn) // 2)
    if away is not None:
        walk.away_ns = away.result(stop)
    _name_limits(walk, home, learn, stop, gone)
    walk.seconds = time.perf_counter() - began
    return walk


def _watch(detector: InactivityDetector, away: _AwayCount) -> None:
    """Let ``away`` see every change of the detector's view, without cutting its time into pieces."""
    house = detector.house
    take = house.take

    def watched(row: Row) -> Seen:
        seen = take(row)
        away.see(row.t, house.occupancy.away_since is not None)
        return seen

    house.take = watched  # type: ignore[method-assign]


class _AwayCount:
    """Time by truth and by the detector's own causal view, inside a span."""

    def __init__(self, truth: list[Span], span: Span) -> None:
        self._truth, self._span = truth, span
        self._since, self._away = span[0], False
        self._seen: list[Span] = []

    def see(self, t: int, away: bool) -> None:
        if away != self._away:
            if self._away:
                self._seen.append((self._since, t))
            self._since, self._away = t, away

    def result(self, stop: int) -> tuple[int, int, int, int]:
        self.see(stop, not self._away)
        truth = _clip(self._truth, self._span)
        seen = _clip(self._seen, self._span)
        both = sum(max(0, min(b, d) - max(a, c)) for a, b in truth for c, d in seen)
        gone = sum(b - a for a, b in truth)
        home = self._span[1] - self._span[0] - gone
        return gone, both, home, home - (sum(b - a for a, b in seen) - both)


def _freeze(
    walk: Walk,
    detector: InactivityDetector,
    params: InactivityParams,
    home: Recorded,
    at: int,
    rng: np.random.Generator,
    ghost_sensors: list[str],
) -> None:
    """The resident does nothing more from ``at`` on."""
    state = detector.snapshot()
    walk.by_day.append(8 <= at // HOUR % 24 < 22)
    walk.masked += detector.away_since is not None
    walk.delays.append(_delay(detector, state, params, home, at, []))
    if ghost_sensors:
        shift, order = float(rng.uniform(0, GHOST_SPAN_H)), rng.permutation(len(ghost_sensors))
        ghosts = [
            (at + int((h - shift + lap) * HOUR), ghost_sensors[order[k % len(order)]])
            for lap in (0.0, GHOST_SPAN_H)
            for h, k in GHOSTS
            if 0 < h - shift + lap <= CAP_H
        ]
        walk.ghost_delays.append(_delay(detector, state, params, home, at, ghosts))


def _delay(
    detector: InactivityDetector,
    state: dict[str, Any],
    params: InactivityParams,
    home: Recorded,
    at: int,
    ghosts: list[tuple[int, str]],
) -> float:
    if detector.stage == "alarm" and not ghosts:
        return 0.0
    clone = InactivityDetector(params, home.home)
    clone.restore(state)
    clone.habits.reuse(detector.habits)
    edges = [
        (t + after, s, Q.MOTION, value, 0)
        for t, s in ghosts
        for after, value in ((0, 1.0), (1_100_000_000, 0.0))
    ]
    events = [] if not edges else clone.process(blocks(sorted(edges)))
    events += clone.advance(at + int(CAP_H * HOUR) + 1)
    rung = 0.0 if detector.stage == "alarm" else CAP_H
    for event in events:
        if event.evidence.get("stage") == "alarm":
            rung = min(rung, max(0.0, (event.t - at) / HOUR))
    return rung


def _count(walk: Walk, events: list[Event], learn: int) -> None:
    for event in events:
        if event.t < learn or event.phase is Phase.CLEAR:
            continue
        if event.evidence["stage"] == "alarm":
            walk.false_alarms += 1
            walk.false_at.append(event.t)
        elif event.evidence["stage"] == "question":
            walk.questions += 1


def _name_limits(walk: Walk, home: Recorded, learn: int, stop: int, gone: list[Span]) -> None:
    """What, in the data, makes this home easy or hard?"""
    kinds = {s.kind for s in home.home.sensors.values()}
    rooms = {r.kind for r in home.home.rooms.values()}
    if not kinds & {"motion", "presence"}:
        walk.limits.append("no motion sensor (switches and contacts only)")
    elif sum(s.kind in ("motion", "presence") for s in home.home.sensors.values()) < 4:
        walk.limits.append("fewer than 4 motion sensors")
    if "bedroom" not in rooms:
        walk.limits.append("no bedroom sensor")
    if home.doors_by == "none":
        walk.limits.append("no door sensor")
    elif not home.away():
        walk.limits.append("absences not labelled, so masked freezes may be real absences")
    if home.doors_by == "behaviour":
        walk.limits.append(f"door inferred from behaviour: {', '.join(home.doors)}")
    if learn - home.start < 14 * DAY:
        walk.limits.append(f"only {(learn - home.start) / DAY:.0f} days to learn")
    labelled = home.away()
    unlabelled = [b - a for a, b in home.absences() if a < stop and b > learn and not _inside(a, b, labelled)]
    if unlabelled:
        hours = ", ".join(f"{x / HOUR:.0f} h" for x in unlabelled)
        walk.limits.append(f"unlabelled absence in the test: {hours}")
    if walk.days < 3:
        walk.limits.append(f"only {walk.days:.1f} days at home to test")


def poor(walk: Walk) -> bool:
    """Would a family not equip a home like that, or is it too short to judge?"""
    words = ("no motion", "fewer than", "no bedroom", "no door", "at home to test")
    return any(limit.startswith(words) or "at home to test" in limit for limit in walk.limits)


def _inside(a: int, b: int, spans: list[Span]) -> bool:
    """Is most of [a, b) inside these spans?"""
    return sum(max(0, min(b, d) - max(a, c)) for c, d in spans) * 2 > b - a


def _without(span: Span, holes: list[Span]) -> list[Span]:
    out, start = [], span[0]
    for a, b in holes:
        if b <= start or a >= span[1]:
            continue
        if a > start:
            out.append((start, a))
        start = max(start, b)
    if start < span[1]:
        out.append((start, span[1]))
    return out


def _clip(spans: list[Span], span: Span) -> list[Span]:
    return [(max(a, span[0]), min(b, span[1])) for a, b in spans if a < span[1] and b > span[0]]


def _draw(spans: list[Span], count: int, rng: np.random.Generator) -> list[int]:
    """``count`` instants, evenly at random over these spans, in order (whole milliseconds)."""
    if not spans:
        return []
    lengths = np.array([b - a for a, b in spans], dtype=np.float64)
    ends = np.cumsum(lengths)
    points = np.sort(rng.uniform(0, ends[-1], count))
    which = np.searchsorted(ends, points, side="right").clip(0, len(spans) - 1)
    starts = np.array([a for a, _ in spans], dtype=np.int64)
    inside = points - (ends[which] - lengths[which])
    return [int(x) for x in (starts[which] + inside.astype(np.int64)) // 1_000_000 * 1_000_000]
