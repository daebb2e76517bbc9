"""Silent sensors and dropped links: told once on loss, once on return, blamed on the right one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import DAY, HOUR, MINUTE, SECOND, Block, Event, Flag, Home, Phase, Reading, Sensor
from core.quantity import Quantity as Q
from detectors.rhythm import Rhythm
from detectors.silence import SPEC
from tests.detectors.daily_home import T0, give, made


def small_home() -> Home:
    sensors = [
        Sensor("motion", "any", "broker", room="hall", kind="motion", address="m"),
        Sensor("smoke", "any", "broker", room="hall", kind="smoke", address="s"),
        Sensor("plug", "any", "broker", room="hall", address="p", options={"power": "mains"}),
        Sensor("odd", "any", "broker", address="o", options={"silent_after_s": 100}),
        Sensor("radar", "any", "port", room="bath"),
    ]
    return Home("h", sensors={s.id: s for s in sensors})


def only(*names: str) -> Home:
    whole = small_home()
    return Home("h", sensors={n: whole.sensors[n] for n in names})


def report(source: str, t: int, flags: int = 0) -> Reading:
    return Reading(source, Q.BATTERY_PCT, t, 80.0, flags)


def regular(source: str, every: int, until: int, start: int = T0) -> list[Reading]:
    return [report(source, t) for t in range(start, until, every)]


def brief(events: list[Event]) -> list[tuple[str, str, float, str]]:
    return [(e.source, e.phase.value, (e.t - T0) / SECOND, e.evidence.get("stage", "")) for e in events]


def test_a_streaming_radar_degrades_then_is_trouble_then_returns() -> None:
    detector = made(SPEC, only("radar"))
    events = give(detector, regular("radar", SECOND, T0 + 60 * SECOND), T0 + 300 * SECOND)
    events += give(detector, [report("radar", T0 + 400 * SECOND)], T0 + 410 * SECOND)
    assert brief(events) == [
        ("radar", "onset", 89.0, "degraded"),
        ("radar", "update", 179.0, "trouble"),
        ("radar", "clear", 400.0, ""),
    ]
    assert events[-1].evidence["silent_s"] == 341


@pytest.mark.parametrize(
    ("name", "limit"),
    [("motion", 25 * HOUR), ("smoke", 12 * HOUR), ("plug", 10 * MINUTE), ("odd", 100 * SECOND)],
)
def test_limits_before_anything_is_learned(name: str, limit: int) -> None:
    events = give(made(SPEC, only(name)), [report(name, T0)], T0 + 2 * DAY)
    assert [e.t - T0 for e in events] == [limit]


def test_a_sensor_that_never_spoke_is_missed() -> None:
    events = give(made(SPEC, only("motion", "radar")), [report("radar", T0)], T0 + 2 * DAY)
    assert ("motion", "never") in [(e.source, e.evidence["reason"]) for e in events]


def test_three_missed_intervals_of_an_hourly_sensor() -> None:
    events = give(made(SPEC, only("motion")), regular("motion", HOUR, T0 + 6 * DAY), T0 + 8 * DAY)
    assert len(events) == 1
    missed = (events[0].t - events[0].evidence["last_seen"]) / HOUR
    assert 2 < missed <= 3


def test_one_report_a_day_is_no_silence_for_ever() -> None:
    """A smoke alarm that wakes every 24 h is misjudged at most in its first two days."""
    events = give(made(SPEC, only("smoke")), regular("smoke", DAY, T0 + 20 * DAY))
    onsets = [e for e in events if e.phase is Phase.ONSET]
    assert len(onsets) <= 3
    assert all(e.t < T0 + 4 * DAY for e in onsets)


def test_retained_and_repeated_values_are_no_reports() -> None:
    stale = [report("motion", T0 + h * HOUR, Flag.RETAINED if h % 2 else Flag.REPEAT) for h in range(1, 40)]
    events = give(made(SPEC, only("motion")), [report("motion", T0), *stale])
    assert [e.t for e in events] == [T0 + 25 * HOUR]


def test_a_broken_link_is_told_once_and_its_sensors_are_excused() -> None:
    link = [
        Reading("link:broker", Q.LINK_UP, T0 + DAY, 0.0),
        Reading("link:broker", Q.LINK_UP, T0 + 2 * DAY, 1.0),
    ]
    before = regular("smoke", HOUR, T0 + DAY) + regular("motion", HOUR, T0 + DAY)
    after = regular("smoke", HOUR, T0 + 4 * DAY, T0 + 2 * DAY + HOUR)
    events = give(made(SPEC, only("smoke", "motion")), before + link + after, T0 + 4 * DAY)
    assert [(e.kind, e.source, e.phase.value) for e in events] == [
        ("link_down", "link:broker", "onset"),
        ("link_down", "link:broker", "clear"),
        ("sensor_silent", "motion", "onset"),
    ]
    assert events[0].t == T0 + DAY + 5 * SECOND
    assert events[2].t > T0 + 2 * DAY, "judged from the link's return on"


def test_a_blink_of_the_link_says_nothing() -> None:
    link = [
        Reading("link:broker", Q.LINK_UP, T0 + HOUR, 0.0),
        Reading("link:broker", Q.LINK_UP, T0 + HOUR + SECOND, 1.0),
    ]
    assert give(made(SPEC, only("motion")), [report("motion", T0), *link], T0 + 2 * HOUR) == []


def test_an_offline_bridge_is_one_event_not_one_a_sensor() -> None:
    broker = ("motion", "odd", "plug", "smoke")
    detector = made(SPEC, only(*broker))
    start = [report(s, T0) for s in broker]
    gone = [Reading(s, Q.AVAILABLE, T0 + MINUTE, 0.0) for s in broker]
    back = [Reading(s, Q.AVAILABLE, T0 + HOUR, 1.0) for s in broker]
    events: list[Event] = []
    for group in (start, gone, back):
        events += detector.process([Block.of([r]) for r in group])
    assert [(e.kind, e.source, e.phase.value, e.evidence["reason"]) for e in events] == [
        ("link_down", "link:broker", "onset", "bridge"),
        ("link_down", "link:broker", "clear", "bridge"),
    ]


def test_one_unavailable_device_is_blamed_itself() -> None:
    readings = [report("motion", T0), report("smoke", T0), Reading("motion", Q.AVAILABLE, T0 + MINUTE, 0.0)]
    events = give(made(SPEC, only("motion", "smoke")), [*readings, report("motion", T0 + HOUR)])
    assert [(e.source, e.phase.value, e.evidence.get("reason")) for e in events] == [
        ("motion", "onset", "offline"),
        ("motion", "clear", None),
    ]


def people_only(*names: str) -> Home:
    return Home(
        "h", sensors={n: Sensor(n, "any", "broker", room="hall", kind="motion", address=n) for n in names}
    )


def test_an_empty_home_is_told_once_about_the_link_and_forgotten_on_return() -> None:
    names = ("a", "b", "c", "d")
    life = [r for n, name in enumerate(names) for r in regular(name, 2 * HOUR, T0 + 5 * DAY, T0 + n * MINUTE)]
    back = [report("a", T0 + 9 * DAY), *(report(n, T0 + 9 * DAY + HOUR) for n in names[1:])]
    events = give(made(SPEC, people_only(*names)), life + back, T0 + 9 * DAY + 2 * HOUR)
    assert [(e.kind, e.source, e.phase.value, e.evidence["reason"]) for e in events] == [
        ("link_down", "link:broker", "onset", "quiet"),
        ("link_down", "link:broker", "clear", "quiet"),
    ]


def test_one_dead_sensor_among_living_ones_is_blamed_itself() -> None:
    names = ("a", "b", "c", "d")
    life = [r for n, name in enumerate(names) for r in regular(name, 2 * HOUR, T0 + 5 * DAY, T0 + n * MINUTE)]
    life += [r for name in names[1:] for r in regular(name, 2 * HOUR, T0 + 7 * DAY, T0 + 5 * DAY)]
    events = give(made(SPEC, people_only(*names)), life, T0 + 7 * DAY)
    assert [(e.kind, e.source) for e in events] == [("sensor_silent", "a")]
    assert events[0].t - events[0].evidence["last_seen"] <= 6 * HOUR


def test_a_gateway_that_was_off_blames_nobody() -> None:
    blind = Reading("gateway", Q.BLIND_S, T0 + 3 * DAY, 2 * 86400.0)
    detector = made(SPEC, small_home())
    give(detector, [report(s, T0 + DAY) for s in ("motion", "smoke", "plug", "odd", "radar")][:0])
    first = [report(s, T0 + DAY - SECOND) for s in ("motion", "smoke", "plug", "odd", "radar")]
    events = give(detector, [*first, blind], T0 + 3 * DAY + SECOND)
    assert events == []


@given(st.lists(st.integers(1, 9 * 3600), min_size=1, max_size=60), st.integers(0, 60))
def test_alternates_and_survives_a_restart(gaps: list[int], cut: int) -> None:
    readings, t = [], T0
    for gap in gaps:
        t += gap * SECOND
        readings.append(report("smoke", t))
    whole = give(made(SPEC, only("smoke")), readings, t + DAY)
    assert [e.phase for e in whole] == [Phase.ONSET if i % 2 == 0 else Phase.CLEAR for i in range(len(whole))]
    first, second = made(SPEC, only("smoke")), made(SPEC, only("smoke"))
    got = give(first, readings[:cut])
    second.restore(json.loads(json.dumps(first.snapshot())))
    assert got + give(second, readings[cut:], t + DAY) == whole


@given(st.lists(st.integers(1, 30 * 3600), max_size=200))
def test_rhythm_never_exceeds_what_it_saw(gaps: list[int]) -> None:
    rhythm, t = Rhythm(), 0
    rhythm.reach(0, 0)
    for gap in gaps:
        t += gap * SECOND
        rhythm.add(gap * SECOND, t)
        rhythm.reach(t, t)
    seen = [g * SECOND for g in gaps if g <= 25 * 3600]
    assert 0 <= rhythm.usual() <= rhythm.longest() <= max(seen, default=0)
    assert rhythm.days <= 14
    assert Rhythm.restored(json.loads(json.dumps(rhythm.snapshot()))).snapshot() == rhythm.snapshot()


def test_a_sensor_enrolled_later_is_not_missed_from_the_beginning() -> None:
    first = made(SPEC, only("smoke"))
    give(first, regular("smoke", HOUR, T0 + 2 * DAY))
    second = made(SPEC, only("smoke", "motion"))
    second.restore(json.loads(json.dumps(first.snapshot())))
    assert give(second, regular("smoke", HOUR, T0 + 3 * DAY, T0 + 2 * DAY)) == []


def test_refuses_a_foreign_snapshot() -> None:
    with pytest.raises(ValueError, match="silence"):
        made(SPEC).restore({})
