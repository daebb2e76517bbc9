"""Is water where it should not be? Leak sensors' own verdicts at once, and meters that never rest.

Own verdicts: :mod:`detectors.relay`. Meters: :mod:`detectors.meter`, told with stage ``warning`` and
the reason ``never_stops`` or ``left_running``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.contracts import Detector, DetectorSpec
from core.model import Block, Event, Home
from core.quantity import Quantity
from detectors.flags import Flags
from detectors.meter import Meter, MeterRules
from detectors.relay import RelayRules
from detectors.sources import Sources

Q = Quantity
RANK = (Q.TEST, Q.WATER, Q.WATER_L)


@dataclass(frozen=True)
class Params:
    """Settings of the water detector."""

    relay: RelayRules = field(default_factory=RelayRules)
    meter: MeterRules = field(default_factory=MeterRules)


class _Water:
    """One leak sensor or meter."""

    def __init__(self, params: Params, source: str, kind: str) -> None:
        self._flags = Flags("water", source, kind, {Q.WATER: "water"}, params.relay)
        self._meter = Meter(params.meter)

    def take(self, source: str, t: int, quantity: Quantity, value: float, flags: int) -> list[Event]:
        if quantity is not Q.WATER_L:
            return self._flags.take(source, t, quantity, value, flags)
        self._meter.add(t, value, flags)
        return self._flags.cycle("water").set(t, "meter", self._meter.evidence())

    def idle(self, block: Block) -> int:
        return 0 if block.quantity is Q.WATER_L else self._flags.idle(block)

    def due(self) -> int | None:
        return self._flags.due()

    def fire(self, due: int) -> list[Event]:
        return self._flags.fire(due)

    def state(self) -> dict[str, Any]:
        return {"flags": self._flags.state(), "meter": self._meter.state()}

    def load(self, state: Mapping[str, Any]) -> None:
        self._flags.load(state["flags"])
        self._meter.load(state["meter"])


def make(params: Params, home: Home) -> Detector:
    """The water detector of a home."""

    def unit(source: str) -> _Water:
        sensor = home.sensors.get(source)
        return _Water(params, source, sensor.kind if sensor else "")

    return Sources("water", RANK, unit)


SPEC = DetectorSpec(
    name="water",
    question="Is water where it should not be?",
    params=Params,
    make=make,
    kinds=("water",),
    prompt=True,
)
