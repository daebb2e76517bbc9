"""Does a sensor hang, or flutter?

``sensor_stuck``: a motion sensor that says "somebody moves" without a pause for ``stuck_on_s``, or a
climate sensor that tells the very same number for ``frozen_s`` in at least ``frozen_reports`` reports (the
weather, the cooking and the breath of a person move every one of them). It is over with the first other
value. ``sensor_flapping``: more than so many changes within ten minutes (a contact 20, a presence, bed or
seat 60) or within an hour (availability or a link 6); over a day after it last was so, so that a mat that
flutters every night is told once. A sensor that says nothing at all is ``silence.py``'s. Retained and
repeated readings tell nothing here.

What a hanging or fluttering sensor says is no sign of quiet: it is trouble, told once, and over once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.contracts import DetectorSpec
from core.model import DAY, HOUR, MINUTE, Block, Event, Home
from core.quantity import Quantity
from detectors.lifecycle import LifeCycle
from detectors.rows import RETAINED, TEST, Row, flag, rows

Q = Quantity
_VERSION = 1
_NEVER = 1 << 62
_CLIMATE = frozenset({Q.TEMPERATURE_C, Q.HUMIDITY_PCT})
_SLOW = frozenset({Q.AVAILABLE, Q.LINK_UP})
_QUICK = frozenset({Q.CONTACT_OPEN, Q.BED_OCCUPIED, Q.SEAT_OCCUPIED, Q.PRESENCE})
_FLAPS = _SLOW | _QUICK
_OVER = DAY


@dataclass(frozen=True, slots=True)
class ErraticParams:
    """How long may a sensor stay the same, and how often may it change?"""

    stuck_on_s: float = 21600.0
    frozen_s: float = 259200.0
    frozen_reports: int = 48
    contact_changes: int = 20
    presence_changes: int = 60
    link_changes: int = 6


class _Series:
    """One source and quantity."""

    def __init__(self) -> None:
        self.value: float | None = None
        self.since = 0
        self.reports = 0
        self.changes: list[int] = []
        self.over: int | None = None  # then flapping is over
        self.stuck = False

    def state(self) -> list[Any]:
        return [self.value, self.since, self.reports, list(self.changes), self.over, self.stuck]

    def load(self, state: Sequence[Any]) -> None:
        self.value, self.since, self.reports, changes, self.over, self.stuck = state
        self.changes = list(changes)


class ErraticDetector:
    """Values in; sensors that hang or flutter out."""

    def __init__(self, params: ErraticParams, home: Home) -> None:
        self._p, self._home = params, home
        self._series: dict[tuple[str, Quantity], _Series] = {}
        self._cycles: dict[tuple[str, str], LifeCycle] = {}
        self._due = _NEVER  # the earliest end of a flapping

    @property
    def wants(self) -> frozenset[Quantity]:
        return _FLAPS | _CLIMATE | {Q.MOTION, Q.BLIND_S}

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        out: list[Event] = []
        found = rows(blocks, _FLAPS)
        found += rows(blocks, _CLIMATE | {Q.MOTION, Q.BLIND_S}, every=True)
        found.sort(key=lambda r: (r.t, r.quantity is not Q.BLIND_S, r.source, r.quantity))
        for row in found:
            if row.quantity is Q.BLIND_S:
                self._blind(row, out)
                continue
            self._fire(row.t, out)
            if row.flags & (RETAINED | TEST):
                continue
            key = (row.source, row.quantity)
            series = self._series.get(key)
            if series is None:
                series = self._series[key] = _Series()
            if row.quantity in _FLAPS:
                self._flap(row, series, out)
            else:
                self._same(row, series, out)
        return out

    def advance(self, t: int) -> list[Event]:
        out: list[Event] = []
        self._fire(t, out)
        return out

    def _same(self, row: Row, series: _Series, out: list[Event]) -> None:
        """Judged when the sensor speaks: one that says nothing does not hang, it is silent."""
        motion = row.quantity is Q.MOTION
        if motion and flag(row.value) is None:
            return
        if row.value != series.value:
            series.value, series.since, series.reports = row.value, row.t, 0
            if series.stuck:
                series.stuck = False
                out += self._tell("sensor_stuck", row.source, row.quantity, row.t, None)
        series.reports += 1
        if series.stuck or (motion and not row.value):
            return
        lasted = row.t - series.since
        if motion:
            stuck = lasted >= int(self._p.stuck_on_s * 1e9)
        else:
            stuck = lasted >= int(self._p.frozen_s * 1e9) and series.reports >= self._p.frozen_reports
        if stuck:
            series.stuck = True
            facts = {"stage": "trouble", "since": series.since, "duration_s": round(lasted / 1e9, 1)}
            out += self._tell("sensor_stuck", row.source, row.quantity, row.t, facts)

    def _flap(self, row: Row, series: _Series, out: list[Event]) -> None:
        value = flag(row.value)
        if value is None:
            return
        before, series.value = series.value, float(value)
        if before is None or before == series.value:
            return
        most, within = self._limit(row.quantity)
        series.changes = [*series.changes[-most:], row.t]
        if len(series.changes) <= most or row.t - series.changes[0] > within:
            return
        if series.over is None:
            facts = {"stage": "trouble", "since": series.changes[0], "count": most + 1}
            out += self._tell("sensor_flapping", row.source, row.quantity, row.t, facts)
        series.over = row.t + _OVER
        self._due = min(self._due, series.over)

    def _limit(self, quantity: Quantity) -> tuple[int, int]:
        if quantity in _SLOW:
            return self._p.link_changes, HOUR
        most = self._p.contact_changes if quantity is Q.CONTACT_OPEN else self._p.presence_changes
        return most, 10 * MINUTE

    def _blind(self, row: Row, out: list[Event]) -> None:
        """While the gateway did not run nothing was seen to stay the same."""
        self._fire(row.t - max(0, int(row.value * 1e9)), out)
        for series in self._series.values():
            if not series.stuck:
                series.since, series.reports = row.t, 0
            series.changes = []

    def _fire(self, t: int, out: list[Event]) -> None:
        if self._due >= t:
            return
        ended = sorted(
            (series.over, source, quantity)
            for (source, quantity), series in self._series.items()
            if series.over is not None and series.over < t
        )
        for over, source, quantity in ended:
            self._series[source, quantity].over = None
            out += self._tell("sensor_flapping", source, quantity, over, None)
        self._due = min((s.over for s in self._series.values() if s.over is not None), default=_NEVER)

    def _tell(
        self, kind: str, source: str, quantity: Quantity, t: int, facts: dict[str, Any] | None
    ) -> list[Event]:
        """One alert a sensor and kind, however many of its quantities are concerned."""
        cycle = self._cycles.get((kind, source))
        if cycle is None:
            cycle = self._cycles[kind, source] = LifeCycle("erratic", kind, source)
        room = self._home.room_of(source)
        if facts is not None and room:
            facts = {**facts, "room": room}
        told = cycle.set(t, str(quantity), facts)
        if cycle.opened is None:
            del self._cycles[kind, source]
        return told

    # -- state

    def snapshot(self) -> dict[str, Any]:
        kept = [[s, q.value, series.state()] for (s, q), series in self._series.items()]
        cycles = [[kind, source, c.state()] for (kind, source), c in self._cycles.items()]
        return {"erratic": _VERSION, "series": kept, "cycles": cycles}

    def restore(self, state: Mapping[str, Any]) -> None:
        if state.get("erratic") != _VERSION:
            raise ValueError("not a snapshot of the erratic detector")
        self._series = {}
        for source, quantity, kept in state["series"]:
            self._series[source, Quantity(quantity)] = made = _Series()
            made.load(kept)
        self._cycles = {}
        for kind, source, kept in state["cycles"]:
            self._cycles[kind, source] = LifeCycle("erratic", kind, source)
            self._cycles[kind, source].load(kept)
        self._due = min((s.over for s in self._series.values() if s.over is not None), default=_NEVER)


SPEC = DetectorSpec(
    name="erratic",
    question="Does a sensor hang, or flutter?",
    params=ErraticParams,
    make=ErraticDetector,
    kinds=("sensor_stuck", "sensor_flapping"),
)
