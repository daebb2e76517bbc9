"""Has somebody who went out not come back?

``night_exit``: an outer door moved at night and the home is presumed empty since: ``warning`` after
15 min, and, for a resident who is known to wander (``wanders: true``), ``alarm`` after 30 min. With the
resident's ``watch: {dementia: true}`` it is a ``warning`` at once and an ``alarm`` after 10 min.

``left_home``: the home is presumed empty since an hour outside the resident's ``may_go_out``: ``warning``
after 3 min; with dementia at once, ``alarm`` after 15 min.

``not_back``: out by day and not home by the usual hour: ``question`` at the latest hour of coming home
of the last eight weeks (without the latest of every twenty) plus an hour, at 22:00 while fewer than ten
are known; ``warning`` two hours later. Who leaves later than that has three hours. The resident's
``home_by`` is taken as it is: ``question`` then, ``warning`` an hour later. Told once for an absence: a
holiday is told on its first evening and never again. Coming home clears all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.contracts import DetectorSpec
from core.localtime import in_window
from core.model import HOUR, MINUTE, Event, Home
from core.watch import hours
from detectors.household import Seen
from detectors.routine import Routine, clock
from detectors.rows import Row
from detectors.usual import Usual

_EXCUSED = 3 * MINUTE  # to the letter box and back
_NOT_AGREED_ALARM = 15 * MINUTE
_DAWN = 4.0  # a day of going out ends at this local hour


@dataclass(frozen=True, slots=True)
class OutingParams:
    """When is somebody expected home? Local hours, and durations."""

    night_from_h: float = 23.0
    night_to_h: float = 5.0
    night_warning_s: float = 900.0
    night_alarm_s: float = 1800.0
    wanders: bool = False
    home_by_h: float = 22.0  # until ten comings home are known
    margin_h: float = 1.0


class OutingDetector(Routine):
    """Doors and life in, missing people out."""

    name = "outing"

    def __init__(self, params: OutingParams, home: Home) -> None:
        super().__init__(home)
        watch = self.watch
        if watch.night:
            start, stop = hours(watch.night, "night")
            params = replace(params, night_from_h=start, night_to_h=stop)
        if watch.dementia:
            params = replace(params, wanders=True, night_warning_s=0.0, night_alarm_s=600.0)
        self._p = params
        self._allowed = hours(watch.may_go_out, "may_go_out") if watch.may_go_out else None
        self._home_by = hours(f"{watch.home_by}-24:00")[0] if watch.home_by else None
        self._night = self.ladder("night_exit", ("warning", "alarm"), self.watched)
        self._hours = self.ladder("left_home", ("warning", "alarm"), self.watched)
        self._day = self.ladder("not_back", ("question", "warning"))
        self._left: int | None = None  # last movement of the door, while out
        self._at_night = False
        self._agreed = True  # at an hour at which they may go out
        self._returns = Usual()  # hours of coming home, counted from dawn

    def told(self, row: Row, seen: Seen) -> list[Event]:
        away, t = self.house.occupancy.away_since, row.t
        if away is None:
            return self._home(t) if self._left is not None else []
        if self._left is None:
            hour = self.house.day_hour(away)[1]
            self._at_night = in_window(hour, self._p.night_from_h, self._p.night_to_h)
            self._agreed = self._allowed is None or in_window(hour, *self._allowed)
        if away != self._left or seen.changed:
            self._left = away
            self._gone(away, t if seen.changed else 0)
        return []

    def _gone(self, left: int, floor: int) -> None:
        p, evidence = self._p, {"left": left}
        if self._at_night:
            steps = [left + int(p.night_warning_s * 1e9), left + int(p.night_alarm_s * 1e9)]
            self._night.arm(steps[: 2 if p.wanders else 1], evidence, floor)
            return
        if not self._agreed:
            after = 0 if self.watch.dementia else _EXCUSED
            steps = [left + after, left + _NOT_AGREED_ALARM]
            self._hours.arm(steps[: 2 if self.watch.dementia else 1], evidence, floor)
        due = self._expected(left, self.house.day_hour(left)[1])
        later = HOUR if self._home_by is not None else 2 * HOUR
        self._day.arm([due, due + later], evidence, floor)

    def _expected(self, left: int, hour: float) -> int:
        """When is somebody who left then expected home at the latest?"""
        p = self._p
        by = p.home_by_h
        if self._home_by is not None:
            by = self._home_by
        elif self._returns.count >= 10:
            by = min(max(_DAWN + self._returns.highest() + p.margin_h, _DAWN + 2), _DAWN + 23)
        passed = (hour - _DAWN) % 24
        if passed >= (by - _DAWN) - 1:
            return left + 3 * HOUR
        return self.house.local.next(left, clock(by))

    def _home(self, t: int) -> list[Event]:
        left, self._left = self._left, None
        assert left is not None
        if t - left < 18 * HOUR:
            self._returns.add((self.house.day_hour(t)[1] - _DAWN) % 24)
        away_s = {"away_s": round((t - left) / 1e9, 3)}
        ladders = (self._hours, self._night, self._day)
        return [event for ladder in ladders for event in ladder.disarm(t, away_s)]

    def state(self) -> dict[str, Any]:
        return {
            "left": self._left,
            "at_night": self._at_night,
            "agreed": self._agreed,
            "returns": self._returns.snapshot(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        self._left, self._at_night, self._agreed = state["left"], state["at_night"], state["agreed"]
        self._returns.restore(state["returns"])


SPEC = DetectorSpec(
    name="outing",
    question="Has somebody who went out not come back?",
    params=OutingParams,
    make=OutingDetector,
    kinds=("night_exit", "left_home", "not_back"),
)
