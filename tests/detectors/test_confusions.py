"""What must not be taken for trouble, and trouble that must be found in the midst of it.

Simulated weeks of one home go through every rule about daily life: each rule speaks when it should, and all
of them stay silent over a nap, a bath, visitors, a pet, a robot vacuum, a two-week holiday, nights in which
the clock changes, a stepped clock, a broker outage and a dead sensor.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

import pytest

from core.contracts import DetectorSpec
from core.model import DAY, HOUR, MINUTE, SECOND, Event, Home, Reading, Resident
from core.quantity import Quantity as Q
from core.watch import Keys, Watch
from detectors import bathroom, bed_absence, inactivity, leaving, morning, outing, wandering
from detectors import door as door_rule
from tests.detectors.daily_home import at, door, give, home, made, pulse, sensor, walk

RULES: tuple[DetectorSpec, ...] = (
    inactivity.SPEC,
    outing.SPEC,
    morning.SPEC,
    bathroom.SPEC,
    bed_absence.SPEC,
    door_rule.SPEC,
    leaving.SPEC,
    wandering.SPEC,
)
WATCH = Watch(dementia=True, may_go_out="07:00-20:00", keys={"alone": Keys(gone=("tag",), here=("carer",))})
LEARNED = 21  # days lived before the day that matters


def flat(zone: str = "UTC") -> Home:
    """The small home with a bathroom, tags and a closely watched resident."""
    extra = [
        sensor("bath", "bathroom", "motion"),
        sensor("tap", "bathroom", "tap"),
        sensor("tag", "hall", "tag"),
        sensor("carer", "hall", "tag"),
    ]
    return replace(home(zone, extra=extra), residents=(Resident("ann", watch=WATCH),))


def bed(hours: float, occupied: bool) -> list[Reading]:
    return [Reading("bed", Q.BED_OCCUPIED, at(hours), float(occupied))]


def outing_of(hours: float, length: float, watched: bool = True) -> list[Reading]:
    """Out of the door with the carer and back."""
    tags = [
        Reading(name, Q.PRESENCE, at(hours + k), float(here))
        for name in ("tag", "carer")
        for k, here in ((0.02, False), (length, True))
        if watched
    ]
    out = walk(hours - 0.02, "living", "hall") + door(hours)
    return out + door(hours + length) + walk(hours + length + 0.005, "hall", "living") + tags


def a_day(start: float, out: bool = True, skip: Sequence[tuple[float, float]] = ()) -> list[Reading]:
    """Up at seven, a walk at ten, lunch, an hour's rest, bed at half past ten with one visit to the bathroom."""
    rooms = ("kitchen", "living", "hall", "bath")
    sway = 0.25 * (round(start / 24) * 7 % 5 - 2)  # nobody keeps to the minute: half an hour either way
    up, down, visit = start + 7 + sway / 2, start + 22.5 + sway, start + 27 - sway
    found = bed(up, False) + walk(up + 0.01, "bedroom", "bath", "kitchen")
    h, k = up + 0.3, 0
    while h < down - 0.2:
        away = out and start + 9.9 < h < start + 11.4
        if not away and not any(start + a <= h < start + b for a, b in skip):
            found += walk(h, rooms[k % 4], rooms[(k + 1) % 4])
        h, k = h + (0.4 if k % 5 else 0.7), k + 1
    found += outing_of(start + 10, 1.2) if out else []
    found += walk(down - 0.1, "bath", "bedroom") + bed(down, True)
    return found + bed(visit, False) + walk(visit + 0.01, "bath", "bedroom") + bed(visit + 0.1, True)


def before(days: int = LEARNED) -> list[Reading]:
    """An ordinary life until the day that matters."""
    first = [Reading(name, Q.PRESENCE, at(0), 1.0) for name in ("tag", "carer")] + bed(0.1, True)
    napping = [(13.0, 14.4)]
    return [*first, *(r for d in range(days) for r in a_day(24 * d, skip=napping if d % 3 == 0 else ()))]


def life(*parts: Iterable[Reading], then: int = 1) -> list[Reading]:
    """The ordinary weeks, the day that matters, and ``then`` ordinary days after it."""
    after = [r for d in range(then) for r in a_day(24 * (LEARNED + 1 + d))]
    return [*before(), *(r for part in parts for r in part), *after]


@lru_cache(maxsize=1)
def lived() -> tuple[str, ...]:
    """What each rule remembers when the ordinary weeks are over, as JSON: worked out once."""
    readings = [r for r in before() if r.t < at(24 * LEARNED)]
    out = []
    for spec in RULES:
        detector = made(spec, flat())
        give(detector, readings, at(24 * LEARNED))
        out.append(json.dumps(detector.snapshot()))
    return tuple(out)


def speak(readings: Sequence[Reading], until: float = 0) -> list[Event]:
    """What do all the rules say from the day that matters on, after the ordinary weeks?"""
    news = [r for r in readings if r.t >= at(24 * LEARNED)]
    end = at(until) if until else max(r.t for r in readings) + MINUTE
    events: list[Event] = []
    for spec, state in zip(RULES, lived(), strict=True):
        detector = made(spec, flat())
        detector.restore(json.loads(state))
        events += give(detector, news, end)
    return events


D = 24.0 * LEARNED


def test_the_ordinary_weeks_are_quiet() -> None:
    assert speak(life(a_day(D))) == []


QUIET: dict[str, list[Reading]] = {
    "a nap on the sofa": a_day(D, skip=[(13, 15.5)]) + walk(D + 15.5, "living", "kitchen"),
    "a nap in bed": a_day(D, skip=[(13, 15)]) + bed(D + 13, True) + bed(D + 15, False) + walk(D + 15, "bedroom", "living"),
    "a bath": a_day(D, skip=[(17, 17.7)]) + walk(D + 17, "hall", "bath") + walk(D + 17.65, "bath", "hall"),
    "visitors": [
        *a_day(D),
        *door(D + 15),
        *(r for k in range(20) for r in walk(D + 15.01 + k / 10, "hall", "living", "kitchen")),
        *door(D + 17.1),
        *walk(D + 17.2, "living", "kitchen"),
    ],
    "a visitor leaves while she is in bed": [
        *a_day(D, skip=[(13, 16)]),
        *door(D + 13.1),
        *walk(D + 13.12, "hall", "living"),
        *bed(D + 13.2, True),
        *door(D + 13.5),
        *bed(D + 15.5, False),
        *walk(D + 15.5, "bedroom", "living"),
    ],
    "a pet at night": [*a_day(D), *(r for k in range(30) for r in pulse(("living", "kitchen")[k % 2], D + 23 + k / 4))],
    "a robot vacuum": [
        *a_day(D),
        *(r for k in range(40) for r in walk(D + 10.1 + k / 60, "living", "kitchen", "hall")),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", QUIET)
def test_it_stays_silent_over(name: str) -> None:
    assert speak(life(QUIET[name])) == []


def test_a_holiday_of_two_weeks_is_told_once_and_nothing_else() -> None:
    trip = outing_of(D + 9.95, 14 * 24)
    leaving_day = [r for r in a_day(D, out=False) if r.t < at(D + 9.9)]
    first_back = [r for r in a_day(D + 14 * 24, out=False) if r.t > at(D + 14 * 24 + 10)]
    back = [r for d in (15, 16) for r in a_day(24.0 * (LEARNED + d))]
    events = speak([*before(), *leaving_day, *trip, *first_back, *back])
    assert {e.kind for e in events} == {"not_back"}
    assert [e.evidence.get("stage", e.phase.value) for e in events] == ["question", "warning", "clear"]
    assert all(e.t < at(D + 24) for e in events[:2])


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", datetime(2026, 3, 28, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 24, tzinfo=UTC)),
    ],
    ids=["spring", "autumn"],
)
def test_a_night_in_which_the_clock_changes_is_a_night(zone: str, day: datetime) -> None:
    """Local life keeps local hours: the night is an hour shorter or longer."""
    change = int(day.timestamp()) * SECOND  # midnight UTC of the Saturday; the clock changes Sunday 01:00 UTC
    offset, step = (1, 1) if day.month == 3 else (2, -1)
    local: list[Reading] = []
    for r in before() + a_day(D) + a_day(D + 24) + a_day(D + 48):
        wall = r.t - at(D) + change  # local wall time as if it were UTC
        moved = wall - offset * HOUR
        local.append(r._replace(t=moved - step * HOUR if moved >= change + DAY + HOUR else moved))
    local.sort(key=lambda r: r.t)
    events = [
        e
        for spec in RULES
        for e in give(made(spec, flat(zone)), local, local[-1].t)
        if e.t >= change - offset * HOUR
    ]
    assert events == []


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 86400.0 * 200, -5.0])
def test_a_stepped_clock_is_no_still_person(step_s: float) -> None:
    step = [Reading("gateway", Q.WALL_OFFSET_S, at(D + 14), step_s)]
    events = speak(life(a_day(D), step, then=0))
    assert [e for e in events if e.kind in ("inactivity", "no_show", "bathroom_long", "bed_absence")] == []


def test_a_broker_outage_is_no_still_person_and_hides_none() -> None:
    down = [
        Reading("link:broker", Q.LINK_UP, at(D + 12), 0.0),
        Reading("link:broker", Q.LINK_UP, at(D + 20), 1.0),
    ]
    lost = [r for r in a_day(D) if not at(D + 12) <= r.t <= at(D + 20)]
    assert speak(life([*lost, *down])) == []
    still = [r for r in a_day(D) if r.t < at(D + 12)]
    events = speak([*before(), *still, *down], until=D + 48)
    assert [e.evidence["stage"] for e in events if e.kind == "inactivity"] == ["question", "warning", "alarm"]


def test_a_gateway_that_was_off_is_no_still_person() -> None:
    blind = [Reading("gateway", Q.BLIND_S, at(D + 20), 8 * 3600.0)]
    lost = [r for r in a_day(D) if not at(D + 12) <= r.t <= at(D + 20)]
    assert speak(life([*lost, *blind])) == []


def test_a_sensor_that_dies_is_no_still_person() -> None:
    """The living room goes blind, told or untold: life elsewhere goes on being seen."""
    without = [r for r in a_day(D) if r.source != "living"]
    assert speak(life(without, then=0)) == []
    gone = [Reading("living", Q.AVAILABLE, at(D + 8), 0.0)]
    assert speak(life([*without, *gone], then=0)) == []


# ---------------------------------------------------------------- and every rule speaks when it should


def cut(readings: list[Reading], hours: float) -> list[Reading]:
    """Nothing more happens after this."""
    return [r for r in readings if r.t <= at(hours)]


def kinds(events: Iterable[Event]) -> set[tuple[str, str]]:
    return {(e.kind, e.evidence.get("stage", "")) for e in events}


def test_somebody_who_stirs_no_more_by_day() -> None:
    events = speak([*before(), *cut(a_day(D), D + 16)], until=D + 30)
    alarm = next(e for e in events if e.kind == "inactivity" and e.evidence["stage"] == "alarm")
    assert alarm.t < at(D + 16 + 6), "three weeks are enough to know the day better than the fixed rule does"


def test_somebody_who_does_not_get_up() -> None:
    found = kinds(speak([*before(), *cut(a_day(D), D + 22.5)], until=D + 40))
    assert {("no_show", "question"), ("no_show", "warning"), ("inactivity", "alarm")} <= found


def test_somebody_who_falls_in_the_bathroom() -> None:
    day = cut(a_day(D), D + 17) + walk(D + 17.2, "hall", "bath")
    events = speak([*before(), *day], until=D + 20)
    first = next(e for e in events if e.kind == "bathroom_long")
    assert first.t < at(D + 18.6)
    assert {("bathroom_long", "question"), ("bathroom_long", "warning")} <= kinds(events)


def test_somebody_who_does_not_come_back_to_bed() -> None:
    night = [r for r in a_day(D) if r.t < at(D + 27.005)]
    assert ("bed_absence", "warning") in kinds(speak([*before(), *night], until=D + 30))


def test_somebody_who_leaves_at_night() -> None:
    night = (
        cut(a_day(D), D + 26) + bed(D + 26.1, False) + walk(D + 26.11, "bedroom", "hall") + door(D + 26.15)
    )
    found = kinds(speak([*before(), *night], until=D + 28))
    assert {("night_exit", "warning"), ("night_exit", "alarm")} <= found


def test_somebody_who_does_not_come_home() -> None:
    day = cut(a_day(D, out=False), D + 9.9) + outing_of(D + 10, 400)[:6]
    found = kinds(speak([*before(), *day], until=D + 24))
    assert {("not_back", "question"), ("not_back", "warning")} <= found


def test_a_door_left_open() -> None:
    day = [*a_day(D), Reading("door", Q.CONTACT_OPEN, at(D + 15), 1.0)]
    found = kinds(speak([*before(), *day], until=D + 22))
    assert {("door_open", "question"), ("door_open", "warning")} <= found


def test_a_walk_alone_and_a_walk_too_late() -> None:
    alone = [r for r in outing_of(D + 15, 1) if r.source != "carer"]
    assert ("left_alone", "warning") in kinds(speak(life(a_day(D), alone)))
    late = outing_of(D + 20.5, 1, watched=False)
    assert ("left_home", "warning") in kinds(speak(life(a_day(D, skip=[(20.4, 21.6)]), late)))


def test_a_still_person_under_a_pet_and_a_robot() -> None:
    """Lone firings put the alarm off by no more than half; a robot that runs daily is known as life."""
    day = cut(a_day(D), D + 14)
    cat = [r for k in range(40) for r in pulse(("living", "kitchen")[k % 2], D + 14.3 + k / 3)]
    events = speak([*before(), *day, *cat], until=D + 40)
    assert any(e.kind == "inactivity" and e.evidence.get("stage") == "alarm" for e in events)
