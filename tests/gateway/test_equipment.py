"""Is a room that no working sensor sees called unseen, and never quiet?"""

from __future__ import annotations

from typing import Any

from core.model import Home
from gateway.equipment import figures, rooms
from tests.detectors.daily_home import home, sensor

HOME = home(extra=[sensor("smoke", "kitchen", "smoke"), sensor("radar", "bathroom", "")])


def told(where: Home = HOME, **states: str) -> dict[str, dict[str, Any]]:
    return {name: {"state": states.get(name, "heard"), "values": {}} for name in where.sensors}


def test_a_room_is_seen_while_one_of_its_eyes_is_heard() -> None:
    assert all(room["seen"] for room in rooms(HOME, told()).values())
    found = rooms(HOME, told(bedroom="silent"))
    assert found["bedroom"] == {"sensors": 2, "heard": 1, "seen": True}


def test_a_smoke_alarm_sees_nobody() -> None:
    found = rooms(HOME, told(kitchen="blind"))
    assert found["kitchen"] == {"sensors": 1, "heard": 0, "seen": False}


def test_a_sensor_that_hangs_sees_nobody() -> None:
    said = told()
    said["kitchen"]["unreliable"] = ["sensor_stuck"]
    assert not rooms(HOME, said)["kitchen"]["seen"]


def test_a_climate_sensor_without_a_kind_sees_nobody() -> None:
    said = told(radar="heard")
    said["radar"]["values"] = {"temperature_c": {"value": 20.0}, "available": {"value": 1.0}}
    assert "bathroom" not in rooms(HOME, said)
    said["radar"]["values"]["presence"] = {"value": 0.0}
    assert rooms(HOME, said)["bathroom"]["seen"]


def test_what_a_sensor_says_of_itself() -> None:
    values = {"battery_pct": {"value": 55.0}, "link_quality": {"value": 90.0}, "motion": {"value": 1.0}}
    assert figures(values) == {"battery_pct": 55.0, "link_quality": 90.0}
