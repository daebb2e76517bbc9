"""What every rule about the day has in common: follow the home, keep ladders, count blindness out.

A rule is a subclass that says which ladders it has, what a sign of life does to them (:meth:`lived`),
and what else it learns. Blindness is handled here: no stage is told for an instant in it beyond the
first ten minutes, and a longer one moves all deadlines on by its length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time as TimeOfDay
from typing import Any, ClassVar

from core.model import Block, Event, Home
from core.quantity import Quantity
from core.watch import Watch, together
from detectors.household import WANTS, Household, Seen
from detectors.ladder import Ladder
from detectors.life import Weight
from detectors.rows import Row

_VERSION = 1


class Routine:
    """Base of the rules about daily life; ``name`` is the detector's."""

    name: ClassVar[str] = ""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.house = Household(home, confirm_s=600.0, tail_s=20.0, episode_s=180.0, blind_s=600.0)
        self.resident = home.residents[0].id if len(home.residents) == 1 else "home"
        closely = [r for r in home.residents if r.watch != Watch()]
        self.watch = together([r.watch for r in closely])
        self.watched = closely[0].id if len(closely) == 1 else self.resident
        self.ladders: dict[str, Ladder] = {}
        self.reached: int | None = None  # time of the last row

    def ladder(self, kind: str, stages: Sequence[str], source: str = "", key: str = "") -> Ladder:
        """A ladder of this rule; made once, at the beginning. ``key`` where a kind has several."""
        made = self.ladders[key or kind] = Ladder(self.name, kind, source or self.resident, stages)
        return made

    @property
    def wants(self) -> frozenset[Quantity]:
        return WANTS

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        out: list[Event] = []
        for row in self.house.rows(blocks):
            t = row.t
            self._fire(t - self.house.blind_before(row), out)
            if self.reached is None:
                self.began(t)
            self.reached = t
            seen = self.house.take(row)
            if seen.lost:
                for ladder in self.ladders.values():
                    ladder.push(seen.lost, t)
            if seen.weight is Weight.LIFE:
                out.extend(self.lived(t, seen))
            out.extend(self.told(row, seen))
        return out

    def advance(self, t: int) -> list[Event]:
        out: list[Event] = []
        self._fire(t, out)
        return out

    def _fire(self, t: int, out: list[Event]) -> None:
        until = self.house.sight.until
        found: list[Event] = []
        for ladder in self.ladders.values():
            if ladder.armed:
                found.extend(ladder.fire(t, until))
        if len(found) > 1:
            found.sort(key=lambda e: (e.t, e.kind, e.source))
        out.extend(found)

    # -- for rules to fill in

    def began(self, t: int) -> None:
        """Watching begins at ``t``."""

    def lived(self, t: int, seen: Seen) -> list[Event]:
        """Somebody showed life at ``t``; home and away are already up to date."""
        return []

    def told(self, row: Row, seen: Seen) -> list[Event]:
        """Any row, after :meth:`lived`."""
        return []

    def state(self) -> dict[str, Any]:
        """What the rule itself remembers, as JSON."""
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""

    # -- state

    def snapshot(self) -> dict[str, Any]:
        return {
            self.name: _VERSION,
            "reached": self.reached,
            "house": self.house.snapshot(),
            "ladders": {kind: ladder.snapshot() for kind, ladder in self.ladders.items()},
            "own": self.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        if state.get(self.name) != _VERSION:
            raise ValueError(f"not a snapshot of the {self.name} detector")
        self.reached = state["reached"]
        self.house.restore(state["house"])
        for kind, ladder in self.ladders.items():
            ladder.restore(state["ladders"][kind])
        self.load(state["own"])


def clock(hour: float) -> TimeOfDay:
    """Time of day of an hour such as 22.5, whole minutes; 24 and more are the next morning's."""
    minutes = round(hour * 60) % 1440
    return TimeOfDay(minutes // 60, minutes % 60)
