"""Gone out and not come back, by day and at night."""

from __future__ import annotations

import pytest

from core.model import Reading, Resident
from core.quantity import Quantity as Q
from core.watch import Watch
from detectors.outing import SPEC
from tests.detectors.daily_home import at, door, give, made, told, walk
from tests.detectors.watched_home import watched


def out(hours: float) -> list[Reading]:
    """About the home, then out of the door."""
    return walk(hours - 0.1, "living", "hall") + door(hours)


def test_out_at_night_is_a_warning_and_coming_back_clears_it() -> None:
    events = give(made(SPEC), out(25.5) + door(27) + walk(27.01, "hall", "living"), at(30))
    assert told(events) == [
        (pytest.approx(25.75, abs=0.01), "night_exit", "onset", "warning"),
        (27.0, "night_exit", "clear", ""),
    ]


def test_who_is_known_to_wander_is_an_alarm_after_half_an_hour() -> None:
    events = give(made(SPEC, wanders=True), out(25.5), at(30))
    assert [(stage, round(t, 1)) for t, _, _, stage in told(events)] == [("warning", 25.8), ("alarm", 26.0)]


def test_the_door_at_night_without_leaving_is_nothing() -> None:
    assert give(made(SPEC), door(25.5) + walk(25.51, "hall", "living"), at(30)) == []


def test_not_home_by_ten_then_nothing_more_however_long() -> None:
    events = give(made(SPEC), out(15), at(24 * 14))
    assert told(events) == [(22.0, "not_back", "onset", "question"), (24.0, "not_back", "update", "warning")]


def test_the_usual_hour_is_learned() -> None:
    days = [
        r
        for d in range(12)
        for r in out(24 * d + 15) + door(24 * d + 17) + walk(24 * d + 17.01, "hall", "living")
    ]
    events = give(made(SPEC), days + out(24 * 12 + 15), at(24 * 13))
    assert [(t, stage) for t, _, _, stage in told(events)] == [
        (pytest.approx(24 * 12 + 18, abs=0.01), "question"),
        (pytest.approx(24 * 12 + 20, abs=0.01), "warning"),
    ]


def test_leaving_late_in_the_evening_has_three_hours() -> None:
    events = give(made(SPEC), out(21.5), at(30))
    assert [t for t, *_ in told(events)] == [pytest.approx(24.5, abs=0.01), pytest.approx(26.5, abs=0.01)]


def test_a_gateway_that_was_off_does_not_accuse() -> None:
    blind = Reading("gateway", Q.BLIND_S, at(30), 12 * 3600.0)
    assert give(made(SPEC), [*out(15), blind], at(30.1)) == []


# ---------------------------------------------------------------- watched closely


def test_with_dementia_an_outing_at_night_is_told_at_once() -> None:
    where = watched(Watch(dementia=True))
    events = give(made(SPEC, where), out(25.5), at(30))
    assert [(stage, round(t - 25.5, 2)) for t, _, _, stage in told(events)] == [
        ("warning", 0.0),
        ("alarm", pytest.approx(0.17, abs=0.01)),
    ]
    assert {e.source for e in events} == {"ann"}


def test_outside_the_agreed_hours_every_outing_is_told() -> None:
    where = watched(Watch(may_go_out="08:00-18:00"))
    assert [(k, s) for _, k, _, s in told(give(made(SPEC, where), out(19), at(21)))] == [
        ("left_home", "warning")
    ]
    assert give(made(SPEC, where), out(10), at(21)) == []
    quick = out(19) + door(19.04) + walk(19.045, "hall", "living")  # to the letter box
    assert give(made(SPEC, where), quick, at(21)) == []
    eager = watched(Watch(dementia=True, may_go_out="08:00-18:00"))
    assert [s for *_, s in told(give(made(SPEC, eager), out(19), at(20)))] == ["warning", "alarm"]


def test_home_by_is_taken_as_the_family_says() -> None:
    events = give(made(SPEC, watched(Watch(home_by="19:00"))), out(15), at(23))
    assert [(t, s) for t, _, _, s in told(events)] == [(19.0, "question"), (20.0, "warning")]


def test_the_night_may_begin_earlier() -> None:
    where = watched(Watch(night="20:00-07:00"))
    assert [k for _, k, *_ in told(give(made(SPEC, where), out(20.5), at(21)))] == ["night_exit"]
    assert "night_exit" not in {k for _, k, *_ in told(give(made(SPEC, watched(Watch())), out(20.5), at(21)))}


def test_two_who_are_watched_share_the_strictest_wishes() -> None:
    where = watched(Watch(may_go_out="08:00-18:00"), Resident("bob", watch=Watch(dementia=True)))
    events = give(made(SPEC, where), out(19), at(20))
    assert [(e.source, s) for e, (*_, s) in zip(events, told(events), strict=True)] == [
        ("home", "warning"),
        ("home", "alarm"),
    ]
