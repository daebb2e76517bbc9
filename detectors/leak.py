"""Is gas leaking slowly, below the alarm level? How much was let into the room, ventilation included.

In a room that exchanges its air ``n`` times an hour, a source that lets in gas raises the
concentration C by dC/dt = source - n C. So the gas let in so far, as a concentration of the room's
volume, is what is still there plus what ventilation took away:

    released = excess + n * integral of max(excess - allowance, ...) dt

where ``excess`` is the value above a learnt baseline (:mod:`detectors.baseline`). The second term is a
one-sided CUSUM, so a small steady leak is found after hours and a fast one at once, with one level
for both. A harmless vapour (wine, cleaning, cooking) is a small excess that ventilation ends; the
allowance forgives it. The warning needs ``released`` above the level for ``dwell_s``, counted from the
crossing interpolated between two samples, so slow reporting does not delay it further. It ends when
the excess stayed below a third of the level for ``clear_s`` of samples; until then the baseline does
not rise, or a leak would become normal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.model import DAY, HOUR, MINUTE, SECOND
from detectors.baseline import Baseline
from detectors.marks import TEST, WEAK


@dataclass(frozen=True)
class LeakRules:
    """When is a rise below the alarm level a leak? Concentrations in %LEL."""

    level_lel_pct: float = 3.0
    allowance_lel_pct: float = 0.5
    air_changes_per_h: float = 0.5  # a closed dwelling; more air changes only make it later
    drift_lel_pct_per_day: float = 1.0
    dwell_s: float = 15.0
    clear_s: float = 600.0

    def __post_init__(self) -> None:
        if not 0 < self.allowance_lel_pct < self.level_lel_pct:
            raise ValueError("allowance_lel_pct must be above 0 and below level_lel_pct")
        if self.air_changes_per_h <= 0 or self.drift_lel_pct_per_day < 0:
            raise ValueError("air_changes_per_h must be above 0 and drift_lel_pct_per_day not negative")
        if min(self.dwell_s, self.clear_s) < 0:
            raise ValueError("times must not be negative")


_GAP = 10 * MINUTE  # of a longer silence no more is counted
_MOST = 100.0  # %LEL; so much released gas needs no more counting


class Leak:
    """The gas one number of one sensor shows to have been let in. Values in %LEL."""

    def __init__(self, rules: LeakRules) -> None:
        self._rules = rules
        drift = rules.drift_lel_pct_per_day * 1e9 / DAY
        self._base = Baseline(drift, 1.0 / 60, first_max=rules.level_lel_pct / 2)
        self._per_ns = rules.air_changes_per_h / HOUR
        self._excess = 0.0
        self._vented = 0.0
        self._above: int | None = None
        self._below: int | None = None
        self._raised = self._weak = self._test = False
        self._told = 0.0

    @property
    def raised(self) -> bool:
        """Is it a leak now?"""
        return self._raised

    @property
    def released(self) -> float:
        """How much gas was let in, as %LEL of the whole room?"""
        return max(self._excess, 0.0) + self._vented

    def add(self, t: int, value: float, flags: int) -> None:
        """One sample."""
        rules, before, last = self._rules, self.released, self._base.t
        if last is not None:
            dt = min(t - last, _GAP)
            vented = self._vented + (self._excess - rules.allowance_lel_pct) * self._per_ns * dt
            self._vented = min(max(vented, 0.0), _MOST)
        self._excess = self._base.add(t, value, frozen=self._raised)
        if self._raised:
            self._judge_end(t)
            return
        now = self.released
        if now < rules.level_lel_pct:
            self._above = None
            return
        if self._above is None:
            self._above = t
            if last is not None and t - last <= _GAP and now > before:
                self._above = last + int((t - last) * (rules.level_lel_pct - before) / (now - before))
            self._weak, self._test = bool(flags & WEAK), bool(flags & TEST)
        self._weak = self._weak and bool(flags & WEAK)
        self._test = self._test and bool(flags & TEST)
        if self._above + int(rules.dwell_s * SECOND) <= t:
            self.fire()

    def _judge_end(self, t: int) -> None:
        if self._excess >= max(self._rules.allowance_lel_pct, self._rules.level_lel_pct / 3):
            self._below = None
            if self.released >= 1.5 * self._told:
                self._told = self.released
            return
        self._below = t if self._below is None else self._below
        if t - self._below >= int(self._rules.clear_s * SECOND):
            self._raised, self._below, self._vented = False, None, 0.0

    def due(self) -> int | None:
        """When has it been above for long enough, if the last value stays?"""
        if self._above is None or self._raised:
            return None
        return self._above + int(self._rules.dwell_s * SECOND)

    def fire(self) -> None:
        """The wait is over."""
        self._raised, self._above, self._told = True, None, self.released

    def evidence(self) -> dict[str, Any] | None:
        """What does it hold now?"""
        if not self._raised:
            return None
        out: dict[str, Any] = {"stage": "warning", "released_lel_pct": round(self._told, 2)}
        if self._weak:
            out["weak"] = True
        if self._test:
            out["test"] = True
        return out

    _TIMES = ("above", "below")
    _NUMBERS = ("excess", "vented", "told")
    _FLAGS = ("raised", "weak", "test")

    def state(self) -> dict[str, Any]:
        """Its state as JSON."""
        own = {k: getattr(self, "_" + k) for k in (*self._TIMES, *self._NUMBERS, *self._FLAGS)}
        return {"base": self._base.state(), **own}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self._base.load(state["base"])
        for key in self._TIMES:
            setattr(self, "_" + key, None if state[key] is None else int(state[key]))
        for key in self._NUMBERS:
            setattr(self, "_" + key, float(state[key]))
        for key in self._FLAGS:
            setattr(self, "_" + key, bool(state[key]))
