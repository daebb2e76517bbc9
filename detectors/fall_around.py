"""What do the other sensors say about a suspected fall: gone to bed, or up and about elsewhere?

A drop that ends on a bed or seat with a pressure sensor, or inside a zone enrolled as a resting place,
is somebody going to rest. That is only believed of who lives alone: with two residents it may be the
other one. Motion in other rooms and doors are told as numbers and decide nothing: a pet or a visitor
makes them too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.model import SECOND, Flag, Home
from core.quantity import Quantity as Q

WANTS = frozenset({Q.MOTION, Q.CONTACT_OPEN, Q.BED_OCCUPIED, Q.SEAT_OCCUPIED})
REST = frozenset({Q.BED_OCCUPIED, Q.SEAT_OCCUPIED})
TO_REST = 10 * SECOND  # a bed or seat occupied this soon before or after the drop took the body
Zone = tuple[float, float, float, float]


def inside(zones: Sequence[Zone], x: float, y: float, margin: float = 0.0) -> bool:
    """Is this place in one of the zones (x and y of two corners, m, in any order), or so close to it (m)?

    >>> inside([(1.0, 3.0, -1.0, 1.0)], 0.0, 2.0), inside([], 0.0, 2.0)
    (True, False)
    """
    return any(
        min(a, c) - margin <= x <= max(a, c) + margin and min(b, d) - margin <= y <= max(b, d) + margin
        for a, b, c, d in zones
    )


class Around:
    """The last word of every other sensor, and how often it changed to true."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._last: dict[str, list[Any]] = {}  # "source quantity" -> [value, true since, times true]

    def take(self, t: int, source: str, quantity: Q, value: float, flags: int) -> bool:
        """One reading of :data:`WANTS`. Did somebody get into a bed or onto a seat just now?"""
        if value not in (0.0, 1.0):
            return False
        entry = self._last.setdefault(f"{source} {quantity}", [0, None, 0])
        began = value == 1.0 and entry[0] == 0
        entry[0] = int(value)
        if not began:
            return False
        if flags & Flag.RETAINED:
            entry[1] = None
            return False
        entry[1], entry[2] = t, entry[2] + 1
        return quantity in REST

    def resting(self, room: str, t: int) -> bool:
        """Did somebody get into a bed or onto a seat of this room within the last seconds?"""
        return any(
            entry[0] == 1 and entry[1] is not None and t - entry[1] <= TO_REST
            for (source, quantity), entry in self._entries()
            if quantity in REST and self._home.room_of(source) == room
        )

    def count(self, room: str) -> list[int]:
        """How often was there motion in other rooms, and how often did a door open, ever?"""
        motion = doors = 0
        for (source, quantity), entry in self._entries():
            if quantity is Q.CONTACT_OPEN:
                doors += entry[2]
            elif quantity is Q.MOTION and self._home.room_of(source) not in ("", room):
                motion += entry[2]
        return [motion, doors]

    def _entries(self) -> list[tuple[tuple[str, Q], list[Any]]]:
        out = []
        for key, entry in self._last.items():
            source, _, quantity = key.rpartition(" ")
            out.append(((source, Q(quantity)), entry))
        return out

    def snapshot(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {key: list(entry) for key, entry in self._last.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a snapshot."""
        self._last = {str(key): [int(v), since, int(n)] for key, (v, since, n) in state.items()}
