"""Where was the person, as far as the sensors tell? One pass over the readings of a few days.

The same understanding of life, home and away as the stillness rules (``household.py``), written down as
spans. Blindness comes first: while the gateway was down, a link was lost or the sensors that could have
seen somebody were unavailable or silent, the answer is *unknown*, and after more than ten minutes of it
it stays unknown until something is said again. A quiet room and an unseen room are never drawn alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from core.model import MINUTE, Block, Home
from core.quantity import Quantity
from detectors.day_spans import Pairs, union
from detectors.household import OWN, Household
from detectors.life import SIGNS, Weight
from detectors.occupancy import outer_doors
from detectors.rows import REPEAT, RETAINED, Row, flag

Q = Quantity
TRACKED = OWN | SIGNS | {Q.MOVING_ENERGY}
_MOVES = frozenset({Q.MOVING, Q.MOTION, Q.VIBRATION})
_RESTLESS = 20.0  # of 100: a radar's movement figure above which somebody moves
_COUNTS_ON = 10 * MINUTE  # what was true before so short a blindness still is


class Gap(NamedTuple):
    """A sensor that was not heard: ``reason`` is blind, link, offline or silent."""

    source: str
    start: int
    stop: int
    reason: str


@dataclass
class Track:
    """What one pass found. Times in ns; spans end at ``reached`` at the latest."""

    reached: int = 0
    rooms: list[tuple[int, str]] = field(default_factory=list)  # from when on in which room
    away: Pairs = field(default_factory=list)
    beds: dict[str, Pairs] = field(default_factory=dict)
    unseen: Pairs = field(default_factory=list)
    lives: list[tuple[int, str]] = field(default_factory=list)  # confirmed signs of life
    elsewhere: list[int] = field(default_factory=list)  # those not made on a bed
    moves: dict[str, list[int]] = field(default_factory=dict)  # room -> movement seen there
    gaps: list[Gap] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)  # whoever can show life
    outer: bool = False  # does a working sensor stand on an outer door?


def follow(
    blocks: Sequence[Block],
    home: Home,
    start: int,
    reached: int,
    silent: Iterable[tuple[str, int, int]] = (),
) -> Track:
    """What happened in [start, reached)? ``silent``: sensors known to be silent, as (source, from, to).

    Give readings from a day or so before ``start``, so that states are known when it begins.
    """
    return _Walk(home, start, reached, list(silent)).over(blocks)


class _Walk:
    """The pass itself."""

    def __init__(self, home: Home, start: int, reached: int, silent: list[tuple[str, int, int]]) -> None:
        self._home = home
        self._silent = silent
        self._fell_silent = {(source, since) for source, since, _ in silent}
        self._house = Household(home, confirm_s=600.0, tail_s=20.0, episode_s=180.0, blind_s=0.0)
        self._out = Track(reached=reached)
        self._unknown: int | None = start  # since when nobody knows where the person is
        self._blind: int | None = None  # since when the sensors cannot see
        self._away: int | None = None
        self._bed: dict[str, int] = {}  # believed beds -> since
        self._came: dict[str, bool] = {}  # has an outer door moved since somebody lay down?
        self._lost: dict[tuple[str, str], int] = {}  # (source or link, reason) -> since
        self._shown: dict[tuple[str, Quantity], float] = {}

    def over(self, blocks: Sequence[Block]) -> Track:
        rows = self._house.rows(blocks)
        rows += [Row(a, s, Q.AVAILABLE, 0.0, 0) for s, a, _ in self._silent]
        rows += [Row(b, s, Q.AVAILABLE, 1.0, 0) for s, _, b in self._silent]
        rows.sort(key=lambda r: (r.t, r.quantity not in OWN))
        out = self._out
        for row in rows:
            if row.t >= out.reached:
                break
            self._row(row)
        self._close()
        for block in blocks:
            if block.quantity is Q.MOVING_ENERGY:
                keep = (block.value > _RESTLESS) & ((block.flags & (RETAINED | REPEAT)) == 0)
                room = self._home.room_of(block.source)
                out.moves.setdefault(room, []).extend(int(t) for t in block.t[np.flatnonzero(keep)])
        out.moves = {room: sorted(set(ts)) for room, ts in out.moves.items()}
        out.sources = set(self._house.life.sources)
        out.outer = bool(outer_doors(self._home) & out.sources)
        out.unseen, out.away = union(out.unseen), union(out.away)
        out.beds = {source: union(spans) for source, spans in out.beds.items()}
        return out

    def _row(self, row: Row) -> None:
        house, t = self._house, row.t
        seen = house.take(row)
        if row.quantity in OWN:
            self._control(row)
        else:
            self._heard(row)
        self._look(t)
        if row.quantity is Q.BED_OCCUPIED and (occupied := flag(row.value)) is not None:
            self._lay(row.source, t, occupied)
        if seen.weight is Weight.LIFE and seen.sign is not None:
            self._lived(t, seen.sign.room, seen.sign.source, seen.sign.outer)
        self._home_or_away(t)

    def _lived(self, t: int, room: str, source: str, outer: bool) -> None:
        out = self._out
        self._known(t)
        out.lives.append((t, room))
        if source not in out.beds:
            out.elsewhere.append(t)
        if outer:
            self._came = dict.fromkeys(self._came, True)
        elif room:
            for bed in list(self._bed):
                if bed != source and self._home.room_of(bed) != room and not self._came.get(bed):
                    self._rise(bed, t)  # nobody walks about and lies here at once
        if room and (not out.rooms or out.rooms[-1][1] != room):
            out.rooms.append((t, room))

    def _lay(self, bed: str, t: int, occupied: bool) -> None:
        self._known(t)
        if not occupied and bed in self._bed:
            self._rise(bed, t)
            room = self._home.room_of(bed)
            if room and (not self._out.rooms or self._out.rooms[-1][1] != room):
                self._out.rooms.append((t, room))
        elif occupied and bed not in self._bed:
            self._bed[bed], self._came[bed] = t, False
        self._out.beds.setdefault(bed, [])

    def _rise(self, bed: str, t: int) -> None:
        since = self._bed.pop(bed, None)
        if since is not None:
            self._out.beds.setdefault(bed, []).append((since, t))

    def _home_or_away(self, t: int) -> None:
        since = self._house.occupancy.away_since
        if since is not None and self._away is None:
            self._away = since
        elif since is None and self._away is not None:
            self._out.away.append((self._away, t))
            self._away = None
        elif since is not None and self._away is not None and since > self._away and t - self._away < MINUTE:
            self._away = since  # the door was still being closed

    def _heard(self, row: Row) -> None:
        """A sensor that speaks is there, whatever its bridge last said."""
        if (row.source, "offline") in self._lost and not row.flags & RETAINED:
            self._gap((row.source, "offline"), row.t)
        if row.quantity in _MOVES:
            self._moved(row)

    def _moved(self, row: Row) -> None:
        value = flag(row.value)
        if value is None or row.flags & RETAINED:
            return
        key = (row.source, row.quantity)
        before, self._shown[key] = self._shown.get(key), float(value)
        if value or before == 1.0:
            self._out.moves.setdefault(self._home.room_of(row.source), []).append(row.t)

    # -- what cannot be seen

    def _control(self, row: Row) -> None:
        t = row.t
        if row.quantity is Q.BLIND_S:
            since = t - self._house.blind_before(row)
            self._out.unseen.append((since, t))
            if t - since > 0:
                self._out.gaps.append(Gap("gateway", since, t, "blind"))
            if t - since > _COUNTS_ON:
                self._forget(since)
        elif (value := flag(row.value)) is not None and row.quantity in (Q.AVAILABLE, Q.LINK_UP):
            name = row.source.removeprefix("link:")
            reason = "link" if row.quantity is Q.LINK_UP else "offline"
            if not value and (name, t) in self._fell_silent:
                reason = "silent"
            if not value:
                self._lost.setdefault((name, reason), t)
                return
            for key in [k for k in self._lost if k[0] == name and (k[1] == "link") == (reason == "link")]:
                self._gap(key, t)

    def _gap(self, key: tuple[str, str], t: int) -> None:
        name, reason = key
        since = self._lost.pop(key)
        sources = self._home.sources_on(name) if reason == "link" else (name,)
        self._out.gaps += [Gap(source, since, t, reason) for source in sources if t > since]

    def _look(self, t: int) -> None:
        since = self._house.sight.since
        if since is not None and self._blind is None:
            self._blind = since
        elif since is None and self._blind is not None:
            self._out.unseen.append((self._blind, t))
            if t - self._blind > _COUNTS_ON:
                self._forget(self._blind)
            self._blind = None

    def _forget(self, since: int) -> None:
        """Nothing of what was known before so long a blindness is certain any more."""
        if self._unknown is None:
            self._unknown = since
        for bed in list(self._bed):
            self._rise(bed, max(since, self._bed[bed]))
        if self._out.rooms and self._out.rooms[-1][1]:
            self._out.rooms.append((max(since, self._out.rooms[-1][0]), ""))

    def _known(self, t: int) -> None:
        if self._unknown is not None:
            self._out.unseen.append((self._unknown, t))
            self._unknown = None

    def _close(self) -> None:
        out = self._out
        for bed in list(self._bed):
            self._rise(bed, out.reached)
        if self._away is not None:
            out.away.append((self._away, out.reached))
        for since in (self._unknown, self._blind):
            if since is not None:
                out.unseen.append((since, out.reached))
        for key in list(self._lost):
            self._gap(key, out.reached)
