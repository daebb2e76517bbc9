"""Does each change alter what it says and nothing else, the same way every time?"""

import json

import numpy as np
import pytest

from bench import falls_stress
from bench.falls import events_of
from bench.falls_bend import BENDS, rate
from bench.falls_clips import clips
from bench.falls_frames import apart, dice_of, together
from bench.falls_place import axes, company, hung, tilted, tracked
from core.model import SECOND
from core.quantity import Quantity as Q
from detectors.fall_geometry import Geometry
from tests.bench.test_falls import write


@pytest.fixture
def fall(tmp_path):
    write(tmp_path / "a.npz", [1, 0], seconds=9)
    return list(clips(tmp_path / "a.npz"))


@pytest.mark.parametrize("name", list(BENDS))
def test_a_change_is_the_same_every_time_and_its_clip_can_be_streamed(fall, name):
    one, other = fall
    made = [BENDS[name](apart(one), dice_of(name), apart(other)) for _ in range(2)]
    if made[0] is None:
        return
    a, b = (together(one, frames) for frames in made)
    for left, right in zip(a.blocks, b.blocks, strict=True):
        np.testing.assert_array_equal(left.value, right.value)
        np.testing.assert_array_equal(left.t, right.t)
    assert (np.diff(a.t) >= 0).all()
    assert a.told_impact_s == one.impact_s()
    events_of(a)


@pytest.mark.parametrize("hz", [4.0, 20.0, 30.0])
def test_rates_are_kept(fall, hz):
    frames = rate(hz)(apart(fall[0]), dice_of("x"), None)
    assert len(frames.t) == pytest.approx(9 * hz, rel=0.1)
    if hz > 10:  # the same points, shared out
        assert sum(map(len, frames.points)) == pytest.approx(sum(map(len, apart(fall[0]).points)), rel=0.05)


@pytest.mark.parametrize("bend", [tilted(15, True), axes("-z"), axes("x"), axes("-y")])
def test_a_mounting_that_is_told_gives_the_same_heights(fall, bend):
    before, after = apart(fall[0]), bend(apart(fall[0]), dice_of("x"), None)
    over = (after.mounting.height_m or 0.0) + before.floor_m if after.mounting.height_m else 0.0
    for p, q in zip(before.points, after.points, strict=True):
        told = Geometry(after.mounting)
        told._sensor_m = None  # leave no point out
        heights = told.level(q)[:, 2] + over
        assert len(heights) > 0  # those too near the antenna are left out
        assert np.min(np.abs(heights[:, None] - p[:, 2]), axis=1) == pytest.approx(0, abs=1e-6)


def test_changes_that_mean_nothing_to_a_clip_are_not_made(fall):
    frames = apart(fall[0])
    assert rate(10)(frames, dice_of("x"), None) is None
    assert company(2.0)(frames, dice_of("x"), None) is None
    assert tracked(True)(tracked(True)(frames, dice_of("x"), None), dice_of("x"), None) is None
    told = hung(1.4)(frames, dice_of("x"), None)
    assert hung(1.4)(told, dice_of("x"), None) is None


def test_tracks_replace_points(fall):
    frames = tracked(False)(apart(fall[0]), dice_of("x"), None)
    clip = together(fall[0], frames)
    assert {b.quantity for b in clip.blocks} == {Q.CLOUD, Q.TRACK}
    assert all(len(b.value) == 0 for b in clip.blocks if b.quantity is Q.CLOUD)
    assert clip.t[-1] < 9 * SECOND


def test_report_and_table(tmp_path, capsys):
    write(tmp_path / "a.npz", [1, 0], seconds=9)
    write(tmp_path / "b.npz", [0], seconds=5)
    assert falls_stress.main(["--data", str(tmp_path), "--json", "--only", "Doppler"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert set(rows) == {"no Doppler", "Doppler all zero"}
    assert rows["Doppler all zero"]["a"]["found"] == 1
    assert falls_stress.main(["--data", str(tmp_path), "--only", "as recorded"]) == 0
    assert "| as recorded | 1/1 | 0/1 | none |" in capsys.readouterr().out
    assert list(falls_stress.measure(tmp_path, "as recorded", ["b"])["rows"]["as recorded"]) == ["b"]
    assert falls_stress.main(["--data", str(tmp_path / "none")]) == 2
