"""Does the law-book catch what it promises to catch? Each law against a detector that breaks it.

``Good`` obeys every law: smoke raises, smoke unheard for a minute clears. Each other class is Good
with one sin, and the law named beside it must fail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import hypothesis
import pytest
from hypothesis import settings

from core.contracts import DetectorSpec
from core.model import DAY, MINUTE, Block, Event, Flag, Phase
from core.quantity import Quantity
from tests.laws import test_detector_laws as laws


@dataclass(frozen=True)
class Params:
    """No settings."""


class Good:
    """Obeys."""

    wants = frozenset({Quantity.SMOKE})
    hold = MINUTE

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}  # open sources, and when smoke was last heard of there
        self.found: dict[str, bool] = {}

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        out = []
        rows = [r for b in blocks for r in b.readings()]
        for r in sorted(rows, key=lambda r: (r.t, r.source)):
            out += self._expire(r.t, r.source)
            if r.value > 0 and not r.flags & Flag.REPEAT:  # NaN compares false
                out += self._smoke(r.source, r.t, r.flags)
        return out

    def _smoke(self, source: str, t: int, flags: int) -> list[Event]:
        new = source not in self.seen
        if new and flags & Flag.RETAINED and self.found.get(source):
            return []
        self.seen[source] = t
        if not new:
            return []
        if flags & Flag.RETAINED:
            self.found[source] = True
            return [self._event(source, t, Phase.ONSET, {"found_at_connect": True})]
        return [self._event(source, t, Phase.ONSET, {"since": t})]

    def _event(self, source: str, t: int, phase: Phase, evidence: dict[str, Any]) -> Event:
        return Event("good", "smoke", source, t, phase, evidence)

    def _expire(self, t: int, source: str) -> list[Event]:
        if source in self.seen and self.seen[source] + self.hold < t:
            due = self.seen.pop(source) + self.hold
            return [self._event(source, due, Phase.CLEAR, {})]
        return []

    def advance(self, t: int) -> list[Event]:
        return [e for s in sorted(self.seen) for e in self._expire(t, s)]

    def snapshot(self) -> dict[str, Any]:
        return {"seen": dict(self.seen), "found": dict(self.found)}

    def restore(self, state: Mapping[str, Any]) -> None:
        if set(state) != {"seen", "found"}:
            raise ValueError("not ours")
        self.seen, self.found = dict(state["seen"]), dict(state["found"])


class PerCall(Good):
    """Raises once a call, so the cut matters."""

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        self.seen.clear()
        return super().process(blocks)


class PerAdvance(Good):
    """Takes calls of advance for time: forgets what is open at the third."""

    calls = 0

    def advance(self, t: int) -> list[Event]:
        self.calls += 1
        if self.calls > 2:
            self.seen.clear()
        return super().advance(t)


class Forgets(Good):
    """Leaves a part of its state out of the snapshot."""

    def snapshot(self) -> dict[str, Any]:
        return {"seen": {}, "found": {}}


class Aliases(Good):
    """Hands out its own state as snapshot."""

    def snapshot(self) -> dict[str, Any]:
        return {"seen": self.seen, "found": self.found}


class Keeps(Good):
    """Keeps an input array and looks at it later."""

    kept: Any = None

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        out = super().process(blocks)
        if blocks:
            self.kept = blocks[0].value
        return out

    def advance(self, t: int) -> list[Event]:
        if self.kept is not None and len(self.kept) and self.kept[0] == 0.0:
            self.seen.clear()
        return super().advance(t)


class NanIsTrue(Good):
    """Takes a missing value for a true one."""

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        return super().process(
            [Block(b.source, b.quantity, b.t, (b.value != 0) * 1.0, b.flags) for b in blocks]
        )


class RepeatsFire(Good):
    """A repeat is a new alarm."""

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        rows = [r for b in blocks for r in b.readings() if r.value > 0]
        return [self._event(r.source, r.t, Phase.ONSET, {}) for r in sorted(rows, key=lambda r: r.t)]


class RetainedFires(Good):
    """The broker's memory raises a fresh alarm."""

    def _smoke(self, source: str, t: int, flags: int) -> list[Event]:
        return super()._smoke(source, t, flags & ~int(Flag.RETAINED))


class Calendar(Good):
    """Depends on the date."""

    def _smoke(self, source: str, t: int, flags: int) -> list[Event]:
        return super()._smoke(source, t, flags) if t // DAY % 2 else []


class Ahead(Good):
    """Tells the clear before its time."""

    def _event(self, source: str, t: int, phase: Phase, evidence: dict[str, Any]) -> Event:
        return Event("good", "smoke", source, t + 5 * MINUTE, phase, evidence)


class Hoards(Good):
    """Remembers every reading."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[list[int]] = []

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        self.log += [b.t.tolist() for b in blocks]
        return super().process(blocks)

    def snapshot(self) -> dict[str, Any]:
        return {**super().snapshot(), "log": [list(part) for part in self.log]}


class Credulous(Good):
    """Takes any snapshot."""

    def restore(self, state: Mapping[str, Any]) -> None:
        self.seen = dict(state.get("seen", {}))


def spec_of(kind: type[Good]) -> DetectorSpec:
    return DetectorSpec("good", "Is there a fire?", Params, lambda p, h: kind(), ("smoke",))


LAWS: tuple[Callable[[DetectorSpec], None], ...] = (
    laws.test_foreign_snapshot_is_refused,
    laws.test_own_empty_snapshot_is_taken,
    laws.test_cut_invariant,
    laws.test_one_instant_at_a_time,
    laws.test_extra_advance_changes_nothing,
    laws.test_snapshot_changes_nothing,
    laws.test_snapshot_is_a_copy,
    laws.test_input_is_neither_written_nor_kept,
    laws.test_missing_values_change_nothing,
    laws.test_repeats_raise_no_fresh_alarm,
    laws.test_retained_values_raise_no_fresh_alarm,
    laws.test_time_shift,
    laws.test_events_are_ordered_and_never_ahead,
    laws.test_snapshot_is_bounded,
)


@pytest.mark.parametrize("law", LAWS)
def test_an_obedient_detector_passes(law: Callable[[DetectorSpec], None]) -> None:
    law(spec_of(Good))


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        (PerCall, laws.test_cut_invariant),
        (PerCall, laws.test_one_instant_at_a_time),
        (PerAdvance, laws.test_extra_advance_changes_nothing),
        (Forgets, laws.test_snapshot_changes_nothing),
        (Aliases, laws.test_snapshot_is_a_copy),
        (Keeps, laws.test_input_is_neither_written_nor_kept),
        (NanIsTrue, laws.test_missing_values_change_nothing),
        (RepeatsFire, laws.test_repeats_raise_no_fresh_alarm),
        (RetainedFires, laws.test_retained_values_raise_no_fresh_alarm),
        (Calendar, laws.test_time_shift),
        (Ahead, laws.test_events_are_ordered_and_never_ahead),
        (Hoards, laws.test_snapshot_is_bounded),
        (Credulous, laws.test_foreign_snapshot_is_refused),
    ],
)
def test_each_sin_is_caught(
    kind: type[Good], law: Callable[[DetectorSpec], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # the shortest failing story is of no interest here
    monkeypatch.setattr(laws, "law", settings(laws.law, phases=[hypothesis.Phase.generate]))
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        law(spec_of(kind))
