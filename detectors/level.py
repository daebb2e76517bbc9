"""Has a concentration stayed above its set point for long enough, and when is it over?

EN 50194 and GB 15322.2 let a home gas alarm sound not sooner than 15 s and not later than 60 s after
the concentration reached the set point. The crossing lies somewhere between the last sample below
and the first one above, so waiting ``dwell_s`` (20 s) from the first one above keeps inside both
limits for any sampling interval up to 40 s. A dip that stays above ``clear_share`` of the set point
does not start the wait again (noise on a slow ramp). Silence neither raises early nor clears: the
last value stands. The end needs samples below ``clear_share`` of the set point for ``clear_s``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.model import SECOND
from detectors.marks import TEST, WEAK


class Level:
    """One concentration of one sensor against one set point (same unit)."""

    def __init__(self, set_point: float, dwell_s: float, clear_s: float, clear_share: float) -> None:
        self._set = set_point
        self._low = set_point * clear_share
        self._dwell = int(dwell_s * SECOND)
        self._clear = int(clear_s * SECOND)
        self._above: int | None = None  # since when above, dips forgiven
        self._below: int | None = None  # while raised: below the lower level since
        self._peak = 0.0
        self._told = 0.0
        self._raised = self._weak = self._test = False

    @property
    def raised(self) -> bool:
        """Is it above for long enough?"""
        return self._raised

    @property
    def resting(self) -> bool:
        """Is it below, with nothing pending?"""
        return self._above is None and not self._raised

    @property
    def low(self) -> float:
        """Below this nothing is pending."""
        return self._low

    def evidence(self, name: str) -> dict[str, Any] | None:
        """What does it hold now? ``name`` is the key of the peak value."""
        if not self._raised:
            return None
        out: dict[str, Any] = {"stage": "alarm", name: self._told}
        if self._weak:
            out["weak"] = True
        if self._test:
            out["test"] = True
        return out

    def due(self) -> int | None:
        """When has it been above for long enough, if the last value stays?"""
        return self._above + self._dwell if self._above is not None and not self._raised else None

    def fire(self) -> None:
        """The wait is over."""
        self._raised, self._told = True, self._peak

    def add(self, t: int, value: float, flags: int) -> None:
        """One sample."""
        if value < self._low:
            self._above = None
            if self._raised:
                self._below = t if self._below is None else self._below
                if t - self._below >= self._clear:
                    self._raised, self._below = False, None
            return
        self._below = None
        if self._above is None and not self._raised:
            if value < self._set:
                return
            self._above, self._peak = t, 0.0
            self._weak, self._test = bool(flags & WEAK), bool(flags & TEST)
        if value >= self._set:
            self._weak = self._weak and bool(flags & WEAK)
            self._test = self._test and bool(flags & TEST)
        self._peak = max(self._peak, value)
        if self._raised and self._peak >= 1.5 * self._told:
            self._told = self._peak

    _TIMES = ("above", "below")
    _NUMBERS = ("peak", "told")
    _FLAGS = ("raised", "weak", "test")

    def state(self) -> dict[str, Any]:
        """Its state as JSON."""
        return {k: getattr(self, "_" + k) for k in (*self._TIMES, *self._NUMBERS, *self._FLAGS)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        for key in self._TIMES:
            setattr(self, "_" + key, None if state[key] is None else int(state[key]))
        for key in self._NUMBERS:
            setattr(self, "_" + key, float(state[key]))
        for key in self._FLAGS:
            setattr(self, "_" + key, bool(state[key]))
