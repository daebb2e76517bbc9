"""Out alone, or without what should go along: any combination of keys and tags."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import Event, Reading
from core.quantity import Quantity as Q
from core.watch import Keys, Watch
from detectors.leaving import SPEC
from tests.detectors.daily_home import at, door, give, made, told, walk
from tests.detectors.watched_home import hook, tag, watched

ALONE = Watch(keys={"alone": Keys(gone=("ann_tag",), here=("carer_tag",))})
HOME = [tag("ann_tag", 8, True), tag("carer_tag", 8, True), hook(8, False), *walk(9, "living", "hall")]


def run(watch: Watch, readings: Iterable[Reading], until: float = 14) -> list[Event]:
    return give(made(SPEC, watched(watch)), [*HOME, *readings], at(until))


def test_out_without_the_carer_is_a_warning_and_coming_back_clears_it() -> None:
    events = run(ALONE, [*door(10), tag("ann_tag", 10.05, False), *door(11), tag("ann_tag", 11.02, True)])
    assert told(events) == [
        (pytest.approx(10.05 + 2 / 60, abs=0.001), "left_alone", "onset", "warning"),
        (11.02, "left_alone", "clear", ""),
    ]
    assert events[0].source == "ann:alone"
    assert events[0].evidence["here"] == ["carer_tag"]


def test_out_together_is_nothing() -> None:
    both = [tag("ann_tag", 10.05, False), tag("carer_tag", 10.06, False)]
    assert run(ALONE, [*door(10), *both]) == []


def test_the_carer_who_follows_clears_it() -> None:
    events = run(ALONE, [*door(10), tag("ann_tag", 10.05, False), tag("carer_tag", 10.5, False)])
    assert [phase for _, _, phase, _ in told(events)] == ["onset", "clear"]


def test_with_dementia_it_becomes_an_alarm() -> None:
    watch = Watch(dementia=True, keys=ALONE.keys)
    events = run(watch, [*door(10), tag("ann_tag", 10.05, False)])
    assert [(stage, round(t - 10.05, 2)) for t, _, _, stage in told(events)] == [
        ("warning", 0.03),
        ("alarm", 0.25),
    ]


def test_a_tag_that_goes_flat_without_a_door_is_no_outing() -> None:
    assert run(ALONE, [tag("ann_tag", 10.05, False)]) == []
    assert run(ALONE, [tag("ann_tag", 10.05, False), *door(12)]) == []


def test_an_unknown_tag_is_not_gone_and_proves_no_company() -> None:
    lost = Reading("ann_tag", Q.AVAILABLE, at(10.05), 0.0)
    assert run(ALONE, [*door(10), lost]) == []
    unheard = Reading("carer_tag", Q.AVAILABLE, at(9.5), 0.0)
    events = run(ALONE, [unheard, *door(10), tag("ann_tag", 10.05, False)])
    assert [stage for *_, stage in told(events)] == ["warning"]


def test_out_without_the_key() -> None:
    watch = Watch(keys={"no_key": Keys(here=("hook",), after_s=300)})
    assert [t for t, *_ in told(run(watch, door(10)))] == [
        pytest.approx(10 + 5 / 3600 + 300 / 3600, abs=0.01)
    ]
    assert run(watch, [hook(9.9, True), *door(10)]) == []


@given(gone=st.sets(st.sampled_from(["ann_tag", "carer_tag", "hook"])), data=st.data())
def test_any_combination_speaks_exactly_when_it_is_so(gone: set[str], data: st.DataObject) -> None:
    names = ["ann_tag", "carer_tag", "hook"]
    must_gone = tuple(sorted(data.draw(st.sets(st.sampled_from(names), min_size=1))))
    must_stay = tuple(s for s in names if s not in must_gone)
    must_stay = must_stay[: data.draw(st.integers(0, len(must_stay)))]
    watch = Watch(keys={"it": Keys(gone=must_gone, here=must_stay)})
    went = [hook(10.02, True) if s == "hook" else tag(s, 10.02, False) for s in sorted(gone)]
    events = run(watch, [*door(10), *went])
    assert bool(events) == (set(must_gone) <= gone and not set(must_stay) & gone)


def test_tags_are_no_signs_of_life() -> None:
    """The carer's tag comes and goes: nobody at home has stirred for it."""
    from detectors.inactivity import SPEC as STILL

    flicker = [tag("carer_tag", 10 + k / 4, bool(k % 2)) for k in range(80)]
    where = watched(Watch())
    still = told(give(made(STILL, where), walk(9, "living", "hall"), at(30)))
    assert told(give(made(STILL, where), [*walk(9, "living", "hall"), *flicker], at(30))) == still
