"""Does the picture of a day tell the stories that are easily mistaken: robot, visitor, holiday, lost cable?"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from core.model import DAY, HOUR, MINUTE
from detectors.day_facts import Day
from detectors.day_spans import clip, total
from gateway import build
from gateway.day_source import KEPT, Kept
from gateway.replay import replay_packets
from tests.gateway.runs import plan_of, played


def kept(name: str, folder: Path) -> Kept:
    """A scenario, as `hearthwatch day --log` reads its recording."""
    plan = plan_of(name, folder)
    pipeline = build.make_pipeline(plan)
    blocks = []
    pipeline.on_blocks = lambda some: blocks.extend(b for b in some if b.quantity in KEPT)
    _, _, packets = played(name)
    result = replay_packets(pipeline, iter(packets))
    return Kept(plan.home, (result.last or 0) + 1, None, result.alerts, blocks=blocks)


def day_of(name: str, folder: Path, after: int = 0) -> Day:
    found = kept(name, folder)
    _, start, _ = played(name)
    return found.day(found.local.at(start).date() + timedelta(days=after))


def hours(day: Day, state: str, start: int, stop: int) -> float:
    return total(clip([(s.start, s.stop) for s in day.spans if s.state == state], start, stop)) / HOUR


def test_a_robot_in_an_empty_home_is_nobody(tmp_path: Path) -> None:
    _, start, _ = played("robot_vacuum")
    day = day_of("robot_vacuum", tmp_path)
    gone = start + 5 * MINUTE, start + 90 * MINUTE
    assert day.outings is not None
    assert len(day.outings) >= 1
    assert abs(day.outings[0][0] - gone[0]) < 3 * MINUTE
    assert hours(day, "away", *gone) * 60 >= 5, "leaving is seen, whatever the robot then does"


def test_a_visitor_does_not_send_the_resident_out(tmp_path: Path) -> None:
    _, start, _ = played("visitor")
    day = day_of("visitor", tmp_path)
    assert hours(day, "away", start, start + 2 * HOUR) < 0.25
    assert hours(day, "room", start, start + 2 * HOUR) > 1.5


@pytest.mark.parametrize("name", ["nap", "bath", pytest.param("quiet_day", marks=pytest.mark.slow)])
def test_an_ordinary_stretch_is_spent_at_home_and_seen(name: str, tmp_path: Path) -> None:
    story, start, _ = played(name)
    day = day_of(name, tmp_path)
    stop = min(start + round(story.duration_s * 1e9), day.stop)
    unknown = hours(day, "unknown", start + HOUR // 2, stop)
    assert unknown < 0.1, "all of it was seen"
    assert day.night is None, "without a bed sensor nobody knows of beds"


def test_two_weeks_away_are_out_and_neither_quiet_nor_unknown(tmp_path: Path) -> None:
    day = day_of("holiday", tmp_path, after=6)
    assert day.totals()["away"] == DAY
    assert day.outings == ((day.start, day.stop),)
    assert sum(day.activity) == 0


def test_the_night_the_clocks_go_back_has_25_hours(tmp_path: Path) -> None:
    found = kept("clocks_back", tmp_path)
    _, start, _ = played("clocks_back")
    long = found.day(found.local.at(start).date() + timedelta(days=1))
    assert long.stop - long.start == 25 * HOUR
    assert sum(long.totals().values()) == 25 * HOUR
    assert hours(long, "unknown", long.start, start + 17 * HOUR) < 0.1


def test_a_pulled_cable_and_a_dead_sensor_are_gaps(tmp_path: Path) -> None:
    cable = day_of("pulled_cable", tmp_path)
    assert any(g.reason == "link" and g.stop - g.start > MINUTE for g in cable.gaps)
    found = kept("sensor_dies", tmp_path)
    _, start, _ = played("sensor_dies")
    last = found.day(found.local.at(found.reached - 1).date())
    assert any(g.reason in ("silent", "offline") for g in last.gaps)
    assert start < last.stop
