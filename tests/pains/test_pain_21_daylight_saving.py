"""Pain 21: the hour that comes twice fires twice, the hour that is skipped fires never."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, time

import pytest

from core.localtime import LocalTime
from core.model import HOUR, MINUTE, SECOND, Packet
from gateway import build
from tests.pains.story import home, of_kind, plan, says

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai")
NIGHTS = {  # local midnight before the change, UTC
    "Europe/Berlin": [datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)],
    "America/New_York": [datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC)],
    "Australia/Lord_Howe": [datetime(2026, 4, 4, 13, tzinfo=UTC), datetime(2026, 10, 3, 13, 30, tzinfo=UTC)],
    "Asia/Shanghai": [datetime(2026, 3, 28, 16, tzinfo=UTC)],
}
CASES = [(zone, night) for zone in ZONES for night in NIGHTS[zone]]


@pytest.mark.parametrize(("zone", "night"), CASES, ids=[f"{z}-{n:%m%d}" for z, n in CASES])
def test_pain_21_every_local_time_comes_once_a_day(zone: str, night: datetime) -> None:
    """Asking again and again for the next 02:30 gives one instant a day, none twice, none skipped."""
    local = LocalTime(zone)
    t = round(night.timestamp()) * SECOND - 36 * HOUR
    days = []
    for _ in range(4):
        t = local.next(t, time(2, 30))
        days.append(local.at(t).date())
    assert len(set(days)) == 4
    assert all((b - a).days == 1 for a, b in itertools.pairwise(days))


@pytest.mark.parametrize(("zone", "night"), CASES, ids=[f"{z}-{n:%m%d}" for z, n in CASES])
def test_pain_21_the_night_of_the_change_raises_nothing_and_hides_nothing(zone: str, night: datetime) -> None:
    of = home("motion_hall:motion", "motion_living:motion:living", zone=zone)
    start = round(night.timestamp()) * SECOND - 10 * HOUR

    def at(packet: Packet, t: int) -> Packet:
        return packet._replace(at=t)

    # about until local midnight, asleep for seven hours, up again, then still for good
    awake = [start + i * 10 * MINUTE for i in range(60)]
    awake += [awake[-1] + 7 * HOUR + i * 10 * MINUTE for i in range(30)]
    story = []
    for i, t in enumerate(awake):
        room = ("hall", "living")[i % 2]
        story += [at(says(f"motion_{room}", 0, occupancy=True), t)]
        story += [at(says(f"motion_{room}", 0, occupancy=False), t + MINUTE)]
    pipeline = build.make_pipeline(plan(of))
    alerts = []
    for packet in story:
        alerts += pipeline.turn(pipeline.stamp([packet]))
    assert not [a for a in of_kind(alerts, "inactivity") if a.severity in ("warning", "alarm")]
    last = story[-1].at
    alerts += pipeline.advance(last + 20 * HOUR)
    alarms = [a for a in of_kind(alerts, "inactivity") if a.severity == "alarm"]
    assert alarms, "a still person on the day of the change was not found"
    assert len({a.id for a in alarms}) == 1
