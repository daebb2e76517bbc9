"""How did a resident's day go? From stored readings to the facts behind the picture of a day.

Every instant of the day has exactly one state: ``asleep``, ``in_bed`` (awake or not known), ``away``,
``room`` (up, in a room), ``unknown`` (nobody could see), ``ahead`` (has not happened yet). The states add
up to the length of the local day, 23 or 25 hours where the clocks change. What no sensor can tell is
None, never 0. Pure: the same readings give the same facts, however they were cut into blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from datetime import time as TimeOfDay
from typing import NamedTuple

import numpy as np

from core.localtime import LocalTime
from core.model import DAY, HOUR, MINUTE, Block, Home
from core.quantity import Quantity
from detectors.day_rates import GATES, Rates, rates_of
from detectors.day_sleep import Night, bridged, naps_of, night_of, sleep_in, stages_of
from detectors.day_spans import Pair, Pairs, clip, intersect, joined, subtract, total, union
from detectors.day_track import TRACKED, Gap, Track, follow

Q = Quantity
WANTED = TRACKED | GATES | {Q.HEART_RATE_BPM, Q.BREATH_RATE_BPM, Q.SLEEP_STAGE, Q.TURN_OVERS}
"""The quantities a day is made of."""
LOOK_BACK = DAY
"""How much earlier must readings begin, so that the night before is known? Longer where a day begins
unknown: who left a fortnight ago is still out."""
LOOK_FURTHER = (LOOK_BACK, 4 * DAY, 16 * DAY, 40 * DAY)
STATES = ("asleep", "in_bed", "room", "away", "unknown", "ahead")
_SHORT_TRIP = 2 * MINUTE  # the door opened and closed is not an outing
_NIGHT_H = (22, 6)
_SAME_VISIT = 3 * MINUTE


class Span(NamedTuple):
    """One state from start to stop; ``room`` is the room of the home, where one is known."""

    start: int
    stop: int
    state: str
    room: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """One local day. Times in ns of event time, half-open; None: nothing there could tell."""

    date: date
    start: int
    stop: int
    reached: int  # up to here the readings go
    spans: tuple[Span, ...]
    outings: tuple[Pair, ...] | None
    night: Night | None
    bedroom: Pair | None  # without a bed sensor: the night's stay in the bedroom, whatever was done there
    naps: tuple[Pair, ...] | None
    visits: tuple[Pair, ...] | None  # to bathrooms
    night_visits: int | None
    heart: Rates | None
    breath: Rates | None
    activity: tuple[int, ...]  # signs of life in each hour from the start on
    gaps: tuple[Gap, ...]
    sees: frozenset[str]  # bed, sleep, door, bathroom, heart, breath, motion

    def totals(self) -> dict[str, int]:
        """How long was each state, ns? They add up to the day."""
        out = dict.fromkeys(STATES, 0)
        for span in self.spans:
            out[span.state] += span.stop - span.start
        return out

    def rooms(self) -> dict[str, int]:
        """How long in which room, up or in bed there, ns?"""
        out: dict[str, int] = {}
        for span in self.spans:
            if span.room:
                out[span.room] = out.get(span.room, 0) + span.stop - span.start
        return out


def bounds(day: date, local: LocalTime) -> Pair:
    """From when to when does a local day go, ns?

    >>> start, stop = bounds(date(2026, 3, 29), LocalTime("Europe/Berlin"))
    >>> (stop - start) // HOUR
    23
    """
    midnight = TimeOfDay(0)
    return local.instant(day, midnight), local.instant(day + timedelta(days=1), midnight)


def facts(
    blocks: Sequence[Block],
    home: Home,
    day: date,
    reached: int,
    now: int | None = None,
    silent: Iterable[tuple[str, int, int]] = (),
    offset: int = 0,
    look_back: int = LOOK_BACK,
) -> Day:
    """The day ``day`` of this home.

    ``blocks``: readings of :data:`WANTED` from ``look_back`` before its midnight on. ``reached``: up
    to when readings were kept; from there on it is unknown, and from ``now`` on it lies ahead.
    ``silent``: sensors known to have been silent, as (source, from, to). ``offset``: wall minus event
    time, ns.
    """
    local = LocalTime(home.zone)
    local.offset = offset
    start, stop = bounds(day, local)
    since = start - look_back
    kept = _whole(blocks)
    until = min(max(reached, start), stop)
    track = follow(kept, home, since, until, silent)
    unseen = track.unseen
    blind_bed = union(unseen, ((g.start, g.stop) for g in track.gaps if g.source in track.beds))
    beds = subtract(bridged(union(*track.beds.values()), track.elsewhere), blind_bed)
    stages = stages_of(kept)
    marks = _marks(kept, track, home)
    has_bed = bool(track.beds)
    night = night_of(beds, marks, stages, start, _turned(kept), blind_bed) if has_bed else None
    tonight = night_of(clip(beds, start, until), marks, stages, stop) if has_bed else None
    nights = [(n.start, n.stop) for n in (night, tonight) if n is not None]
    asleep = sleep_in(beds, marks, stages)[0] or []
    away = [p for p in track.away if p[1] - p[0] >= _SHORT_TRIP or p[1] == until]
    spans = _spans(track, home, asleep, beds, away, (start, stop, until), now)
    bedroom = None if has_bed else night_of(_bedrooms(track, home), None, {}, start)
    visits = _visits(track, home, (start, until), unseen)
    local_hours = [local.instant(day, TimeOfDay(h)) for h in _NIGHT_H[::-1]]
    return Day(
        date=day,
        start=start,
        stop=stop,
        reached=until,
        spans=tuple(spans),
        outings=tuple(clip(away, start, until)) if track.outer else None,
        night=night,
        bedroom=None if bedroom is None else (bedroom.start, bedroom.stop),
        naps=tuple(naps_of(beds, nights, start, until)) if has_bed else None,
        visits=None if visits is None else tuple(visits),
        night_visits=None
        if visits is None
        else sum(1 for a, _ in visits if a < local_hours[0] or a >= local_hours[1]),
        heart=rates_of(kept, Q.HEART_RATE_BPM, start, until),
        breath=rates_of(kept, Q.BREATH_RATE_BPM, start, until),
        activity=_activity(track, start, until),
        gaps=tuple(sorted(g for g in (_cut(g, start, until) for g in track.gaps) if g.stop > g.start)),
        sees=_sees(kept, track, home, marks, stages),
    )


def _cut(gap: Gap, start: int, stop: int) -> Gap:
    return gap._replace(start=max(gap.start, start), stop=min(gap.stop, stop))


def _whole(blocks: Sequence[Block]) -> list[Block]:
    """One block a series, so that it does not matter how they were cut."""
    series: dict[tuple[str, Quantity], list[Block]] = {}
    for block in blocks:
        if len(block) and block.quantity in WANTED:
            series.setdefault((block.source, block.quantity), []).append(block)
    out = []
    for (source, quantity), parts in sorted(series.items()):
        if len(parts) == 1:
            out.append(parts[0])
            continue
        t = np.concatenate([b.t for b in parts])
        order = np.argsort(t, kind="stable")
        value = np.concatenate([b.value for b in parts])[order]
        flags = np.concatenate([b.flags for b in parts])[order]
        out.append(Block(source, quantity, t[order], value, flags))
    return out


def _marks(blocks: Sequence[Block], track: Track, home: Home) -> list[int] | None:
    """Movement seen where a bed stands; None where nothing there sees movement."""
    rooms = {home.room_of(bed) for bed in track.beds}
    seeing = {
        home.room_of(b.source) for b in blocks if b.quantity in (Q.MOVING, Q.MOVING_ENERGY, Q.VIBRATION)
    }
    near = rooms & seeing - {""}
    if not near:
        return None
    return sorted({t for room in near for t in track.moves.get(room, [])})


def _turned(blocks: Sequence[Block]) -> list[int] | None:
    """One instant a turn-over that a device counted; None where none counts."""
    counted = [b for b in blocks if b.quantity is Q.TURN_OVERS]
    if not counted:
        return None
    rows = [(t, v) for b in counted for t, v in zip(b.t.tolist(), b.value.tolist(), strict=True)]
    return sorted(t for t, v in rows if v == v for _ in range(min(max(int(v), 0), 60)))


def _spans(
    track: Track,
    home: Home,
    asleep: Pairs,
    beds: Pairs,
    away: Pairs,
    ends: tuple[int, int, int],
    now: int | None,
) -> list[Span]:
    """One state for every instant; what nobody saw beats all, then going out, then the bed, then rooms."""
    start, stop, until = ends
    ahead = [(max(until, now), stop)] if now is not None and now < stop else []
    unknown = union(track.unseen, [(until, ahead[0][0] if ahead else stop)])
    unknown = subtract(clip(unknown, start, stop), ahead)
    rooms = _rooms(track, until)
    bed_room = next((home.room_of(bed) for bed in track.beds if home.room_of(bed)), "")
    taken = union(ahead, unknown)
    out = [Span(a, b, "ahead") for a, b in ahead] + [Span(a, b, "unknown") for a, b in unknown]
    slept = intersect(asleep, beds)
    for state, pairs in (("away", away), ("asleep", slept), ("in_bed", beds)):
        mine = subtract(clip(pairs, start, until), taken)
        out += [Span(a, b, state, "" if state == "away" else bed_room) for a, b in mine]
        taken = union(taken, mine)
    for room, pairs in rooms.items():
        mine = subtract(clip(pairs, start, until), taken)
        out += [Span(a, b, "room" if room else "unknown", room) for a, b in mine]
        taken = union(taken, mine)
    out += [Span(a, b, "unknown") for a, b in subtract([(start, stop)], taken)]
    return _merged(sorted(out))


def _merged(spans: list[Span]) -> list[Span]:
    out: list[Span] = []
    for span in spans:
        if out and out[-1].state == span.state and out[-1].room == span.room and out[-1].stop == span.start:
            out[-1] = out[-1]._replace(stop=span.stop)
        else:
            out.append(span)
    return out


def _rooms(track: Track, until: int) -> dict[str, Pairs]:
    out: dict[str, Pairs] = {}
    for i, (t, room) in enumerate(track.rooms):
        ends = track.rooms[i + 1][0] if i + 1 < len(track.rooms) else until
        if ends > t:
            out.setdefault(room, []).append((t, ends))
    return out


def _bedrooms(track: Track, home: Home) -> Pairs:
    rooms = _rooms(track, track.reached)
    kinds = {r.id for r in home.rooms.values() if r.kind == "bedroom"}
    return subtract(union(*(rooms.get(room, []) for room in kinds)), union(track.unseen, track.away))


def _visits(track: Track, home: Home, ends: Pair, unseen: Pairs) -> Pairs | None:
    """Times in bathrooms; None where no sensor stands in one."""
    baths = {r.id for r in home.rooms.values() if r.kind == "bathroom"}
    if not any(home.room_of(source) in baths for source in track.sources):
        return None
    rooms = _rooms(track, track.reached)
    mine = subtract(union(*(rooms.get(room, []) for room in baths)), unseen)
    return [p for p in joined(mine, _SAME_VISIT) if ends[0] <= p[0] < ends[1]]


def _activity(track: Track, start: int, until: int) -> tuple[int, ...]:
    counts = [0] * (-(-(until - start) // HOUR))
    for t, _ in track.lives:
        if start <= t < until:
            counts[(t - start) // HOUR] += 1
    return tuple(counts)


def _sees(
    blocks: Sequence[Block], track: Track, home: Home, marks: list[int] | None, stages: dict[int, Pairs]
) -> frozenset[str]:
    has = {b.quantity for b in blocks}
    baths = {r.id for r in home.rooms.values() if r.kind == "bathroom"}
    found = {
        "bed": bool(track.beds),
        "sleep": bool(track.beds) and (marks is not None or bool(stages)),
        "door": track.outer,
        "bathroom": any(home.room_of(s) in baths for s in track.sources),
        "heart": Q.HEART_RATE_BPM in has,
        "breath": Q.BREATH_RATE_BPM in has,
        "motion": bool(track.lives),
    }
    return frozenset(name for name, yes in found.items() if yes)


def unknown_share(day: Day) -> float:
    """How much of what has happened of the day could nobody see? 0 to 1."""
    lived = total([(day.start, day.stop)]) - day.totals()["ahead"]
    return day.totals()["unknown"] / lived if lived > 0 else 1.0
