"""Do bytes that real devices sent decode whole, and equal what others read from them?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.model import Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices import DRIVERS, hlk_ld2450
from devices.ti_frame import MAGIC
from tests.vectors import recording


def read(path: Path) -> tuple[list[Reading], object]:
    driver = DRIVERS["ti_iwr6843"].make([Sensor("r", "ti_iwr6843", "port")])
    data = path.read_bytes()
    readings = []
    for at in range(0, len(data), 1000):
        readings += driver.feed(Packet("port", "", at, data[at : at + 1000]))
    return readings, driver


def test_ti_captures_decode_and_every_refusal_is_explained() -> None:
    files = [p for p in sorted(recording("falls", "uart").rglob("*")) if p.suffix in (".bin", ".dat")]
    assert files
    for path in files:
        readings, driver = read(path)
        health = driver.health()  # type: ignore[attr-defined]
        data = path.read_bytes()
        # what is not good lies between a magic word and the next: bytes that were lost on the line
        assert health.bytes_in == len(data)
        assert health.frames_good + sum(health.refused.values()) >= data.count(MAGIC) - 1, path.name
        assert set(health.refused) <= {"cut_short", "tlv_type", "tlv_length", "tlv_chain", "count",
                                       "packets_missed"}, path.name  # fmt: skip
        assert health.bytes_discarded == 0 or health.refused, path.name
        assert sum(r.quantity is Q.CLOUD for r in readings) == health.frames_good


@pytest.mark.parametrize(("kind", "clip"), [("fall", "fall"), ("not_fall", "adl")])
def test_ti_clouds_equal_those_read_by_others(kind: str, clip: str) -> None:
    """Frame by frame, point by point, snr included."""
    held = np.load(recording("falls", "jjc.npz"))
    names, offsets, clips = held["clip_name"].tolist(), held["point_offsets"], held["clip"]
    points = held["points"]
    compared = 0
    for path in sorted(recording("falls", "uart", "jjc", kind).glob("raw_*.dat")):
        number = int(path.stem.split("_")[1])
        name = f"{clip}-{number:03d}"
        if name not in names:
            continue
        rows = np.flatnonzero(clips == names.index(name))
        clouds = [r.value for r in read(path)[0] if r.quantity is Q.CLOUD]
        assert len(clouds) == len(rows), path
        for row, cloud in zip(rows, clouds, strict=True):
            theirs = points[offsets[row] : offsets[row + 1]]
            assert np.array_equal(np.asarray(cloud, dtype=np.float32), theirs), (path, row)
        compared += len(rows)
    assert compared > 1000


def test_ld2450_target_lists_survive_the_wire() -> None:
    """25041 real target lists: as frames and back, not one refused and not one changed."""
    driver = DRIVERS["ld2450"].make([Sensor("r", "ld2450", "port")])
    lists = 0
    for path in sorted(recording("falls", "ld2450").glob("*.jsonl")):
        for number, text in enumerate(path.read_text().splitlines()):
            targets = [(*t["coord"], t["speed"]) for t in json.loads(text)["targets"]]
            slots = b"".join(
                hlk_ld2450.slot((x / 1000, y / 1000, speed / 100, 0.32)) for x, y, speed in targets
            )
            frame = hlk_ld2450.HEADER + slots.ljust(24, b"\0") + hlk_ld2450.TAIL
            readings = driver.feed(Packet("port", "", number, frame))
            told = [r.value[:3] for r in readings if r.quantity is Q.TARGET]  # type: ignore[index]
            assert told == [(x / 1000, y / 1000, speed / 100) for x, y, speed in targets]
            lists += 1
    assert driver.health().refused == {}
    assert lists > 1000
