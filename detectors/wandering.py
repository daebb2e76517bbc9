"""Is somebody walking about at night?

Only where the family asked for it (``watch.wandering``, or ``dementia: true``). At night every confirmed
sign of life in another room than the one before is a change of room. So many of them within so many
minutes (8 within 30 unless said) are a ``question``; when that has gone on for as long again it is a
``warning``. It is over when nothing has changed room for that many minutes, or when the night ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.contracts import DetectorSpec
from core.localtime import in_window
from core.model import MINUTE, Event, Home, Phase
from core.watch import hours
from detectors.household import Seen
from detectors.routine import Routine, clock
from detectors.rows import Row

_NIGHT = (23.0, 5.0)


@dataclass(frozen=True, slots=True)
class WanderingParams:
    """Everything is said under ``residents: ...: watch``."""


class WanderingDetector(Routine):
    """Life in rooms in, walking about at night out."""

    name = "wandering"

    def __init__(self, params: WanderingParams, home: Home) -> None:
        super().__init__(home)
        self._limit = self.watch.walks
        self._night = hours(self.watch.night) if self.watch.night else _NIGHT
        self._room = ""
        self._changes: list[int] = []  # when the room changed, within the span
        self._since: int | None = None  # first change of the walk that was told
        self._told = 0
        self._ends = 0  # the walk is over then, unless the room changes before

    def _fire(self, t: int, out: list[Event]) -> None:
        super()._fire(t, out)
        if self._told and self._ends < t:
            out.append(self._over(self._ends))

    def _over(self, t: int) -> Event:
        evidence = {"walked_s": round((self._changes[-1] - (self._since or 0)) / 1e9, 3)}
        self._told, self._since, self._changes = 0, None, []
        return Event(self.name, "wandering", self.watched, t, Phase.CLEAR, evidence)

    def lived(self, t: int, seen: Seen) -> list[Event]:
        limit, sign = self._limit, seen.sign
        if limit is None or sign is None or sign.outer or not sign.room or sign.room == self._room:
            return []
        self._room = sign.room
        if not in_window(self.house.day_hour(t)[1], *self._night):
            self._changes = [] if not self._told else self._changes
            return []
        span = int(limit.within_min * MINUTE)
        self._changes = [*(c for c in self._changes if c > t - span), t]
        if self._told:
            self._ends = self._end(t, span)
            if self._told == 1 and t - (self._since or t) >= 2 * span:
                self._told = 2
                return [self._event(t, Phase.UPDATE, "warning")]
            return []
        if len(self._changes) < limit.rooms:
            return []
        self._told, self._since, self._ends = 1, self._changes[0], self._end(t, span)
        return [self._event(t, Phase.ONSET, "question")]

    def _end(self, t: int, span: int) -> int:
        return min(t + span, self.house.local.next(t, clock(self._night[1])))

    def told(self, row: Row, seen: Seen) -> list[Event]:
        if seen.lost and self._told:  # what went on meanwhile was not seen
            self._ends = max(self._ends, row.t)
        return []

    def _event(self, t: int, phase: Phase, stage: str) -> Event:
        evidence = {
            "stage": stage,
            "room": self._room,
            "rooms": len(self._changes),
            "walked_s": round((t - (self._since or t)) / 1e9, 3),
        }
        return Event(self.name, "wandering", self.watched, t, phase, evidence)

    def state(self) -> dict[str, Any]:
        return {
            "room": self._room,
            "changes": list(self._changes),
            "since": self._since,
            "told": self._told,
            "ends": self._ends,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        self._room, self._changes = state["room"], list(state["changes"])
        self._since, self._told, self._ends = state["since"], state["told"], state["ends"]


SPEC = DetectorSpec(
    name="wandering",
    question="Is somebody walking about at night?",
    params=WanderingParams,
    make=WanderingDetector,
    kinds=("wandering",),
)
