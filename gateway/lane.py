"""In which order do readings, deadlines, commands and alerts happen?

A lane is a watermark with the detectors that live by it and the book of what they found. There are two:
``prompt`` (smoke, gas, CO, water, call button; arrival time, no allowance) and ``patient`` (everything
else; held for the lateness of the links). Inside a lane all that happens is taken in order of the
instant at which it could be known, so how the input was cut into turns changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from alerts.book import AlertBook
from core.model import Alert, Block, Event, Phase
from core.quantity import Quantity
from gateway.guard import Guard
from gateway.question import Heard, Signs

DRILL = "drill"


@dataclass(frozen=True, slots=True)
class Command:
    """What a person told us about an alert; ``word`` is one of ``alerts.answers``.

    ``word`` :data:`DRILL` opens a drill instead: of the kind in ``alert``, as bad as ``cause`` says.
    """

    t: int
    alert: str
    by: str
    word: str = "acknowledge"
    cause: str = ""


class Lane:
    """Detectors and book behind one watermark."""

    def __init__(
        self, name: str, guards: Sequence[Guard], book: AlertBook, signs: Signs | None = None
    ) -> None:
        self.name = name
        self.signs = signs  # what answers a question in the home, where any plan asks one
        self.guards = tuple(guards)
        self.book = book
        self.wants: frozenset[Quantity] = frozenset().union(*(g.wants for g in guards))
        self.reached = 0
        self.later: list[Event] = []  # events of the pipeline itself, waiting for their time
        self.commands: list[Command] = []

    def command(self, command: Command) -> None:
        """Take note of a command; it acts when the lane reaches its time."""
        self.commands.append(command)

    def run(self, blocks: Sequence[Block], upto: int) -> list[Alert]:
        """Everything with t < ``upto`` is in ``blocks``: which alerts came of it?"""
        events: list[Event] = []
        for guard in self.guards:
            wants = guard.wants
            given = [b for b in blocks if b.quantity in wants]
            if given:
                events += guard.process(given, upto)
            events += guard.advance(upto)
        if self.later:
            events += [e for e in self.later if e.known < upto]
            self.later = [e for e in self.later if e.known >= upto]
        self.reached = max(self.reached, upto)
        return self._book(events, upto, self.signs.of(blocks) if self.signs is not None else [])

    def raise_events(self, events: list[Event]) -> list[Alert]:
        """Put events of the gateway itself into the book."""
        return self._book(events, max([self.reached, *(e.known for e in events)]))

    def _book(self, events: list[Event], upto: int, heard: Sequence[Heard] = ()) -> list[Alert]:
        alerts: list[Alert] = []
        events.sort(key=attrgetter("known"))
        pending: list[Command | Heard] = [c for c in self.commands if c.t < upto]
        if heard and (events or pending or self.book.open_alerts()):  # else there is nothing to answer
            pending = sorted([*pending, *heard], key=lambda x: (x.t, isinstance(x, Heard)))
        if not events and not pending:
            return self.book.advance(upto)
        self.commands = [c for c in self.commands if c.t >= upto]
        for item in pending:
            early = [e for e in events if e.known <= item.t]
            events = events[len(early) :]
            alerts += self._apply(early)
            alerts += self.book.advance(item.t)
            alerts += self._hear(item) if isinstance(item, Heard) else self._obey(item)
        alerts += self._apply(events)
        alerts += self.book.advance(upto)
        return alerts

    def _obey(self, command: Command) -> list[Alert]:
        if command.word == DRILL:
            said = {"test": True, "drill": command.cause, "by": command.by}
            return self.book.apply([Event(DRILL, command.alert, DRILL, command.t, Phase.ONSET, said)])
        return self.book.answer(command.alert, command.word, command.by, command.t, command.cause)

    def _hear(self, heard: Heard) -> list[Alert]:
        assert self.signs is not None
        alerts: list[Alert] = []
        for alert in self.signs.answered(heard, self.book.open_alerts()):
            alerts += self.book.answer(alert.id, "all_right", f"{heard.sign} {heard.source}", heard.t)
        return alerts

    def _apply(self, events: Sequence[Event]) -> list[Alert]:
        alerts: list[Alert] = []
        for event in events:
            alerts += self.book.advance(event.known)
            alerts += self.book.apply([event])
        return alerts
