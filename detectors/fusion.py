"""Does it smell of fire before any alarm sounds? Smoke, heat and CO of one room judged together.

Each number is compared with its own slow baseline (:mod:`detectors.baseline`); the excess, in units
that mean about the same for a starting fire, is capped and added up over the kinds of number:

* smoke 2 %/m: alarms sound at about 2 to 12 %/m (UL 217: 0.5 to 4 %/ft)
* temperature 2 K above what 2 K/min allows: rate-of-rise heat alarms answer to 5.6 to 8.3 K/min
* CO 15 ppm, at most one unit: carbon monoxide alone is another detector's question

Two units together suspect a fire: two kinds of number, at once; one kind alone (4 %/m, 4 K) at the
second high sample in a row, or when the first stood for ``alone_s``. In kitchens and bathrooms
(frying, steam) it takes twice as much. Numbers older than ``fresh_s`` count nothing. This is an early
word below alarm severity: it can neither delay nor outvote an alarm's own verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.model import SECOND
from core.quantity import Quantity
from detectors.baseline import Baseline
from detectors.marks import STALE, TEST, WEAK

Q = Quantity


@dataclass(frozen=True)
class FusionRules:
    """When do numbers together suspect a fire?"""

    smoke_pct_m: float = 2.0
    temperature_k: float = 2.0
    co_ppm: float = 15.0
    units: float = 2.0
    hot_c: float = 54.0  # fixed temperature of the most sensitive heat alarms (EN 54-5 class A1)
    cooking_factor: float = 2.0
    alone_s: float = 5.0
    fresh_s: float = 120.0
    clear_s: float = 120.0

    def __post_init__(self) -> None:
        if min(self.smoke_pct_m, self.temperature_k, self.co_ppm, self.units, self.cooking_factor) <= 0:
            raise ValueError("units and factors must be above 0")
        if min(self.alone_s, self.fresh_s, self.clear_s) < 0:
            raise ValueError("times must not be negative")


# name in the evidence, possible range, baseline rise and fall (a second), cap in units
_CHANNELS: dict[Quantity, tuple[str, float, float, float, float, float]] = {
    Q.SMOKE_OBSCURATION_PCT_M: ("smoke_pct_m", 0.0, 100.0, 0.5 / 60, 10.0 / 60, 2.0),
    Q.TEMPERATURE_C: ("temperature_rise_k", -40.0, 150.0, 2.0 / 60, 10.0 / 60, 2.0),
    Q.CO_PPM: ("co_rise_ppm", 0.0, 10_000.0, 2.0 / 60, 20.0 / 60, 1.0),
}
NUMBERS = tuple(_CHANNELS)


class _Channel:
    """One number of one sensor."""

    def __init__(self, quantity: Quantity) -> None:
        _, _, _, rise, fall, _ = _CHANNELS[quantity]
        self.base = Baseline(rise, fall)
        self.excess = 0.0
        self.hot = False


class Fusion:
    """The numbers of one room."""

    def __init__(self, rules: FusionRules, cooking: bool) -> None:
        self._rules = rules
        factor = rules.cooking_factor if cooking else 1.0
        self._unit = {
            Q.SMOKE_OBSCURATION_PCT_M: rules.smoke_pct_m * factor,
            Q.TEMPERATURE_C: rules.temperature_k * factor,
            Q.CO_PPM: rules.co_ppm * factor,
        }
        self._channels: dict[tuple[str, Quantity], _Channel] = {}
        self._above: int | None = None  # one kind alone is high since
        self._by = self._kind = ""  # whose number, and which, made it so
        self._below: int | None = None
        self._told: dict[str, Any] | None = None

    def add(self, source: str, t: int, quantity: Quantity, value: float, flags: int) -> None:
        """One number."""
        _, low, high, *_ = _CHANNELS[quantity]
        if flags & (STALE | TEST) or not low <= value <= high:
            return
        key = (source, quantity)
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = _Channel(quantity)
        channel.excess = channel.base.add(t, value)
        channel.hot = quantity is Q.TEMPERATURE_C and value >= self._rules.hot_c
        resting = self._told is None and self._above is None
        if resting and not channel.hot and channel.excess < 0.25 * self._unit[quantity]:
            return  # so little alone tips no balance; the next that moves counts it in
        units, kinds, numbers = self._sum(t)
        if self._told is not None:
            self._judge_end(t, units)
        elif units < self._rules.units:
            self._above = None
        elif kinds > 1:
            self._raise(source, numbers, flags)
        elif self._above is None:
            self._above, self._by, self._kind = t, source, quantity.value
        elif (source, quantity.value) == (self._by, self._kind) and t > self._above:
            self._raise(source, numbers, flags)

    def _sum(self, t: int) -> tuple[float, int, dict[str, float]]:
        """Units in all, kinds of number with half a unit or more, and their values."""
        fresh = int(self._rules.fresh_s * SECOND)
        best: dict[Quantity, float] = {}
        numbers: dict[str, float] = {}
        for (_, quantity), channel in sorted(self._channels.items()):
            last = channel.base.t
            if last is None or t - last > fresh:
                continue
            name, _, _, _, _, cap = _CHANNELS[quantity]
            units = min(channel.excess / self._unit[quantity], cap)
            if channel.hot:
                units = max(units, self._rules.units)
            if units > best.get(quantity, 0.0):
                best[quantity] = units
                numbers[name] = round(channel.excess, 2)
        return sum(best.values()), sum(u >= 0.5 for u in best.values()), numbers

    def _raise(self, source: str, numbers: dict[str, float], flags: int) -> None:
        self._by, self._above, self._below = source, None, None
        self._told = {"stage": "suspected", **numbers}
        if flags & WEAK:
            self._told["weak"] = True

    def _judge_end(self, t: int, units: float) -> None:
        if units >= self._rules.units / 2:
            self._below = None
        elif self._below is None:
            self._below = t
        elif t - self._below >= int(self._rules.clear_s * SECOND):
            self._told = self._below = None

    @property
    def source(self) -> str:
        """Whose number tipped the balance?"""
        return self._by

    def evidence(self) -> dict[str, Any] | None:
        """What does it hold now?"""
        return self._told

    def due(self) -> int | None:
        """When has one kind alone been high for long enough?"""
        return None if self._above is None else self._above + int(self._rules.alone_s * SECOND)

    def fire(self, due: int) -> None:
        """It has."""
        self._raise(self._by, self._sum(due)[2], 0)

    def state(self) -> dict[str, Any]:
        """Its state as JSON."""
        return {
            "channels": [
                [source, quantity.value, c.base.state(), c.excess, c.hot]
                for (source, quantity), c in sorted(self._channels.items())
            ],
            "above": self._above,
            "by": self._by,
            "kind": self._kind,
            "below": self._below,
            "told": None if self._told is None else dict(self._told),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""
        for source, name, base, excess, hot in state["channels"]:
            channel = self._channels[(source, Quantity(name))] = _Channel(Quantity(name))
            channel.base.load(base)
            channel.excess, channel.hot = float(excess), bool(hot)
        self._above, self._below = state["above"], state["below"]
        self._by, self._kind = str(state["by"]), str(state["kind"])
        self._told = None if state["told"] is None else dict(state["told"])
