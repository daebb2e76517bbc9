"""Is a sensor that hangs or flutters told of once, and an ordinary one never?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.contracts import DetectorSpec
from core.model import DAY, SECOND, Flag, Reading
from core.quantity import Quantity
from detectors.erratic import SPEC
from tests.detectors.daily_home import at, door, give, made, pulse, told
from tests.laws import test_detector_laws as laws

Q = Quantity


def test_a_motion_sensor_that_never_lets_go_hangs() -> None:
    rows = [Reading("hall", Q.MOTION, at(1 + k), 1.0) for k in range(12)]
    rows.append(Reading("hall", Q.MOTION, at(14), 0.0))
    assert told(give(made(SPEC), rows, at(20))) == [
        (7, "sensor_stuck", "onset", "trouble"),
        (14, "sensor_stuck", "clear", ""),
    ]


def test_one_that_went_silent_while_it_saw_somebody_does_not_hang() -> None:
    assert give(made(SPEC), [Reading("hall", Q.MOTION, at(1), 1.0)], at(100)) == []
    assert give(made(SPEC), [r for k in range(50) for r in pulse("hall", k / 4)], at(20)) == []


@pytest.mark.parametrize(("step", "found"), [(0.0, 1), (0.1, 0)])
def test_a_climate_sensor_whose_number_never_moves_hangs(step: float, found: int) -> None:
    rows = [Reading("hall", Q.HUMIDITY_PCT, at(h), 45.0 + step * (h % 3)) for h in range(100)]
    events = give(made(SPEC), rows, at(120))
    assert len(events) == found
    assert all(e.t == at(72) and e.evidence["causes"] == ["humidity_pct"] for e in events)


def test_a_gateway_that_did_not_run_saw_nothing_stay_the_same() -> None:
    rows = [Reading("hall", Q.MOTION, at(h), 1.0) for h in (1, 2, 9, 10)]
    assert give(made(SPEC), [*rows, Reading("gateway", Q.BLIND_S, at(8.5), 6 * 3600.0)], at(12)) == []


def test_a_contact_that_flutters_is_told_once_and_over_once() -> None:
    rows = [Reading("door", Q.CONTACT_OPEN, at(1) + k * 5 * SECOND, float(k % 2)) for k in range(60)]
    events = give(made(SPEC), rows, at(50))
    assert [(e.kind, e.phase.value) for e in events] == [
        ("sensor_flapping", "onset"),
        ("sensor_flapping", "clear"),
    ]
    assert events[1].t == rows[-1].t + DAY
    assert give(made(SPEC), [r for k in range(40) for r in door(k / 4)], at(30)) == []


def test_a_link_that_drops_again_and_again_flutters() -> None:
    rows = [Reading("link:broker", Q.LINK_UP, at(1 + k / 15), float(k % 2)) for k in range(10)]
    events = give(made(SPEC), rows, at(50))
    assert [(e.kind, e.source) for e in events] == [("sensor_flapping", "link:broker")] * 2


def test_retained_and_repeated_readings_tell_nothing() -> None:
    rows = [
        Reading("door", Q.CONTACT_OPEN, at(1) + k * SECOND, float(k % 2), int(Flag.RETAINED))
        for k in range(90)
    ]
    rows += [Reading("hall", Q.MOTION, at(k), 1.0, int(Flag.REPEAT)) for k in range(20)]
    assert give(made(SPEC), rows, at(40)) == []


HASTY = DetectorSpec(
    SPEC.name,
    SPEC.question,
    SPEC.params,
    lambda p, h: SPEC.make(SPEC.params(60, 600, 3, contact_changes=2, presence_changes=2, link_changes=2), h),
    SPEC.kinds,
)


@pytest.mark.parametrize(
    "law",
    [
        laws.test_cut_invariant,
        laws.test_snapshot_changes_nothing,
        laws.test_missing_values_change_nothing,
        laws.test_events_are_ordered_and_never_ahead,
        laws.test_snapshot_is_bounded,
    ],
)
def test_the_laws_hold_also_where_it_often_speaks(law: Callable[[DetectorSpec], None]) -> None:
    law(HASTY)
