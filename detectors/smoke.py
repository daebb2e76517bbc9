"""Is there a fire? Smoke and heat alarms' own verdicts at once, and a room's numbers as an early word.

Own verdicts: :mod:`detectors.relay`. Numbers (smoke, temperature, CO), judged by room:
:mod:`detectors.fusion`, told as ``smoke`` with stage ``suspected`` of the sensor whose number tipped
the balance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.contracts import Detector, DetectorSpec
from core.model import Block, Event, Home
from core.quantity import Quantity
from detectors.flags import Flags
from detectors.fusion import NUMBERS, Fusion, FusionRules
from detectors.relay import RelayRules
from detectors.sources import Sources, by_room

Q = Quantity
RANK = (Q.TEST, Q.SMOKE, Q.HEAT, *NUMBERS)
KINDS = {Q.SMOKE: "smoke", Q.HEAT: "heat"}


@dataclass(frozen=True)
class Params:
    """Settings of the smoke detector."""

    relay: RelayRules = field(default_factory=RelayRules)
    fusion: FusionRules = field(default_factory=FusionRules)


class _Room:
    """The alarms and the numbers of one room; a sensor of no room is a room of its own."""

    def __init__(self, params: Params, home: Home, cooking: bool) -> None:
        self._params = params
        self._home = home
        self._alarms: dict[str, Flags] = {}
        self._fusion = Fusion(params.fusion, cooking)
        self._suspect = ""  # under which source the suspicion was told

    def _alarm(self, source: str) -> Flags:
        alarm = self._alarms.get(source)
        if alarm is None:
            sensor = self._home.sensors.get(source)
            kind = sensor.kind if sensor else ""
            alarm = self._alarms[source] = Flags("smoke", source, kind, KINDS, self._params.relay)
        return alarm

    def take(self, source: str, t: int, quantity: Quantity, value: float, flags: int) -> list[Event]:
        if quantity in NUMBERS:
            self._fusion.add(source, t, quantity, value, flags)
            return self._tell(t)
        return self._alarm(source).take(source, t, quantity, value, flags)

    def _tell(self, t: int) -> list[Event]:
        evidence = self._fusion.evidence()
        if evidence is not None and not self._suspect:
            self._suspect = self._fusion.source
        if not self._suspect:
            return []
        events = self._alarm(self._suspect).cycle("smoke").set(t, "fusion", evidence)
        if evidence is None:
            self._suspect = ""
        return events

    def idle(self, block: Block) -> int:
        if block.quantity in NUMBERS:
            return 0
        return self._alarm(block.source).idle(block)

    def due(self) -> int | None:
        dues = [self._fusion.due(), *(a.due() for a in self._alarms.values())]
        return min((d for d in dues if d is not None), default=None)

    def fire(self, due: int) -> list[Event]:
        events: list[Event] = []
        for source in sorted(self._alarms):
            if self._alarms[source].due() == due:
                events += self._alarms[source].fire(due)
        if self._fusion.due() == due:
            self._fusion.fire(due)
            events += self._tell(due)
        return events

    def state(self) -> dict[str, Any]:
        return {
            "alarms": {source: self._alarms[source].state() for source in sorted(self._alarms)},
            "fusion": self._fusion.state(),
            "suspect": self._suspect,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        for source, saved in dict(state["alarms"]).items():
            self._alarm(str(source)).load(saved)
        self._fusion.load(state["fusion"])
        self._suspect = str(state["suspect"])


def make(params: Params, home: Home) -> Detector:
    """The smoke detector of a home."""

    def unit(where: str) -> _Room:
        sort, _, name = where.partition(":")
        room = home.rooms.get(name) if sort == "room" else None
        return _Room(params, home, room is not None and room.kind in ("kitchen", "bathroom"))

    return Sources("smoke", RANK, unit, by_room(home))


SPEC = DetectorSpec(
    name="smoke",
    question="Is there a fire?",
    params=Params,
    make=make,
    kinds=("smoke", "heat"),
    prompt=True,
)
