"""Has an outer door stood open too long?

Open for ``day_s`` asks a ``question``, open for ``day_warning_s`` is a ``warning``; at night both come
sooner, and with ``dementia: true`` in a resident's ``watch`` the question comes after 5 min and 1 min.
Night counts from the later of the opening and the beginning of the night. Closing clears.
Unknown is not closed: a lost link or an unavailable sensor neither clears nor opens anything.
Which contacts stand on outer doors is said in ``detectors/occupancy.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time as TimeOfDay
from typing import Any

from core.contracts import DetectorSpec
from core.localtime import LocalTime, in_window
from core.model import Block, Event, Home, Phase
from core.quantity import Quantity
from detectors.occupancy import outer_doors
from detectors.rows import RETAINED, Row, flag, rows

Q = Quantity
_STAGES = ("question", "warning")
_VERSION = 1
_DEMENTIA_S = (300.0, 60.0)  # by day, at night, until the question


@dataclass(frozen=True, slots=True)
class DoorParams:
    """How long may an outer door stand open? Seconds; hours of the local day."""

    day_s: float = 900.0
    day_warning_s: float = 3600.0
    night_s: float = 300.0
    night_warning_s: float = 1200.0
    night_from_h: float = 22.0
    night_to_h: float = 6.0


@dataclass(slots=True)
class _Door:
    opened: int | None = None
    retained: bool = False  # known to be open only from a value of unknown age
    stage: int = 0
    not_before: int = 0


class DoorDetector:
    """Contact edges of outer doors in, ``door_open`` out."""

    def __init__(self, params: DoorParams, home: Home) -> None:
        if any(r.watch.dementia for r in home.residents):  # an open door is a way out
            params = replace(
                params, day_s=min(params.day_s, _DEMENTIA_S[0]), night_s=min(params.night_s, _DEMENTIA_S[1])
            )
        self._p = params
        self._home = home
        self._local = LocalTime(home.zone)
        self._night = _clock(params.night_from_h)
        self._doors = {source: _Door() for source in sorted(outer_doors(home))}

    @property
    def wants(self) -> frozenset[Quantity]:
        return frozenset({Q.CONTACT_OPEN, Q.WALL_OFFSET_S})

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        out: list[Event] = []
        found = rows(blocks, self.wants)
        found.sort(key=lambda r: (r.t, r.quantity is not Q.WALL_OFFSET_S))
        for row in found:
            self._fire(row.t, out)
            if row.quantity is Q.WALL_OFFSET_S:
                self._step(row)
            elif row.source in self._doors:
                self._contact(row, out)
        return out

    def advance(self, t: int) -> list[Event]:
        out: list[Event] = []
        self._fire(t, out)
        return out

    def _step(self, row: Row) -> None:
        if abs(row.value) > 1e10:  # centuries: no clock
            return
        offset = int(row.value * 1e9)
        if offset != self._local.offset:
            self._local.offset = offset
            for door in self._doors.values():
                door.not_before = row.t

    def _contact(self, row: Row, out: list[Event]) -> None:
        door, is_open = self._doors[row.source], flag(row.value)
        if is_open is None:
            return
        if not is_open:
            if door.stage:
                assert door.opened is not None
                open_s = round((row.t - door.opened) / 1e9, 3)
                out.append(self._event(row.source, row.t, Phase.CLEAR, {"open_s": open_s}))
            self._doors[row.source] = _Door()
            return
        retained = bool(row.flags & RETAINED)
        if door.opened is None:
            door.opened, door.retained, door.not_before = row.t, retained, row.t
        elif door.retained and not retained:
            door.retained = False
            if door.stage:
                out.append(self._event(row.source, row.t, Phase.UPDATE, self._evidence(door, row.t)))

    def _due(self, door: _Door) -> int:
        """When is the next stage reached?"""
        assert door.opened is not None
        p = self._p
        day, night = ((p.day_s, p.night_s), (p.day_warning_s, p.night_warning_s))[door.stage]
        by_day = door.opened + int(day * 1e9)
        start = door.opened
        if not in_window(self._local.hour(start), p.night_from_h, p.night_to_h):
            start = self._local.next(start, self._night)
        return max(min(by_day, start + int(night * 1e9)), door.not_before)

    def _fire(self, t: int, out: list[Event]) -> None:
        fired: list[tuple[int, str, Event]] = []
        for source, door in self._doors.items():
            while door.opened is not None and door.stage < 2 and t - door.not_before > 0:
                due = self._due(door)
                if due >= t:
                    break
                phase = Phase.UPDATE if door.stage else Phase.ONSET
                door.stage += 1
                fired.append((due, source, self._event(source, due, phase, self._evidence(door, due))))
        fired.sort(key=lambda f: f[:2])
        out.extend(event for _, _, event in fired)

    @staticmethod
    def _evidence(door: _Door, t: int) -> dict[str, Any]:
        assert door.opened is not None
        found = {"found_at_connect": True} if door.retained else {}
        open_s = round((t - door.opened) / 1e9, 3)
        return {"stage": _STAGES[door.stage - 1], "opened": door.opened, "open_s": open_s, **found}

    def _event(self, source: str, t: int, phase: Phase, evidence: dict[str, Any]) -> Event:
        room = self._home.room_of(source)
        return Event("door", "door_open", source, t, phase, {**evidence, **({"room": room} if room else {})})

    def snapshot(self) -> dict[str, Any]:
        doors = {s: [d.opened, d.retained, d.stage, d.not_before] for s, d in self._doors.items()}
        return {"door": _VERSION, "offset": self._local.offset, "doors": doors}

    def restore(self, state: Mapping[str, Any]) -> None:
        if state.get("door") != _VERSION:
            raise ValueError("not a snapshot of the door detector")
        self._local.offset = state["offset"]
        for source in self._doors:
            self._doors[source] = _Door(*state["doors"].get(source, ()))


def _clock(hour: float) -> TimeOfDay:
    minutes = round(hour * 60) % 1440
    return TimeOfDay(minutes // 60, minutes % 60)


SPEC = DetectorSpec(
    name="door",
    question="Has an outer door stood open too long?",
    params=DoorParams,
    make=DoorDetector,
    kinds=("door_open",),
)
