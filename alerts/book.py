"""Which alerts are open, and what is new about them? The one life cycle of the home, pure and in memory.

Events in, revisions out; one cause per (kind, source), see :mod:`alerts.cause` for the rules. The book
never reads a clock: :meth:`AlertBook.advance` tells it the event time reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.answers import ANSWERS, NOTED
from alerts.cause import Cause
from alerts.settings import BookSettings
from core.model import Alert, Event, Home

_VERSION = 1


class AlertBook:
    """What does a person see? Not safe for threads: it belongs to the pipeline.

    The revisions that come out depend on the events, acknowledgements and times given, not on how they
    were cut into calls; inside one call they are ordered by (changed, id, revision). That holds as long
    as events come in the order in which they became known (``Event.known``) and none is older than a time
    already given to ``advance``; a late one still counts, with ``changed`` no earlier than the revision
    before it.
    """

    def __init__(self, home: Home, settings: BookSettings | None = None) -> None:
        self._home = home
        self._settings = settings or BookSettings()
        self._resident = home.residents[0].id if len(home.residents) == 1 else ""
        self._causes: dict[tuple[str, str], Cause] = {}
        self._by_id: dict[str, tuple[str, str]] = {}
        self._next: int | None = None

    def apply(self, events: Sequence[Event]) -> list[Alert]:
        """What do these events change? Revisions, in order."""
        out: list[Alert] = []
        for event in events:
            cause = self._cause(event.kind, event.source)
            out += cause.event(event)
            self._note(cause)
        return _ordered(out)

    def acknowledge(self, alert_id: str, by: str, t: int) -> list[Alert]:
        """A person has seen this alert. An unknown or closed one changes nothing."""
        return self.answer(alert_id, "acknowledge", by, t)

    def answer(self, alert_id: str, word: str, by: str, t: int, cause: str = "") -> list[Alert]:
        """A person answers: one of :data:`alerts.answers.ANSWERS`, for a false alarm with its cause. The
        gateway notes what it did itself with one of :data:`alerts.answers.NOTED`.

        An unknown word or alert, or an answer that comes too late, changes nothing.
        """
        if word not in ANSWERS and word not in NOTED:
            return []
        key = self._by_id.get(alert_id)
        if key is None:
            return []
        found = self._causes[key]
        if found.alert is None or found.alert.id != alert_id:
            return []
        out = found.answer(word, by, t, cause)
        self._note(found)
        return _ordered(out)

    def advance(self, t: int) -> list[Alert]:
        """All events before ``t`` have been given: what is raised again, closed or told late?"""
        if self._next is None or t <= self._next:
            return []
        out: list[Alert] = []
        for key, cause in list(self._causes.items()):
            out += cause.until(t)
            if cause.forgettable(t):
                self._drop(key)
        self._bound()
        dues = [d for c in self._causes.values() if (d := c.due) is not None]
        self._next = min(dues) if dues else None
        return _ordered(out)

    def open_alerts(self) -> list[Alert]:
        """The latest revision of each alert that has not cleared, worst first, then oldest."""
        found = [c.alert for c in self._causes.values() if c.open and c.alert is not None]
        return sorted(found, key=lambda a: (a.severity.rank, a.opened, a.id))

    def next_due(self) -> int | None:
        """From which event time on may :meth:`advance` have something to say?"""
        return self._next

    def snapshot(self) -> dict[str, Any]:
        """All state, as JSON."""
        causes = [self._causes[k].snapshot() for k in sorted(self._causes)]
        return {"version": _VERSION, "home": self._home.id, "causes": causes}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a snapshot. Raises ValueError if it is not one of this home's book."""
        if state.get("version") != _VERSION or state.get("home") != self._home.id:
            raise ValueError("not a snapshot of this home's alert book")
        causes: dict[tuple[str, str], Cause] = {}
        try:
            for entry in state["causes"]:
                cause = self._new(str(entry["kind"]), str(entry["source"]))
                cause.restore(entry)
                causes[cause.kind, cause.source] = cause
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"a damaged snapshot of the alert book: {error!r}") from None
        self._causes, self._by_id, self._next = causes, {}, None
        for cause in causes.values():
            self._note(cause)

    def adopt(self, alert: Alert) -> bool:
        """Catch up with the outbox after a restart: was this written revision news to the book?

        Give it the latest written revision of each alert, then call :meth:`resume`.
        """
        cause = self._cause(alert.kind, alert.source)
        adopted = cause.adopt(alert)
        self._note(cause)
        return adopted

    def resume(self, t: int) -> None:
        """Nobody ran until ``t``: what should have been raised again meanwhile is raised once, not once
        for each step missed.
        """
        self._next = None
        for cause in self._causes.values():
            cause.skip_to(t)
            self._note(cause)

    # -- inside

    def _cause(self, kind: str, source: str) -> Cause:
        key = (kind, source)
        cause = self._causes.get(key)
        if cause is None:
            cause = self._causes[key] = self._new(kind, source)
        return cause

    def _new(self, kind: str, source: str) -> Cause:
        return Cause(
            kind,
            source,
            home=self._home.id,
            room=self._home.room_of(source),
            resident=self._resident,
            settings=self._settings,
        )

    def _note(self, cause: Cause) -> None:
        """Keep the index by id and the earliest deadline right after a change."""
        if cause.alert is None:
            self._causes.pop((cause.kind, cause.source), None)  # a clear of nothing
            return
        self._by_id[cause.alert.id] = (cause.kind, cause.source)
        due = cause.due
        if due is not None and (self._next is None or due < self._next):
            self._next = due

    def _drop(self, key: tuple[str, str]) -> None:
        del self._causes[key]
        self._by_id = {i: k for i, k in self._by_id.items() if k != key}

    def _bound(self) -> None:
        """Keep at most so many closed causes, and no ids of alerts that are gone."""
        closed = [(c.alert.changed, k) for k, c in self._causes.items() if c.alert and not c.open]
        for _, key in sorted(closed)[: max(0, len(closed) - self._settings.keep_closed)]:
            del self._causes[key]
        if len(self._by_id) > 2 * len(self._causes) + 64:
            self._by_id = {c.alert.id: k for k, c in self._causes.items() if c.alert is not None}


def _ordered(alerts: list[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda a: (a.changed, a.id, a.revision)) if len(alerts) > 1 else alerts
