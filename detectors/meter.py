"""Does the water meter show a leak, or a tap left running? Flow that never pauses.

``WATER_L`` is a counter of litres. Nobody draws water around the clock, so a counter that for
``never_stops_h`` never stood still for ``pause_s`` shows a leak, however small; and a single draw
(pauses up to ``draw_gap_s``) of more than ``draw_l`` or ``draw_h`` is a bath or tap left running.
Only flow proves flow: both are told at a reading that counted on. Readings further apart than a
pause cannot tell flow from pause, and a counter that fell (reset, replaced) starts anew. It ends when
a reading shows that the counter stood still for a pause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.model import HOUR, SECOND
from detectors.marks import STALE, WEAK


@dataclass(frozen=True)
class MeterRules:
    """When does flow never pause?"""

    never_stops_h: float = 24.0
    pause_s: float = 3600.0
    draw_l: float = 600.0
    draw_h: float = 2.0
    draw_gap_s: float = 180.0
    jump_l_per_h: float = 10_000.0  # more than a house connection carries: not a flow but a new counter

    def __post_init__(self) -> None:
        if min(self.never_stops_h, self.pause_s, self.draw_l, self.draw_h, self.draw_gap_s) <= 0:
            raise ValueError("all settings must be above 0")
        if self.draw_gap_s >= self.pause_s or self.pause_s >= self.never_stops_h * 3600:
            raise ValueError("draw_gap_s must be below pause_s, and pause_s below never_stops_h")


class _Run:
    """Flow without a pause of ``gap``: since when, and how much."""

    def __init__(self, gap: int) -> None:
        self.gap = gap
        self.since: int | None = None
        self.last: int | None = None
        self.litres = 0.0

    def flow(self, start: int, t: int, litres: float) -> None:
        """So many litres between ``start`` and ``t``."""
        if t - start > self.gap:  # it may have flowed at any time of that
            self.since, self.last, self.litres = t, t, 0.0
            return
        if self.last is None or start - self.last >= self.gap:
            self.since, self.litres = start, 0.0
        self.last = t
        self.litres += litres

    def stands(self, t: int) -> bool:
        """Did it stand still for the pause by ``t``?"""
        return self.last is None or t - self.last >= self.gap

    def state(self) -> list[Any]:
        return [self.since, self.last, self.litres]

    def load(self, state: list[Any]) -> None:
        self.since, self.last = state[0], state[1]
        self.litres = float(state[2])


class Meter:
    """One water meter. ``evidence()`` is None while nothing is wrong."""

    def __init__(self, rules: MeterRules) -> None:
        self._rules = rules
        self._runs = {
            "never_stops": _Run(int(rules.pause_s * SECOND)),
            "left_running": _Run(int(rules.draw_gap_s * SECOND)),
        }
        self._t: int | None = None
        self._litres = 0.0
        self._told: dict[str, Any] | None = None

    def add(self, t: int, litres: float, flags: int) -> None:
        """One reading of the counter."""
        if flags & STALE or litres < 0:
            return
        last, before = self._t, self._litres
        self._t, self._litres = t, litres
        if last is None:
            return
        drawn = litres - before
        if drawn < 0 or drawn > max(self._rules.jump_l_per_h * (t - last) / HOUR, 100.0):
            return
        if drawn > 0:
            for run in self._runs.values():
                run.flow(last, t, drawn)
            self._judge(t, flags)
        elif self._told is not None and self._runs[self._told["reason"]].stands(t):
            self._told = None

    def _judge(self, t: int, flags: int) -> None:
        rules, told = self._rules, self._told
        if told is not None and self._runs[told["reason"]].since != told["since"]:
            self._told = None  # it paused between two readings
        for reason, hours, litres in (
            ("never_stops", rules.never_stops_h, float("inf")),
            ("left_running", rules.draw_h, rules.draw_l),
        ):
            run = self._runs[reason]
            if run.since is None or self._told is not None:
                continue
            if t - run.since >= hours * HOUR or run.litres >= litres:
                self._told = {"stage": "warning", "reason": reason, "since": run.since}
                self._told["litres"] = round(run.litres, 1)
                if flags & WEAK:
                    self._told["weak"] = True

    def evidence(self) -> dict[str, Any] | None:
        """What does it hold now?"""
        return self._told

    def state(self) -> dict[str, Any]:
        """Its state as JSON."""
        return {
            "t": self._t,
            "litres": self._litres,
            "runs": {k: r.state() for k, r in self._runs.items()},
            "told": None if self._told is None else dict(self._told),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        self._t = state["t"]
        self._litres = float(state["litres"])
        for key, run in self._runs.items():
            run.load(state["runs"][key])
        self._told = None if state["told"] is None else dict(state["told"])
