"""What is a sign of life?

Signs made by a hand or a body on something (a door, tap, switch, button, bed, seat) count at once.
Signs seen from afar (motion, presence) need company, because a motion sensor fires now and then in an
empty home (13 times in 82 hours in one recording, in 8 different places): a firing counts when another
sensor saw something within ``confirm`` before it, or when it comes from the room in which life was
last confirmed (nobody leaves a room through the wall), unless the home is presumed empty. A state that lasts (a radar that says
"present") is no sign: only its beginning is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from core.model import Flag, Home
from core.quantity import Quantity
from detectors.occupancy import outer_doors
from detectors.rows import Row, flag

Q = Quantity
_BOTH_EDGES = frozenset({Q.CONTACT_OPEN, Q.BED_OCCUPIED, Q.SEAT_OCCUPIED})
_HAND_RISE = frozenset({Q.USE, Q.VIBRATION})
_AFAR = frozenset({Q.MOTION, Q.PRESENCE, Q.MOVING})
_LASTING = frozenset({Q.PRESENCE, Q.TARGET_COUNT})  # states: true at first sight is not an edge
SIGNS = _BOTH_EDGES | _HAND_RISE | _AFAR | _LASTING | {Q.BUTTON}
_UNSURE = Flag.WEAK | Flag.TEST


class Sign(NamedTuple):
    """One edge that somebody may have made. ``sure``: by hand or body, not seen from afar."""

    t: int
    source: str
    room: str
    sure: bool
    outer: bool


class Life:
    """Turns rows of :data:`SIGNS` into signs, and says which of them are confirmed life."""

    def __init__(self, home: Home, confirm: int) -> None:
        self._home = home
        self._confirm = confirm
        self._outer = outer_doors(home)
        self._state: dict[str, float] = {}  # "source quantity" -> last known value
        self._recent: dict[str, int] = {}  # source -> last sign, within confirm
        self.sources: set[str] = set()  # whoever gave a sign-bearing reading
        self.room = ""  # of the last confirmed life
        self.source = ""

    def sign(self, row: Row) -> Sign | None:
        """Is this row an edge made by somebody? A first value after nothing known is not."""
        source, quantity = row.source, row.quantity
        if source not in self.sources:
            self.sources.add(source)
        if quantity is Q.BUTTON:
            if row.flags & Flag.RETAINED:
                return None
            return Sign(row.t, source, self._home.room_of(source), not row.flags & _UNSURE, False)
        if quantity is Q.TARGET_COUNT:
            value: float = row.value
            if value < 0:
                return None
        else:
            known = flag(row.value)
            if known is None:
                return None
            value = float(known)
        key = f"{source} {quantity}"
        before = self._state.get(key)
        self._state[key] = value
        if row.flags & Flag.RETAINED or value == before:
            return None
        if quantity in _BOTH_EDGES:
            made = before is not None
        elif quantity in _LASTING:
            made = value > 0 and before == 0.0
        else:
            made = value > 0
        if not made:
            return None
        sure = quantity not in _AFAR and quantity is not Q.TARGET_COUNT and not row.flags & _UNSURE
        return Sign(row.t, source, self._home.room_of(source), sure, source in self._outer)

    def confirmed(self, sign: Sign, away: bool) -> bool:
        """Does this sign show life? Remembers it either way. ``away``: the home is presumed empty."""
        t = sign.t
        alive = sign.sure or (not away and bool(sign.room) and sign.room == self.room)
        if not alive:
            alive = any(s != sign.source and t - at <= self._confirm for s, at in self._recent.items())
        self._recent[sign.source] = t
        if len(self._recent) > 8:
            self._recent = {s: at for s, at in self._recent.items() if t - at <= self._confirm}
        if alive:
            self.room, self.source = sign.room, sign.source
        return alive

    def snapshot(self) -> dict[str, Any]:
        return {
            "state": dict(self._state),
            "recent": dict(self._recent),
            "sources": sorted(self.sources),
            "room": self.room,
            "source": self.source,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._state, self._recent = dict(state["state"]), dict(state["recent"])
        self.sources = set(state["sources"])
        self.room, self.source = state["room"], state["source"]
