"""Has somebody been in the bathroom for too long?

The last sign of life came from a bathroom and nothing has moved anywhere since. ``question`` after half
as long again as the longest such stay of late (without the longest of every twenty) plus 15 min, 45 min
while fewer than ten are known, never under 20 min nor over 2 h; ``warning`` half as long later. Asked
only where leaving would be seen: some other room must have a motion or presence sensor that works. The
next sign of life clears it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.contracts import DetectorSpec
from core.model import MINUTE, Event, Home
from detectors.household import Seen
from detectors.routine import Routine
from detectors.rows import Row
from detectors.usual import Usual

_EYES = ("motion", "presence", "radar")


@dataclass(frozen=True, slots=True)
class BathroomParams:
    """How long may somebody stay? Seconds."""

    stay_s: float = 2700.0  # until ten stays of at least 5 min are known
    margin_s: float = 900.0
    at_least_s: float = 1200.0
    at_most_s: float = 7200.0


class BathroomDetector(Routine):
    """Life in, long stays in bathrooms out."""

    name = "bathroom"

    def __init__(self, params: BathroomParams, home: Home) -> None:
        super().__init__(home)
        self._p = params
        self._long = self.ladder("bathroom_long", ("question", "warning"))
        self._stays = Usual()  # minutes of quiet in the bathroom that ended well
        self._since: int | None = None  # last life there

    def lived(self, t: int, seen: Seen) -> list[Event]:
        out: list[Event] = []
        if self._since is not None:
            stay = (t - self._since) / MINUTE
            out = self._long.disarm(t, {"stay_s": round(stay * 60, 3)})
            if seen.whole and 5 <= stay <= 180:
                self._stays.add(stay)
        room = self.house.life.room
        here = self.home.rooms.get(room)
        self._since = None
        if here is not None and here.kind == "bathroom" and seen.sign is not None and not seen.sign.outer:
            self._since = t
            if self._elsewhere(room):
                self._arm(t)
        return out

    def told(self, row: Row, seen: Seen) -> list[Event]:
        if self._since is not None and self.house.occupancy.away_since is not None:
            self._since = None
            return self._long.disarm(row.t, {})
        return []

    def _elsewhere(self, room: str) -> bool:
        for source in self.house.life.sources:
            sensor = self.home.sensors.get(source)
            if sensor is not None and sensor.room not in ("", room) and sensor.kind in _EYES:
                return True
        return False

    def _arm(self, t: int) -> None:
        p = self._p
        limit_s = p.stay_s
        if self._stays.count >= 10:
            limit_s = min(max(self._stays.highest() * 90 + p.margin_s, p.at_least_s), p.at_most_s)
        due = t + int(limit_s * 1e9)
        evidence = {"room": self.house.life.room, "last_life": t, "allowed_s": round(limit_s, 1)}
        self._long.arm([due, due + int(limit_s * 0.5e9)], evidence)

    def state(self) -> dict[str, Any]:
        return {"since": self._since, "stays": self._stays.snapshot()}

    def load(self, state: Mapping[str, Any]) -> None:
        self._since = state["since"]
        self._stays.restore(state["stays"])


SPEC = DetectorSpec(
    name="bathroom",
    question="Has somebody been in the bathroom for too long?",
    params=BathroomParams,
    make=BathroomDetector,
    kinds=("bathroom_long",),
)
