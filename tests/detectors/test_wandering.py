"""Walking about at night."""

from __future__ import annotations

import pytest

from core.model import Reading
from core.watch import Wandering, Watch
from detectors.wandering import SPEC
from tests.detectors.daily_home import at, give, made, told, walk
from tests.detectors.watched_home import watched

ROOMS = ("living", "kitchen", "hall", "bath")


def pacing(start: float, minutes: float, every: float = 2.0) -> list[Reading]:
    """From room to room, every two minutes."""
    steps = int(minutes / every)
    return [r for k in range(steps) for r in walk(start + k * every / 60, ROOMS[k % 4])]


def test_pacing_at_night_is_asked_then_warned_then_over() -> None:
    events = give(made(SPEC, watched(Watch(dementia=True))), pacing(25, 90), at(30))
    stages = [(stage or phase) for _, _, phase, stage in told(events)]
    assert stages == ["question", "warning", "clear"]
    first, last = told(events)[0][0], told(events)[-1][0]
    assert first == pytest.approx(25 + 8 * 2 / 60, abs=0.05)
    assert last == pytest.approx(26.5 + 0.5, abs=0.1)
    assert events[0].evidence["rooms"] >= 8


@pytest.mark.parametrize(
    ("watch", "readings"),
    [
        (Watch(), pacing(25, 90)),  # nobody asked for it
        (Watch(dementia=True), pacing(34, 90)),  # by day
        (Watch(dementia=True), walk(25, "bedroom", "hall", "bath") + walk(25.1, "bath", "hall", "bedroom")),
        (Watch(dementia=True), pacing(25, 90, every=10)),  # slowly: a bad night, not wandering
    ],
)
def test_what_is_no_wandering(watch: Watch, readings: list[Reading]) -> None:
    assert give(made(SPEC, watched(watch)), walk(24.9, "living", "kitchen") + readings, at(40)) == []


def test_it_is_over_when_the_night_is() -> None:
    events = give(made(SPEC, watched(Watch(dementia=True))), pacing(28.5, 120), at(40))
    assert told(events)[-1][:3] == (29.0, "wandering", "clear")


def test_the_family_may_say_how_much_is_too_much() -> None:
    eager = Watch(wandering=Wandering(rooms=4, within_min=20))
    assert give(made(SPEC, watched(eager)), pacing(25, 12), at(40))
    lax = Watch(wandering=Wandering(rooms=60, within_min=30), night="22:00-06:00")
    assert give(made(SPEC, watched(lax)), pacing(25, 90), at(40)) == []
