from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.moves import Direction, Moves
from simulators.person import JOINTS, LIMBS, WIDTH, P, joints, pose
from simulators.prng import Prng

POSTURES = ("stand", "sit", "squat", "kneel", "prone", "supine", "right", "left", "slump", "bend")
HEIGHTS = st.floats(1.45, 1.9)
J = {name: i for i, name in enumerate(JOINTS)}
BONES = (
    ("shoulders", "head"),
    ("hip_l", "knee_l"),
    ("knee_r", "foot_r"),
    ("shoulder_l", "elbow_l"),
    ("elbow_r", "hand_r"),
)


@given(st.lists(st.floats(-180, 180), min_size=WIDTH, max_size=WIDTH), HEIGHTS)
def test_bones_keep_their_length(angles: list[float], height_m: float) -> None:
    strange = np.array([angles])
    strange[0, P.Z] = 3.0  # high enough that the floor does not cut anything
    straight = joints(np.zeros((1, WIDTH)) + np.eye(1, WIDTH, P.Z) * 3, height_m)[0]
    bent = joints(strange, height_m)[0]
    for a, b in BONES:
        expected = np.linalg.norm(straight[J[a]] - straight[J[b]])
        assert np.linalg.norm(bent[J[a]] - bent[J[b]]) == pytest.approx(expected, abs=1e-9)


@given(st.sampled_from(POSTURES), HEIGHTS, st.floats(0, 360))
def test_nothing_sinks_into_the_floor_and_turning_keeps_heights(
    name: str, height_m: float, yaw: float
) -> None:
    here = pose(height_m, name)
    there = here.copy()
    there[[P.X, P.Y, P.YAW]] = 1.0, 2.0, yaw
    a, b = joints(here[None], height_m)[0], joints(there[None], height_m)[0]
    assert (a[:, 2] > 0).all()
    assert a[:, 2] == pytest.approx(b[:, 2])
    assert a.shape == (len(JOINTS), 3)
    assert max(limb.b for limb in LIMBS) < len(JOINTS)


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [("stand", 1.5, 1.75), ("sit", 1.1, 1.35), ("squat", 0.6, 1.1), ("prone", 0, 0.4), ("supine", 0, 0.3),
     ("right", 0, 0.4), ("slump", 0.6, 0.95)],
)  # fmt: skip
def test_postures_are_as_high_as_they_should_be(name: str, lowest: float, highest: float) -> None:
    top = joints(pose(1.7, name)[None], 1.7)[0, :, 2].max()
    assert lowest <= top <= highest


def test_feet_stand_on_the_floor() -> None:
    for name in ("stand", "sit", "bend"):
        feet = joints(pose(1.7, name)[None], 1.7)[0, [J["foot_l"], J["foot_r"]], 2]
        assert (feet < 0.2).all(), name


@given(
    st.sampled_from(["forward", "backward", "right", "left"]),
    st.floats(0.5, 1.2),
    st.floats(0, 360),
    st.integers(0, 99),
)
def test_a_fall_ends_low_at_the_said_instant(
    direction: Direction, seconds: float, yaw: float, seed: int
) -> None:
    moves = Moves(Prng(seed), 0.0, 2.5, yaw)
    begun = moves.rest(2.0).now
    moves.fall(direction, seconds).rest(3.0)
    assert moves.impact_s == pytest.approx(begun + seconds)
    t = np.linspace(0, moves.now, 400)
    heads = joints(moves.poses(t), moves.height_m)[:, J["head"], 2]
    assert (heads[t < begun] > 1.3).all()
    assert (heads[t > begun + seconds] < 0.5).all()
    down = joints(moves.poses(np.array([begun + seconds - 0.02, begun + seconds])), moves.height_m)[
        :, J["head"], 2
    ]
    assert -8 < (down[1] - down[0]) / 0.02 < -1  # m/s at impact


@given(st.integers(0, 99), st.floats(-1, 1), st.floats(1, 4), st.floats(0.3, 1.2))
def test_a_walk_arrives_at_its_speed_with_swinging_legs(seed: int, x: float, y: float, speed: float) -> None:
    moves = Moves(Prng(seed), 0.0, 2.5)
    moves.walk(x, y, speed)
    end = moves.poses(np.array([moves.now]))[0]
    assert end[[P.X, P.Y]] == pytest.approx([x, y], abs=0.03)
    if moves.now > 3:
        t = np.linspace(moves.now - 2, moves.now - 0.1, 100)
        assert np.ptp(moves.poses(t)[:, P.THIGH_L]) > 20


@given(st.integers(0, 99))
def test_poses_do_not_depend_on_how_they_are_asked(seed: int) -> None:
    def script() -> Moves:
        return Moves(Prng(seed), 0.0, 2.5).walk(0.5, 1.5).become("sit", 1.0).rest(1).jump().slide()

    t = np.linspace(0, 20, 300)
    whole = script().poses(t)
    parts = np.concatenate([script().poses(t[:111]), script().poses(t[111:])])
    assert (whole == parts).all()
    assert np.isfinite(whole).all()
