"""Pain 2: a sensor that has died keeps its last healthy value on every screen. Ours is said to be silent."""

from __future__ import annotations

from core.model import Mark
from gateway import build
from gateway.status import sensors
from tests.pains.story import clock, home, marked, of_kind, plan, says, tell


def test_pain_02_a_battery_sensor_that_stops_is_told_once_and_once_when_back() -> None:
    of = home("front:door", "motion_hall:motion")
    pipeline = build.make_pipeline(plan(of))
    hourly = [says("front", 3600 * h + 5, contact=True, battery=90) for h in range(12)]
    alive = [says("motion_hall", 1800 * h + 7, occupancy=bool(h % 2), battery=90) for h in range(96)]
    story = sorted([*hourly, *alive], key=lambda p: p.at)
    alerts = tell(pipeline, [clock(0, 0), marked(Mark.UP, 0.5), *story], until_s=48 * 3600)
    silent = of_kind(alerts, "sensor_silent")
    assert {a.source for a in silent} == {"front"}
    assert len({a.id for a in silent}) == 1
    assert silent[0].opened <= story[0].at + round(37 * 3600e9), "25 h at the latest after its last word"
    links = {"broker": {"up": True}}
    assert sensors(pipeline, links)["front"]["state"] == "silent"
    assert sensors(pipeline, links)["motion_hall"]["state"] == "heard"
    back = tell(pipeline, [says("front", 48 * 3600 + 60, contact=True, battery=90)], until_s=48 * 3600 + 70)
    cleared = of_kind(back, "sensor_silent")
    assert [a.state for a in cleared] == ["cleared"]


def test_pain_02_never_heard_is_unknown_and_a_dead_link_is_blind() -> None:
    pipeline = build.make_pipeline(plan(home("front:door")))
    assert sensors(pipeline, {"broker": {"up": True}})["front"]["state"] == "unknown"
    assert sensors(pipeline, {"broker": {"up": False}})["front"]["state"] == "blind"


def test_pain_02_unavailable_is_unknown_although_it_spoke_before() -> None:
    from tests.pains.story import raw

    pipeline = build.make_pipeline(plan(home("front:door")))
    tell(pipeline, [says("front", 1, contact=True)], until_s=2)
    assert sensors(pipeline, {"broker": {"up": True}})["front"]["state"] == "heard"
    tell(pipeline, [raw("zigbee2mqtt/front/availability", 5, b'{"state":"offline"}')], until_s=9)
    assert sensors(pipeline, {"broker": {"up": True}})["front"]["state"] == "unknown"
