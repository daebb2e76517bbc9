"""Has somebody left the bed at night and not come back?

At night, out of a bed that was occupied for at least half an hour: ``question`` when the bed has been
empty for half as long again as the longest such absence of late (without the longest of every twenty)
plus 10 min, 30 min while fewer than ten are known; ``warning`` as long again later. Signs of life
elsewhere put both off until ``stir_s`` after the last of them, but not the ``warning`` beyond three
times the limit: who wanders about at night for so long is to be looked after too. Back in bed, or the
end of the night, clears it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.contracts import DetectorSpec
from core.localtime import in_window
from core.model import MINUTE, Event, Home
from core.quantity import Quantity
from detectors.household import Seen
from detectors.life import Weight
from detectors.routine import Routine, clock
from detectors.rows import RETAINED, Row, flag
from detectors.usual import Usual


@dataclass(frozen=True, slots=True)
class BedAbsenceParams:
    """When is a night, and how long may the bed be empty in it? Local hours, seconds."""

    night_from_h: float = 22.0
    night_to_h: float = 6.0
    limit_s: float = 1800.0  # until ten absences are known
    margin_s: float = 600.0
    at_least_s: float = 900.0
    at_most_s: float = 5400.0
    stir_s: float = 900.0


class BedAbsenceDetector(Routine):
    """Beds and life in, absences from bed out."""

    name = "bed_absence"

    def __init__(self, params: BedAbsenceParams, home: Home) -> None:
        super().__init__(home)
        self._p = params
        self._gone = self.ladder("bed_absence", ("question", "warning"))
        self._absences = Usual()  # minutes
        self._in: dict[str, int] = {}  # occupied beds and since when
        self._out: int | None = None  # out of bed since
        self._stirred = 0  # last life since then
        self._bed = ""

    def told(self, row: Row, seen: Seen) -> list[Event]:
        t = row.t
        if row.quantity is Quantity.BED_OCCUPIED and (occupied := flag(row.value)) is not None:
            if occupied:
                self._in.setdefault(row.source, t)
                return self._back(t)
            since = self._in.pop(row.source, None)
            if since is not None and not row.flags & RETAINED and not self._in and t - since >= 30 * MINUTE:
                self._left(row.source, t)
        elif self._out is not None and self._gone.armed:
            if seen.weight is Weight.LIFE:
                self._stirred = t
            if seen.weight is Weight.LIFE or seen.changed:
                self._arm(t if seen.changed else 0)
        return []

    def _left(self, bed: str, t: int) -> None:
        p = self._p
        self._out = None
        if in_window(self.house.day_hour(t)[1], p.night_from_h, p.night_to_h):
            self._out, self._stirred, self._bed = t, t, bed
            self._arm(0)

    def _limit(self) -> int:
        p = self._p
        if self._absences.count < 10:
            return int(p.limit_s * 1e9)
        return int(min(max(self._absences.highest() * 90 + p.margin_s, p.at_least_s), p.at_most_s) * 1e9)

    def _arm(self, floor: int) -> None:
        out = self._out
        assert out is not None
        limit = self._limit()
        question = max(out + limit, self._stirred + int(self._p.stir_s * 1e9))
        warning = max(question, min(question + limit, out + 3 * limit))
        end = self.house.local.next(out, clock(self._p.night_to_h))
        room = self.home.room_of(self._bed)
        evidence = {"bed": self._bed, "out_since": out, **({"room": room} if room else {})}
        self._gone.arm([question, warning], evidence, floor, end)

    def _back(self, t: int) -> list[Event]:
        out, self._out = self._out, None
        if out is None or not self._gone.armed:
            return []
        self._absences.add((t - out) / MINUTE)
        return self._gone.disarm(t, {"out_s": round((t - out) / 1e9, 3)})

    def state(self) -> dict[str, Any]:
        return {
            "in": dict(self._in),
            "out": self._out,
            "stirred": self._stirred,
            "bed": self._bed,
            "absences": self._absences.snapshot(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        self._in, self._out, self._bed = dict(state["in"]), state["out"], state["bed"]
        self._stirred = state["stirred"]
        self._absences.restore(state["absences"])


SPEC = DetectorSpec(
    name="bed_absence",
    question="Has somebody left the bed at night and not come back?",
    params=BedAbsenceParams,
    make=BedAbsenceDetector,
    kinds=("bed_absence",),
)
