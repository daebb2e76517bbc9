"""No show in the morning."""

from __future__ import annotations

import pytest

from core.model import Reading
from core.quantity import Quantity as Q
from detectors.morning import SPEC
from tests.detectors.daily_home import at, day_of, door, give, made, told, walk


def days(count: int) -> list[Reading]:
    return [r for d in range(count) for r in day_of(24 * d)]


def test_before_anything_is_learned_at_eleven() -> None:
    events = give(made(SPEC), walk(22, "hall", "bedroom"), at(48))
    assert told(events) == [(35.0, "no_show", "onset", "question"), (36.0, "no_show", "update", "warning")]


def test_the_usual_hour_is_learned_and_rising_clears_it() -> None:
    life = [*days(12), *walk(24 * 12 + 8.9, "bedroom", "kitchen")]
    events = give(made(SPEC), life, at(24 * 12 + 10))
    assert [(stage or phase, t) for t, _, phase, stage in told(events)] == [
        ("question", pytest.approx(24 * 12 + 8, abs=0.02)),
        ("clear", pytest.approx(24 * 12 + 8.9, abs=0.02)),
    ]


def test_up_as_always_is_nothing() -> None:
    assert give(made(SPEC), days(15)) == []


def test_an_empty_home_is_not_asked() -> None:
    life = [r for r in days(12) if r.t < at(24 * 11 + 14)] + door(24 * 11 + 14)
    assert give(made(SPEC), life, at(24 * 20)) == []


def test_up_at_night_does_not_count_as_the_morning() -> None:
    events = give(made(SPEC), walk(22, "hall", "bedroom") + walk(26, "bedroom", "hall"), at(35.5))
    assert [(t, stage) for t, _, _, stage in told(events)] == [(35.0, "question")]


def test_a_broken_link_in_the_morning_is_not_a_missing_person() -> None:
    link = Reading("link:broker", Q.LINK_UP, at(30), 0.0)
    assert give(made(SPEC), [*walk(22, "hall", "bedroom"), link], at(40)) == []
