"""Did somebody fall, do they lie there, did they get up?

Sources of the rule: fast drop and low afterwards (published for tracked clouds as the TI "fall
detection" example and as LT-Fall, UbiComp 2022); the sensor's own verdict where it has one. All
measured figures stand in docs/reference/falls.md; every fall in them is acted, nobody in them is old.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from core.contracts import DetectorSpec
from core.model import SECOND, Block, Event, Flag, Floats, Home, Mounting
from core.quantity import Quantity as Q
from detectors.fall_case import DETECTOR, KIND, FallCase, Waits
from detectors.fall_watch import Watch

VERSION = 1
WANTS = frozenset({Q.FALL_STATE, Q.CLOUD, Q.TRACK})
Item = tuple[int, str, str, Block, int]  # t, source, quantity, its block, row


@dataclass(frozen=True, slots=True)
class FallParams:
    """How long must a person lie before each stage?"""

    confirm_after_s: float = 15.0  # low and little motion: the fall is confirmed
    long_lie_after_s: float = 300.0  # still down: a long lie
    recover_after_s: float = 3.0  # upright for this long: got up

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value < 86400:
                raise ValueError(f"{field.name} must be above 0 and below a day, not {value}")
        if self.long_lie_after_s <= self.confirm_after_s:
            raise ValueError("long_lie_after_s must be longer than confirm_after_s")


class FallDetector:
    """One life cycle per source, fed by the point cloud and by the sensor's own verdict."""

    wants = WANTS

    def __init__(self, params: FallParams, home: Home) -> None:
        self._params, self._home = params, home
        self._waits = Waits(
            round(params.confirm_after_s * SECOND),
            round(params.long_lie_after_s * SECOND),
            round(params.recover_after_s * SECOND),
        )
        self._alone = len(home.residents) < 2
        self._cases: dict[str, tuple[FallCase, Watch]] = {}

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        """Walk instants in the order (t, source), whatever the blocks' cut and order."""
        items: list[Item] = []
        for block in blocks:
            if block.quantity in WANTS:
                name = str(block.quantity)
                items += [(t, block.source, name, block, i) for i, t in enumerate(block.t.tolist())]
        items.sort(key=lambda item: item[:3])
        events: list[Event] = []
        start = 0
        while start < len(items):
            t, source = items[start][:2]
            stop = start
            while stop < len(items) and items[stop][0] == t and items[stop][1] == source:
                stop += 1
            events += self.advance(t)
            events += self._instant(t, source, items[start:stop])
            start = stop
        return events

    def _instant(self, t: int, source: str, items: list[Item]) -> list[Event]:
        case, watch = self._of(source)
        parts: dict[Q, list[Floats]] = {Q.CLOUD: [], Q.TRACK: []}
        events: list[Event] = []
        for _, _, name, block, row in items:
            if block.flags[row] & (Flag.REPEAT | (0 if name == Q.FALL_STATE else Flag.RETAINED)):
                continue
            if block.quantity is Q.CLOUD:
                parts[Q.CLOUD].append(block.points(row))
            elif block.quantity is Q.TRACK:
                parts[Q.TRACK].append(block.value[row : row + 1])
            else:
                events += case.verdict(t, float(block.value[row]), int(block.flags[row]))
        cloud, tracks = (np.concatenate(p) if p else None for p in parts.values())
        if cloud is not None or tracks is not None:
            watch.see(t, cloud, tracks)
        if case.opened is None:
            watch.rest()
        return events

    def advance(self, t: int) -> list[Event]:
        """What became true before ``t``? Quarter seconds that are over by then, and deadlines."""
        events: list[Event] = []
        while True:
            first: tuple[int, str, bool] | None = None
            for source, (case, watch) in self._cases.items():
                over, due = watch.due(), case.deadline()
                if over is not None and over <= t and (first is None or (over, source, False) < first):
                    first = (over, source, False)
                if due is not None and due < t and (first is None or (due, source, True) < first):
                    first = (due, source, True)
            if first is None:
                return events
            events += self._step(*first)

    def _step(self, t: int, source: str, deadline: bool) -> list[Event]:
        case, watch = self._cases[source]
        if deadline:
            return [case.expire()]
        look = watch.close()
        if look is None:
            return []
        before = case.dropped
        events = case.look(t, look)
        if case.opened is None:
            watch.rest()
        elif case.dropped != before:
            watch.lie()
        return events

    def _of(self, source: str) -> tuple[FallCase, Watch]:
        if source not in self._cases:
            sensor = self._home.sensors.get(source)
            mounting = sensor.mounting if sensor else Mounting()
            from_floor = sensor is not None and sensor.options.get("z_from") == "floor"
            self._cases[source] = (FallCase(source, self._waits), Watch(mounting, from_floor, self._alone))
        return self._cases[source]

    def snapshot(self) -> dict[str, Any]:
        """All state, as JSON."""
        cases = {s: {"case": c.snapshot(), "watch": w.snapshot()} for s, (c, w) in self._cases.items()}
        return {"detector": DETECTOR, "version": VERSION, "cases": cases}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a snapshot. Raises ValueError if it is not one of ours."""
        if state.get("detector") != DETECTOR or state.get("version") != VERSION:
            raise ValueError("not a snapshot of this fall detector")
        self._cases = {}
        try:
            for source, parts in state["cases"].items():
                case, watch = self._of(source)
                case.restore(parts["case"])
                watch.restore(parts["watch"])
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            self._cases = {}
            raise ValueError(f"a damaged snapshot of the fall detector: {error!r}") from None


SPEC = DetectorSpec(
    name=DETECTOR,
    question="Did somebody fall, and did they get up?",
    params=FallParams,
    make=FallDetector,
    kinds=(KIND,),
)
