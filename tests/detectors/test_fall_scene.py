"""Where are points, who is there, and what changed? The pieces below the fall detector."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import SECOND, Mounting
from detectors.fall_case import Look
from detectors.fall_geometry import Family, Geometry
from detectors.fall_model import FEATURES, load, parse
from detectors.fall_scene import Body, Scene, bodies, features, thin
from detectors.fall_watch import Watch

MODELS = load()


def cloud(*points):
    return np.array([[*p, 0.5, 10.0] for p in points], dtype=float).reshape(-1, 5)


# -- geometry --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mounting", "point", "height"),
    [
        (Mounting(2.0), (0.0, 3.0, -1.0), -1.0),
        (Mounting(2.0, vertical_axis="-z"), (0.0, 3.0, 1.0), -1.0),
        (Mounting(2.0, tilt_deg=30.0), (0.0, 2.0, 0.0), -1.0),  # straight ahead, looking down
        (Mounting(2.5, vertical_axis="-y"), (0.3, 1.5, 0.3), -1.5),  # on the ceiling
        (Mounting(1.2, vertical_axis="x"), (-0.8, 2.0, 0.0), -0.8),  # on its side
        (Mounting(1.2, vertical_axis="-x"), (0.8, 2.0, 0.0), -0.8),
    ],
)
def test_height_follows_the_mounting(mounting, point, height):
    levelled = Geometry(mounting, flat=point[2] == 0.0).level(cloud(point))
    assert levelled[:, 2] == pytest.approx([height])
    assert Geometry(mounting).floor_m == -mounting.height_m


def test_levelled_points_count_from_the_floor():
    geometry = Geometry(Mounting(2.0, tilt_deg=15.0), from_floor=True)
    assert geometry.level(cloud((0.0, 2.0, 0.4)))[:, 2] == pytest.approx([0.4])
    assert geometry.floor_m == 0.0


@pytest.mark.parametrize(
    "point",
    [(0.0, 0.1, 0.1), (0.0, 9.0, 0.0), (0.0, 1.0, -2.0), (np.nan, 1.0, 0.0), (0.0, np.inf, 0.0)],
    ids=["at the antenna", "far", "steep", "no number", "infinite"],
)
def test_impossible_points_are_left_out(point):
    assert len(Geometry(Mounting()).level(cloud(point, (0.0, 2.0, 0.0)))) == 1


@pytest.mark.parametrize(
    ("axis", "flat", "tracked", "family", "signed"),
    [
        ("z", False, False, Family.CLOUD, True),
        ("z", False, True, Family.TRACKED, True),
        ("z", True, False, Family.FLAT, True),
        ("learn", True, False, Family.ROTATED, False),
        ("learn", False, False, Family.CLOUD, True),
        ("x", True, False, Family.ROTATED, True),
    ],
)
def test_family_follows_from_facts(axis, flat, tracked, family, signed):
    geometry = Geometry(Mounting(vertical_axis=axis), tracked=tracked, flat=flat)
    assert (geometry.family, geometry.signed) == (family, signed)


# -- bodies and features ---------------------------------------------------------------------------
def blob(u, v, height, n=12, spread=0.05, seed=0):
    rng = np.random.default_rng(seed)
    return np.column_stack(
        (rng.normal(u, spread, n), rng.normal(v, spread, n), rng.normal(height, spread, n), np.full(n, 0.3))
    )


def test_two_people_are_two_bodies_and_a_few_ghosts_nobody():
    points = np.concatenate((blob(2, -2, 1.0), blob(4, 2, 0.5), blob(6, 0, 2.0, n=3)))
    found = bodies(points, MODELS["tracked"], Family.TRACKED)
    assert sorted(round(b.p50, 1) for b in found) == [0.5, 1.0]
    assert bodies(points[-3:], MODELS["cloud"], Family.CLOUD) == []


@given(st.integers(0, 400), st.integers(1, 100))
def test_thinning_keeps_order_and_bound(n, most):
    points = np.arange(float(n)).reshape(-1, 1)
    kept = thin(points, most)[:, 0]
    assert len(kept) == min(n, most)
    assert (np.diff(kept) > 0).all()


def body(height, half=0.4, u=2.0, doppler=0.5):
    return Body(u, 0.0, 20, height - half, height - half / 2, height, height + half / 2, height + half,
                doppler, 0.2)  # fmt: skip


def test_features_of_a_fall():
    change = features(body(-1.0, 0.1), [body(0.0)] * 8, [body(-0.5, doppler=2.0)], MODELS["cloud"], True)
    named = dict(zip(FEATURES, change.features.tolist(), strict=True))
    assert named["drop_m"] == named["settled_drop_m"] == pytest.approx(1.0)
    assert named["top_m"] == pytest.approx(1.3)
    assert named["foot_m"] == pytest.approx(0.7)
    assert named["log_doppler"] == pytest.approx(np.log(2.1))
    assert MODELS["cloud"].score(change.features) > 0


def test_one_high_ghost_before_is_no_drop():
    before = [body(0.0)] * 7 + [body(1.5)] * 3
    change = features(body(0.0), before, [], MODELS["cloud"], True)
    assert MODELS["cloud"].score(change.features) < 0


def test_where_up_is_unknown_a_rise_is_a_drop_too():
    down = features(body(-1.0, 0.1), [body(0.0)] * 8, [], MODELS["rotated"], False)
    up = features(body(1.0, 0.1), [body(0.0)] * 8, [], MODELS["rotated"], False)
    assert up.features == pytest.approx(down.features)


def test_without_history_nothing_is_said():
    assert features(body(-1.0), [body(0.0)], [], MODELS["cloud"], True) is None


def test_walls_that_never_move_are_not_bodies():
    scene = Scene(MODELS["cloud"], Family.CLOUD, True)
    wall = blob(3, 0, 1.0)
    wall[:, 3] = 0.0
    scene.add(np.concatenate((wall, blob(1, 2, 0.0))))
    assert [round(b.p50, 1) for b in scene.close()] == [0.0]


# -- model file ------------------------------------------------------------------------------------
def test_every_family_has_parameters_that_cannot_be_changed():
    assert set(MODELS) == {"cloud", "tracked", "rotated"}
    assert all(np.isfinite(m.weights).all() and m.bias < 0 for m in MODELS.values())
    assert not MODELS["cloud"].weights.flags.writeable


def test_an_unknown_feature_is_refused():
    with pytest.raises(ValueError):
        parse({"weights": {"astrology": 1.0}})


# -- watch -----------------------------------------------------------------------------------------
def play(watch, seconds, height, start=0.0, rate=10, n=12, tracks=None):
    """Frames of one body; what every quarter second showed."""
    looks = []
    for i in range(int(seconds * rate)):
        t = int((start + i / rate) * SECOND)
        while (due := watch.due()) is not None and due <= t:
            looks.append(watch.close())
        points = blob(0.0, 2.0, height, n=n, seed=i)[:, :3]
        watch.see(t, np.column_stack((points, np.full(n, 0.3), np.ones(n))), tracks)
    return looks


def test_smaller_drop_counts_where_the_floor_is_known():
    for mounting, fires in ((Mounting(1.2), True), (Mounting(), False)):
        watch = Watch(mounting)
        play(watch, 5, -0.3)
        looks = play(watch, 3, -0.85, start=5)
        assert any(look and look.drop for look in looks) is fires


def test_drop_that_ends_high_above_the_floor_is_a_ghost_that_vanished():
    watch = Watch(Mounting(2.5))
    play(watch, 5, 0.3)
    assert not any(look and look.drop for look in play(watch, 3, -1.0, start=5))


def test_tracks_alone_are_enough():
    watch = Watch(Mounting(2.0), from_floor=True)
    drops = []
    for i in range(60):
        t = i * SECOND // 10
        while (due := watch.due()) is not None and due <= t:
            drops.append(watch.close())
        z = 1.0 if i < 40 else 0.2
        watch.see(t, None, np.array([[1, 0, 3, z, 0, 0, -1, 0, 0, 0]], dtype=float))
    assert watch.family is Family.TRACKED
    assert any(look and look.drop for look in drops)


def test_an_upright_planar_radar_says_nothing():
    watch = Watch(Mounting(1.5))
    for i in range(100):
        t = i * SECOND // 10
        while (due := watch.due()) is not None and due <= t:
            assert watch.close() in (None, Look())
        watch.see(t, cloud(*[(0.1 * k, 2.0 - 0.01 * i, 0.0) for k in range(10)]))
    assert watch.family is Family.FLAT


def test_a_gap_forgets_what_was_before():
    watch = Watch(Mounting())
    play(watch, 5, 0.3)
    assert not any(look and look.drop for look in play(watch, 4, -0.8, start=9))
    assert watch.scene.history


def test_state_survives_json_without_nan():
    watch = Watch(Mounting())
    play(watch, 3, 0.3)
    watch.see(4 * SECOND, np.array([[0, 2, 0.1, np.nan, np.nan]]))
    state = json.loads(json.dumps(watch.snapshot(), allow_nan=False))
    other = Watch(Mounting())
    other.restore(state)
    assert other.snapshot() == watch.snapshot()


# -- what a radar cannot do ------------------------------------------------------------------------
@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_doppler_that_is_always_zero_is_none(value):
    watch = Watch(Mounting())
    drops = []
    for i in range(80):
        t = i * SECOND // 10
        while (due := watch.due()) is not None and due <= t:
            drops.append(watch.close())
        points = blob(0.0, 2.0, 0.3 if i < 50 else -0.8, seed=i)[:, :3]
        watch.see(t, np.column_stack((points, np.full(12, value), np.ones(12))))
    assert any(look and look.drop for look in drops)


def test_walls_are_left_out_as_soon_as_anything_moves():
    watch = Watch(Mounting())
    wall = np.column_stack((blob(3.0, 2.0, 1.0)[:, :3], np.zeros(12), np.ones(12)))
    mover = np.column_stack((blob(0.0, 2.0, 0.0)[:, :3], np.full(12, 0.5), np.ones(12)))
    for i in range(40):
        watch.see(i * SECOND // 10, wall if i < 20 else np.concatenate((wall, mover)))
        while (due := watch.due()) is not None and due <= (i + 1) * SECOND // 10:
            watch.close()
    assert [round(b.p50, 1) for b in watch.scene.history[-1]] == [0.0]


def test_few_points_are_pooled_for_longer():
    scene = Scene(MODELS["cloud"], Family.CLOUD, True)
    for i in range(8):
        scene.add(blob(1, 2, 0.0, n=2, seed=i))
        scene.close()
    assert [b.points for b in scene.history[-1]] == [16]
    for i in range(8):
        scene.add(blob(1, 2, 0.0, n=8, seed=i))
        scene.close()
    assert [b.points for b in scene.history[-1]] == [32]


def test_empty_clouds_beside_tracks_say_nothing():
    watch = Watch(Mounting(2.0))
    drops = []
    for i in range(80):
        t = i * SECOND // 10
        while (due := watch.due()) is not None and due <= t:
            drops.append(watch.close())
        z = 1.1 if i < 50 else 0.2
        track = np.array([[1, 0, 3, z, 0, 0, -1.0, 0, 0, 0]], dtype=float)
        watch.see(t, np.zeros((0, 5)), track)
    assert any(look and look.drop for look in drops)


# -- whose drop is it ------------------------------------------------------------------------------
BED = (-0.6, 1.5, 0.6, 2.5)  # around where `play` puts its body


@pytest.mark.parametrize(
    ("stood_s", "zones", "told"),
    [(0, (), False), (3, (), True), (0, (BED,), True)],
    ids=["cat", "person", "bed"],
)
def test_a_small_drop_from_low_counts_for_people_and_beside_beds(stood_s, zones, told):
    watch = Watch(Mounting(1.8), zones=zones)
    play(watch, stood_s, -0.7)  # 1.1 m above the floor
    play(watch, 5, -1.15, start=stood_s)
    looks = play(watch, 3, -1.65, start=stood_s + 5)
    assert any(look and look.drop for look in looks) is told


def test_a_person_is_forgotten_after_half_an_hour():
    watch = Watch(Mounting(1.8))
    play(watch, 3, -0.7)
    play(watch, 5, -1.15, start=1900)
    looks = play(watch, 3, -1.65, start=1905)
    assert not any(look and look.drop for look in looks)


def test_a_lesser_body_must_drop_further():
    before, now = [body(0.0)] * 8, body(-0.85)
    alone = features(now, before, [], MODELS["cloud"], True)
    beside = features(now, before, [], MODELS["cloud"], True, lesser=True)
    assert MODELS["cloud"].score(beside.features) < MODELS["cloud"].score(alone.features)
