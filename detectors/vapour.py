"""Is it wine, cleaning or cooking rather than gas? What the room's other air sensors say.

A semiconductor gas sensor also answers to alcohol and solvents. A sensor of volatile organic
compounds in the same room answers to those and hardly to methane; while it stands well above its own
baseline, a slow rise of gas is told as ``suspected`` with ``looks_like`` vapour instead of a warning.
Never more than that: it changes neither the alarm nor the set point, and for at most ``excuse_s``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.model import DAY, HOUR, MINUTE
from detectors.baseline import Baseline
from detectors.marks import STALE

ABOVE_PPB = 300.0  # the step from good to poor air in indoor guides (about 1 mg/m3)
SHARE = 1.0  # and at least this share of the baseline
_FRESH = 15 * MINUTE
_LINGERS = 30 * MINUTE


class Vapour:
    """The volatile organic compounds of one room, over all its sensors."""

    def __init__(self, excuse_s: float) -> None:
        self._excuse = int(excuse_s * 1e9)
        self._bases: dict[str, Baseline] = {}
        self._since: int | None = None
        self._last: int | None = None

    def add(self, source: str, t: int, ppb: float, flags: int) -> None:
        """One reading."""
        if flags & STALE or ppb < 0:
            return
        base = self._bases.get(source)
        if base is None:
            base = self._bases[source] = Baseline(200.0 * 1e9 / DAY, 2000.0 * 1e9 / HOUR)
        excess = base.add(t, ppb)
        if excess < max(ABOVE_PPB, SHARE * base.level):
            return
        if self._last is None or t - self._last > _LINGERS:
            self._since = t
        self._last = t

    def excuses(self, t: int) -> bool:
        """May a rise of gas at ``t`` be a vapour?"""
        if self._last is None or self._since is None:
            return False
        return t - self._last <= _FRESH and t - self._since <= self._excuse

    def state(self) -> dict[str, Any]:
        """Its state as JSON."""
        bases = {source: self._bases[source].state() for source in sorted(self._bases)}
        return {"bases": bases, "since": self._since, "last": self._last}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        for source, saved in dict(state["bases"]).items():
            base = self._bases[str(source)] = Baseline(200.0 * 1e9 / DAY, 2000.0 * 1e9 / HOUR)
            base.load(saved)
        self._since, self._last = state["since"], state["last"]
