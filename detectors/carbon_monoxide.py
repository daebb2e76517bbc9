"""Is carbon monoxide poisoning somebody? The alarm's own verdict at once, and the dose of its number.

Own verdict: see :mod:`detectors.relay`. Dose: see :mod:`detectors.dose` (EN 50291 or UL 2034). A
``warning`` comes at half the dose; the alarm ends once the air stayed below ``clear_ppm`` for
``clear_s`` of samples (silence is not clean air), and then half a dose is kept, because the blood is
not clean yet. A restarted sensor goes on with the dose it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from core.contracts import Detector, DetectorSpec
from core.model import SECOND, Block, Event, Home
from core.quantity import Quantity
from detectors.dose import CURVES, Dose
from detectors.lifecycle import LifeCycle
from detectors.marks import STALE, TEST, WEAK
from detectors.relay import Relay, RelayRules
from detectors.sources import Sources
from detectors.trouble import KIND, OUT_OF_RANGE, Trouble

Q = Quantity
RANK = (Q.TEST, Q.FAULT, Q.WARMING_UP, Q.CO, Q.CO_PPM)


@dataclass(frozen=True)
class Params:
    """Settings of the carbon monoxide detector."""

    standard: Literal["en50291", "ul2034"] = "en50291"
    warning_share: float = 0.5  # of the alarm dose
    clear_ppm: float = 20.0
    clear_s: float = 300.0
    gap_max_s: float = 1800.0
    warm_up_max_s: float = 600.0
    relay: RelayRules = field(default_factory=RelayRules)

    def __post_init__(self) -> None:
        if self.standard not in CURVES:
            raise ValueError(f"standard {self.standard!r} is not known; use one of {', '.join(CURVES)}")
        if not 0 < self.warning_share <= 1:
            raise ValueError("warning_share must be above 0 and at most 1")
        if min(self.clear_ppm, self.clear_s, self.gap_max_s, self.warm_up_max_s) < 0:
            raise ValueError("levels and times must not be negative")


class _Alarm:
    """One CO sensor."""

    def __init__(self, params: Params, source: str, kind: str) -> None:
        self._params = params
        self._ours = kind == "co"  # it was enrolled as one, or has spoken of CO
        self._relay = Relay(params.relay)
        self._dose = Dose(CURVES[params.standard], int(params.gap_max_s * SECOND))
        self._cycle = LifeCycle("co", "co", source)
        self._trouble = Trouble("co", source, params.warm_up_max_s)
        self._clear = int(params.clear_s * SECOND)
        self._stage = 0  # 0 none, 1 warning, 2 alarm
        self._below: int | None = None
        self._peak = self._told = 0.0
        self._strong = self._real = False  # some of the dose came with integrity check, not as a test

    def take(self, source: str, t: int, quantity: Quantity, value: float, flags: int) -> list[Event]:
        if quantity is Q.FAULT:
            self._trouble.fault(value > 0, flags)
            return []
        if quantity is Q.WARMING_UP:
            return self._trouble.warming(t, value > 0, flags)
        if quantity is Q.TEST:
            if not self._ours:
                return []
            self._relay.test(t, value > 0, flags)
            return self._cycle.set(t, "own", self._relay.evidence())
        self._ours = True
        if quantity is Q.CO_PPM:
            return self._number(t, value, flags)
        self._relay.level(t, value > 0, flags)
        return self._cycle.set(t, "own", self._relay.evidence())

    def _number(self, t: int, ppm: float, flags: int) -> list[Event]:
        if flags & STALE or not self._trouble.usable:
            return []
        events = self._trouble.number(t, "" if ppm >= 0 else OUT_OF_RANGE)
        if ppm < 0:
            return events
        if ppm >= self._dose.floor:
            self._strong |= not flags & WEAK
            self._real |= not flags & TEST
            self._peak = max(self._peak, ppm)
        self._dose.add(t, ppm)
        return events + self._judge(t)

    def _judge(self, t: int) -> list[Event]:
        dose = self._dose
        if dose.ppm >= dose.floor:
            share = self._params.warning_share
            self._stage = max(self._stage, 2 if dose.total >= 1.0 else 1 if dose.total >= share else 0)
        if dose.ppm >= self._params.clear_ppm:
            self._below = None
        elif self._below is None:
            self._below = t
        if self._below is not None and t - self._below >= self._clear:
            if self._stage == 2:
                dose.total = min(dose.total, 0.5)
            self._stage = 0
            if dose.total == 0.0:
                self._strong = self._real = False
            self._peak = self._told = 0.0
        return self._cycle.set(t, "dose", self._evidence())

    def _evidence(self) -> dict[str, Any] | None:
        if not self._stage:
            return None
        if self._peak >= 1.5 * self._told:
            self._told = self._peak
        out: dict[str, Any] = {
            "stage": ("", "warning", "alarm")[self._stage],
            "co_ppm": self._told,
            "standard": self._params.standard,
        }
        if not self._strong:
            out["weak"] = True
        if not self._real:
            out["test"] = True
        return out

    def idle(self, block: Block) -> int:
        spotless = not (self._dose.total or self._stage or self._peak or self._strong or self._real)
        if block.quantity is not Q.CO_PPM or not spotless or not self._trouble.resting:
            return 0
        if self._dose.rate(self._dose.ppm) > 0:
            return 0
        # NaN compares false with everything, so a missing value ends the run as a high one does
        plain = (block.value >= 0) & (block.value < self._dose.floor) & (block.flags == 0)
        count = len(block) if plain.all() else int(np.argmin(plain))
        if count:
            self._ours = True
            ups = np.flatnonzero(block.value[:count] >= self._params.clear_ppm)
            if len(ups) and int(ups[-1]) == count - 1:
                self._below = None
            elif len(ups):
                self._below = int(block.t[ups[-1] + 1])
            elif self._below is None:
                self._below = int(block.t[0])
            self._dose.skip(int(block.t[count - 1]), float(block.value[count - 1]))
        return count

    def due(self) -> int | None:
        dues = (
            self._relay.due(),
            self._trouble.due(),
            self._dose.reaches(self._params.warning_share) if self._stage < 1 else None,
            self._dose.reaches(1.0) if self._stage < 2 else None,
        )
        return min((d for d in dues if d is not None), default=None)

    def fire(self, due: int) -> list[Event]:
        events: list[Event] = []
        if self._relay.due() == due:
            self._relay.fire(due)
            events += self._cycle.set(due, "own", self._relay.evidence())
        if self._stage < 2 and self._dose.reaches(1.0) == due:
            self._stage = 2
            events += self._cycle.set(due, "dose", self._evidence())
        elif self._stage < 1 and self._dose.reaches(self._params.warning_share) == due:
            self._stage = 1
            events += self._cycle.set(due, "dose", self._evidence())
        if self._trouble.due() == due:
            events += self._trouble.fire(due)
        return events

    _SIMPLE = ("ours", "stage", "below", "peak", "told", "strong", "real")

    def state(self) -> dict[str, Any]:
        return {
            "relay": self._relay.state(),
            "dose": self._dose.state(),
            "cycle": self._cycle.state(),
            "trouble": self._trouble.state(),
            **{k: getattr(self, "_" + k) for k in self._SIMPLE},
        }

    def load(self, state: Mapping[str, Any]) -> None:
        self._relay.load(state["relay"])
        self._dose.load(state["dose"])
        self._cycle.load(state["cycle"])
        self._trouble.load(state["trouble"])
        for key in self._SIMPLE:
            setattr(self, "_" + key, state[key])


def make(params: Params, home: Home) -> Detector:
    """The carbon monoxide detector of a home."""

    def unit(source: str) -> _Alarm:
        sensor = home.sensors.get(source)
        return _Alarm(params, source, sensor.kind if sensor else "")

    return Sources("co", RANK, unit)


SPEC = DetectorSpec(
    name="co",
    question="Is carbon monoxide poisoning somebody?",
    params=Params,
    make=make,
    kinds=("co", KIND),
    prompt=True,
)
