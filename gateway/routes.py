"""Which drivers want this packet? Topic filters resolved once per topic, then a dictionary look-up.

A driver may follow a sensor to another topic (a Zigbee device that was renamed): it says on which topics that
can happen, and only the packets of those are watched, so that all others cost nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from core.contracts import Driver
from core.model import Health, Packet, Reading

CACHE_LIMIT = 20_000  # topics remembered per link; a stranger inventing topics must not grow memory


@runtime_checkable
class TwoPorts(Protocol):
    """A driver whose device has a second port (a command port beside the data port)."""

    def links(self) -> tuple[str, ...]:
        """All its links, the one its readings come from first."""


@runtime_checkable
class Moving(Protocol):
    """A driver whose topics may change; then ``generation`` has grown."""

    generation: int

    def moves_on(self) -> Sequence[str]:
        """Only packets of these topics can change what ``topics`` answers."""


class Routes:
    """Drivers by link and channel. ``drivers`` are (link, driver) pairs. ``generation`` counts changes."""

    def __init__(self, drivers: Sequence[tuple[str, Driver]]) -> None:
        self._links: dict[str, list[tuple[Driver, tuple[str, ...]]]] = {}
        for name, driver in drivers:
            pair = (driver, tuple(driver.topics()))
            also: tuple[str, ...] = driver.links()[1:] if isinstance(driver, TwoPorts) else ()
            for link in (name.split("/", 1)[0], *also):
                self._links.setdefault(link, []).append(pair)
        self._cache: dict[tuple[str, str], tuple[Driver, ...]] = {}
        self.generation = 0

    def renew(self, driver: Driver) -> None:
        """Its topics are others from the next packet on."""
        for pairs in self._links.values():
            for i, (known, _) in enumerate(pairs):
                if known is driver:
                    pairs[i] = (driver, tuple(driver.topics()))
        self._cache.clear()
        self.generation += 1

    def on_link(self, link: str) -> list[Driver]:
        """All drivers of a link (marks such as UP and DOWN concern them all). "" is every link."""
        if not link:
            return [d for pairs in self._links.values() for d, _ in pairs]
        return [driver for driver, _ in self._links.get(link, ())]

    def resolve(self, link: str, channel: str) -> tuple[Driver, ...]:
        """The drivers this channel is for; a port's bytes (channel "") go to the port's drivers."""
        found = self._cache.get((link, channel))
        if found is None:
            found = tuple(
                _Follower(self, driver)
                if isinstance(driver, Moving) and channel in driver.moves_on()
                else driver
                for driver, filters in self._links.get(link, ())
                if (not filters and not channel) or any(matches(f, channel) for f in filters)
            )
            if len(self._cache) >= CACHE_LIMIT:
                self._cache.clear()
            self._cache[(link, channel)] = found
        return found


class _Follower:
    """In place of a driver whose topics this packet may change."""

    def __init__(self, routes: Routes, driver: Driver) -> None:
        self._routes, self._driver = routes, driver

    def topics(self) -> Sequence[str]:
        return self._driver.topics()

    def feed(self, packet: Packet) -> list[Reading]:
        """As the driver; then its routes are looked at."""
        driver = self._driver
        before = driver.generation if isinstance(driver, Moving) else 0
        readings = driver.feed(packet)
        if isinstance(driver, Moving) and driver.generation != before:
            self._routes.renew(driver)
        return readings

    def due(self, t: int) -> list[Packet]:
        return self._driver.due(t)

    def health(self) -> Health:
        return self._driver.health()


def matches(pattern: str, topic: str) -> bool:
    """Does an MQTT topic filter cover this topic (MQTT 3.1.1, section 4.7)?

    >>> matches("a/+/c", "a/b/c"), matches("a/#", "a"), matches("a/#", "a/b/c"), matches("#", "$SYS/x")
    (True, True, True, False)
    """
    if "+" not in pattern and "#" not in pattern:
        return pattern == topic
    if topic.startswith("$") and pattern[:1] in "+#":
        return False
    want, have = pattern.split("/"), topic.split("/")
    for i, level in enumerate(want):
        if level == "#":
            return True
        if i >= len(have) or (level != "+" and level != have[i]):
            return False
    return len(want) == len(have)
