"""What is a sign of life?

Signs made by a hand or a body on something (a door, tap, switch, button, bed, seat) count at once.
Signs seen from afar (motion, presence) need company, because a motion sensor fires now and then in an
empty home (13 times in 82 hours in one recording, in 8 different places). A firing is *life* when
another sensor saw something begin or end within ``confirm`` before it, or when the same motion sensor
did and stands in the room in which life was last confirmed (nobody leaves a room through the wall). A
lone firing in that room is only a *hint*: somebody may have turned in bed. While the home is presumed
empty only company counts. A state that lasts (a radar that says "present") is no sign: only its beginning
is, and it never confirms itself, because a radar that flickers at a curtain does that all day.

A tag that people carry tells where the tag is, not that somebody stirs: it is no sign.

A motion sensor, tap or switch that never says "no more" sends pulses: each of its readings is a sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from core.model import Home
from core.quantity import Quantity
from detectors.occupancy import outer_doors
from detectors.rows import RETAINED, TEST, WEAK, Row, flag

Q = Quantity
_BOTH_EDGES = frozenset({Q.CONTACT_OPEN, Q.BED_OCCUPIED, Q.SEAT_OCCUPIED})
_HAND_RISE = frozenset({Q.USE, Q.VIBRATION})
_AFAR = frozenset({Q.MOTION, Q.PRESENCE, Q.MOVING})
_LASTING = frozenset({Q.PRESENCE, Q.TARGET_COUNT})  # states: true at first sight is not an edge
_PULSES = _HAND_RISE | {Q.MOTION}
SIGNS = _BOTH_EDGES | _HAND_RISE | _AFAR | _LASTING | {Q.BUTTON}
STREAMED = _LASTING | {Q.MOVING}  # what radars say many times a second; unchanged is no news
_UNSURE = WEAK | TEST


class Sign(NamedTuple):
    """One edge that somebody may have made. ``sure``: by hand or body, not seen from afar."""

    t: int
    source: str
    room: str
    sure: bool
    outer: bool
    held: bool = False  # somebody lies or sits down
    lasting: bool = False  # the beginning of a presence, seen from afar


class Weight(Enum):
    """What does a sign tell?"""

    NOTHING = 0
    HINT = 1  # perhaps somebody
    LIFE = 2


class Life:
    """Turns rows of :data:`SIGNS` into signs, and says which of them are confirmed life."""

    def __init__(self, home: Home, confirm: int) -> None:
        self._home = home
        self._confirm = confirm
        self._outer = outer_doors(home)
        self._carried = frozenset(s.id for s in home.sensors.values() if s.kind == "tag")
        self._state: dict[tuple[str, Quantity], float] = {}  # last known values
        self._recent: dict[str, int] = {}  # source -> last sign or its end, within confirm
        self._ending: set[str] = set()  # sources of pulses that do say "no more"
        self.sources: set[str] = set()  # whoever gave a sign-bearing reading
        self.room = ""  # of the last confirmed life
        self.source = ""
        self.place = ""  # room, source, and a star while in bed or seated

    def sign(self, row: Row) -> Sign | None:
        """Is this row an edge made by somebody? A first value after nothing known is not."""
        source, quantity = row.source, row.quantity
        if source in self._carried:
            return None
        if source not in self.sources:
            self.sources.add(source)
        if quantity is Q.BUTTON:
            if row.flags & RETAINED:
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
        key = (source, quantity)
        before = self._state.get(key)
        self._state[key] = value
        if quantity in _PULSES and value == 0.0:
            self._ending.add(source)
        if row.flags & RETAINED:
            return None
        if value == before and (quantity not in _PULSES or value == 0.0 or source in self._ending):
            return None
        if quantity in _BOTH_EDGES:
            made = before is not None
        elif quantity in _LASTING:
            made = value > 0 and before == 0.0
        else:
            made = value > 0
        if not value and before and quantity in _AFAR and not row.flags & _UNSURE:
            self._note(source, row.t)
        if not made:
            return None
        sure = quantity not in _AFAR and quantity is not Q.TARGET_COUNT and not row.flags & _UNSURE
        held = value > 0 and quantity in (Q.BED_OCCUPIED, Q.SEAT_OCCUPIED)
        lasting = quantity in _LASTING
        return Sign(row.t, source, self._home.room_of(source), sure, source in self._outer, held, lasting)

    def weigh(self, sign: Sign, away: bool) -> Weight:
        """Does this sign show life? Remembers it either way. ``away``: the home is presumed empty."""
        t = sign.t
        weight = Weight.LIFE if sign.sure else Weight.NOTHING
        if not sign.sure:
            recent = {s for s, at in self._recent.items() if t - at <= self._confirm}
            here = not away and bool(sign.room) and sign.room == self.room
            if recent - {sign.source} or (here and sign.source in recent and not sign.lasting):
                weight = Weight.LIFE
            elif here:
                weight = Weight.HINT
        self._note(sign.source, t)
        if weight is Weight.LIFE:
            self.room, self.source = sign.room, sign.source
            self.place = f"{sign.room}|{sign.source}{'*' if sign.held else ''}"
        return weight

    def _note(self, source: str, t: int) -> None:
        self._recent[source] = t
        if len(self._recent) > 8:
            self._recent = {s: at for s, at in self._recent.items() if t - at <= self._confirm}

    def snapshot(self) -> dict[str, Any]:
        return {
            "state": [[s, q.value, v] for (s, q), v in self._state.items()],
            "recent": dict(self._recent),
            "ending": sorted(self._ending),
            "sources": sorted(self.sources),
            "room": self.room,
            "source": self.source,
            "place": self.place,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._state = {(s, Quantity(q)): v for s, q, v in state["state"]}
        self._recent, self._ending = dict(state["recent"]), set(state["ending"])
        self.sources = set(state["sources"])
        self.room, self.source, self.place = state["room"], state["source"], state["place"]
