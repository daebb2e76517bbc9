"""Has nobody stirred for longer than this home knows?

Stillness is told in three stages, each with an instant of its own: ``question`` (ask in the home: are
you all right?), ``warning``, ``alarm``. The alarm comes at the first instant at which the silence is
longer than what is allowed at that hour of the local day; question and warning come before it, in the
last fifth of the silence (at least 10 min, at most an hour before the alarm). The next sign of life
clears it.

While the home is presumed empty (``detectors/occupancy.py``) nothing is asked. What counts as life is
said in ``detectors/life.py``, what blindness does in ``detectors/sight.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.contracts import DetectorSpec
from core.localtime import LocalTime, in_window
from core.model import HOUR, MINUTE, Block, Event, Home, Phase
from core.quantity import Quantity
from detectors.life import SIGNS, Life, Sign
from detectors.occupancy import Occupancy
from detectors.rows import Row, flag, rows
from detectors.sight import CONTROL, Sight

Q = Quantity
_OWN = CONTROL | {Q.WALL_OFFSET_S}
_STAGES = ("question", "warning", "alarm")
_VERSION = 1
_STEP = 15 * MINUTE  # local hours are looked at on this grid
_HORIZON = 72 * HOUR


@dataclass(frozen=True, slots=True)
class InactivityParams:
    """How much stillness is allowed? Hours of the local day, and durations."""

    fixed_day_h: float = 7.0  # longest silence by day, while nothing is learned
    fixed_night_h: float = 12.0
    night_from_h: float = 21.0
    night_to_h: float = 11.0
    confirm_s: float = 600.0  # two sensors within this confirm each other
    door_tail_s: float = 20.0  # motion at the door this soon after it moved is somebody leaving
    blind_counts_s: float = 600.0  # shorter blindness counts as stillness


class InactivityDetector:
    """Signs of life in, stages of stillness out."""

    def __init__(self, params: InactivityParams, home: Home) -> None:
        self._p = params
        self._local = LocalTime(home.zone)
        self._life = Life(home, int(params.confirm_s * 1e9))
        self._sight = Sight(home, int(params.blind_counts_s * 1e9))
        self._occupancy = Occupancy(int(params.door_tail_s * 1e9))
        self._source = home.residents[0].id if len(home.residents) == 1 else "home"
        self._last: int | None = None  # last confirmed life, or when watching began
        self._begun = False  # True once life was ever seen
        self._stage = 0  # how many stages are told
        self._not_before = 0  # deadlines may not lie before this (clock step, end of blindness)
        self._due: tuple[int, int, int] | None = None  # instants of the stages; None = to be computed

    @property
    def wants(self) -> frozenset[Quantity]:
        return SIGNS | _OWN

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        out: list[Event] = []
        found = rows(blocks, _OWN, every=True)
        found.extend(rows(blocks, SIGNS))
        found.sort(key=lambda r: r.t)
        for row in found:
            t = row.t
            if self._last is None:
                self._last = t
            if row.quantity in _OWN:
                self._control(row, out)
                continue
            self._fire(t, out)
            self._sign(row, out)
        return out

    def advance(self, t: int) -> list[Event]:
        out: list[Event] = []
        self._fire(t, out)
        return out

    # -- what is seen

    def _sign(self, row: Row, out: list[Event]) -> None:
        life, sight, t = self._life, self._sight, row.t
        if sight.heard(t, row.source, life.sources, life.room):
            self._due, self._not_before = None, t
        if row.quantity is Q.BED_OCCUPIED and (occupied := flag(row.value)) is not None:
            self._occupancy.bed(row.source, occupied)
        known = len(life.sources)
        sign = life.sign(row)
        if sign is not None and life.confirmed(sign, self._occupancy.away_since is not None):
            self._alive(sign, out)
        elif len(life.sources) != known:
            sight.look(t, life.sources, life.room)
            self._due, self._not_before = None, t

    def _alive(self, sign: Sign, out: list[Event]) -> None:
        t = sign.t
        if self._stage:
            out.append(self._event(t, Phase.CLEAR, {"silent_s": self._silent(t)}))
        if sign.outer:
            self._occupancy.door(t, sign.room)
        else:
            self._occupancy.indoor(t, sign.room, sign.source)
        self._last, self._begun, self._stage, self._due, self._not_before = t, True, 0, None, 0
        self._sight.alive(t)
        self._sight.look(t, self._life.sources, self._life.room)

    def _control(self, row: Row, out: list[Event]) -> None:
        t, sight = row.t, self._sight
        if row.quantity is Q.WALL_OFFSET_S:
            self._fire(t, out)
            self._local.offset = int(row.value * 1e9)
        elif row.quantity is Q.BLIND_S:
            self._fire(t - max(0, int(row.value * 1e9)), out)
            sight.take(row, self._life.sources, self._life.room)
        else:
            self._fire(t, out)
            sight.take(row, self._life.sources, self._life.room)
        self._due, self._not_before = None, t

    # -- deadlines

    def _fire(self, t: int, out: list[Event]) -> None:
        last = self._last
        if last is None or self._stage == 3 or t - last < 10 * MINUTE:
            return
        if self._occupancy.away_since is not None:
            return
        if self._due is None:
            self._due = self._deadlines(last)
        until = self._sight.until
        while self._stage < 3:
            due = max(self._due[self._stage], self._not_before)
            if due >= t or (until is not None and due > until):
                return
            phase = Phase.UPDATE if self._stage else Phase.ONSET
            self._stage += 1
            evidence = {"silent_s": self._silent(due), "alarm_at": self._due[2]}
            out.append(self._event(due, phase, evidence))

    def _deadlines(self, last: int) -> tuple[int, int, int]:
        """When is the silence that began at ``last`` too long?"""
        start = last + self._sight.lost
        t = start
        while t < start + _HORIZON:
            stop = (t // _STEP + 1) * _STEP
            at = max(t, start + self._allowed(t))
            if at < stop:
                t = at
                break
            t = stop
        lead = min(max((t - start) // 5, 10 * MINUTE), HOUR)
        return t - lead, t - lead // 2, t

    def _allowed(self, t: int) -> int:
        night = in_window(self._local.hour(t), self._p.night_from_h, self._p.night_to_h)
        return int((self._p.fixed_night_h if night else self._p.fixed_day_h) * HOUR)

    def _silent(self, t: int) -> float:
        assert self._last is not None
        return round((t - self._last) / 1e9, 3)

    def _event(self, t: int, phase: Phase, evidence: dict[str, Any]) -> Event:
        stage = {} if phase is Phase.CLEAR else {"stage": _STAGES[self._stage - 1]}
        seen = {"last_life": self._last, "last_source": self._life.source} if self._begun else {}
        return Event(
            "inactivity",
            "inactivity",
            self._source,
            t,
            phase,
            {**stage, "room": self._life.room, **seen, **evidence, "blind_s": self._sight.lost / 1e9},
        )

    # -- state

    def snapshot(self) -> dict[str, Any]:
        return {
            "inactivity": _VERSION,
            "offset": self._local.offset,
            "last": self._last,
            "begun": self._begun,
            "stage": self._stage,
            "not_before": self._not_before,
            "due": None if self._due is None else list(self._due),
            "life": self._life.snapshot(),
            "sight": self._sight.snapshot(),
            "occupancy": self._occupancy.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        if state.get("inactivity") != _VERSION:
            raise ValueError("not a snapshot of the inactivity detector")
        self._local.offset = state["offset"]
        self._last, self._begun = state["last"], state["begun"]
        self._stage, self._not_before = state["stage"], state["not_before"]
        due = state["due"]
        self._due = None if due is None else (due[0], due[1], due[2])
        self._life.restore(state["life"])
        self._sight.restore(state["sight"])
        self._occupancy.restore(state["occupancy"])


SPEC = DetectorSpec(
    name="inactivity",
    question="Has nobody stirred for longer than this home knows?",
    params=InactivityParams,
    make=InactivityDetector,
    kinds=("inactivity",),
)
