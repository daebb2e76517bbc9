"""Do logs of meanings (homes, radar clips, target lists) become the right facts and blocks?"""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.model import DAY, HOUR, SECOND, Home
from core.quantity import Quantity
from ingest import cloud_npz, home_csv, ld2450_jsonl
from ingest.errors import LogError
from ingest.formats import open_blocks, open_log, recognise
from ingest.home_csv import HomeCounts
from ingest.recording import write_all

CSV = """time,sensor,kind,room,value
2026-03-01 08:00:00.000,Hall-Bedroom door,contact,,1
2026-03-01 08:00:00.000,"Kitchen,Fridge door",contact,,1
2026-03-01 08:00:05.250,PIR keuken,motion,,1
2026-03-01 08:00:04.000,PIR keuken,motion,,0
2026-03-01 08:01:00.000,press bed links,pressure,,1
2026-03-01 08:01:00.000,press bed links,pressure,,1
2026-03-01 08:02:00.000,Living/Seat,pressure,Living,1
2026-03-01 08:03:00.000,Front door,contact,,1
2026-03-01 08:03:10.000,mat hall,pressure,,1
2026-03-01 08:04:00.000,Toilet Flush,flush,,1
2026-03-01 08:04:00.000,toilet-flush,flush,,1
2026-03-01 08:05:00.000,Lamp,light,Office,on
2026-03-01 08:06:00.000,Lamp,light,Office,maybe
yesterday,Lamp,light,Office,1
2026-03-01 08:06:00.000,Cat,meow,,1
2026-03-01 08:06:00.000,Lamp
"""


@pytest.fixture
def home(tmp_path) -> tuple[Home, dict[str, object], HomeCounts]:
    path = tmp_path / "Test home.csv"
    path.write_text(CSV)
    counts = HomeCounts()
    facts, blocks = home_csv.read(path, "Europe/Amsterdam", counts)
    return facts, {b.source: b for b in blocks}, counts


def test_kinds_rooms_and_outer_doors(home):
    facts, blocks, _ = home
    told = {
        i: (b.quantity, facts.room_of(i), facts.room_kind_of(i), facts.sensors[i].kind)
        for i, b in blocks.items()
    }
    assert told == {
        "hall_bedroom_door": (Quantity.CONTACT_OPEN, "bedroom", "bedroom", "door"),
        "kitchen_fridge_door": (Quantity.CONTACT_OPEN, "kitchen", "kitchen", "cupboard"),
        "pir_keuken": (Quantity.MOTION, "kitchen", "kitchen", "motion"),
        "press_bed_links": (Quantity.BED_OCCUPIED, "bedroom", "bedroom", "bed"),
        "living_seat": (Quantity.SEAT_OCCUPIED, "living", "living", "seat"),
        "front_door": (Quantity.CONTACT_OPEN, "hall", "hall", "door"),
        "mat_hall": (Quantity.USE, "hall", "hall", "use"),
        "toilet_flush": (Quantity.USE, "bathroom", "bathroom", "flush"),
        "toilet_flush_2": (Quantity.USE, "bathroom", "bathroom", "flush"),
        "lamp": (Quantity.USE, "office", "other", "use"),
    }
    outer = {i: s.options.get("outer") for i, s in facts.sensors.items()}
    assert outer["front_door"] is True
    assert outer["hall_bedroom_door"] is False
    assert outer["kitchen_fridge_door"] is None
    assert facts.zone == "Europe/Amsterdam"
    assert len(facts.residents) == 1


def test_times_are_local_ordered_and_may_repeat(home):
    _, blocks, counts = home
    eight = 1_772_348_400 * SECOND  # 2026-03-01 07:00 UTC, 08:00 in Amsterdam
    pir = blocks["pir_keuken"]
    assert pir.t.tolist() == [eight + 4 * SECOND, eight + 5 * SECOND + 250_000_000]
    assert pir.value.tolist() == [0.0, 1.0]
    bed = blocks["press_bed_links"]
    assert bed.t[0] == bed.t[1]
    assert counts.unordered == 1
    assert counts.refused == {"value": 1, "time": 1, "kind": 1, "columns": 1}
    assert not pir.t.flags.writeable


def test_daylight_saving_shifts_the_instant_not_the_reading(tmp_path):
    path = tmp_path / "dst.csv"
    path.write_text(
        "time,sensor,kind,room,value\n2026-03-28 12:00:00,A,motion,,1\n2026-03-29 12:00:00,A,motion,,1\n"
    )
    (block,) = home_csv.read(path, "Europe/Amsterdam")[1]
    assert block.t[1] - block.t[0] == 23 * HOUR
    (block,) = home_csv.read(path)[1]
    assert block.t[1] - block.t[0] == DAY


def test_what_is_no_home_log_is_told(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(LogError, match="first line must be"):
        home_csv.read(path)
    path.write_text("time,sensor,kind,room,value\n")
    with pytest.raises(LogError, match="no row of a known kind"):
        home_csv.read(path)
    with pytest.raises(LogError, match="no such file"):
        home_csv.read(tmp_path / "none.csv")


def test_truth_spans(tmp_path):
    path = tmp_path / "h.truth.csv"
    path.write_text(
        "start,end,label\n2026-03-01 08:00:00,2026-03-01 09:00:00,away\n1970-01-01 00:00:01,1970-01-01 00:00:02,sleep\n"
    )
    spans = home_csv.truth(path)
    assert [s.label for s in spans] == ["sleep", "away"]
    assert spans[1].stop - spans[1].start == HOUR
    path.write_text("start,end,label\nx,y\n")
    with pytest.raises(LogError, match=":2:"):
        home_csv.truth(path)


def test_all_real_homes(data_folder):
    files = [
        p for p in sorted((data_folder / "home/homes").glob("*.csv")) if not p.name.endswith(".truth.csv")
    ]
    if not files:
        pytest.skip("no homes there")
    for path in files:
        assert recognise(path) == "home_csv"
        counts = HomeCounts()
        facts, blocks = home_csv.read(path, counts=counts)
        assert sum(len(b) for b in blocks) == counts.rows
        assert all((b.t[1:] >= b.t[:-1]).all() for b in blocks)
        assert {b.source for b in blocks} == set(facts.sensors)
        with_room = sum(1 for s in facts.sensors.values() if s.room)
        assert with_room >= len(facts.sensors) / 2
        truth = path.with_suffix(".truth.csv")
        if truth.exists():
            assert home_csv.truth(truth)


# -- radar


def clip_file(path, **more):
    arrays = {
        "t": np.array([0.0, 0.05, 0.1, 0.0, 0.04]),
        "clip": np.array([0, 0, 0, 1, 1], np.int32),
        "points": np.arange(20, dtype=np.float32).reshape(4, 5),
        "point_offsets": np.array([0, 2, 2, 3, 3, 4]),
        "clip_name": np.array(["fall-1", "walk-1"]),
        "clip_label": np.array([1, 0], np.uint8),
        "tracks": np.ones((2, 10), np.float32),
        "track_offsets": np.array([0, 2, 2, 2, 2, 2]),
        "heights": np.array([[0, 1.5, 0.2], [1, 0, 0]], np.float32),
        "height_offsets": np.array([0, 1, 2, 2, 2, 2]),
        "meta": np.array(json.dumps({"sensor": "X, 2.1 m high, 15 degrees tilt", "axes": "x lateral, z up"})),
        **more,
    }
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


def test_clips_become_clouds_tracks_and_heights(tmp_path):
    found = cloud_npz.read(clip_file(tmp_path / "c.npz"))
    assert [(c.name, c.label, c.start, c.stop) for c in found.clips] == [
        ("fall-1", 1, DAY, DAY + 100_000_000),
        ("walk-1", 0, DAY, DAY + 40_000_000),
    ]
    cloud, track, height = found.clips[0].blocks
    assert [cloud.points(n).shape for n in range(3)] == [(2, 5), (0, 5), (1, 5)]
    assert track.t.tolist() == [DAY, DAY]
    assert track.value.shape == (2, 10)
    assert height.value.tolist() == [[0.0, 1.5, pytest.approx(0.2)]]
    assert [b.quantity for b in found.clips[1].blocks] == [Quantity.CLOUD]
    mounting = found.home.sensors["radar"].mounting
    assert (mounting.height_m, mounting.tilt_deg, mounting.vertical_axis) == (2.1, 15.0, "z")
    assert len(open_blocks(tmp_path / "c.npz")) == 2


@pytest.mark.parametrize(
    ("axes", "axis"),
    [("x is the VERTICAL axis (its sign flips)", "learn"), ("y up m, z forward", "y"), ("", "z")],
)
def test_the_axis_that_points_up_is_read_from_the_words(tmp_path, axes, axis):
    path = clip_file(tmp_path / "c.npz", meta=np.array(json.dumps({"axes": axes})))
    assert cloud_npz.read(path).home.sensors["radar"].mounting.vertical_axis == axis


@pytest.mark.parametrize(
    "more",
    [
        {"points": None},
        {"clip": np.array([0, 1, 0, 1, 1])},
        {"t": np.zeros(3)},
        {"meta": np.array("no json")},
    ],
)
def test_radar_files_that_do_not_fit_are_told(tmp_path, more):
    path = clip_file(tmp_path / "c.npz", **more)
    if "meta" in more:
        assert cloud_npz.read(path).meta == {}
        return
    with pytest.raises(LogError, match=r"c\.npz"):
        cloud_npz.read(path)


def test_a_damaged_npz_is_told(tmp_path):
    path = tmp_path / "x.npz"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(LogError, match=r"x\.npz"):
        open_blocks(path)


def test_target_lists(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text(
        '{"targets": []}\n{"targets": [{"coord": [-144, 617], "speed": -16}, {"coord": [1000, 2000], "speed": 0}]}\n'
        'noise\n{"targets": [{"coord": [0, 1], "speed": NaN}]}\n{"targets": []}\n'
    )
    refused: dict[str, int] = {}
    home, (count, target) = ld2450_jsonl.read(path, start_ns=0, refused=refused)
    assert count.t.tolist() == [0, 88_000_000, 352_000_000]
    assert count.value.tolist() == [0.0, 2.0, 0.0]
    assert target.value[:, :3].tolist() == [[-0.144, 0.617, -0.16], [1.0, 2.0, 0.0]]
    assert refused == {"not_a_report": 2}
    assert set(home.sensors) == {"radar"}
    assert recognise(path) == "ld2450"
    path.write_text("noise\n")
    with pytest.raises(LogError, match="holds no report"):
        ld2450_jsonl.read(path)


def test_real_radar_files(data_folder):
    folder = data_folder / "falls"
    files = [*sorted(folder.glob("*.npz")), *sorted((folder / "ld2450").glob("*.jsonl"))]
    if not files:
        pytest.skip("no radar recordings there")
    for path in files:
        pairs = open_blocks(path)
        assert pairs
        for _, blocks in pairs:
            assert blocks
            assert all((b.t[1:] >= b.t[:-1]).all() for b in blocks)


def test_packets_and_meanings_are_not_mixed_up(tmp_path):
    path = clip_file(tmp_path / "c.npz")
    with pytest.raises(LogError, match="behind the drivers"):
        open_log(path)
    write_all(tmp_path / "r.jsonl", [])
    with pytest.raises(LogError, match="through the drivers"):
        open_blocks(tmp_path / "r.jsonl")
    with pytest.raises(LogError, match="does not belong"):
        open_blocks(path, colour="red")
