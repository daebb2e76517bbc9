"""Is burnable gas leaking? The alarm's own verdict at once, and its number against the set point.

Own verdict: :mod:`detectors.relay`. Number: per cent of the lower explosive limit, or methane in ppm
with 1 %LEL = 500 ppm (LEL of methane 5 % by volume, as EN 50194 and GB 15322.2 count), against
:mod:`detectors.level`. Above 100 %LEL the sensor is saturated: that stays an alarm, because so much
gas may really be there, and is a trouble too. Below 0 is no value. A slow leak below the set point is a
``warning`` (:mod:`detectors.leak`), or ``suspected`` while another sensor of the room shows a vapour
that explains it (:mod:`detectors.vapour`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.contracts import Detector, DetectorSpec
from core.model import Block, Event, Home
from core.quantity import Quantity
from detectors.leak import Leak, LeakRules
from detectors.level import Level
from detectors.lifecycle import LifeCycle
from detectors.marks import STALE
from detectors.relay import Relay, RelayRules
from detectors.sources import Sources, by_room
from detectors.trouble import KIND, OUT_OF_RANGE, SATURATED, Trouble
from detectors.vapour import Vapour

Q = Quantity
RANK = (Q.TVOC_PPB, Q.TEST, Q.FAULT, Q.WARMING_UP, Q.GAS, Q.GAS_LEL_PCT, Q.METHANE_PPM)
METHANE_PPM_PER_LEL_PCT = 500.0
NUMBERS = ("lel", "methane")


@dataclass(frozen=True)
class Params:
    """Settings of the gas detector."""

    set_point_lel_pct: float = 10.0  # EN 50194: 3 to 20, GB 15322.2: 5 to 25
    dwell_s: float = 20.0  # alarm between 15 and 60 s after the crossing
    clear_s: float = 120.0
    clear_share: float = 0.8  # of the set point
    warm_up_max_s: float = 600.0
    relay: RelayRules = field(default_factory=RelayRules)
    leak: LeakRules = field(default_factory=LeakRules)
    vapour_excuse_s: float = 7200.0  # no vapour of an evening explains more

    def __post_init__(self) -> None:
        if not 1 <= self.set_point_lel_pct <= 25:
            raise ValueError("set_point_lel_pct must be 1 to 25 (%LEL)")
        if not 15 <= self.dwell_s <= 60:
            raise ValueError("dwell_s must be 15 to 60, as EN 50194 and GB 15322.2 want")
        if not 0 < self.clear_share <= 1:
            raise ValueError("clear_share must be above 0 and at most 1")
        if min(self.clear_s, self.warm_up_max_s, self.vapour_excuse_s) < 0:
            raise ValueError("times must not be negative")


class _Alarm:
    """One gas sensor."""

    def __init__(self, params: Params, source: str, kind: str, vapour: Vapour) -> None:
        self._ours = kind == "gas"
        self._vapour = vapour
        self._certain = dict.fromkeys(NUMBERS, False)  # a leak, whatever else is in the air
        self._relay = Relay(params.relay)
        self._cycle = LifeCycle("gas", "gas", source)
        self._trouble = Trouble("gas", source, params.warm_up_max_s)
        self._levels = {
            name: Level(params.set_point_lel_pct, params.dwell_s, params.clear_s, params.clear_share)
            for name in NUMBERS
        }
        self._leaks = {name: Leak(params.leak) for name in NUMBERS}

    def take(self, t: int, quantity: Quantity, value: float, flags: int) -> list[Event]:
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
        if quantity is Q.GAS:
            self._relay.level(t, value > 0, flags)
            return self._cycle.set(t, "own", self._relay.evidence())
        if quantity is Q.METHANE_PPM:
            return self._number(t, "methane", value / METHANE_PPM_PER_LEL_PCT, flags)
        return self._number(t, "lel", value, flags)

    def _number(self, t: int, name: str, lel_pct: float, flags: int) -> list[Event]:
        if flags & STALE or not self._trouble.usable:
            return []
        reason = OUT_OF_RANGE if lel_pct < 0 else SATURATED if lel_pct > 100 else ""
        events = self._trouble.number(t, reason)
        if lel_pct < 0:
            return events
        lel_pct = min(lel_pct, 100.0)
        level, leak = self._levels[name], self._leaks[name]
        level.add(t, lel_pct, flags)
        leak.add(t, lel_pct, flags)
        events += self._cycle.set(t, name, level.evidence("lel_pct"))
        return events + self._tell_leak(t, name)

    def _tell_leak(self, t: int, name: str) -> list[Event]:
        evidence = self._leaks[name].evidence()
        if evidence is None:
            self._certain[name] = False
        elif not self._certain[name] and self._vapour.excuses(t):
            evidence |= {"stage": "suspected", "looks_like": "vapour"}
        else:
            self._certain[name] = True
            evidence["looks_like"] = "leak"
        return self._cycle.set(t, f"{name}_leak", evidence)

    def due(self) -> int | None:
        dues = (
            self._relay.due(),
            self._trouble.due(),
            *(level.due() for level in self._levels.values()),
            *(leak.due() for leak in self._leaks.values()),
        )
        return min((d for d in dues if d is not None), default=None)

    def fire(self, due: int) -> list[Event]:
        events: list[Event] = []
        if self._relay.due() == due:
            self._relay.fire(due)
            events += self._cycle.set(due, "own", self._relay.evidence())
        for name, level in self._levels.items():
            if level.due() == due:
                level.fire()
                events += self._cycle.set(due, name, level.evidence("lel_pct"))
        for name, leak in self._leaks.items():
            if leak.due() == due:
                leak.fire()
                events += self._tell_leak(due, name)
        if self._trouble.due() == due:
            events += self._trouble.fire(due)
        return events

    def state(self) -> dict[str, Any]:
        return {
            "ours": self._ours,
            "certain": dict(self._certain),
            "relay": self._relay.state(),
            "cycle": self._cycle.state(),
            "trouble": self._trouble.state(),
            "levels": {name: level.state() for name, level in self._levels.items()},
            "leaks": {name: leak.state() for name, leak in self._leaks.items()},
        }

    def load(self, state: Mapping[str, Any]) -> None:
        self._ours = bool(state["ours"])
        self._certain = {name: bool(state["certain"][name]) for name in NUMBERS}
        self._relay.load(state["relay"])
        self._cycle.load(state["cycle"])
        self._trouble.load(state["trouble"])
        for name, level in self._levels.items():
            level.load(state["levels"][name])
            self._leaks[name].load(state["leaks"][name])


class _Room:
    """The gas sensors of one room and what else is in its air; a sensor of no room is a room of its own."""

    def __init__(self, params: Params, home: Home) -> None:
        self._params = params
        self._home = home
        self._vapour = Vapour(params.vapour_excuse_s)
        self._alarms: dict[str, _Alarm] = {}

    def _alarm(self, source: str) -> _Alarm:
        alarm = self._alarms.get(source)
        if alarm is None:
            sensor = self._home.sensors.get(source)
            kind = sensor.kind if sensor else ""
            alarm = self._alarms[source] = _Alarm(self._params, source, kind, self._vapour)
        return alarm

    def take(self, source: str, t: int, quantity: Quantity, value: float, flags: int) -> list[Event]:
        if quantity is Q.TVOC_PPB:
            self._vapour.add(source, t, value, flags)
            return []
        return self._alarm(source).take(t, quantity, value, flags)

    def idle(self, block: Block) -> int:
        return 0

    def due(self) -> int | None:
        dues = (a.due() for a in self._alarms.values())
        return min((d for d in dues if d is not None), default=None)

    def fire(self, due: int) -> list[Event]:
        events: list[Event] = []
        for source in sorted(self._alarms):
            if self._alarms[source].due() == due:
                events += self._alarms[source].fire(due)
        return events

    def state(self) -> dict[str, Any]:
        alarms = {source: self._alarms[source].state() for source in sorted(self._alarms)}
        return {"vapour": self._vapour.state(), "alarms": alarms}

    def load(self, state: Mapping[str, Any]) -> None:
        self._vapour.load(state["vapour"])
        for source, saved in dict(state["alarms"]).items():
            self._alarm(str(source)).load(saved)


def make(params: Params, home: Home) -> Detector:
    """The gas detector of a home."""
    return Sources("gas", RANK, lambda where: _Room(params, home), by_room(home))


SPEC = DetectorSpec(
    name="gas",
    question="Is burnable gas leaking?",
    params=Params,
    make=make,
    kinds=("gas", KIND),
    prompt=True,
)
