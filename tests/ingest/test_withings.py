"""Does an exported sleep mat give the same nights in whatever order, and however often, its rows come?"""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import SECOND
from core.quantity import Quantity
from ingest.errors import LogError
from ingest.withings_csv import STAGES, STATE, home_and_blocks, once, read, recognises, totals

MINUTE = 60 * SECOND
minutes = st.lists(st.integers(0, 3), min_size=1, max_size=80)


@given(minutes, st.randoms(use_true_random=False), st.integers(0, 40))
def test_order_and_repeats_do_not_matter(stages: list[int], chance: random.Random, again: int) -> None:
    rows = [(k * MINUTE, (k + 1) * MINUTE, stage) for k, stage in enumerate(stages)]
    expected = {name: 60 * stages.count(i) for i, name in enumerate(STAGES)}
    mixed = rows + [chance.choice(rows) for _ in range(again)]
    chance.shuffle(mixed)
    found, contradictions = once(mixed)
    assert found == rows
    assert contradictions == 0
    assert totals(found, 0, len(rows) * MINUTE) == expected


spans = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9), st.integers(0, 3)), max_size=15)


@given(spans, st.randoms(use_true_random=False))
def test_the_same_time_never_counts_twice(told: list[tuple[int, int, int]], chance: random.Random) -> None:
    rows = [(a, a + n, v) for a, n, v in told]
    found, _ = once(rows)
    assert sum(b - a for a, b, _ in found) == len({t for a, b, _ in rows for t in range(a, b)})
    other = list(rows)
    chance.shuffle(other)
    assert once(other)[0] == found


def write(folder: Path, lines: list[str], summary: str = "") -> Path:
    (folder / STATE).write_text("start,duration,value\n" + "\n".join(lines) + "\n", encoding="utf-8")
    if summary:
        (folder / "sleep.csv").write_text(summary, encoding="utf-8")
    return folder


def test_bad_rows_are_refused_by_name_and_the_rest_is_read(tmp_path: Path) -> None:
    lines = [
        '2020-10-23T22:00:00+02:00,"[60,60]","[0,1]"',
        'yesterday,"[60]","[0]"',
        '2020-10-23T22:10:00+02:00,"[60]","[1,2]"',
        "2020-10-23T22:11:00+02:00,sixty,[1]",
        '2020-10-23T22:12:00+02:00,"[-60]","[1]"',
        '2020-10-23T22:13:00+02:00,"[60]","[7]"',
        '2020-10-23T22:14:00+02:00,"[60]","[NaN]"',
        "2020-10-23T22:15:00+02:00",
    ]
    found = read(write(tmp_path, lines))
    assert found.refused == {"time": 1, "lists": 4, "duration": 1, "stage": 1}
    assert len(found.stages) == 2
    assert found.zone == "Etc/GMT-2"


@pytest.mark.parametrize(
    "head",
    [
        'von,bis,"leicht (s)","tief (s)","rem (s)","wach (s)"',
        'from,to,"light (s)","deep (s)","rem (s)","awake (s)"',
    ],
)
def test_the_device_totals_are_read_in_several_languages(tmp_path: Path, head: str) -> None:
    night = "2020-10-23T22:00:00+02:00,2020-10-23T22:02:00+02:00,60,0,0,60"
    write(tmp_path, ['2020-10-23T22:00:00+02:00,"[60,60]","[0,1]"'], f"{head}\n{night}\nnonsense,,,,,\n")
    found = read(tmp_path)
    assert [s.same for s in found.sessions] == [True]
    assert found.refused == {"session": 1}


def test_what_is_no_export_is_refused_with_advice(tmp_path: Path) -> None:
    assert not recognises(tmp_path)
    with pytest.raises(LogError, match="name the folder"):
        read(tmp_path)
    (tmp_path / STATE).write_bytes(b"\xff\xfe\x00broken")
    assert recognises(tmp_path)
    with pytest.raises(LogError, match="cannot be read"):
        read(tmp_path)


def test_real_rows_shuffled_with_a_tenth_replayed_give_all_totals_of_the_device(
    data_folder: Path, tmp_path: Path
) -> None:
    folder = data_folder / "home" / "withings-sleep"
    if not folder.is_dir():
        pytest.skip("no withings-sleep in the data folder")
    plain = read(folder)
    assert plain.sessions
    assert all(s.same for s in plain.sessions)
    with (folder / STATE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    head, body = rows[0], rows[1:]
    chance = random.Random(5)
    body += chance.sample(body, len(body) // 10 + 1)
    chance.shuffle(body)
    with (tmp_path / STATE).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *body])
    (tmp_path / "sleep.csv").write_bytes((folder / "sleep.csv").read_bytes())
    mixed = read(tmp_path)
    assert [s.ours_s for s in mixed.sessions] == [s.device_s for s in plain.sessions]
    assert mixed.stages == plain.stages
    home, blocks = home_and_blocks(mixed)
    assert {b.quantity for b in blocks} >= {Quantity.BED_OCCUPIED, Quantity.SLEEP_STAGE}
    bed = next(b for b in blocks if b.quantity is Quantity.BED_OCCUPIED)
    assert (bed.t[1:] >= bed.t[:-1]).all()
    assert home.sensors["mat"].kind == "bed"
