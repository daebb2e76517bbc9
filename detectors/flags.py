"""Which of a sensor's alarm bits are set? Relays of one or more flags of one sensor, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.model import Block, Event
from core.quantity import Quantity
from detectors.lifecycle import LifeCycle
from detectors.relay import Relay, RelayRules


class Flags:
    """One sensor with own alarm bits; ``kinds`` maps each flag to the kind of event it makes.

    A test press counts for the first flag this sensor has ever sent, or for the kind it is enrolled
    as; a test of any other sensor is not our business.
    """

    def __init__(
        self, detector: str, source: str, kind: str, kinds: Mapping[Quantity, str], rules: RelayRules
    ) -> None:
        self._kinds = kinds
        self._relays = {k: Relay(rules) for k in kinds.values()}
        self._cycles = {k: LifeCycle(detector, k, source) for k in kinds.values()}
        self._tested = kind if kind in self._cycles else ""

    def cycle(self, kind: str) -> LifeCycle:
        """The life cycle of one kind, for further causes."""
        return self._cycles[kind]

    def take(self, source: str, t: int, quantity: Quantity, value: float, flags: int) -> list[Event]:
        if quantity is Quantity.TEST:
            if not self._tested:
                return []
            self._relays[self._tested].test(t, value > 0, flags)
            return self._tell(t, self._tested)
        kind = self._kinds[quantity]
        self._tested = self._tested or kind
        self._relays[kind].level(t, value > 0, flags)
        return self._tell(t, kind)

    def _tell(self, t: int, kind: str) -> list[Event]:
        return self._cycles[kind].set(t, "own", self._relays[kind].evidence())

    def idle(self, block: Block) -> int:
        """Plain falses while nothing is raised only leave the last of them behind."""
        kind = self._kinds.get(block.quantity)
        if kind is None or self._relays[kind].evidence() is not None:
            return 0
        plain = (block.value == 0) & (block.flags == 0)
        count = len(block) if plain.all() else int(np.argmin(plain))
        if count:
            self._tested = self._tested or kind
            self._relays[kind].level(int(block.t[count - 1]), False, 0)
        return count

    def due(self) -> int | None:
        return min((d for d in (r.due() for r in self._relays.values()) if d is not None), default=None)

    def fire(self, due: int) -> list[Event]:
        events: list[Event] = []
        for kind, relay in self._relays.items():
            if relay.due() == due:
                relay.fire(due)
                events += self._tell(due, kind)
        return events

    def state(self) -> dict[str, Any]:
        return {
            "tested": self._tested,
            "relays": {k: r.state() for k, r in self._relays.items()},
            "cycles": {k: c.state() for k, c in self._cycles.items()},
        }

    def load(self, state: Mapping[str, Any]) -> None:
        self._tested = str(state["tested"])
        for kind, relay in self._relays.items():
            relay.load(state["relays"][kind])
        for kind, cycle in self._cycles.items():
            cycle.load(state["cycles"][kind])
