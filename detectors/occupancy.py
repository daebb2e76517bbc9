"""Is somebody at home?

Only an outer door leads out. Its movements are taken in episodes (movements at most ``episode`` apart,
of any outer door). An episode that begins while somebody is at home leaves the home *presumed empty*
until something indoors shows life; one that begins while the home is presumed empty brings somebody
home. So "away" needs both a door and quiet after it, and a home without a door sensor always counts as
inhabited. (On real homes "a door moved within 2 minutes of the silence" hid 4 % of people who were in
fact at home.) A door left open changes nothing: movement of a door counts, not its state.

What stands near the door may still see the leaving person's back: motion in the door's own room within
``tail_s`` of the door's last movement does not bring anybody home.

Somebody in bed stays at home while a visitor leaves. A bed is believed unless it stayed occupied while
life went on elsewhere without anybody having come in: then its mat is stuck, until it changes again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.model import Home, Sensor


def outer_doors(home: Home) -> frozenset[str]:
    """Which contacts are on doors that lead out of the home?

    The sensor's option ``outer`` (true or false) decides. Without it: a sensor of kind ``door`` in a
    room of kind ``hall`` or ``outdoors``; or, if there is none, the only sensor of kind ``door``.
    """
    said = {s.id for s in home.sensors.values() if s.options.get("outer") is True}
    doors = [s for s in home.sensors.values() if s.kind == "door" and s.options.get("outer") is not False]
    by_room = {s.id for s in doors if home.room_kind_of(s.id) in ("hall", "outdoors")}
    if said or by_room:
        return frozenset(said | by_room)
    return frozenset(s.id for s in doors) if len(doors) == 1 else frozenset()


def is_outer(sensor: Sensor, home: Home) -> bool:
    """Does this sensor stand on an outer door?"""
    return sensor.id in outer_doors(home)


class Occupancy:
    """Follows door events and indoor signs of one home; times in ns, never decreasing.

    >>> o = Occupancy(tail=20, episode=180)
    >>> o.indoor(5, "living"); o.door(100, "hall"); o.away_since
    100
    >>> o.indoor(110, "hall"); o.away_since  # the leaving person's own motion
    100
    >>> o.door(9000, "hall"); o.away_since is None  # back again
    True
    """

    def __init__(self, tail: int, episode: int) -> None:
        self._tail, self._episode = tail, episode
        self._moved: int | None = None  # last movement of an outer door
        self._arriving = False  # the present episode began with an empty home
        self.away_since: int | None = None
        self._door_room = ""
        self._bed: dict[str, bool] = {}  # occupied beds -> has an outer door moved since?

    def door(self, t: int, room: str) -> None:
        """An outer door opened or closed."""
        self._door_room = room
        for source in self._bed:
            self._bed[source] = True
        if self._moved is None or t - self._moved > self._episode:
            self._arriving = self.away_since is not None
        self._moved = t
        self.away_since = None if self._arriving or self._bed else t

    def indoor(self, t: int, room: str, source: str = "") -> None:
        """A confirmed sign of life inside."""
        self._bed = {bed: came for bed, came in self._bed.items() if came or bed == source}
        if self.away_since is None:
            return
        tail = t - self.away_since <= self._tail and room == self._door_room
        if not tail:
            self.away_since = None

    def bed(self, source: str, occupied: bool) -> None:
        """A bed said that it is occupied, or that it is not."""
        if not occupied:
            self._bed.pop(source, None)
        elif source not in self._bed:
            self._bed[source] = False
            self.away_since = None

    def snapshot(self) -> dict[str, Any]:
        return {
            "away": self.away_since,
            "room": self._door_room,
            "bed": dict(self._bed),
            "moved": self._moved,
            "arriving": self._arriving,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.away_since, self._door_room, self._bed = state["away"], state["room"], dict(state["bed"])
        self._moved, self._arriving = state["moved"], state["arriving"]
