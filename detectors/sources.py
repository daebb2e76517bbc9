"""How does a detector walk the readings of many sensors in time order, deadlines included?

One unit per sensor (or per room, where sensors must be judged together) takes its readings one after
another; before each reading the unit's deadlines that lie strictly before it are fired, so data at
the deadline's own instant still counts. Readings of one unit and instant come in the order of the
detector's ``rank`` of quantities, then by source, never in block order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from core.model import Block, Event, Home
from core.quantity import Quantity

VERSION = 1


class Unit(Protocol):
    """What one sensor (or room) means to one detector."""

    def take(self, source: str, t: int, quantity: Quantity, value: float, flags: int) -> list[Event]:
        """One reading; never NaN; all deadlines before ``t`` have been fired."""

    def idle(self, block: Block) -> int:
        """How many leading readings of the block may be swallowed at once, as if each were taken?

        Asked only where no deadline is pending and nothing else is to be taken in this slice; the
        unit notes what it must of those readings.
        """

    def due(self) -> int | None:
        """When does something happen if nothing more is heard?"""

    def fire(self, due: int) -> list[Event]:
        """That deadline passed."""

    def state(self) -> dict[str, Any]:
        """Its state as JSON."""

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`."""


def itself(source: str) -> str:
    """The key of units that are one sensor each."""
    return source


def by_room(home: Home) -> Callable[[str], str]:
    """The key of units that are one room each; a sensor of no room is a room of its own.

    >>> by_room(Home("h"))("s")
    'sensor:s'
    """

    def key(source: str) -> str:
        room = home.room_of(source)
        return f"room:{room}" if room else f"sensor:{source}"

    return key


class Sources:
    """One unit per key; process, advance, snapshot and restore for any detector made so.

    ``key`` tells which unit a source belongs to; units of different keys never see each other.
    """

    def __init__(
        self,
        name: str,
        rank: Sequence[Quantity],
        make: Callable[[str], Unit],
        key: Callable[[str], str] = itself,
    ) -> None:
        self._name = name
        self._rank = {q: n for n, q in enumerate(rank)}
        self._make = make
        self._key = key
        self._units: dict[str, Unit] = {}

    @property
    def wants(self) -> frozenset[Quantity]:
        """All quantities of the rank."""
        return frozenset(self._rank)

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        """See :class:`core.contracts.Detector`."""
        by_key: dict[str, list[Block]] = {}
        for block in blocks:
            if block.quantity in self._rank and len(block):
                by_key.setdefault(self._key(block.source), []).append(block)
        events: list[Event] = []
        for key in sorted(by_key):
            unit = self._units.get(key)
            if unit is None:
                unit = self._units[key] = self._make(key)
            events += self._walk(unit, by_key[key])
        return _ordered(events)

    def advance(self, t: int) -> list[Event]:
        """See :class:`core.contracts.Detector`."""
        events: list[Event] = []
        for key in sorted(self._units):
            events += _fire(self._units[key], t)
        return _ordered(events)

    def snapshot(self) -> dict[str, Any]:
        """See :class:`core.contracts.Detector`."""
        units = {key: self._units[key].state() for key in sorted(self._units)}
        return {"detector": self._name, "version": VERSION, "units": units}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See :class:`core.contracts.Detector`."""
        if state.get("detector") != self._name or state.get("version") != VERSION:
            raise ValueError(f"not a snapshot of {self._name} version {VERSION}")
        units: dict[str, Unit] = {}
        try:
            for key, saved in dict(state["units"]).items():
                units[str(key)] = self._make(str(key))
                units[str(key)].load(saved)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"a snapshot of {self._name} is damaged: {error!r}") from None
        self._units = units

    def _walk(self, unit: Unit, blocks: list[Block]) -> list[Event]:
        if len(blocks) == 1 and unit.due() is None:
            skipped = unit.idle(blocks[0])
            if skipped == len(blocks[0]):
                return []
            if skipped:
                blocks = [blocks[0].cut(skipped, len(blocks[0]))]
        events: list[Event] = []
        due = unit.due()
        for source, t, quantity, value, flags in self._merged(blocks):
            if due is not None and due < t:
                events += _fire(unit, t)
            events += unit.take(source, t, quantity, value, flags)
            due = unit.due()
        return events

    def _merged(self, blocks: list[Block]) -> Iterator[tuple[str, int, Quantity, float, int]]:
        if len(blocks) == 1:
            block = blocks[0]
            t, value, flags = block.t, block.value, block.flags
            keep = ~np.isnan(value)
            if not keep.all():
                t, value, flags = t[keep], value[keep], flags[keep]
            source, quantity = block.source, block.quantity
            for at, v, f in zip(t.tolist(), value.tolist(), flags.tolist(), strict=True):
                yield source, at, quantity, v, f
            return
        blocks = sorted(blocks, key=lambda b: (self._rank[b.quantity], b.source))
        t = np.concatenate([b.t for b in blocks])
        value = np.concatenate([b.value for b in blocks])
        flags = np.concatenate([b.flags for b in blocks])
        which = np.repeat(np.arange(len(blocks)), [len(b) for b in blocks])
        order = np.argsort(t, kind="stable")
        order = order[~np.isnan(value[order])]
        who = [(b.source, b.quantity) for b in blocks]
        for at, w, v, f in zip(
            t[order].tolist(),
            which[order].tolist(),
            value[order].tolist(),
            flags[order].tolist(),
            strict=True,
        ):
            yield who[w][0], at, who[w][1], v, f


def _fire(unit: Unit, t: int) -> list[Event]:
    events: list[Event] = []
    due = unit.due()
    while due is not None and due < t:
        events += unit.fire(due)
        due = unit.due()
    return events


def _ordered(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda e: (e.t, e.source, e.kind)) if len(events) > 1 else events
