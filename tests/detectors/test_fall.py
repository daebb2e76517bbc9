"""Does the fall detector keep the detector laws, and is every stage reached and left?"""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model import SECOND, Block, Flag, Home, Mounting, Phase, Reading, Resident, Sensor
from core.quantity import Quantity as Q
from detectors import DETECTORS
from detectors.fall import SPEC, FallParams

S = SECOND
SENSORS = {
    "radar": Sensor("radar", "any", "port", room="bedroom", mounting=Mounting(height_m=1.5)),
    "module": Sensor("module", "any", "other", room="hall"),
    "bed": Sensor("bed", "any", "broker", room="bedroom"),
    "kitchen": Sensor("kitchen", "any", "broker", room="kitchen"),
    "door": Sensor("door", "any", "broker", room="hall"),
}
HOME = Home("home", sensors=SENSORS)
COUPLE = Home("home", residents=(Resident("a"), Resident("b")), sensors=SENSORS)


def detector(home=HOME, **params):
    return SPEC.make(FallParams(**params), home)


def blocks(readings):
    """One block per (source, quantity), as the pipeline hands them over."""
    groups = {}
    for r in readings:
        groups.setdefault((r.source, r.quantity), []).append(r)
    return [Block.of(group) for group in groups.values()]


def person(t0, t1, top, seed=0, rate=10, spread=0.3, x=0.0):
    """Frames of a standing (top 1.7) or lying (top 0.3) cloud under a sensor 1.5 m up."""
    rng = np.random.default_rng(seed)
    out = []
    for t in range(int(t0 * S), int(t1 * S), S // rate):
        n = rng.integers(4, 15)
        z = rng.uniform(max(top - 1.2, 0.05), top, n) - 1.5
        points = np.column_stack([rng.normal(x, spread, n), rng.normal(2, spread, n), z,
                                  rng.normal(0, 0.3, n), np.full(n, 20.0)])  # fmt: skip
        out.append(Reading("radar", Q.CLOUD, t, points))
    return out


def level(t0, t1, low, high, seed=9, rate=10):
    """Frames of a body between two heights above the floor."""
    rng = np.random.default_rng(seed)
    out = []
    for t in range(int(t0 * S), int(t1 * S), S // rate):
        z = rng.uniform(low, high, 10) - 1.5
        points = np.column_stack((rng.normal(0, 0.2, 10), rng.normal(2, 0.2, 10), z, np.full((10, 2), 0.3)))
        out.append(Reading("radar", Q.CLOUD, t, points))
    return out


def empty(t0, t1, rate=10):
    return [
        Reading("radar", Q.CLOUD, t, np.zeros((0, 5))) for t in range(int(t0 * S), int(t1 * S), S // rate)
    ]


def falls(up=5, down=30):
    return person(0, up, 1.75) + person(up, down, 0.35, seed=1)


def run(readings, end_s, home=HOME, **params):
    readings = sorted(readings, key=lambda r: r.t)
    d = detector(home, **params)
    return d.process(blocks(readings)) + d.advance(int(end_s * S))


def stages(events):
    return [(e.phase, e.evidence["stage"]) for e in events]


def test_is_registered():
    assert DETECTORS["fall"] is SPEC


def test_fall_is_suspected_within_two_seconds_then_confirmed_then_a_long_lie():
    events = run(falls(down=6) + empty(6, 400), 400)
    assert stages(events) == [
        (Phase.ONSET, "suspected"), (Phase.UPDATE, "confirmed"), (Phase.UPDATE, "long_lie")
    ]  # fmt: skip
    assert 5 * S < events[0].t <= 7 * S
    assert events[2].t - events[0].t == 300 * S
    assert events[0].evidence["drop_m"] > 0.5
    assert events[0].evidence["verdict"] == "cloud"


def test_getting_up_clears():
    events = run(falls(down=10) + person(10, 20, 1.75, seed=3), 20)
    assert stages(events) == [(Phase.ONSET, "suspected"), (Phase.CLEAR, "recovered")]
    assert 12 * S < events[1].t < 17 * S


def test_who_was_last_seen_upright_does_not_lie():
    events = run(falls(down=8) + person(8, 10.5, 1.75, seed=3) + empty(10.5, 400), 400)
    assert stages(events) == [(Phase.ONSET, "suspected"), (Phase.CLEAR, "recovered")]
    assert events[1].evidence["reason"] == "up"


def test_standing_and_walking_never_fire():
    assert run(person(0, 120, 1.75), 500) == []


def test_a_second_drop_before_getting_up_is_an_update():
    half_up = level(12, 18, 0.5, 0.9)
    events = run(falls(down=12) + half_up + level(18, 24, 0.05, 0.3) + empty(24, 26), 26)
    assert stages(events) == [(Phase.ONSET, "suspected"), (Phase.UPDATE, "suspected")]
    assert [e.evidence["drops"] for e in events] == [1, 2]
    assert 18 * S < events[1].t < 20 * S


def test_motion_on_the_floor_postpones_but_does_not_prevent():
    events = run(falls(down=200), 200)
    assert stages(events)[1] == (Phase.UPDATE, "confirmed")
    assert 15 * S <= events[1].t - events[0].t <= 45 * S


def test_silence_of_the_radar_is_told():
    events = run(falls(down=6), 400)
    assert stages(events)[-1] == (Phase.UPDATE, "long_lie")
    assert events[-1].evidence["unseen_s"] > 290


@pytest.mark.parametrize(("home", "clears"), [(HOME, True), (COUPLE, False)])
def test_somebody_upright_elsewhere_is_the_same_person_only_if_alone(home, clears):
    events = run(falls(down=8) + person(9, 14, 1.75, seed=7, x=3.5), 14, home)
    assert (stages(events)[-1] == (Phase.CLEAR, "recovered")) is clears


def said(source, quantity, t, value, flags=0):
    return Reading(source, quantity, int(t * S), value, flags)


@pytest.mark.parametrize("t", [2.0, 7.5])
def test_a_drop_into_bed_is_going_to_bed(t):
    events = run([*falls(), said("bed", Q.BED_OCCUPIED, t, 1.0)], 400)
    assert stages(events) == ([(Phase.ONSET, "suspected"), (Phase.CLEAR, "recovered")] if t > 5 else [])
    assert [e.evidence["reason"] for e in events[1:]] == (["rest"] if t > 5 else [])


@pytest.mark.parametrize(
    ("home", "reading"),
    [
        (COUPLE, said("bed", Q.BED_OCCUPIED, 7.5, 1.0)),
        (HOME, said("bed", Q.BED_OCCUPIED, 40.0, 1.0)),
        (HOME, said("kitchen", Q.SEAT_OCCUPIED, 7.5, 1.0)),
        (HOME, said("bed", Q.BED_OCCUPIED, 7.5, 1.0, Flag.RETAINED)),
        (HOME, said("bed", Q.BED_OCCUPIED, 7.5, float("nan"))),
    ],
    ids=["two residents", "later", "other room", "retained", "no value"],
)
def test_other_beds_and_other_people_excuse_nothing(home, reading):
    assert stages(run([*falls(), reading], 400, home))[-1] == (Phase.UPDATE, "long_lie")


ON_BED, BESIDE = (-1.0, 1.0, 1.0, 3.0), (2.0, 1.0, 4.0, 3.0)


@pytest.mark.parametrize(("zone", "told"), [(ON_BED, False), (BESIDE, True)])
def test_a_resting_zone_excuses_what_ends_on_it(zone, told):
    into_bed = person(0, 5, 1.75) + level(5, 12, 0.3, 0.5)
    assert bool(run(into_bed, 12, rest_zones={"radar": (zone,)})) is told


def test_the_floor_inside_a_resting_zone_is_beside_the_bed():
    assert stages(run(falls(), 10, rest_zones={"radar": (ON_BED,)})) == [(Phase.ONSET, "suspected")]


def test_the_rest_of_the_home_is_told_as_numbers():
    others = [
        said("kitchen", Q.MOTION, t, v) for t, v in ((1, 1.0), (2, 0.0), (9, 1.0), (10, 1.0), (12, 0.0))
    ]
    others += [said("kitchen", Q.MOTION, 13, 1.0), said("door", Q.CONTACT_OPEN, 14, 1.0)]
    events = run(falls(down=6) + empty(6, 30) + others, 30)
    assert "motion_elsewhere" not in events[0].evidence
    assert events[1].evidence["motion_elsewhere"] == 2
    assert events[1].evidence["doors_opened"] == 1


def verdict(t, value, flags=0):
    return Reading("module", Q.FALL_STATE, int(t * S), value, flags)


@pytest.mark.parametrize(("value", "stage"), [(1, "suspected"), (2, "confirmed")])
def test_own_verdict_is_told_at_once_and_cleared_by_zero(value, stage):
    events = run([verdict(1, value), verdict(2, value), verdict(9, 0)], 500)
    assert stages(events) == [(Phase.ONSET, stage), (Phase.CLEAR, "recovered")]
    assert [e.t for e in events] == [S, 9 * S]
    assert all(e.source == "module" for e in events)


def test_own_verdict_that_stays_becomes_a_long_lie():
    events = run([verdict(1, 1), verdict(4, 2)], 500)
    assert stages(events)[1:] == [(Phase.UPDATE, "confirmed"), (Phase.UPDATE, "long_lie")]
    assert [e.t for e in events] == [S, 4 * S, 301 * S]


def test_deadline_is_cancelled_by_data_at_the_deadline():
    events = run([verdict(1, 1), verdict(16, 0)], 500)
    assert stages(events) == [(Phase.ONSET, "suspected"), (Phase.CLEAR, "recovered")]


def test_retained_verdict_is_told_once_and_upgraded_by_a_live_one():
    events = run([verdict(1, 2, Flag.RETAINED), verdict(2, 2, Flag.RETAINED), verdict(3, 2)], 10)
    assert [e.phase for e in events] == [Phase.ONSET, Phase.UPDATE]
    assert events[0].evidence["found_at_connect"] is True
    assert "found_at_connect" not in events[1].evidence


@pytest.mark.parametrize(("flag", "key"), [(Flag.WEAK, "weak"), (Flag.TEST, "test")])
def test_flags_are_carried(flag, key):
    assert run([verdict(1, 2, flag)], 2)[0].evidence[key] is True
    assert key not in run([verdict(1, 2)], 2)[0].evidence


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_no_value_is_no_verdict(value):
    assert run([verdict(1, value)], 500) == []
    assert stages(run([verdict(1, 2), verdict(2, value)], 3)) == [(Phase.ONSET, "confirmed")]


SCENE = (
    falls(up=4, down=6) + empty(6, 25) + person(25, 32, 1.75, seed=4)
    + [verdict(3, 1), verdict(5, float("nan")), verdict(30, 0), verdict(31, 2, Flag.RETAINED)]
    + [said("kitchen", Q.MOTION, 8, 1.0), said("bed", Q.BED_OCCUPIED, 33, 1.0)]
)  # fmt: skip
SCENE.sort(key=lambda r: r.t)
WHOLE = run(SCENE, 40)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 40 * S), max_size=8), st.booleans())
def test_cuts_advances_and_snapshots_change_nothing(cuts, reborn):
    assert len(WHOLE) >= 5
    d, events, a = detector(), [], 0
    for b in [*sorted(cuts), 40 * S]:
        part = [r for r in SCENE if a <= r.t < b]
        events += d.process(blocks(part)) if part else []
        events += d.advance(b)
        if reborn:
            state = json.loads(json.dumps(d.snapshot(), allow_nan=False))
            d = detector()
            d.restore(state)
        a = b
    assert events == WHOLE


@given(st.integers(0, 10**15))
@settings(max_examples=10, deadline=None)
def test_shift_in_time(shift):
    moved = run([r._replace(t=r.t + shift) for r in SCENE], 40 + shift / S)
    assert [(e.t - shift, e.phase, e.evidence) for e in moved] == [(e.t, e.phase, e.evidence) for e in WHOLE]


def test_points_without_numbers_neither_raise_nor_fire():
    bad = np.full((5, 5), np.nan)
    bad[1] = np.inf
    bad[2] = 1e30
    frames = [Reading("radar", Q.CLOUD, i * S // 10, bad) for i in range(100)]
    assert run(frames, 100) == []


def test_state_is_bounded():
    d = detector()
    d.process(blocks(person(0, 30, 1.75, rate=30)))
    early = len(json.dumps(d.snapshot()))
    d.process(blocks(person(30, 80, 1.75, rate=30)))
    assert len(json.dumps(d.snapshot())) < early * 1.3


@pytest.mark.parametrize(
    "state",
    [{}, {"detector": "gas", "version": 1}, {"detector": "fall", "version": 1},
     {"detector": "fall", "version": 1, "cases": {"radar": {}}},
     {"detector": "fall", "version": 1, "cases": 5}],
)  # fmt: skip
def test_foreign_snapshot_is_refused(state):
    with pytest.raises(ValueError):
        detector().restore(state)


@pytest.mark.parametrize("params", [{"confirm_after_s": 0}, {"long_lie_after_s": 5}, {"recover_after_s": -1}])
def test_impossible_parameters_are_refused(params):
    with pytest.raises(ValueError):
        FallParams(**params)
