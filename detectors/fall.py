"""Did somebody fall, do they lie there, did they get up?

Sources of the rule: fast drop and low afterwards (published for tracked clouds as the TI "fall
detection" example and as LT-Fall, UbiComp 2022); the sensor's own verdict where it has one. All
measured figures stand in docs/reference/falls.md; every fall in them is acted, nobody in them is old.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.contracts import DetectorSpec
from core.model import SECOND, Block, Event, Flag, Floats, Home, Mounting
from core.quantity import Quantity as Q
from detectors.fall_around import WANTS as AROUND
from detectors.fall_around import Around, Zone, inside
from detectors.fall_case import DETECTOR, KIND, FallCase, Look, Waits
from detectors.fall_geometry import FAR_M
from detectors.fall_watch import Watch

VERSION = 4
RADAR = frozenset({Q.FALL_STATE, Q.CLOUD, Q.TRACK})
WANTS = RADAR | AROUND
BED_M = 0.25  # a drop inside a resting zone that ends lower above the floor missed the bed
UNSEEN = 2 * SECOND
Item = tuple[int, str, str, Block, int]  # t, source, quantity, its block, row


@dataclass(frozen=True, slots=True)
class FallParams:
    """How long must a person lie before each stage, and where is lying down normal?

    ``rest_zones``: per radar, rectangles on the floor (x, y, x, y of two corners, m, in the radar's axes:
    x sideways, y ahead) where a bed or a chair stands. ``from_floor``: radars whose heights already count
    from the floor and are levelled, as those of demonstration programs often are.
    """

    confirm_after_s: float = 15.0  # low and little motion: the fall is confirmed
    long_lie_after_s: float = 300.0  # still down: a long lie
    recover_after_s: float = 3.0  # upright for this long, and seen so often enough: got up
    rest_zones: Mapping[str, tuple[Zone, ...]] = field(default_factory=dict)
    from_floor: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("confirm_after_s", "long_lie_after_s", "recover_after_s"):
            value = getattr(self, name)
            if not 0 < value < 86400:
                raise ValueError(f"{name} must be above 0 and below a day, not {value}")
        for source, zones in self.rest_zones.items():
            for zone in zones:
                if not all(abs(corner) <= FAR_M for corner in zone):
                    raise ValueError(f"rest_zones of {source}: {zone} is beyond {FAR_M:g} m; give metres")
                if zone[0] == zone[2] or zone[1] == zone[3]:
                    raise ValueError(f"rest_zones of {source}: {zone} has no area; give two opposite corners")
        if self.long_lie_after_s <= self.confirm_after_s:
            raise ValueError("long_lie_after_s must be longer than confirm_after_s")


class FallDetector:
    """One life cycle per source, fed by the point cloud and by the sensor's own verdict."""

    wants = WANTS

    def __init__(self, params: FallParams, home: Home) -> None:
        for source in (*params.rest_zones, *params.from_floor):
            if source not in home.sensors:
                raise ValueError(f"rest_zones and from_floor name radars; there is no sensor {source!r}")
        self._params, self._home = params, home
        self._waits = Waits(
            round(params.confirm_after_s * SECOND),
            round(params.long_lie_after_s * SECOND),
            round(params.recover_after_s * SECOND),
        )
        self._alone = len(home.residents) < 2
        self._cases: dict[str, tuple[FallCase, Watch]] = {}
        self._around = Around(home)
        self._base: dict[str, list[int]] = {}  # what Around had counted when a source's case opened

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
        clouds: list[Floats] = []
        tracks: list[Floats] = []
        events: list[Event] = []
        for _, _, _, block, row in items:
            flags, quantity = int(block.flags[row]), block.quantity
            if flags & Flag.REPEAT:
                continue
            if quantity in AROUND:
                if self._around.take(t, source, quantity, float(block.value[row]), flags):
                    events += self._rested(t, self._home.room_of(source))
            elif quantity is Q.FALL_STATE:
                case, _ = self._of(source)
                events += self._told(source, case.verdict(t, float(block.value[row]), flags))
            elif not flags & Flag.RETAINED:
                (clouds if quantity is Q.CLOUD else tracks).append(
                    block.points(row) if quantity is Q.CLOUD else block.value[row : row + 1]
                )
        if clouds or tracks:
            cloud, track = (np.concatenate(rows) if rows else None for rows in (clouds, tracks))
            self._of(source)[1].see(t, cloud, track)
        return events

    def _rested(self, t: int, room: str) -> list[Event]:
        """Somebody got into a bed or onto a seat of this room: which suspected falls was that?"""
        events: list[Event] = []
        for source, (case, _) in sorted(self._cases.items()):
            if self._alone and self._home.room_of(source) == room:
                events += self._told(source, case.rested(t))
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
            return self._told(source, [case.expire()])
        look = watch.close()
        if look is None:
            return []
        before = case.dropped
        events = self._told(source, case.look(t, self._believed(t, source, look)))
        if case.dropped != before:
            watch.lie()
        return events

    def _believed(self, t: int, source: str, look: Look) -> Look:
        """A drop onto a bed or seat, or inside a resting zone, is none."""
        if look.drop is None:
            return look
        zones = self._params.rest_zones.get(source, ())
        off_floor = not look.drop["above_floor"] or look.drop["low_m"] > BED_M
        at_rest = off_floor and inside(zones, *look.drop["place_m"])
        sat = self._alone and self._around.resting(self._home.room_of(source), t)
        return look._replace(drop=None) if at_rest or sat else look

    def _told(self, source: str, events: list[Event]) -> list[Event]:
        """The events with what the rest of the home says, as numbers."""
        case, watch = self._cases[source]
        now = self._around.count(self._home.room_of(source))
        out: list[Event] = []
        for event in events:
            base = self._base.setdefault(source, now)
            more: dict[str, float] = {
                name: n - b
                for name, n, b in zip(("motion_elsewhere", "doors_opened"), now, base, strict=True)
                if n > b
            }
            if watch.seen is not None and event.t - watch.seen > UNSEEN:
                more["unseen_s"] = round((event.t - watch.seen) / SECOND, 1)
            out.append(replace(event, evidence={**event.evidence, **more}) if more else event)
        if case.opened is None:
            self._base.pop(source, None)
            watch.rest()
        return out

    def _of(self, source: str) -> tuple[FallCase, Watch]:
        if source not in self._cases:
            sensor = self._home.sensors.get(source)
            mounting = sensor.mounting if sensor else Mounting()
            zones, levelled = self._params.rest_zones.get(source, ()), source in self._params.from_floor
            watch = Watch(mounting, levelled, self._alone, zones)
            self._cases[source] = (FallCase(source, self._waits), watch)
        return self._cases[source]

    def snapshot(self) -> dict[str, Any]:
        """All state, as JSON."""
        cases = {s: {"case": c.snapshot(), "watch": w.snapshot()} for s, (c, w) in self._cases.items()}
        return {
            "detector": DETECTOR,
            "version": VERSION,
            "cases": cases,
            "around": self._around.snapshot(),
            "base": {source: list(counts) for source, counts in self._base.items()},
        }

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
            self._around.restore(state["around"])
            self._base = {source: [int(n) for n in counts] for source, counts in state["base"].items()}
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
