"""Is each stage of a fall reached and left, from a radar's bytes to the alert? All people are simulated."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.quantity import Quantity as Q
from tests.gateway.fall_home import TWO, alerts, packets, plan_of, stages, story

FALL = {"at_s": 20, "do": "fall", "stir": 0.02}


def up(at_s: float) -> dict[str, object]:
    return {"at_s": at_s, "do": "get_up"}


@pytest.mark.parametrize(
    ("up_at_s", "expected"),
    [
        (28.0, ["suspected", "recovered"]),
        (55.0, ["suspected", "confirmed", "recovered"]),
        (95.0, ["suspected", "confirmed", "long_lie", "recovered"]),
    ],
)
def test_each_stage_is_left_by_getting_up(tmp_path: Path, up_at_s: float, expected: list[str]) -> None:
    plan = plan_of(tmp_path)
    found = alerts(plan, packets(plan, story([FALL, up(up_at_s)], up_at_s + 25)))
    assert stages(found) == expected
    assert found[-1].evidence["reason"] == "up"
    assert found[0].evidence["above_floor"] is True
    assert found[0].severity == "warning"
    assert ("confirmed" in expected) == any(a.severity == "alarm" for a in found)


def test_who_stays_down_is_a_long_lie_and_nothing_ends_it(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    found = alerts(plan, packets(plan, story([FALL], 130)))
    assert stages(found) == ["suspected", "confirmed", "long_lie"]


def test_the_modules_own_verdict(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    played = story(
        [FALL, up(100)], 150, sensors=["module"], actors={"resident": {"room": "hall", "place": "coats"}}
    )
    found = alerts(plan, packets(plan, played))
    assert stages(found) == ["confirmed", "recovered"] or stages(found) == [
        "confirmed", "long_lie", "recovered"
    ]  # fmt: skip
    assert {a.evidence["verdict"] for a in found[:-1]} == {"sensor"}
    assert found[-1].evidence["reason"] == "sensor"


def test_into_bed_is_going_to_bed(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    said = [("bed", Q.BED_OCCUPIED, 1.0, 0.0), ("bed", Q.BED_OCCUPIED, 22.0, 1.0)]
    found = alerts(plan, packets(plan, story([FALL], 60), said))
    assert stages(found) in ([], ["suspected", "recovered"])
    assert [a.evidence["reason"] for a in found if a.state == "cleared"] == ["rest"] * bool(found)


@pytest.mark.parametrize(("place", "posture"), [("bed", "lie"), ("chair", "sit")])
def test_lying_and_sitting_down_are_nothing(tmp_path: Path, place: str, posture: str) -> None:
    plan = plan_of(tmp_path)
    steps = [{"at_s": 15, "do": "go", "room": "bedroom", "place": place, "posture": posture}]
    assert stages(alerts(plan, packets(plan, story(steps, 60)))) == []


def test_motion_in_another_room_is_told_and_decides_nothing(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    said = [("motion", Q.MOTION, t, v) for t, v in ((5.0, 0.0), (28.0, 1.0), (31.0, 0.0), (33.0, 1.0))]
    found = alerts(plan, packets(plan, story([FALL], 60), said))
    assert stages(found) == ["suspected", "confirmed"]
    assert found[-1].evidence["motion_elsewhere"] == 2


COMPANY = {"resident": {"room": "bedroom", "place": "wardrobe"}, "guest": {"room": "hall"}}


def test_of_two_residents_the_other_who_comes_is_not_the_one_who_fell(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, TWO)
    steps = [FALL, {"at_s": 45, "do": "go", "actor": "guest", "room": "bedroom", "place": "door"}]
    found = alerts(plan, packets(plan, story(steps, 120, actors=COMPANY)))
    assert stages(found) == ["suspected", "confirmed", "long_lie"]


def test_a_pet_alone_is_nothing_and_a_pet_nearby_hides_no_fall(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    cat = {"kind": "pet", "room": "bedroom"}
    busy = {"at_s": 1, "do": "busy", "actor": "cat", "room": "bedroom"}
    alone = story([busy], 120, actors={"resident": {"room": "kitchen"}, "cat": cat})
    assert stages(alerts(plan, packets(plan, alone))) == []
    both = story([busy, FALL], 60, actors={"resident": {"room": "bedroom", "place": "wardrobe"}, "cat": cat})
    assert stages(alerts(plan, packets(plan, both)))[:1] == ["suspected"]


def test_a_restart_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    sent = packets(plan, story([FALL, up(95.0)], 120))
    once = alerts(plan, sent)
    assert stages(once)[-1] == "recovered"
    assert alerts(plan, sent, restart_every=1) == once


@pytest.mark.parametrize(("back_at_s", "end_s"), [(70.0, 110.0), (None, 110.0)])
def test_an_outage_in_the_middle_is_not_recovery(
    tmp_path: Path, back_at_s: float | None, end_s: float
) -> None:
    """The plug is pulled 4 s after the fall; unknown is not recovered."""
    plan = plan_of(tmp_path)
    steps = [FALL, {"at_s": 24, "do": "unplug", "link": "port"}]
    if back_at_s:
        steps.append({"at_s": back_at_s, "do": "replug", "link": "port"})
    found = alerts(plan, packets(plan, story(steps, end_s)))
    assert stages(found) == ["suspected", "confirmed", "long_lie"]
    if back_at_s is None:
        assert found[-1].evidence["unseen_s"] > 50
