"""Has somebody at home not shown up this morning?

The first sign of life after 4 o'clock is noted every day. ``question`` at the latest such hour of the
last eight weeks (without the latest of every twenty) plus an hour, at 11:00 while fewer than ten
mornings are known; ``warning`` an hour later. Nothing is asked of an empty home, nor of a morning that
began with life. The next sign of life clears it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.contracts import DetectorSpec
from core.model import HOUR, Event, Home
from detectors.household import Seen
from detectors.routine import Routine, clock
from detectors.rows import Row
from detectors.usual import Usual

_DAWN = 4.0


@dataclass(frozen=True, slots=True)
class MorningParams:
    """Until when is somebody expected to be up? Local hours."""

    up_by_h: float = 11.0  # until ten mornings are known
    margin_h: float = 1.0
    not_before_h: float = 6.0


class MorningDetector(Routine):
    """Life in, missing mornings out."""

    name = "morning"

    def __init__(self, params: MorningParams, home: Home) -> None:
        super().__init__(home)
        self._p = params
        self._no_show = self.ladder("no_show", ("question", "warning"))
        self._mornings = Usual()  # hours of the first life, counted from dawn
        self._last: int | None = None  # last life, or when watching began

    def began(self, t: int) -> None:
        self._last = t
        self._expect(0)

    def lived(self, t: int, seen: Seen) -> list[Event]:
        last = self._last
        out = self._no_show.disarm(t, {} if last is None else {"silent_s": round((t - last) / 1e9, 3)})
        if last is not None and seen.away is None and seen.whole:
            dawn = self.house.local.next(last, clock(_DAWN))
            if dawn < t <= dawn + 20 * HOUR:  # the first of its day
                self._mornings.add((t - dawn) / HOUR)
        self._last = t
        return out

    def told(self, row: Row, seen: Seen) -> list[Event]:
        if self.house.occupancy.away_since is not None:
            return self._no_show.disarm(row.t, {})
        if not self._no_show.armed or seen.changed:
            self._expect(row.t if seen.changed else 0)
        return []

    def _expect(self, floor: int) -> None:
        """The next morning after the last life is the one to wait for."""
        if self._last is None:
            return
        p, dawn = self._p, self.house.local.next(self._last, clock(_DAWN))
        by = p.up_by_h
        if self._mornings.count >= 10:
            by = max(_DAWN + self._mornings.highest() + p.margin_h, p.not_before_h)
        due = dawn + int((by - _DAWN) * HOUR)
        self._no_show.arm([due, due + HOUR], {"last_life": self._last, "room": self.house.life.room}, floor)

    def state(self) -> dict[str, Any]:
        return {"last": self._last, "mornings": self._mornings.snapshot()}

    def load(self, state: Mapping[str, Any]) -> None:
        self._last = state["last"]
        self._mornings.restore(state["mornings"])


SPEC = DetectorSpec(
    name="morning",
    question="Has somebody at home not shown up this morning?",
    params=MorningParams,
    make=MorningDetector,
    kinds=("no_show",),
)
