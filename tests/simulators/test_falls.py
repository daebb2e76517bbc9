"""Simulated radar clips: the same each time, in the shared format, and physically what they say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.falls_clips import clips
from core.quantity import Quantity
from simulators.falls import CASES, CLIP_S, Take, take, write
from simulators.prng import Prng
from simulators.radar_kinds import SENSORS, blocks, points_of
from simulators.scatter import Scene, Sensor3d, look
from simulators.things import curtain, fan, roamer

BY_NAME = {s.name: s for s in SENSORS}
FEW = ("forward", "from_bed", "second_person", "walk", "pet")
SOME = settings(max_examples=max(8, settings().max_examples // 5))


def heights(clip: Take, start: float, stop: float) -> float:
    rows = np.repeat(clip.seen.t, np.diff(clip.seen.offsets))
    z = clip.seen.points[(rows >= start) & (rows < stop) & (clip.seen.actor >= 0), 2]
    return float(np.median(z)) if len(z) else float("nan")


@SOME
@given(st.sampled_from(sorted(BY_NAME)), st.sampled_from(sorted(CASES)), st.integers(0, 1000))
def test_clips_are_well_formed_and_the_same_each_time(name: str, case: str, number: int) -> None:
    sensor = BY_NAME[name]
    one, two = take(sensor, case, number), take(sensor, case, number)
    seen = one.seen
    assert (points_of(sensor, seen).tobytes(), seen.t.tobytes()) == (
        points_of(sensor, two.seen).tobytes(),
        two.seen.t.tobytes(),
    )
    assert len(seen.t) == int(CLIP_S * sensor.rate_hz)
    assert (np.diff(seen.t) > 0).all()
    counts = np.diff(seen.offsets)
    assert seen.offsets[0] == 0
    assert seen.offsets[-1] == len(seen.points) == len(seen.actor)
    assert (counts >= 0).all()
    detected = np.bincount(np.repeat(np.arange(len(seen.t)), counts)[seen.actor >= 0], minlength=1)
    assert detected.max(initial=0) <= sensor.most_points
    assert np.isfinite(seen.points).all()
    assert (one.impact_s is not None) == CASES[case][0]
    if one.impact_s is not None:
        assert one.impact_s < CLIP_S - 3


@pytest.mark.parametrize("case", ["forward", "backward", "right", "left", "bathroom"])
@pytest.mark.parametrize("sensor", SENSORS, ids=lambda s: s.name)
def test_after_a_fall_the_echoes_lie_low(sensor: Sensor3d, case: str) -> None:
    for number in range(3):
        clip = take(sensor, case, number)
        assert clip.impact_s is not None
        before = heights(clip, max(0, clip.impact_s - 3), clip.impact_s - 1)
        after = heights(clip, clip.impact_s, clip.impact_s + 2)
        assert after < 0.5
        assert before > after + 0.35


@pytest.mark.parametrize("case", ["walk", "sit", "squat", "pick_up", "two_people"])
def test_what_is_no_fall_does_not_stay_low(case: str) -> None:
    clip = take(BY_NAME["sim_3d"], case, 0)
    assert heights(clip, CLIP_S - 8, CLIP_S) > 0.5


def test_tracks_follow_people_and_offsets_fit() -> None:
    clip = take(BY_NAME["sim_tracked"], "two_people", 0).seen
    assert clip.track_offsets[-1] == len(clip.tracks) == len(clip.heights)
    assert set(clip.tracks[:, 0].tolist()) == {0.0, 1.0}
    assert (clip.heights[:, 1] >= clip.heights[:, 2]).all()
    assert ((clip.tracks[:, 3] > 0) & (clip.tracks[:, 3] < 2)).all()
    assert not take(BY_NAME["sim_3d"], "walk", 0).seen.tracks.size


def test_an_empty_room_shows_only_noise() -> None:
    sensor = BY_NAME["sim_3d"]
    seen = look(sensor, Scene([]), 20.0, Prng(1))
    assert (seen.actor == -1).all()
    assert len(seen.points) == int(200 * sensor.noise_per_frame)


@SOME
@given(st.integers(0, 1000))
def test_things_stay_where_they_belong(seed: int) -> None:
    t = np.arange(0, 30, 0.1)
    chance = Prng(seed)
    for kind, top in (("pet", 1.2), ("robot", 0.25)):
        thing = roamer(t, kind, 3.5, chance.fork(kind))  # type: ignore[arg-type]
        assert thing.at.shape == thing.velocity.shape
        assert 0 < thing.at[..., 2].min() <= thing.at[..., 2].max() < top
        assert np.isfinite(thing.velocity).all()
    assert np.ptp(fan(t, 0, 2, 1, chance).at[..., 1]) == 0
    cloth = curtain(t, 3.0, -1, 1, chance)
    assert np.ptp(cloth.at[..., 1]) < 0.2
    assert abs(cloth.velocity).max() < 0.3


def test_files_have_the_shared_format_and_the_same_bytes(tmp_path: Path, data_folder: Path) -> None:
    real = np.load(data_folder / "falls" / "wudao_sit.npz")
    for sensor in (BY_NAME["sim_tracked"], BY_NAME["sim_sparse"]):
        path = write(tmp_path, sensor, 2, cases=FEW)
        assert path.read_bytes() == write(tmp_path / "again", sensor, 2, cases=FEW).read_bytes()
        with np.load(path, allow_pickle=False) as made:
            for name in real.files:
                if name in made.files:
                    assert made[name].dtype.kind == real[name].dtype.kind, name
                    assert made[name].ndim == real[name].ndim, name
                else:
                    assert name.startswith(("track", "height")), name
                    assert not sensor.tracks
            assert json.loads(str(made["meta"]))["simulated"] is True
            assert len(made["clip_name"]) == 2 * len(FEW)
            assert made["clip_label"].sum() == 2 * sum(CASES[c][0] for c in FEW)


@pytest.mark.parametrize("sensor", SENSORS, ids=lambda s: s.name)
def test_the_bench_reads_them_as_they_were_meant(sensor: Sensor3d, tmp_path: Path) -> None:
    path = write(tmp_path, sensor, 1, seed=3, cases=FEW)
    for clip in clips(path):
        case, number = clip.name.rsplit("-", 1)
        made = take(sensor, case, int(number), seed=3)
        assert clip.fall == CASES[case][0]
        read = {b.quantity: b for b in clip.blocks}
        own = {b.quantity: b for b in blocks(sensor, made.seen, "radar")}
        assert len(read[Quantity.CLOUD]) == len(own[Quantity.CLOUD])
        np.testing.assert_allclose(read[Quantity.CLOUD].value, own[Quantity.CLOUD].value, atol=1e-4)
    assert clip.mounting.height_m == sensor.height_m
    assert clip.mounting.vertical_axis == ("x" if sensor.turned else "z")
