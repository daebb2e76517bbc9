"""Does the bench of stillness run on any folder of homes, and say what it could not use?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench import inactivity, long_homes
from bench.home_rows import read, time_of
from bench.homes import load
from bench.resample import long_home
from core.model import DAY, HOUR

START = datetime(2026, 1, 5, tzinfo=UTC)
FIELDS = (
    "days", "false_per_30d", "freezes", "delay_mean_h", "day_median_h", "day_p95_h", "night_median_h",
    "masked_share", "away_sensitivity", "away_specificity",
)  # fmt: skip


def lived(days: int, seed: int = 1) -> list[tuple[datetime, str, str, str]]:
    """Days of motion in four rooms, an outing each afternoon, quiet nights."""
    rng = np.random.default_rng(seed)
    out = []
    for day in range(days):
        t = START + timedelta(days=day, hours=7 + float(rng.uniform(-0.4, 0.4)))
        end = START + timedelta(days=day, hours=22.5 + float(rng.uniform(-0.5, 0.5)))
        while t < end:
            room = ("kitchen", "living", "hall", "bedroom")[int(rng.integers(4))]
            if not 14 < (t - START).total_seconds() / 3600 % 24 < 16:
                out += [(t + timedelta(seconds=20 * k), f"{room}{k % 2}", "motion", room) for k in range(3)]
            t += timedelta(minutes=float(rng.exponential(20)) + 2)
        at = START + timedelta(days=day)
        out += [(at + timedelta(hours=h), "front door", "contact", "hall") for h in (14, 16)]
    return sorted(out)


def write(folder: Path, name: str, rows: list, columns: tuple[str, ...], truth: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(columns) + "\n")
        for t, sensor, kind, room in rows:
            for value, after in (("1", 0), ("0", 3)):
                stamp = (t + timedelta(seconds=after)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
                cells = {"time": stamp, "sensor": sensor, "kind": kind, "room": room, "value": value}
                file.write(",".join(cells[c] for c in columns) + "\n")
    if truth:
        with (folder / f"{name}.truth.csv").open("w", encoding="utf-8") as file:
            file.write("start,end,label\n")
            days = sorted({t.date() for t, *_ in rows})
            for day in days:
                file.write(f"{day} 14:00:10,{day} 16:00:00,away\n{day} 22:00:00,{day} 23:59:00,sleep\n")
    return path


ALL = ("time", "sensor", "kind", "room", "value")


def report(capsys: pytest.CaptureFixture[str], *args: str) -> dict:
    assert inactivity.main([*args, "--json", "--freezes", "25", "--no-rules"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_folder_of_homes_gives_every_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "home" / "homes", "one", lived(20), ALL)
    found = report(capsys, "--data", str(tmp_path))
    home = found["homes"]["one"]
    assert set(FIELDS) <= set(home)
    assert set(FIELDS) <= set(found["all"])
    assert home["freezes"] == 25
    assert home["away_sensitivity"] > 0.9
    assert home["away_specificity"] > 0.9
    assert 0 < home["delay_mean_h"] < 13


@pytest.mark.parametrize(
    "columns", [ALL, ("time", "sensor", "value"), ("sensor", "time"), ("time", "sensor", "kind")]
)
def test_missing_columns_and_truth_are_named(
    columns: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(t, {"front door": "front door"}.get(s, f"{s} motion"), k, r) for t, s, k, r in lived(12)]
    write(tmp_path, "bare", rows, columns, truth=False)
    home = report(capsys, "--data", str(tmp_path))["homes"]["bare"]
    told = " ".join(home["notes"])
    assert "no truth file" in told
    assert all(f"no column {c}" in told for c in ALL if c not in columns)
    assert home["freezes"] == 25
    assert home["away_sensitivity"] is None


def test_unknown_kinds_and_values_are_counted_not_dropped_silently(tmp_path: Path) -> None:
    path = write(tmp_path, "odd", lived(3), ALL, truth=False)
    with path.open("a", encoding="utf-8") as file:
        file.write("2026-01-09 10:00:00,thermo,temperature,hall,21.5\n")
        file.write("2026-01-09 10:00:01,hall0,motion,hall,perhaps\n")
        file.write("yesterday,hall0,motion,hall,1\nshort\n")
        file.write("2026-01-09T10:00:02.1234567,hall0,PIR,hall,ON\n")
    told = load(path).notes
    assert "left out: 1 rows of the unknown kind 'temperature'" in told
    assert "left out: 1 rows of kind motion with values that are neither on nor off" in told
    assert "left out: 1 rows without a time" in told
    assert "left out: 1 rows that are cut short" in told
    assert read(path).rows[-1][1:] == ("hall0", "motion", "hall", 1.0)


def test_a_file_that_is_no_home_is_named_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "good", lived(12), ALL)
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    found = report(capsys, "--data", str(tmp_path))
    assert set(found["unreadable"]) == {"bad", "empty"}
    assert list(found["homes"]) == ["good"]


def test_a_home_without_a_door_counts_as_inhabited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [r for r in lived(12) if r[1] != "front door"]
    write(tmp_path, "doorless", rows, ALL, truth=False)
    home = report(capsys, "--data", str(tmp_path))["homes"]["doorless"]
    assert "no door sensor" in home["limits"]
    assert home["masked_share"] == 0


def test_no_homes_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert inactivity.main(["--data", str(tmp_path)]) == 2
    assert "no homes under" in capsys.readouterr().err


def test_a_resampled_home_is_long_in_order_and_the_same_every_time(tmp_path: Path) -> None:
    home = load(write(tmp_path, "short", lived(15), ALL))
    long, again, other = long_home(home, 40), long_home(home, 40), long_home(home, 40, seed=2)
    assert long is not None
    assert again is not None
    assert other is not None
    assert long.edges == again.edges
    assert long.truth == again.truth
    assert long.edges != other.edges
    assert 38 * DAY < long.stop - long.start <= 41 * DAY
    assert all(a[0] <= b[0] for a, b in pairwise(long.edges))
    assert {e[1] for e in long.edges} == {e[1] for e in home.edges}
    nights = [b[0] - a[0] for a, b in pairwise(long.edges) if b[0] - a[0] > 6 * HOUR]
    assert len(nights) > 25, "its nights are still nights"


def test_too_short_a_home_is_not_resampled(tmp_path: Path) -> None:
    assert long_home(load(write(tmp_path, "short", lived(2), ALL, truth=False)), 40) is None


def test_the_table_of_long_homes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "one", lived(12), ALL)
    assert long_homes.main(["--data", str(tmp_path), "--days", "40", "--freezes", "20", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["homes"]["one"]["freezes"] == 20


@pytest.mark.parametrize(
    "text", ["2026-01-05 10:00:00", "2026-01-05T10:00:00.000", "2026-01-05 10:00:00.0000001"]
)
def test_times_in_many_spellings(text: str) -> None:
    assert time_of(text) == int(datetime(2026, 1, 5, 10, tzinfo=UTC).timestamp()) * 1_000_000_000
