"""Has somebody gone out with the wrong keys or people: alone, without the tag, the carer still here?

For every combination under ``watch.keys`` of a resident (``core/watch.py``): all tags and keys under
``gone`` are known to be away from home, none under ``here`` is, and an outer door moved at most 10 min
before or after the last of them went; with ``gone`` empty the home must be presumed empty instead. That
is a ``warning`` when it has been so for ``after_s``, and an ``alarm`` at ``alarm_after_s`` (15 min with
``dementia: true``, else only where it is set). It is over when one of them is back, when somebody under
``here`` has gone too, or, with ``gone`` empty, when somebody came home.

A tag that nobody hears (unavailable, never heard) is not gone. A tag lost without a door moving is a
flat battery, not an outing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.contracts import DetectorSpec
from core.model import MINUTE, Event, Home
from core.quantity import Quantity
from core.watch import Keys
from detectors.household import Seen
from detectors.occupancy import outer_doors
from detectors.routine import Routine
from detectors.rows import Row, flag

_NEAR = 10 * MINUTE
_DEMENTIA_ALARM_S = 900.0


@dataclass(frozen=True, slots=True)
class LeavingParams:
    """Everything is said under ``residents: ...: watch``."""


class LeavingDetector(Routine):
    """Tags, keys and outer doors in, wrong outings out."""

    name = "leaving"

    def __init__(self, params: LeavingParams, home: Home) -> None:
        super().__init__(home)
        self._doors = outer_doors(home)
        self._combinations: dict[str, tuple[Keys, str]] = {}
        for name, keys in sorted(self.watch.keys.items()):
            self._combinations[name] = (keys, name)
            self.ladder("left_alone", ("warning", "alarm"), f"{self.watched}:{name}", name)
        self._gone: dict[str, int] = {}  # tags and keys known to be gone, and since when
        self._moved: int | None = None  # last movement of an outer door

    def told(self, row: Row, seen: Seen) -> list[Event]:
        if not self._combinations:
            return []
        if row.source in self._doors and seen.sign is not None:
            self._moved = row.t
        if row.source in self.watch.sensors:
            self._tag(row)
        out: list[Event] = []
        for name in self._combinations:
            out += self._judge(name, row.t)
        return out

    def _tag(self, row: Row) -> None:
        """Is it here, gone or unknown from now on?"""
        value = flag(row.value)
        if row.quantity is Quantity.AVAILABLE and value is False:
            self._gone.pop(row.source, None)
        elif row.quantity is Quantity.PRESENCE and value is not None:
            self._set(row, not value)
        elif row.quantity is Quantity.CONTACT_OPEN and value is not None:
            self._set(row, value)

    def _set(self, row: Row, gone: bool) -> None:
        if gone:
            self._gone.setdefault(row.source, row.t)
        else:
            self._gone.pop(row.source, None)

    def _judge(self, name: str, t: int) -> list[Event]:
        keys = self._combinations[name][0]
        ladder = self.ladders[name]
        since = self._since(keys, ladder.armed)
        if since is None:
            return ladder.disarm(t, {}) if ladder.armed else []
        if not ladder.armed:
            alarm_s = keys.alarm_after_s
            if alarm_s is None and self.watch.dementia:
                alarm_s = max(_DEMENTIA_ALARM_S, keys.after_s + 60)
            dues = [since + int(keys.after_s * 1e9)]
            dues += [] if alarm_s is None else [since + int(alarm_s * 1e9)]
            evidence = {"combination": name, "left": since, "gone": list(keys.gone), "here": list(keys.here)}
            ladder.arm(dues, evidence, t)
        return []

    def _since(self, keys: Keys, told: bool) -> int | None:
        """Since when has this combination been so? None if it is not."""
        if any(s in self._gone for s in keys.here):
            return None
        if not keys.gone:
            return self.house.occupancy.away_since
        if any(s not in self._gone for s in keys.gone):
            return None
        last = max(self._gone[s] for s in keys.gone)
        if not self._doors or told:
            return last
        moved = self._moved
        return max(last, moved) if moved is not None and abs(moved - last) <= _NEAR else None

    def state(self) -> dict[str, Any]:
        return {"gone": dict(self._gone), "moved": self._moved}

    def load(self, state: Mapping[str, Any]) -> None:
        self._gone, self._moved = dict(state["gone"]), state["moved"]


SPEC = DetectorSpec(
    name="leaving",
    question="Has somebody gone out alone, or without what should go along?",
    params=LeavingParams,
    make=LeavingDetector,
    kinds=("left_alone",),
)
