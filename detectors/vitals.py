"""Is a heart or breathing rate out of its range for long, or does breathing pause?

Only for hints: a radar or mat is not a medical device. A rate of 0 is no value; a rate is believed only
while the same sensor says that nobody moves (and 10 s after) and does not say that nobody is there. Of
each minute the median counts. ``vitals``: ``question`` after ``question_s`` out of the usual range,
``warning`` after ``warning_s`` out of the fixed one; at least six of ten of these minutes need a value.
Five minutes back in range end it. The usual range is learnt of each sensor: of the last 28 days with two
hours of values the middle of their 2nd and 98th of a hundred, widened by a sixth, from the seventh such day
on and never wider than the fixed range; until then the fixed range holds.

``apnea`` (a breathing pause): breathing was read without a gap for ten minutes and then not for
``pause_s``, while the same sensor still reads the heart and sees no movement. Where both rates are gone
the sensor has lost the person: that is unknown, not a pause, and ends an open ``vitals`` after half an
hour with the reason ``unseen``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.contracts import DetectorSpec
from core.model import MINUTE, Block, Event, Home, Phase
from core.quantity import Quantity
from detectors.rows import RETAINED, TEST, WEAK, Row, flag, rows
from detectors.vital_range import Streak, Usual

Q = Quantity
_VERSION = 1
_GATES = frozenset({Q.MOVING, Q.PRESENCE, Q.BED_OCCUPIED})
_RATES = {Q.HEART_RATE_BPM: (25.0, 220.0), Q.BREATH_RATE_BPM: (3.0, 60.0)}
_WANTS = _GATES | frozenset(_RATES) | {Q.BLIND_S}
_MOST = 120  # values of a minute that are looked at
_NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class VitalsParams:
    """Which rates are out of range, and for how long must they be? Per minute, seconds."""

    heart_low_bpm: float = 40.0
    heart_high_bpm: float = 120.0
    breath_low_bpm: float = 6.0
    breath_high_bpm: float = 30.0
    question_s: float = 900.0
    warning_s: float = 1800.0
    learn: bool = True
    still_s: float = 10.0
    pause_s: float = 60.0
    steady_s: float = 600.0


class _Sensor:
    """One sensor that reads rates."""

    def __init__(self, p: VitalsParams) -> None:
        self.here = True
        self.moving = False
        self.still_from = 0
        self.weak = False
        self.ends = 0  # of the minute that is being gathered, 0 = none
        self.values: dict[Quantity, list[float]] = {q: [] for q in _RATES}
        fixed = {
            Q.HEART_RATE_BPM: (p.heart_low_bpm, p.heart_high_bpm),
            Q.BREATH_RATE_BPM: (p.breath_low_bpm, p.breath_high_bpm),
        }
        self.streaks = {q: Streak(*fixed[q], p.question_s, p.warning_s) for q in _RATES}
        self.usual = {q: Usual() for q in _RATES}
        self.told: dict[str, Any] | None = None
        self.breath: int | None = None  # last breath
        self.steady: int | None = None  # since when breathing is read without a gap
        self.heart = 0  # last heart beat rate read
        self.paused = False

    def due(self, p: VitalsParams) -> int:
        """The next instant at which something has to be decided."""
        dues = [s.forgotten() for s in self.streaks.values()]
        if self.ends:
            dues.append(self.ends)
        if self.breath is not None and self.steady is not None and not self.paused:
            dues.append(self.breath + int(p.pause_s * 1e9))
        return min(dues)

    def restless(self) -> None:
        """What was read of breathing no longer counts as steady."""
        self.steady = None

    def state(self) -> list[Any]:
        plain = [self.here, self.moving, self.still_from, self.weak, self.ends, self.told]
        rest = [self.breath, self.steady, self.heart, self.paused]
        each = [[self.values[q], self.streaks[q].state(), self.usual[q].state()] for q in _RATES]
        return [plain, rest, [[list(v), s, u] for v, s, u in each]]

    def load(self, state: Sequence[Any]) -> None:
        plain, rest, each = state
        self.here, self.moving, self.still_from, self.weak, self.ends, self.told = plain
        self.breath, self.steady, self.heart, self.paused = rest
        for q, (values, streak, usual) in zip(_RATES, each, strict=True):
            self.values[q] = list(values)
            self.streaks[q].load(streak)
            self.usual[q].load(usual)


class VitalsDetector:
    """Rates in; rates out of range, and breathing pauses, out."""

    def __init__(self, params: VitalsParams, home: Home) -> None:
        self._p, self._home = params, home
        self._sensors: dict[str, _Sensor] = {}
        self._due = _NEVER  # no later than the earliest of all sensors'

    @property
    def wants(self) -> frozenset[Quantity]:
        return _WANTS

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        out: list[Event] = []
        found = rows(blocks, _WANTS, every=True)
        found.sort(key=lambda r: (r.t, r.quantity is not Q.BLIND_S))
        for row in found:
            if row.quantity is Q.BLIND_S:
                self._blind(row, out)
                continue
            self._fire(row.t, out)
            if row.quantity in _RATES:
                self._rate(row, out)
            elif row.source in self._sensors:
                self._gate(row)
        return out

    def advance(self, t: int) -> list[Event]:
        out: list[Event] = []
        self._fire(t, out)
        return out

    # -- what comes in

    def _gate(self, row: Row) -> None:
        sensor, value = self._sensors[row.source], flag(row.value)
        if value is None:
            return
        if row.quantity is Q.MOVING:
            if sensor.moving and not value:
                sensor.still_from = row.t + int(self._p.still_s * 1e9)
            sensor.moving = value
            if value:
                sensor.restless()
        else:
            sensor.here = value
            if not value:
                sensor.restless()

    def _rate(self, row: Row, out: list[Event]) -> None:
        low, high = _RATES[row.quantity]
        sensor = self._sensors.get(row.source)
        if sensor is None:
            sensor = self._sensors[row.source] = _Sensor(self._p)
        if row.flags & (RETAINED | TEST) or not low <= row.value <= high:
            return
        if sensor.moving or not sensor.here or row.t < sensor.still_from:
            return
        sensor.weak = bool(row.flags & WEAK)
        t = row.t
        if not sensor.ends:
            sensor.ends = -(-t // MINUTE) * MINUTE
        if len(sensor.values[row.quantity]) < _MOST:
            sensor.values[row.quantity].append(row.value)
        if row.quantity is Q.HEART_RATE_BPM:
            sensor.heart = t
        else:
            self._breathed(row.source, sensor, t, out)
        self._due = min(self._due, sensor.due(self._p))

    def _breathed(self, source: str, sensor: _Sensor, t: int, out: list[Event]) -> None:
        if sensor.paused and sensor.breath is not None:
            sensor.paused = False
            lasted = {"duration_s": round((t - sensor.breath) / 1e9, 1)}
            out.append(Event("vitals", "apnea", source, t, Phase.CLEAR, lasted))
            sensor.restless()
        if sensor.steady is None or sensor.breath is None or t - sensor.breath > int(self._p.still_s * 1e9):
            sensor.steady = t
        sensor.breath = t

    def _blind(self, row: Row, out: list[Event]) -> None:
        """While the gateway did not run no deadline passed, and nothing was steady."""
        blind = max(0, int(row.value * 1e9))
        self._fire(row.t - blind, out)
        for sensor in self._sensors.values():
            sensor.restless()
            sensor.ends = 0
            for q in _RATES:
                sensor.values[q].clear()
                sensor.streaks[q].blind(blind)
        self._due = min((s.due(self._p) for s in self._sensors.values()), default=_NEVER)

    # -- what becomes due

    def _fire(self, t: int, out: list[Event]) -> None:
        while self._due < t:
            due, source = min((s.due(self._p), name) for name, s in self._sensors.items())
            if due < t:
                self._decide(source, self._sensors[source], due, out)
                due = min(s.due(self._p) for s in self._sensors.values())
            self._due = due

    def _decide(self, source: str, sensor: _Sensor, due: int, out: list[Event]) -> None:
        if sensor.ends == due:
            sensor.ends = 0
            for q in _RATES:
                values = sorted(sensor.values[q])
                sensor.values[q].clear()
                if values:
                    middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
                    usual = sensor.usual[q]
                    usual.add(due, middle)
                    sensor.streaks[q].minute(due, middle, usual.range() if self._p.learn else None)
        for streak in sensor.streaks.values():
            if streak.forgotten() == due:
                streak.forget()
        self._tell(source, sensor, due, out)
        breath = sensor.breath
        if breath is None or sensor.steady is None or sensor.paused:
            return
        if breath + int(self._p.pause_s * 1e9) == due:
            steady = breath - sensor.steady >= int(self._p.steady_s * 1e9)
            beating = sensor.heart > breath and due - sensor.heart <= int(self._p.still_s * 1e9)
            if steady and beating and sensor.here and not sensor.moving:
                sensor.paused = True
                evidence = {"stage": "warning", "since": breath, "duration_s": self._p.pause_s}
                out.append(Event("vitals", "apnea", source, due, Phase.ONSET, self._more(evidence, source)))
            else:
                sensor.restless()

    def _tell(self, source: str, sensor: _Sensor, t: int, out: list[Event]) -> None:
        """What both rates say together, if it is news."""
        said = {q: s.evidence() for q, s in sensor.streaks.items()}
        bad = {q: e for q, e in said.items() if e is not None}
        if not bad:
            if sensor.told is not None:
                unseen = any(s.unseen for s in sensor.streaks.values())
                out.append(
                    Event("vitals", "vitals", source, t, Phase.CLEAR, {"reason": "unseen"} if unseen else {})
                )
                sensor.told = None
            return
        stage = "warning" if any(e["stage"] == "warning" for e in bad.values()) else "question"
        told = {"stage": stage, "rates": sorted(str(q) for q in bad)}
        if sensor.told == told:
            return
        evidence: dict[str, Any] = dict(told)
        for q, e in bad.items():
            evidence[str(q)] = e["rate"]
            evidence[f"{q}_range"] = e["range"]
        evidence["since"] = min(e["since"] for e in bad.values())
        evidence["duration_s"] = round((t - evidence["since"]) / 1e9, 1)
        phase = Phase.ONSET if sensor.told is None else Phase.UPDATE
        sensor.told = told
        out.append(Event("vitals", "vitals", source, t, phase, self._more(evidence, source)))

    def _more(self, evidence: dict[str, Any], source: str) -> dict[str, Any]:
        room = self._home.room_of(source)
        if self._sensors[source].weak:
            evidence["weak"] = True
        return {**evidence, "room": room} if room else evidence

    # -- state

    def snapshot(self) -> dict[str, Any]:
        return {"vitals": _VERSION, "sensors": {name: s.state() for name, s in self._sensors.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        if state.get("vitals") != _VERSION:
            raise ValueError("not a snapshot of the vitals detector")
        self._sensors = {}
        for name, kept in state["sensors"].items():
            self._sensors[name] = _Sensor(self._p)
            self._sensors[name].load(kept)
        self._due = min((s.due(self._p) for s in self._sensors.values()), default=_NEVER)


SPEC = DetectorSpec(
    name="vitals",
    question="Is a heart or breathing rate out of its range for long, or does breathing pause?",
    params=VitalsParams,
    make=VitalsDetector,
    kinds=("vitals", "apnea"),
)
