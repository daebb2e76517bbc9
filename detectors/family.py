"""Has something happened, or failed to happen, that the family asked to be told of?

Each rule of ``family_rule.py`` is an alert of its own, with the rule's name as its source. What did not
happen is told at the end of the window, unless the home is presumed empty then, or the gateway or its
sensors could not see in it; it is over when it happens after all, or when the next window begins. A
window that had begun before the gateway watched is left out. What happened is told at once, once a
window (``next``: once a day), and is over when the door is closed, the bed left, the window ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.contracts import DetectorSpec
from core.localtime import in_window
from core.model import MINUTE, Block, Event, Home
from core.quantity import Quantity
from detectors.family_rule import MISSING, Rule, check
from detectors.household import Seen
from detectors.ladder import Ladder
from detectors.life import Weight
from detectors.routine import Routine, clock
from detectors.rows import RETAINED, Row, flag

Q = Quantity
_KIND = "family_rule"
_BEGINS = frozenset({"none", "not_opened", "next", "next_opened"})  # need to know when their window begins
_OVER = MINUTE  # of what has no end of its own


@dataclass(frozen=True, slots=True)
class FamilyParams:
    """The rules; none unless a family chose some."""

    rules: tuple[Rule, ...] = ()


class _Watch:
    """One rule: its ladder, its window, and what it counts."""

    def __init__(self, rule: Rule, ladder: Ladder) -> None:
        self.rule, self.ladder = rule, ladder
        self.begins: int | None = None  # the next beginning of its window
        self.waiting = False  # for the next movement or opening
        self.unseen = False  # something could not be seen in this window
        self.times: list[int] = []  # of movements or changes of room
        self.room = ""
        self.lying: dict[str, int] = {}  # beds

    def state(self) -> list[Any]:
        return [self.begins, self.waiting, self.unseen, list(self.times), self.room, dict(self.lying)]

    def load(self, state: Sequence[Any]) -> None:
        self.begins, self.waiting, self.unseen, times, self.room, lying = state
        self.times, self.lying = list(times), dict(lying)


class FamilyDetector(Routine):
    """Life, doors and beds in; what the family's rules say out."""

    name = "family"

    def __init__(self, params: FamilyParams, home: Home) -> None:
        check(params.rules, home)
        super().__init__(home)
        self._blind_until = 0  # the gateway, or what could see, was blind until then
        self._watches = [_Watch(rule, self._ladder(rule)) for rule in params.rules]

    def _ladder(self, rule: Rule) -> Ladder:
        made = self.ladders[rule.name] = Ladder(self.name, _KIND, rule.name, (rule.stage,))
        return made

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        return super().process(blocks) if self._watches else []

    # -- windows

    def began(self, t: int) -> None:
        for watch in self._watches:
            if watch.rule.when in _BEGINS:
                watch.begins = self.house.local.next(t, clock(watch.rule.start_h))

    def _fire(self, t: int, out: list[Event]) -> None:
        found: list[Event] = []
        until = self.house.sight.until
        for watch in self._watches:
            while watch.begins is not None and watch.begins < t:
                begins = watch.begins
                self._told(watch, begins, until, found)
                found.extend(watch.ladder.disarm(begins, {}))
                self._begin(watch, begins)
            self._told(watch, t, until, found)
        found.sort(key=lambda e: (e.t, e.source))
        out.extend(found)

    def _told(self, watch: _Watch, t: int, until: int | None, found: list[Event]) -> None:
        """Stages up to ``t``; what did not happen is not told of an empty or an unseen home."""
        if not watch.ladder.armed:
            return
        missing = watch.rule.when in MISSING
        if missing and (watch.unseen or self.house.occupancy.away_since is not None):
            quiet = watch.ladder.fire(t, until)
            if quiet and quiet[-1].phase.value != "clear":
                watch.ladder.disarm(t, {})  # asked, but nobody could have answered
            return
        found.extend(watch.ladder.fire(t, until))

    def _begin(self, watch: _Watch, begins: int) -> None:
        rule, local = watch.rule, self.house.local
        watch.begins = local.next(begins, clock(rule.start_h))
        watch.waiting = True
        watch.unseen = self.house.sight.since is not None or begins < self._blind_until
        if rule.when in MISSING:
            ends = watch.begins if rule.always else local.next(begins, clock(rule.stop_h))
            watch.ladder.arm([ends], self._facts(rule))

    def _in_window(self, rule: Rule, t: int) -> bool:
        return rule.always or in_window(self.house.day_hour(t)[1], rule.start_h, rule.stop_h % 24)

    def _ends(self, rule: Rule, t: int) -> int:
        return self.house.local.next(t, clock(rule.start_h if rule.always else rule.stop_h))

    def _facts(self, rule: Rule, room: str = "") -> dict[str, Any]:
        room = room or (rule.of if rule.of in self.home.rooms else self.home.room_of(rule.of))
        return {"rule": rule.name, **({"room": room} if room else {})}

    def _now(self, watch: _Watch, t: int, room: str, ends: int | None) -> list[Event]:
        """It happens at ``t``."""
        if watch.ladder.armed:
            return []
        watch.ladder.arm([t], self._facts(watch.rule, room), ends=ends)
        return watch.ladder.fire(t + 1)

    # -- what the home says

    def told(self, row: Row, seen: Seen) -> list[Event]:
        out: list[Event] = []
        if row.quantity is Q.WALL_OFFSET_S:
            for watch in self._watches:
                if watch.begins is not None:
                    watch.begins = self.house.local.next(row.t, clock(watch.rule.start_h))
        if seen.lost:
            self._blind_until = row.t
        if seen.lost or self.house.sight.since is not None:
            for watch in self._watches:
                watch.unseen = True
        for watch in self._watches:
            if watch.rule.watch == "bed":
                out.extend(self._bed(watch, row))
            elif watch.rule.watch == "door":
                out.extend(self._door(watch, row, seen))
            elif seen.sign is not None:
                out.extend(self._motion(watch, row.t, seen))
        return sorted(out, key=lambda e: (e.t, e.source)) if len(out) > 1 else out

    def _motion(self, watch: _Watch, t: int, seen: Seen) -> list[Event]:
        rule, sign = watch.rule, seen.sign
        assert sign is not None
        if not rule.meant(sign.source, sign.room):
            return []
        if rule.when == "none" and rule.of:  # of one room any firing counts: nobody is told in vain
            return watch.ladder.disarm(t, {})
        if seen.weight is Weight.NOTHING:
            return []
        if rule.when == "none":
            return watch.ladder.disarm(t, {})
        if rule.when == "next":
            return self._next(watch, t, sign.room)
        if not self._in_window(rule, t):
            return []
        if rule.when == "any":
            return self._now(watch, t, sign.room, self._ends(rule, t)) if seen.weight is Weight.LIFE else []
        if rule.when == "wandering":
            changed, watch.room = bool(watch.room) and sign.room != watch.room, sign.room or watch.room
            if not changed or not sign.room:
                return []
        watch.times = [*watch.times[-(rule.times - 1) :], t]
        within = int(rule.minutes * MINUTE)
        if len(watch.times) < rule.times or t - watch.times[0] > within:
            return []
        watch.times = []
        return self._now(watch, t, sign.room, t + within)

    def _next(self, watch: _Watch, t: int, room: str) -> list[Event]:
        if not watch.waiting or not self._in_window(watch.rule, t):
            return []
        watch.waiting = False
        return self._now(watch, t, room, t + _OVER)

    def _door(self, watch: _Watch, row: Row, seen: Seen) -> list[Event]:
        rule, t = watch.rule, row.t
        if row.quantity not in (Q.CONTACT_OPEN, Q.USE) or not rule.meant(
            row.source, self.home.room_of(row.source)
        ):
            return []
        opened = flag(row.value)
        if opened is False and rule.when == "opened" and not row.flags & RETAINED:
            return watch.ladder.disarm(t, {})
        if not opened or seen.sign is None:
            return []
        room = self.home.room_of(row.source)
        if rule.when == "not_opened":
            return watch.ladder.disarm(t, {})
        if rule.when == "next_opened":
            return self._next(watch, t, room)
        if not self._in_window(rule, t):
            return []
        return self._now(watch, t, room, t + _OVER if row.quantity is Q.USE else None)

    def _bed(self, watch: _Watch, row: Row) -> list[Event]:
        rule, t = watch.rule, row.t
        if row.quantity is not Q.BED_OCCUPIED or not rule.meant(row.source, self.home.room_of(row.source)):
            return []
        occupied = flag(row.value)
        if occupied is None:
            return []
        before = bool(watch.lying)
        if occupied:
            watch.lying.setdefault(row.source, t)
        else:
            watch.lying.pop(row.source, None)
        lies = bool(watch.lying)
        if lies == before:
            return []
        room = self.home.room_of(row.source)
        within = int(rule.minutes * MINUTE)
        if rule.when == "out":
            if lies:
                return watch.ladder.disarm(t, {})
            if self._in_window(rule, t) and not row.flags & RETAINED:
                watch.ladder.arm([t + within], self._facts(rule, room))
            return []
        if not lies:
            return watch.ladder.disarm(t, {})
        since = t if self._in_window(rule, t) else self.house.local.next(t, clock(rule.start_h))
        if rule.always or since + within <= self._ends(rule, since):
            watch.ladder.arm([since + within], self._facts(rule, room))
        return []

    def state(self) -> dict[str, Any]:
        return {"blind": self._blind_until, "rules": {w.rule.name: w.state() for w in self._watches}}

    def load(self, state: Mapping[str, Any]) -> None:
        self._blind_until = state["blind"]
        for watch in self._watches:
            watch.load(state["rules"][watch.rule.name])


SPEC = DetectorSpec(
    name="family",
    question="Has something happened, or failed to happen, that the family asked to be told of?",
    params=FamilyParams,
    make=FamilyDetector,
    kinds=("family_rule",),
)
