"""Which device asks for care: low battery, opened case, mains lost, fault, end of life?

Told once when the device says so, again every seven days while it lasts (an ``update`` with
``repeat``), and cleared when it is over. A battery is low at ``low_pct`` or when the device's own flag
says so, and well again only at ``well_pct`` or after its flag has stayed away for ``settle_h``:
tired batteries recover for a moment after every rest. The other flags end as soon as the device says
they do. (Seven days: common telecare practice for low batteries.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.contracts import DetectorSpec
from core.model import DAY, HOUR, Block, Event, Home, Phase
from core.quantity import Quantity
from detectors.rows import RETAINED, TEST, Row, flag, rows

Q = Quantity
_KINDS = {
    Q.BATTERY_LOW: "battery_low",
    Q.BATTERY_PCT: "battery_low",
    Q.TAMPER: "tamper",
    Q.MAINS_LOST: "mains_lost",
    Q.FAULT: "fault",
    Q.END_OF_LIFE: "end_of_life",
}
_NEVER = 2**62
_VERSION = 1


@dataclass(frozen=True, slots=True)
class BatteryParams:
    """When is a battery low, and how often is trouble told? Per cent, hours, days."""

    low_pct: float = 15.0
    well_pct: float = 30.0
    settle_h: float = 24.0
    repeat_days: float = 7.0


@dataclass(slots=True)
class _Trouble:
    opened: int
    repeats: int = 0
    retained: bool = False
    quiet_since: int | None = None  # the flag is gone since then (battery only)


class BatteryDetector:
    """Flags of devices about themselves in, troubles out."""

    def __init__(self, params: BatteryParams, home: Home) -> None:
        self._p = params
        self._home = home
        self._open: dict[tuple[str, str], _Trouble] = {}  # (source, kind)
        self._pct: dict[str, float] = {}
        self._flagged: dict[str, bool] = {}

    @property
    def wants(self) -> frozenset[Quantity]:
        return frozenset(_KINDS)

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        out: list[Event] = []
        for row in rows(blocks, self.wants):
            self._fire(row.t, out)
            if row.flags & TEST:
                continue
            if row.quantity in (Q.BATTERY_PCT, Q.BATTERY_LOW):
                self._battery(row, out)
            elif row.quantity is Q.FAULT and not self._ours(row.source):
                continue
            elif (value := flag(row.value)) is not None:
                self._flag(row, value, out)
        return out

    def advance(self, t: int) -> list[Event]:
        out: list[Event] = []
        self._fire(t, out)
        return out

    def _ours(self, source: str) -> bool:
        """Gas and CO detectors tell the faults of their sensors themselves."""
        sensor = self._home.sensors.get(source)
        return sensor is None or (bool(sensor.address) and sensor.kind not in ("gas", "co"))

    def _battery(self, row: Row, out: list[Event]) -> None:
        """Charge and flag together: low, well, or neither (then the flag must stay away a while)."""
        source, p = row.source, self._p
        if row.quantity is Q.BATTERY_PCT:
            if not 0 <= row.value <= 100:
                return
            self._pct[source] = row.value
        elif (value := flag(row.value)) is not None:
            self._flagged[source] = value
        else:
            return
        pct = self._pct.get(source)
        low = self._flagged.get(source, False) or (pct is not None and pct <= p.low_pct)
        trouble = self._open.get((source, "battery_low"))
        if low:
            self._raise(row, "battery_low", out)
        elif trouble is not None:
            if pct is not None and pct >= p.well_pct:
                self._end(source, "battery_low", row.t, out)
            elif pct is None and trouble.quiet_since is None:
                trouble.quiet_since = row.t

    def _flag(self, row: Row, value: bool, out: list[Event]) -> None:
        kind = _KINDS[row.quantity]
        if value:
            self._raise(row, kind, out)
        elif (row.source, kind) in self._open:
            self._end(row.source, kind, row.t, out)

    def _raise(self, row: Row, kind: str, out: list[Event]) -> None:
        retained = bool(row.flags & RETAINED)
        trouble = self._open.get((row.source, kind))
        if trouble is None:
            self._open[row.source, kind] = trouble = _Trouble(row.t, retained=retained)
            out.append(self._event(row.source, kind, row.t, Phase.ONSET, trouble))
            return
        trouble.quiet_since = None
        if trouble.retained and not retained:
            trouble.retained = False
            out.append(self._event(row.source, kind, row.t, Phase.UPDATE, trouble))

    def _end(self, source: str, kind: str, t: int, out: list[Event]) -> None:
        trouble = self._open.pop((source, kind))
        out.append(self._event(source, kind, t, Phase.CLEAR, trouble))

    def _fire(self, t: int, out: list[Event]) -> None:
        """Repeats that are due before ``t``, and batteries whose flag stayed away long enough."""
        if not self._open:
            return
        while True:
            due, source, kind = min(
                ((self._due(x), s, k) for (s, k), x in self._open.items()), default=(t, "", "")
            )
            if due >= t:
                return
            trouble = self._open[source, kind]
            if due == self._settled(trouble):
                self._end(source, kind, due, out)
            else:
                trouble.repeats += 1
                out.append(self._event(source, kind, due, Phase.UPDATE, trouble))

    def _due(self, trouble: _Trouble) -> int:
        again = trouble.opened + (trouble.repeats + 1) * int(self._p.repeat_days * DAY)
        return min(again, self._settled(trouble))

    def _settled(self, trouble: _Trouble) -> int:
        if trouble.quiet_since is None:
            return _NEVER
        return trouble.quiet_since + int(self._p.settle_h * HOUR)

    def _event(self, source: str, kind: str, t: int, phase: Phase, trouble: _Trouble) -> Event:
        evidence: dict[str, Any] = {"since": trouble.opened}
        if kind == "battery_low" and source in self._pct:
            evidence["battery_pct"] = self._pct[source]
        if trouble.repeats:
            evidence["repeat"] = trouble.repeats
        if trouble.retained:
            evidence["found_at_connect"] = True
        if room := self._home.room_of(source):
            evidence["room"] = room
        return Event("battery", kind, source, t, phase, evidence)

    def snapshot(self) -> dict[str, Any]:
        troubles = [
            [s, k, x.opened, x.repeats, x.retained, x.quiet_since] for (s, k), x in self._open.items()
        ]
        return {"battery": _VERSION, "pct": dict(self._pct), "flagged": dict(self._flagged), "open": troubles}

    def restore(self, state: Mapping[str, Any]) -> None:
        if state.get("battery") != _VERSION:
            raise ValueError("not a snapshot of the battery detector")
        self._pct, self._flagged = dict(state["pct"]), dict(state["flagged"])
        self._open = {(s, k): _Trouble(*rest) for s, k, *rest in state["open"]}


SPEC = DetectorSpec(
    name="battery",
    question="Which device asks for care: low battery, opened case, mains lost, fault, end of life?",
    params=BatteryParams,
    make=BatteryDetector,
    kinds=("battery_low", "tamper", "mains_lost", "fault", "end_of_life"),
)
