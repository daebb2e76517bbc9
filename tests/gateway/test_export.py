"""What is exported is what was kept, to the last bit, whatever the form."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from alerts.outbox import Outbox
from alerts.revision import to_json
from core.clock import ManualClock
from core.config import SamplesConfig
from core.model import DAY, HOUR, SECOND, Alert, AlertState, Block
from core.quantity import Quantity
from gateway.cli import app
from store.line_protocol import alert_line, block_lines
from store.reader import SampleReader, Unreadable
from store.sqlite import SampleStore
from tests.alerts.making import alert
from tests.gateway.kept import home_at
from tests.store.test_line_protocol import parse

run = CliRunner().invoke


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTHWATCH_LANGUAGE", "en")


Q = Quantity
T0 = 20_000 * DAY

BLOCKS = [
    Block.build(
        "s1", Q.CO_PPM, [T0 + i * 7 * SECOND for i in range(2000)], [0.1 * i for i in range(2000)], [0] * 2000
    ),
    Block.build("s1", Q.SMOKE, [T0 + HOUR, T0 + 3 * HOUR], [1.0, 0.0], [0, 1]),
    Block.build("s2", Q.BUTTON, [T0 + 5, T0 + HOUR], ['double, "click"', "单击\nx"], [0, 0]),
    Block.build("s2", Q.TRACK, [T0 + 9], [[1.5] * 10], [0]),
]


def alerts() -> list[Alert]:
    odd = {"reason": 'a, "b"\nc', "stage": "alarm", "co_ppm": 0.1, "none": None, "deep": {"x": [1, 2.5, "ü"]}}
    return [
        alert(1, evidence=odd),
        alert(1, 2, state=AlertState.CLEARED, evidence={"why": "cleared"}),
        alert(2, kind="fall", source="s2", changed=3600 * 24 * 40),
    ]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = home_at(tmp_path)
    box = Outbox(tmp_path / "state" / "alerts.db")
    box.write(alerts())
    box.close()
    store = SampleStore(
        tmp_path / "state" / "samples.db", SamplesConfig(thin_s=1), ManualClock(T0 + 5 * HOUR)
    )
    store.keep_raw(T0 - 1, T0 + 10 * HOUR)
    store.write(BLOCKS)
    store.close()
    return path


def exported(config: Path, *options: str) -> Path:
    said = run(app, ["export", str(config.parent / "out"), "-c", str(config), *options])
    assert said.exit_code == 0, said.output
    return config.parent / "out"


def kept(config: Path) -> list[tuple[str, str, int, Any, int]]:
    with SampleReader(config.parent / "state" / "samples.db") as reader:
        return [
            (b.source, str(b.quantity), r.t, r.value, r.flags)
            for key in reader.series()
            for b in reader.blocks(key)
            for r in b.readings()
        ]


def test_the_reader_gives_what_the_store_gives(config: Path) -> None:
    store = SampleStore(config.parent / "state" / "samples.db", SamplesConfig(), ManualClock(T0 + 5 * HOUR))
    try:
        with SampleReader(config.parent / "state" / "samples.db") as reader:
            assert reader.series() == sorted(store.series())
            for key in reader.series():
                for start, stop in (
                    (T0 - DAY, T0 + DAY),
                    (T0 + 100 * SECOND, T0 + HOUR + 1),
                    (T0 + DAY, T0 + 2 * DAY),
                ):
                    found = list(reader.blocks(key, start, stop))
                    wanted = store.read(*key, start, stop)
                    assert [t for b in found for t in b.t.tolist()] == wanted.t.tolist()
                    assert all(
                        np.array_equal(a, b)
                        for a, b in zip(
                            [b.value for b in found if len(found) == 1], [wanted.value], strict=False
                        )
                    )
            assert reader.damaged == 0
            assert reader.count() >= len(kept(config))
    finally:
        store.close()


def test_csv_reads_back_exactly(config: Path) -> None:
    out = exported(config)
    with (out / "alerts.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    back = [
        {**{k: r[k] for k in ("id", "kind", "severity", "state", "source", "room", "resident")},
         **{k: int(r[k]) for k in ("revision", "opened", "changed")}, "evidence": json.loads(r["evidence"])}
        for r in rows
    ]  # fmt: skip
    assert back == [to_json(a) for a in alerts()]
    assert rows[0]["title"] == "ALARM: smoke (厨房)"
    assert rows[2]["opened_at"].startswith("1970-01-01T08:00:00")
    with (out / "readings.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [(r["source"], r["quantity"], int(r["t"]), value(r), int(r["flags"])) for r in found] == kept(
        config
    )
    assert {r["unit"] for r in found if r["quantity"] == "co_ppm"} == {"ppm"}
    assert stat.S_IMODE((out / "alerts.csv").stat().st_mode) == 0o600
    assert not list(out.glob("*.part"))


def value(row: dict[str, str]) -> Any:
    shape = Quantity(row["quantity"]).shape
    if shape == "text":
        return row["value"]
    return float(row["value"]) if shape in ("flag", "scalar") else tuple(json.loads(row["value"]))


def test_parquet_reads_back_exactly(config: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    out = exported(config, "--format", "parquet")
    rows = pq.read_table(out / "alerts.parquet").to_pylist()
    assert [json.loads(r["evidence"]) for r in rows] == [to_json(a)["evidence"] for a in alerts()]
    assert [(r["id"], r["revision"], r["opened"], r["state"]) for r in rows] == [
        (a.id, a.revision, a.opened, str(a.state)) for a in alerts()
    ]
    found = pq.read_table(out / "readings.parquet").to_pylist()
    back = []
    for r in found:
        shape = Quantity(r["quantity"]).shape
        said = (
            r["text"]
            if shape == "text"
            else r["value"]
            if shape in ("flag", "scalar")
            else tuple(r["vector"])
        )
        back.append((r["source"], r["quantity"], r["t"], said, r["flags"]))
    assert back == kept(config)
    assert pq.read_schema(out / "readings.parquet").field("time").type.tz == "Asia/Shanghai"


def test_line_protocol_is_what_the_server_would_get(config: Path) -> None:
    out = exported(config, "--format", "line")
    assert (out / "alerts.line").read_text().splitlines() == [alert_line("h", a) for a in alerts()]
    lines = (out / "readings.line").read_text().splitlines()
    assert len(lines) == len([r for r in kept(config) if r[1] != "track"])
    smoke = [parse(x) for x in lines if x.startswith("smoke,")]
    assert [t for *_, t in smoke] == [T0 + HOUR, T0 + 3 * HOUR]
    assert list(block_lines("h", "", BLOCKS[3])) == []


def test_a_stretch_of_time_and_a_sensor(config: Path) -> None:
    out = exported(config, "--from", "1970-02-01", "--to", "1970-03-01", "--what", "alerts")
    assert len((out / "alerts.csv").read_text().splitlines()) == 2
    assert not (out / "readings.csv").exists()
    day = "2024-10-04"  # T0 in Shanghai is 08:00 of this day
    out = exported(
        config, "--what", "readings", "--from", f"{day}T09:00", "--to", f"{day}T10:00", "--source", "s1"
    )
    with (out / "readings.csv").open(newline="") as file:
        times = [int(r["t"]) for r in csv.DictReader(file)]
    wanted = [t for s, _, t, *_ in kept(config) if s == "s1" and T0 + HOUR <= t < T0 + 2 * HOUR]
    assert sorted(times) == sorted(wanted)
    assert times


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--from", "yesterday"], 2),
        (["--from", "2026-01-02", "--to", "2026-01-02"], 2),
        (["--format", "xlsx"], 2),
        (["--format", "fhir", "--source", "s1"], 2),
    ],
)
def test_what_cannot_be_is_said(config: Path, options: list[str], code: int) -> None:
    said = run(app, ["export", str(config.parent / "out"), "-c", str(config), *options])
    assert said.exit_code == code
    assert said.stderr


def test_nothing_to_read_and_a_damaged_file_are_said(tmp_path: Path) -> None:
    config = home_at(tmp_path)
    assert run(app, ["export", str(tmp_path / "out"), "-c", str(config)]).exit_code == 4
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "samples.db").write_bytes(b"garbage" * 1000)
    said = run(app, ["export", str(tmp_path / "out"), "-c", str(config), "--what", "readings"])
    assert said.exit_code == 4
    with pytest.raises(Unreadable):
        SampleReader(tmp_path / "state" / "samples.db")


def test_a_failed_export_leaves_the_old_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = exported(config, "--what", "alerts")
    before = (out / "alerts.csv").read_bytes()
    import gateway.export as module

    def breaks(alert: Alert, home: Any) -> tuple[Any, ...]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "alert_row", breaks)
    said = run(app, ["export", str(out), "-c", str(config), "--what", "alerts"])
    assert said.exit_code == 2
    assert "No space left" in said.stderr
    assert (out / "alerts.csv").read_bytes() == before
    assert not list(out.glob("*.part"))


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_law_numbers_read_back_as_the_same_number(x: float) -> None:
    from gateway.export import number

    assert float(number(x)) == x
