"""Has nobody stirred for longer than this home knows?

Stillness is told in three stages, each with an instant of its own: ``question`` (ask in the home: are
you all right?), ``warning``, ``alarm``. The alarm comes when the silence has lasted as long as is
allowed for one that began in that place at that local hour; question and warning come before it, in
the last sixth of that time (10 min to an hour before the alarm). The next sign of life clears it. A hint
of life (a lone firing where life was last seen) clears nothing but puts the alarm off until a quarter of
the allowed time after it, by at most half of that time in all.

What is allowed: at an hour of the day that was seen with somebody at home on up to two days, the fixed
rule (``_FIXED``: 7 h by day, up to 12 h for a silence that begins in the late evening). Then the home's
own habits (``detectors/habits.py``) take over step by step until six such days: the limit is a mixture
whose learned share grows evenly from none to all. The knob is a budget of false alarms,
``at_most_per_month``.

While the home is presumed empty (``detectors/occupancy.py``) nothing is asked. What counts as life is
said in ``detectors/life.py``, what blindness does in ``detectors/sight.py``. Silences that end an
absence or hold blind time teach nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.contracts import DetectorSpec
from core.model import HOUR, MINUTE, Block, Event, Home, Phase
from core.quantity import Quantity
from detectors.habits import HabitParams, Habits
from detectors.household import WANTS, Household, Seen
from detectors.life import Weight

_STAGES = ("question", "warning", "alarm")
_VERSION = 2
# the fixed rule: a silence that begins at this local hour may last so many hours; straight in between
_FIXED = ((0, 12), (3, 10), (5, 8), (8, 7), (17, 7), (20, 10), (22, 12), (24, 12))
_FIXED_HOURS, _FIXED_LIMITS = [[float(x[k]) for x in _FIXED] for k in (0, 1)]
_LEARN_FROM, _LEARN_FULL = 2, 6  # days at home at that hour


@dataclass(frozen=True, slots=True)
class InactivityParams:
    """How many false alarms are bearable, and what counts as life?

    ``learn: false`` keeps the fixed rule for ever; ``fixed_h`` > 0 replaces it by one length.
    """

    at_most_per_month: float = 1.0
    learn: bool = True
    longest_h: float = 12.0
    fixed_h: float = 0.0
    confirm_s: float = 600.0  # two sensors within this confirm each other
    door_tail_s: float = 20.0  # motion at the door this soon after it moved is somebody leaving
    door_episode_s: float = 180.0  # movements of outer doors closer than this are one coming or going
    blind_counts_s: float = 600.0  # shorter blindness counts as stillness

    def __post_init__(self) -> None:
        if not 0.05 <= self.at_most_per_month <= 60:
            raise ValueError("at_most_per_month must lie between 0.05 and 60")
        if not 2 <= self.longest_h <= 48:
            raise ValueError("longest_h must lie between 2 and 48")


class InactivityDetector:
    """Signs of life in, stages of stillness out."""

    def __init__(self, params: InactivityParams, home: Home) -> None:
        self._p = params
        p = params
        self._house = Household(home, p.confirm_s, p.door_tail_s, p.door_episode_s, p.blind_counts_s)
        self._source = home.residents[0].id if len(home.residents) == 1 else "home"
        self._last: int | None = None  # last confirmed life, or when watching began
        self._begun = False  # True once life was ever seen
        self._stage = 0  # how many stages are told
        self._not_before = 0  # deadlines may not lie before this (clock step, end of blindness)
        self._due: tuple[int, int, int] | None = None  # instants of the stages; None = to be computed
        self._habits = Habits(HabitParams(at_most_per_month=p.at_most_per_month, longest_h=p.longest_h))
        self._place = ""
        self._hint: int | None = None  # last lone firing where life was last seen
        self._fitted: int | None = None

    @property
    def wants(self) -> frozenset[Quantity]:
        return WANTS

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        out: list[Event] = []
        house = self._house
        for row in house.rows(blocks):
            t = row.t
            if self._last is None:
                self._last = t
            self._fire(t - house.blind_before(row), out)
            seen = house.take(row)
            if seen.weight is Weight.LIFE:
                self._alive(t, seen, out)
                continue
            if seen.changed:
                self._due, self._not_before = None, t
            if seen.weight is Weight.HINT:
                self._hint, self._due = t, None
        return out

    def advance(self, t: int) -> list[Event]:
        out: list[Event] = []
        self._fire(t, out)
        return out

    @property
    def habits(self) -> Habits:
        """What was learned."""
        return self._habits

    @property
    def house(self) -> Household:
        """What it knows of the home."""
        return self._house

    @property
    def away_since(self) -> int | None:
        """Since when is the home presumed empty? None while somebody is at home."""
        return self._house.occupancy.away_since

    @property
    def stage(self) -> str:
        """Which stage was told for the present silence? "" if none."""
        return _STAGES[self._stage - 1] if self._stage else ""

    # -- what is seen

    def _alive(self, t: int, seen: Seen, out: list[Event]) -> None:
        self._learn(t, seen)
        if self._stage:
            evidence = {"silent_s": self._silent(t)}
            out.append(self._event(t, Phase.CLEAR, evidence, seen.blind))
        self._last, self._begun, self._stage, self._due, self._not_before = t, True, 0, None, 0
        self._place, self._hint = self._house.life.place, None
        if self._p.learn:
            day = self._house.day_hour(t)[0]
            if day != self._fitted:
                self._habits.fit(day)
                self._fitted = day

    def _learn(self, t: int, seen: Seen) -> None:
        """The silence that ends at ``t`` teaches, if it was seen whole and at home."""
        if not self._begun or not self._p.learn or self._last is None:
            return
        day, hour = self._house.day_hour(self._last)
        if self._stage == 3:
            self._habits.false_alarm(day, (t - self._last) / HOUR)
        if seen.away is None and seen.whole:
            self._habits.add(day, hour, (t - self._last) / HOUR, self._place)

    # -- deadlines

    def _fire(self, t: int, out: list[Event]) -> None:
        last = self._last
        if last is None or self._stage == 3 or t - last < 10 * MINUTE:
            return
        if self._house.occupancy.away_since is not None:
            return
        if self._due is None:
            self._due = self._deadlines(last)
        until = self._house.sight.until
        while self._stage < 3:
            due = max(self._due[self._stage], self._not_before)
            if due >= t or (until is not None and due > until):
                return
            phase = Phase.UPDATE if self._stage else Phase.ONSET
            self._stage += 1
            evidence = {"silent_s": self._silent(due), "alarm_at": self._due[2]}
            out.append(self._event(due, phase, evidence, self._house.sight.lost))

    def _deadlines(self, last: int) -> tuple[int, int, int]:
        """When is the silence that began at ``last`` too long?"""
        start = last + self._house.sight.lost
        length = int(self._allowed(last) * HOUR)
        lead = min(max(length // 6, 10 * MINUTE), HOUR)
        end = start + length
        if self._hint is not None:
            end = min(max(end, self._hint + length // 4), start + length + length // 2)
        return end - lead, end - lead // 2, end

    def _allowed(self, last: int) -> float:
        """Which stillness is allowed, hours?"""
        hour = self._house.day_hour(last)[1]
        fixed = self._p.fixed_h or float(np.interp(hour, _FIXED_HOURS, _FIXED_LIMITS))
        fixed = min(fixed, self._p.longest_h)
        if not self._p.learn:
            return fixed
        share = (self._habits.experience(hour) - _LEARN_FROM) / (_LEARN_FULL - _LEARN_FROM)
        if share <= 0:
            return fixed
        learned = self._habits.limit(self._place, hour)
        if learned is None:
            return fixed
        share = min(share, 1.0)
        return fixed * (1 - share) + learned * share

    def _silent(self, t: int) -> float:
        assert self._last is not None
        return round((t - self._last) / 1e9, 3)

    def _event(self, t: int, phase: Phase, evidence: dict[str, Any], blind: int) -> Event:
        life = self._house.life
        stage = {} if phase is Phase.CLEAR else {"stage": _STAGES[self._stage - 1]}
        seen = {"last_life": self._last, "last_source": life.source} if self._begun else {}
        told = {**stage, "room": life.room, **seen, **evidence, "blind_s": blind / 1e9}
        return Event("inactivity", "inactivity", self._source, t, phase, told)

    # -- state

    def snapshot(self) -> dict[str, Any]:
        return {
            "inactivity": _VERSION,
            "last": self._last,
            "begun": self._begun,
            "stage": self._stage,
            "not_before": self._not_before,
            "due": None if self._due is None else list(self._due),
            "place": self._place,
            "hint": self._hint,
            "fitted": self._fitted,
            "habits": self._habits.snapshot(),
            "house": self._house.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        if state.get("inactivity") != _VERSION:
            raise ValueError("not a snapshot of the inactivity detector")
        self._last, self._begun = state["last"], state["begun"]
        self._stage, self._not_before = state["stage"], state["not_before"]
        due = state["due"]
        self._due = None if due is None else (due[0], due[1], due[2])
        self._place, self._hint = state["place"], state["hint"]
        self._fitted = state["fitted"]
        self._habits.restore(state["habits"])
        self._house.restore(state["house"])


SPEC = DetectorSpec(
    name="inactivity",
    question="Has nobody stirred for longer than this home knows?",
    params=InactivityParams,
    make=InactivityDetector,
    kinds=("inactivity",),
)
