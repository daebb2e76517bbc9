"""Does each rule a family may choose do what its sentence says, and no more?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from core.contracts import DetectorSpec
from core.model import Event, Reading
from core.quantity import Quantity
from detectors.family import SPEC, FamilyParams
from detectors.family_rule import WORDS, Rule, hours
from tests.detectors.daily_home import at, door, give, home, sensor, told, walk
from tests.laws import test_detector_laws as laws

Q = Quantity
HOME = home(extra=[sensor("fridge", "kitchen", "cupboard")])


def rule(watch: Any, when: str, **more: Any) -> Rule:
    return Rule("ours", watch, when, **more)


def events(one: Rule, rows: Iterable[Reading], until: float = 48) -> list[Event]:
    first = [*walk(-1, "hall", "living"), Reading("bed", Q.BED_OCCUPIED, at(-0.9), 0.0)]
    first += [Reading("fridge", Q.CONTACT_OPEN, at(-0.9), 0.0)]
    return give(SPEC.make(FamilyParams((one,)), HOME), [*first, *rows], at(until))


def bed(hours_: float, occupied: bool) -> Reading:
    return Reading("bed", Q.BED_OCCUPIED, at(hours_), float(occupied))


def fridge(hours_: float) -> list[Reading]:
    return door(hours_, "fridge")


NOT_BY_TEN = rule("door", "not_opened", of="fridge", after="06:00", before="10:00")


def test_the_fridge_not_opened_by_ten() -> None:
    life = walk(7, "kitchen", "living")
    assert told(events(NOT_BY_TEN, [*life, *fridge(8), *walk(31, "kitchen"), *fridge(32)])) == []
    late = events(NOT_BY_TEN, [*life, *fridge(11), *walk(31, "kitchen"), *fridge(32)])
    assert told(late) == [(10, "family_rule", "onset", "warning"), (11, "family_rule", "clear", "")]
    assert late[0].evidence == {"stage": "warning", "rule": "ours", "room": "kitchen"}
    never = told(events(NOT_BY_TEN, life, 40))
    assert [(h, p) for h, _, p, _ in never] == [(10, "onset"), (30, "clear"), (34, "onset")]


def test_what_did_not_happen_is_not_told_of_an_empty_home() -> None:
    gone = [*walk(7, "kitchen", "hall"), *door(7.5)]
    assert told(events(NOT_BY_TEN, gone, 20)) == []


def test_what_did_not_happen_is_not_told_where_nobody_could_see() -> None:
    life = walk(5, "kitchen", "living")
    down = [Reading("link:broker", Q.LINK_UP, at(7), 0.0), Reading("link:broker", Q.LINK_UP, at(9), 1.0)]
    assert told(events(NOT_BY_TEN, [*life, *down], 20)) == []
    blind = [Reading("gateway", Q.BLIND_S, at(9), 3 * 3600.0)]
    assert told(events(NOT_BY_TEN, [*life, *blind], 20)) == []


def test_a_window_that_began_before_the_gateway_watched_is_left_out() -> None:
    detector = SPEC.make(FamilyParams((NOT_BY_TEN,)), HOME)
    assert told(give(detector, walk(8, "kitchen", "living"), at(20))) == []


def test_no_movement_in_a_room() -> None:
    one = rule("motion", "none", of="kitchen", after="08:00", before="12:00")
    assert told(events(one, [*walk(9, "kitchen", "living")], 20)) == []
    found = told(events(one, [*walk(9, "living", "hall"), *walk(13, "living", "kitchen")], 20))
    assert [(h, p) for h, _, p, _ in found] == [(12, "onset"), (pytest.approx(13.01, abs=0.01), "clear")]


def test_any_movement_at_night_is_told_once_a_window() -> None:
    one = rule("motion", "any", after="23:30", before="05:00")
    found = told(events(one, [*walk(26, "living", "kitchen"), *walk(27, "living", "hall")], 40))
    assert [p for _, _, p, _ in found] == ["onset", "clear"]
    assert found[0][3] == "info"
    assert found[1][0] == 29
    assert told(events(one, walk(12, "living", "kitchen"), 20)) == []


def test_the_next_movement_of_each_morning() -> None:
    one = rule("motion", "next", after="05:00", before="12:00")
    rows = [*walk(6, "bedroom", "hall"), *walk(9, "living", "hall"), *walk(31, "living", "hall")]
    found = [h for h, _, p, _ in told(events(one, rows)) if p == "onset"]
    assert [int(h) for h in found] == [6, 31]


@pytest.mark.parametrize(("every", "found"), [(0.05, 1), (0.5, 0)])
def test_excessive_movement_and_wandering(every: float, found: int) -> None:
    rows = [r for k in range(16) for r in walk(2 + k * every, ("kitchen", "living")[k % 2], "hall")]
    for when in ("excessive", "wandering"):
        one = rule("motion", when, times=12, minutes=30, before="06:00")
        assert len([e for e in events(one, rows, 30) if e.phase.value == "onset"]) == found, when


def test_a_door_opened_in_its_window_is_over_when_closed() -> None:
    one = rule("door", "opened", of="door", after="22:00", before="06:00", tell="warning")
    found = told(events(one, [*door(12), *door(23)], 40))
    assert [(round(h, 2), p, s) for h, _, p, s in found] == [(23, "onset", "warning"), (23, "clear", "")]
    nxt = rule("door", "next_opened", of="door", after="06:00")
    assert len([e for e in events(nxt, [*door(12), *door(13), *door(36)]) if e.phase.value == "onset"]) == 2


def test_bed_out_and_not_back_and_in_for_long() -> None:
    out = rule("bed", "out", minutes=20, after="22:00", before="06:00")
    night = [bed(0.1, True), bed(2, False), bed(2.2, True), bed(3, False), bed(4, True), bed(9, False)]
    assert [(round(h, 2), p) for h, _, p, _ in told(events(out, night, 20))] == [
        (3.33, "onset"),
        (4, "clear"),
    ]
    lies = rule("bed", "in", minutes=60, after="09:00", before="20:00")
    found = told(events(lies, [bed(0.1, True), bed(12, False), bed(13, True), bed(13.5, False)], 24))
    assert [(round(h, 2), p) for h, _, p, _ in found] == [(10, "onset"), (12, "clear")]


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (rule("motion", "opened"), "there are: none, any"),
        (rule("door", "opened"), "needs the sensor"),
        (rule("door", "opened", of="attic"), "there is no sensor or room"),
        (rule("bed", "in", of="hall", minutes=0), "minutes must be"),
        (rule("bed", "in", of="kitchen", times=1), "times must be"),
        (rule("motion", "any", after="25:00"), "no time of day"),
        (rule("motion", "any", after="noon"), "no time of day"),
        (rule("door", "opened", of="bed"), "tells no door"),
        (Rule(" ", "motion", "any"), "needs a name"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_plain_words(bad: Rule, word: str) -> None:
    with pytest.raises(ValueError, match="rule ") as error:
        SPEC.make(FamilyParams((bad,)), HOME)
    assert word in str(error.value)
    with pytest.raises(ValueError, match="twice"):
        SPEC.make(FamilyParams((NOT_BY_TEN, NOT_BY_TEN)), HOME)
    assert hours("00:00") == 0


ALL = tuple(
    Rule(
        f"{watch} {when}",
        watch,
        when,
        of="front_door" if watch == "door" else "",
        after=after,
        minutes=10,
        times=3,
    )  # type: ignore[arg-type]
    for watch, whens in WORDS.items()
    for when in whens
    for after in ("00:00",)
) + tuple(
    Rule(
        f"{watch} {when} at night",
        watch,
        when,
        of="front_door" if watch == "door" else "",
        after="22:00",
        before="06:30",
    )  # type: ignore[arg-type]
    for watch, whens in WORDS.items()
    for when in whens
)
CHOSEN = DetectorSpec(
    SPEC.name, SPEC.question, SPEC.params, lambda p, h: SPEC.make(FamilyParams(ALL), h), SPEC.kinds
)


@pytest.mark.parametrize(
    "law",
    [
        laws.test_cut_invariant,
        laws.test_one_instant_at_a_time,
        laws.test_extra_advance_changes_nothing,
        laws.test_snapshot_changes_nothing,
        laws.test_missing_values_change_nothing,
        laws.test_time_shift,
        laws.test_events_are_ordered_and_never_ahead,
        pytest.param(laws.test_snapshot_is_bounded, marks=pytest.mark.slow),
    ],
)
def test_the_laws_hold_with_every_rule_chosen(law: Callable[[DetectorSpec], None]) -> None:
    law(CHOSEN)
