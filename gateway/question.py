"""Has the person at home answered "are you all right?" without a word? By a button, a door, by moving about.

Signs are edges in readings: a button pressed, a contact that changed, a movement that began. Which signs
count depends on what was asked about: somebody who may lie on the floor of the bathroom is all right when
they move about *elsewhere*; of somebody who was not seen for long any movement will do; an open door, a
person who is out or a bed is answered by a button or a word only. What a visitor might cause does not
count where it could hide a person in need: with several residents only the button does, and after a fall
the outer door does not (somebody may have come).

Pure; part of the pipeline's state, so a replay hears the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from alerts.policy import Policy, Sign, waits_for_answer
from core.model import Alert, Block, Flag, Home
from core.quantity import Quantity
from detectors.occupancy import outer_doors

WANTS = frozenset({
    Quantity.BUTTON, Quantity.CONTACT_OPEN, Quantity.MOTION, Quantity.PRESENCE, Quantity.MOVING, Quantity.USE,
})  # fmt: skip

ELSEWHERE = frozenset({"fall", "bathroom_long"})
"""Asked about one room: only what is done in another room shows that the person is up."""

ANYWHERE = frozenset({"inactivity", "no_show"})
"""Asked because nothing was seen: any sign of life answers."""

_DOUBTFUL = int(Flag.RETAINED | Flag.REPEAT | Flag.TEST)


class Heard(NamedTuple):
    """One sign of life."""

    t: int
    source: str
    sign: Sign


class Signs:
    """Edges in readings, and how many movements each open question has heard."""

    def __init__(self, home: Home, policy: Policy) -> None:
        self._home, self._policy = home, policy
        self._outer = outer_doors(home)
        self._last: dict[tuple[str, str], float] = {}
        self._moves: dict[str, int] = {}

    def of(self, blocks: Sequence[Block]) -> list[Heard]:
        """Which signs of life do these blocks hold? In order of time."""
        found: list[Heard] = []
        for block in blocks:
            if block.quantity in WANTS:
                found += self._edges(block)
        found.sort()
        return found

    def answered(self, heard: Heard, alerts: Sequence[Alert]) -> Iterator[Alert]:
        """Which of these alerts, if they are questions now, does this sign answer?"""
        waiting = [a for a in alerts if waits_for_answer(self._policy, a)]
        self._moves = {a.id: self._moves[a.id] for a in waiting if a.id in self._moves}
        for alert in waiting:
            if heard.t <= alert.opened or not self._counts(heard, alert):
                continue
            if heard.sign == "movement":
                self._moves[alert.id] = self._moves.get(alert.id, 0) + 1
                if self._moves[alert.id] < self._policy.question.movements:
                    continue
            yield alert

    def _counts(self, heard: Heard, alert: Alert) -> bool:
        if heard.sign not in self._policy.question.answered_by:
            return False
        if heard.sign == "button":
            return True
        if len(self._home.residents) > 1 or alert.evidence.get("test") is True:
            return False
        if alert.kind in ANYWHERE:
            return True
        room = self._home.room_of(heard.source)
        return (
            alert.kind in ELSEWHERE
            and heard.source not in self._outer
            and bool(room and alert.room)
            and room != alert.room
        )

    def _edges(self, block: Block) -> Iterator[Heard]:
        source, quantity = block.source, block.quantity
        key = (source, str(quantity))
        if quantity is Quantity.BUTTON:
            for t, flags in zip(block.t.tolist(), block.flags.tolist(), strict=True):
                if not flags & _DOUBTFUL:
                    yield Heard(t, source, "button")
            return
        last = self._last.get(key)
        for t, value, flags in zip(block.t.tolist(), block.value.tolist(), block.flags.tolist(), strict=True):
            if value != value:
                continue
            changed = last is not None and value != last and not flags & _DOUBTFUL
            last = value
            if quantity is Quantity.CONTACT_OPEN:
                if changed:
                    yield Heard(t, source, "door")
            elif changed and value > 0:
                yield Heard(t, source, "movement")
        if last is not None:
            self._last[key] = last

    def snapshot(self) -> dict[str, Any]:
        """All state, as JSON."""
        return {"last": [[*k, v] for k, v in sorted(self._last.items())], "moves": dict(self._moves)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a snapshot. Raises KeyError, TypeError or ValueError if it is not one of ours."""
        self._last = {(str(s), str(q)): float(v) for s, q, v in state["last"]}
        self._moves = {str(k): int(n) for k, n in state["moves"].items()}
