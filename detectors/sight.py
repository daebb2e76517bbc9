"""Can the gateway see the person at all?

A still home and a blind gateway look alike. Blind means: every sensor that gives signs of life in the
room of the last sign is unavailable or behind a broken link, or fewer than half of all such sensors
are left, or the gateway itself was not running. The rule: blindness of up to ``counts_on`` (10 min)
counts as stillness like any other time; of a longer one nothing counts, the clock of stillness stands
still from its beginning to its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.model import Home
from core.quantity import Quantity
from detectors.rows import Row, flag

CONTROL = frozenset({Quantity.LINK_UP, Quantity.AVAILABLE, Quantity.BLIND_S})


class Sight:
    """Follows links and availability; ``lost`` is the blind time (ns) in the present stillness."""

    def __init__(self, home: Home, counts_on: int) -> None:
        self._home = home
        self._counts_on = counts_on
        self._links: set[str] = set()  # that are down
        self._gone: set[str] = set()  # unavailable sources
        self.since: int | None = None  # blind since
        self.lost = 0

    def take(self, row: Row, eyes: set[str], room: str) -> None:
        """A row of :data:`CONTROL`; ``eyes`` are the sources that give signs of life."""
        value = flag(row.value)
        if row.quantity is Quantity.BLIND_S:
            blind = int(row.value * 1e9)
            if self.since is None and blind > self._counts_on:
                self.lost += blind
            elif self.since is not None:
                self.since = min(self.since, row.t - max(blind, 0))
            return
        if value is None:
            return
        if row.quantity is Quantity.LINK_UP:
            if not row.source.startswith("link:"):
                return
            (self._links.discard if value else self._links.add)(row.source[5:])
        else:
            (self._gone.discard if value else self._gone.add)(row.source)
        self.look(row.t, eyes, room)

    def look(self, t: int, eyes: set[str], room: str) -> None:
        """Is it blind from here on?"""
        blind = bool(self._links or self._gone) and self._blind(eyes, room)
        if blind and self.since is None:
            self.since = t
        elif not blind and self.since is not None:
            if t - self.since > self._counts_on:
                self.lost += t - self.since
            self.since = None

    def alive(self, t: int) -> None:
        """A sign of life came through: the stillness begins anew."""
        self.lost = 0
        if self.since is not None:
            self.since = t

    def heard(self, t: int, source: str, eyes: set[str], room: str) -> bool:
        """A source spoke, so it is there, whatever its bridge last said. True if that is news."""
        if source not in self._gone:
            return False
        self._gone.discard(source)
        self.look(t, eyes, room)
        return True

    def _blind(self, eyes: set[str], room: str) -> bool:
        if not eyes:
            return bool(self._links)
        shut = {s for s in eyes if self._shut(s)}
        here = {s for s in eyes if room and self._home.room_of(s) == room}
        return 2 * len(shut) > len(eyes) or (bool(here) and here <= shut)

    def _shut(self, source: str) -> bool:
        sensor = self._home.sensors.get(source)
        return source in self._gone or (sensor is not None and sensor.link in self._links)

    @property
    def until(self) -> int | None:
        """Up to which instant does time count, if it is blind now?"""
        return None if self.since is None else self.since + self._counts_on

    def snapshot(self) -> dict[str, Any]:
        return {
            "links": sorted(self._links),
            "gone": sorted(self._gone),
            "since": self.since,
            "lost": self.lost,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._links, self._gone = set(state["links"]), set(state["gone"])
        self.since, self.lost = state["since"], state["lost"]
