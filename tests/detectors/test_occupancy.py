"""Home and away: only a door leads out, and only quiet after it says so."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import SECOND, Home, Room
from detectors.occupancy import Occupancy, outer_doors
from tests.detectors.daily_home import sensor


def occupancy() -> Occupancy:
    return Occupancy(tail=20 * SECOND, episode=180 * SECOND)


def s(seconds: float) -> int:
    return round(seconds * SECOND)


def test_goes_out_and_comes_back() -> None:
    o = occupancy()
    o.indoor(s(0), "living")
    o.door(s(100), "hall")
    o.door(s(105), "hall")
    assert o.away_since == s(105)
    o.door(s(9000), "hall")
    assert o.away_since is None
    o.door(s(9005), "hall")
    assert o.away_since is None, "the same coming home: closing the door behind oneself"


def test_the_last_look_back_is_no_return() -> None:
    o = occupancy()
    o.door(s(100), "hall")
    o.indoor(s(110), "hall")
    assert o.away_since == s(100)
    o.indoor(s(121), "hall")
    assert o.away_since is None


def test_somebody_stays_behind() -> None:
    o = occupancy()
    o.door(s(100), "hall")
    o.indoor(s(103), "kitchen")
    assert o.away_since is None


def test_two_doors_are_one_episode() -> None:
    o = occupancy()
    o.door(s(0), "hall")
    o.door(s(60), "porch")
    assert o.away_since == s(60)
    o.door(s(4000), "porch")
    o.door(s(4060), "hall")
    assert o.away_since is None


def test_a_visitor_leaves_somebody_in_bed() -> None:
    o = occupancy()
    o.bed("bed", True)
    o.door(s(1000), "hall")  # comes
    o.indoor(s(1010), "living")
    o.door(s(5000), "hall")  # goes
    assert o.away_since is None


def test_a_stuck_bed_keeps_nobody_home() -> None:
    o = occupancy()
    o.bed("bed", True)
    o.indoor(s(500), "kitchen", "kettle")  # up, though the mat says in bed
    o.door(s(1000), "hall")
    assert o.away_since == s(1000)
    o.bed("bed", False)
    o.bed("bed", True)
    assert o.away_since is None, "it works again"


@given(
    st.lists(st.tuples(st.sampled_from(["door", "indoor", "bed1", "bed0"]), st.integers(0, 400)), max_size=30)
)
def test_without_a_door_event_always_at_home(steps: list[tuple[str, int]]) -> None:
    o, t, moved = occupancy(), 0, False
    for word, gap in steps:
        t += gap * SECOND
        if word == "door":
            o.door(t, "hall")
            moved = True
        elif word == "indoor":
            o.indoor(t, "living", "x")
        else:
            o.bed("bed", word == "bed1")
        assert moved or o.away_since is None
        assert o.away_since is None or o.away_since <= t
        copy = occupancy()
        copy.restore(json.loads(json.dumps(o.snapshot())))
        assert copy.snapshot() == o.snapshot()


ROOMS = {"hall": Room("hall", "hall"), "garden": Room("garden", "outdoors"), "bath": Room("bath", "bathroom")}


@pytest.mark.parametrize(
    ("sensors", "expected"),
    [
        ([sensor("a", "hall", "door"), sensor("b", "bath", "door")], {"a"}),
        ([sensor("b", "bath", "door")], {"b"}),
        ([sensor("b", "bath", "door", outer=False)], set()),
        ([sensor("b", "bath", "door"), sensor("c", "", "door")], set()),
        ([sensor("a", "hall", "door"), sensor("w", "bath", "window", outer=True)], {"a", "w"}),
        ([sensor("a", "hall", "door"), sensor("g", "garden", "door")], {"a", "g"}),
        ([sensor("a", "hall", "door", outer="true")], {"a"}),
        ([sensor("m", "hall", "motion")], set()),
    ],
)
def test_which_doors_lead_out(sensors: list, expected: set[str]) -> None:
    assert outer_doors(Home("h", rooms=ROOMS, sensors={x.id: x for x in sensors})) == expected
