"""Who is where, as far as the sensors tell? Life, home and away, blindness and local time of one home.

What every rule about daily life looks at. Feed it rows in order; it answers which of them show life.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from core.localtime import LocalTime
from core.model import HOUR, MINUTE, Block, Home
from core.quantity import Quantity
from detectors.life import SIGNS, STREAMED, Life, Sign, Weight
from detectors.occupancy import Occupancy
from detectors.rows import Row, flag, rows
from detectors.sight import CONTROL, Sight

Q = Quantity
OWN = CONTROL | {Q.WALL_OFFSET_S}
WANTS = SIGNS | OWN
_RARE = SIGNS - STREAMED
_GRID = 15 * MINUTE  # no zone changes its offset inside a quarter of an hour
_MAX_OFFSET_S = 1e10  # three centuries; more is no clock


class Seen(NamedTuple):
    """What one row told. The last three speak of the silence that a sign of life ends."""

    sign: Sign | None = None
    weight: Weight = Weight.NOTHING
    changed: bool = False  # what can be seen, or the local time, is not what it was
    lost: int = 0  # ns of blindness that ended with this row and do not count
    blind: int = 0  # ns of such blindness in that silence
    whole: bool = False  # all of it was seen
    away: int | None = None  # since when the home was presumed empty until this row


class Household:
    """One home, followed row by row."""

    def __init__(self, home: Home, confirm_s: float, tail_s: float, episode_s: float, blind_s: float) -> None:
        self.life = Life(home, int(confirm_s * 1e9))
        self.sight = Sight(home, int(blind_s * 1e9))
        self.occupancy = Occupancy(int(tail_s * 1e9), int(episode_s * 1e9))
        self.local = LocalTime(home.zone)
        self.beds: dict[str, bool] = {}  # what each bed said last
        self._grid: tuple[int, int, float] = (-1, 0, 0.0)  # start of a quarter, its local day and hour

    @staticmethod
    def rows(blocks: Sequence[Block]) -> list[Row]:
        """The rows of these blocks in order; within an instant the gateway's own come first."""
        found = rows(blocks, OWN, every=True)
        found.extend(rows(blocks, _RARE, every=True))
        found.extend(rows(blocks, STREAMED))
        found.sort(key=lambda r: r.t)
        return found

    @staticmethod
    def blind_before(row: Row) -> int:
        """For how long before this row did the gateway not run, ns? No deadline passed in that time."""
        return max(0, int(row.value * 1e9)) if row.quantity is Q.BLIND_S else 0

    def take(self, row: Row) -> Seen:
        """What does this row tell? Life moves home and away on at once."""
        if row.quantity in OWN:
            return self._control(row)
        life, sight, t = self.life, self.sight, row.t
        before = sight.lost
        changed = False
        if row.quantity is Q.BED_OCCUPIED and (occupied := flag(row.value)) is not None:
            self.beds[row.source] = occupied
            self.occupancy.bed(row.source, occupied)
        known = len(life.sources)
        sign, weight = life.sign(row), Weight.NOTHING
        if sign is not None:  # an edge: unchanged values may have been thinned out and tell nothing
            changed = sight.heard(t, row.source, life.sources, life.room)
            weight = life.weigh(sign, self.occupancy.away_since is not None)
        lost, blind, away = sight.lost - before, sight.lost, self.occupancy.away_since
        whole = blind == 0 and sight.since is None
        if sign is not None and weight is Weight.LIFE:
            if sign.outer:
                self.occupancy.door(t, sign.room)
            else:
                self.occupancy.indoor(t, sign.room, sign.source)
            sight.alive(t)
            sight.look(t, life.sources, life.room)
        elif len(life.sources) != known:
            before = sight.lost
            sight.look(t, life.sources, life.room)
            lost, changed = lost + sight.lost - before, True
        return Seen(sign, weight, changed, lost, blind, whole, away)

    def _control(self, row: Row) -> Seen:
        before = self.sight.lost
        if row.quantity is Q.WALL_OFFSET_S:
            if abs(row.value) < _MAX_OFFSET_S:
                self.local.offset = int(row.value * 1e9)
            self._grid = (-1, 0, 0.0)
        else:
            self.sight.take(row, self.life.sources, self.life.room)
        return Seen(changed=True, lost=self.sight.lost - before)

    def day_hour(self, t: int) -> tuple[int, float]:
        """Local day number and hour of day."""
        start = t // _GRID * _GRID
        if self._grid[0] != start:
            local = self.local.at(start)
            self._grid = (start, local.toordinal(), local.hour + local.minute / 60 + local.second / 3600)
        _, day, hour = self._grid
        return day, (hour + (t - start) / HOUR) % 24

    def snapshot(self) -> dict[str, Any]:
        return {
            "offset": self.local.offset,
            "life": self.life.snapshot(),
            "sight": self.sight.snapshot(),
            "occupancy": self.occupancy.snapshot(),
            "beds": dict(self.beds),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.local.offset = state["offset"]
        self.life.restore(state["life"])
        self.sight.restore(state["sight"])
        self.occupancy.restore(state["occupancy"])
        self.beds = dict(state["beds"])
        self._grid = (-1, 0, 0.0)
