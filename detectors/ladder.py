"""At which instants does one thing climb through its stages, and when is it over?

A rule arms a ladder with one instant a stage; time that passes them tells the stages; disarming clears
what was told. Pure book-keeping, for rules whose answer is a deadline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.model import Event, Phase


class Ladder:
    """One open thing of one source.

    >>> ladder = Ladder("outing", "not_back", "ann", ("question", "warning"))
    >>> ladder.arm([10, 20], {"room": "hall"})
    >>> [(e.t, e.phase.value, e.evidence["stage"]) for e in ladder.fire(11)]
    [(10, 'onset', 'question')]
    >>> [(e.t, e.phase.value) for e in ladder.disarm(15, {})]
    [(15, 'clear')]
    """

    def __init__(self, detector: str, kind: str, source: str, stages: Sequence[str]) -> None:
        self._detector, self._kind, self._source, self._stages = detector, kind, source, tuple(stages)
        self._dues: list[int] = []  # instants of all stages; empty = not armed
        self._ends: int | None = None  # then it is over by itself
        self._shift = 0  # ns that did not count since it was armed
        self._floor = 0  # no stage is told for an instant before this
        self._told = 0
        self._evidence: dict[str, Any] = {}

    @property
    def armed(self) -> bool:
        return bool(self._dues)

    def arm(
        self, dues: Sequence[int], evidence: Mapping[str, Any], floor: int = 0, ends: int | None = None
    ) -> None:
        """Set or move the instants of the stages; those told stay told. The same again is no news.

        ``floor``: nothing may be told for an instant before this (a stepped clock).
        """
        self._dues, self._evidence, self._ends = list(dues), dict(evidence), ends
        self._floor = max(self._floor, floor)

    def push(self, by: int, t: int) -> None:
        """``by`` ns until ``t`` did not count: what is still ahead moves on."""
        if self._dues and by:
            self._shift += by
            self._floor = max(self._floor, t)

    def fire(self, t: int, until: int | None = None) -> list[Event]:
        """Which stages were reached before ``t`` (and not after ``until``, where given)?"""
        out: list[Event] = []
        while self._told < len(self._dues):
            due = max(self._dues[self._told] + self._shift, self._floor)
            late = self._ends is not None and due > self._ends
            if due >= t or late or (until is not None and due > until):
                break
            phase = Phase.UPDATE if self._told else Phase.ONSET
            evidence = {"stage": self._stages[self._told], **self._evidence}
            out.append(Event(self._detector, self._kind, self._source, due, phase, evidence))
            self._told += 1
        if self._ends is not None and self._ends < t:
            out.extend(self.disarm(self._ends, {}))
        return out

    def disarm(self, t: int, evidence: Mapping[str, Any]) -> list[Event]:
        """It is over at ``t``."""
        told, self._dues, self._told = self._told, [], 0
        self._ends, self._shift, self._floor = None, 0, 0
        if not told:
            return []
        return [Event(self._detector, self._kind, self._source, t, Phase.CLEAR, dict(evidence))]

    def snapshot(self) -> list[Any]:
        return [list(self._dues), self._ends, self._shift, self._floor, self._told, dict(self._evidence)]

    def restore(self, state: Sequence[Any]) -> None:
        dues, self._ends, self._shift, self._floor, self._told, evidence = state
        self._dues, self._evidence = list(dues), dict(evidence)
