"""How much carbon monoxide has been breathed: which share of the exposure that must alarm?

At a steady concentration c the standards fix windows for the time to alarm:

* EN 50291 (50 Hz Europe, taken up by GB 15322.2 practice): 30 ppm not before 120 min, 50 ppm 60 to
  90 min, 100 ppm 10 to 40 min, 300 ppm within 3 min.
* UL 2034: 70 ppm 60 to 240 min, 150 ppm 10 to 50 min, 400 ppm 4 to 15 min, 30 ppm never (30 days).

Each standard's curve T(c) lies inside all its windows and, between the table's points, inside both
the straight and the log-log interpolation of the window edges. The dose D grows by dt / T(c) and the
alarm is due at D = 1, so a varying concentration adds up. At concentrations below the curve's floor
D decays with the half-life of carboxyhaemoglobin in a person at rest (4 h).

Between two samples the mean of both rates counts (trapezoid), over a gap too, of which at most
``gap_max`` is credited: not knowing is neither clean air nor endless poison. While nothing newer is
heard the last value goes on counting for ``gap_max``; then the dose stands still.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from core.model import MINUTE

Curve = tuple[tuple[float, float], ...]

CURVES: dict[str, Curve] = {
    # (ppm, minutes to alarm); between them log-log, above the last constant, below the first none
    "en50291": (
        (27.0, 215.6),
        (30.0, 180.0),
        (50.0, 75.0),
        (100.0, 25.0),
        (200.0, 6.0),
        (300.0, 1.5),
        (600.0, 0.5),
    ),
    "ul2034": ((36.0, 526.0), (70.0, 120.0), (150.0, 22.0), (400.0, 8.0), (1000.0, 2.5), (4000.0, 0.6)),
}

HALF_LIFE = 240 * MINUTE


def minutes_to_alarm(curve: Curve, ppm: float) -> float:
    """After how many minutes at a steady concentration is the alarm due? inf below the floor.

    >>> round(minutes_to_alarm(CURVES["en50291"], 100.0), 6)
    25.0
    >>> minutes_to_alarm(CURVES["en50291"], 10.0)
    inf
    """
    if ppm < curve[0][0]:
        return math.inf
    for (c0, t0), (c1, t1) in itertools.pairwise(curve):
        if ppm <= c1:
            share = math.log(ppm / c0) / math.log(c1 / c0)
            return t0 * math.exp(share * math.log(t1 / t0))
    return curve[-1][1]


class Dose:
    """The running dose of one sensor. Values in ppm, times in ns; no deadlines of its own but the two
    instants :meth:`reaches` can tell."""

    def __init__(self, curve: Curve, gap_max: int = 30 * MINUTE) -> None:
        self._curve = curve
        self._gap = gap_max
        self.total = 0.0
        self._t: int | None = None
        self._ppm = 0.0
        self._rate = 0.0  # share of an alarm dose a nanosecond

    @property
    def floor(self) -> float:
        """Below this concentration nothing is added (ppm)."""
        return self._curve[0][0]

    @property
    def ppm(self) -> float:
        """The last sample."""
        return self._ppm

    @property
    def last(self) -> int | None:
        """When it was taken."""
        return self._t

    def rate(self, ppm: float) -> float:
        """How fast does the dose grow at this concentration (1/ns)?"""
        return 1.0 / (minutes_to_alarm(self._curve, ppm) * MINUTE)

    def add(self, t: int, ppm: float) -> None:
        """One sample; ``t`` never decreases."""
        rate = self._rate if ppm == self._ppm else self.rate(ppm)
        if self._t is not None:
            dt = t - self._t
            both = self._rate + rate
            if both > 0.0:
                self.total += 0.5 * both * min(dt, self._gap)
            elif self.total:
                self.total *= 0.5 ** (dt / HALF_LIFE)
                if self.total < 1e-6:
                    self.total = 0.0
        self._t, self._ppm, self._rate = t, ppm, rate

    def reaches(self, level: float) -> int | None:
        """At which instant does the dose reach ``level`` if the last value stays? None if never."""
        if self._t is None or self._rate <= 0.0 or self.total >= level:
            return None
        wait = math.ceil((level - self.total) / self._rate)
        return self._t + wait if wait <= self._gap else None

    def skip(self, t: int, ppm: float) -> None:
        """Many samples below the floor passed with no dose: only the last one matters."""
        self._t, self._ppm, self._rate = t, ppm, 0.0

    def state(self) -> dict[str, Any]:
        """Its state as JSON."""
        return {"total": self.total, "t": self._t, "ppm": self._ppm}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        t = state["t"]
        self._t = None if t is None else int(t)
        self.total = float(state["total"])
        self._ppm = float(state["ppm"])
        self._rate = 0.0 if self._t is None else self.rate(self._ppm)
