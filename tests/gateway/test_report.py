"""The monthly report and the audit through the command line, over a record a real outbox wrote."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alerts.book import AlertBook
from alerts.outbox import Outbox
from gateway.cli import app
from tests.alerts.making import HOME, event, s
from tests.gateway.kept import home_at

run = CliRunner().invoke


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTHWATCH_LANGUAGE", "en")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = home_at(tmp_path)
    book = AlertBook(HOME)
    out = book.apply([event(100, "fall")])
    out += book.answer(out[0].id, "take", "grid", s(130))
    out += book.answer(out[0].id, "arrived", "grid", s(1000))
    out += book.answer(out[0].id, "false_alarm", "grid", s(1100), "sat down hard")
    out += book.apply([event(40 * 86_400, "smoke")])
    out += book.apply([event(40 * 86_400 + 5, "smoke", "clear")])
    box = Outbox(tmp_path / "state" / "alerts.db")
    box.write(out)
    box.close()
    return path


def test_the_report_in_words_as_json_and_as_a_picture(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run(app, ["report", "-c", str(config), "--out", str(config.parent / "r.svg")])
    assert said.exit_code == 0
    for word in (
        "1970-01  王秀英",
        "fall 1",
        "answered: 1, half of them within 30 s",
        "15 min",
        "sat down hard 1",
    ):
        assert word in said.stdout
    assert "alarms nobody ever answered: 1" in said.stdout.split("1970-02")[1]
    picture = (config.parent / "r.svg").read_text()
    assert picture.startswith("<svg")
    assert "15 min" in picture
    monkeypatch.setenv("HEARTHWATCH_LANGUAGE", "zh-CN")
    assert "有人到达" in run(app, ["report", "-c", str(config), "--month", "1970-01"]).stdout
    (january,) = json.loads(run(app, ["report", "-c", str(config), "--month", "1970-01", "--json"]).stdout)
    assert january["acknowledged"] == {"count": 1, "median_s": 30.0, "max_s": 30.0}
    assert january["false_alarms"] == {"sat down hard": 1}


def test_what_cannot_be_reported_is_said(config: Path, tmp_path: Path) -> None:
    assert run(app, ["report", "-c", str(config), "--month", "2031-01"]).exit_code == 0
    assert run(app, ["report", "-c", str(config), "--month", "January"]).exit_code == 2
    assert run(app, ["report", "-c", str(config), "--resident", "nobody"]).exit_code == 2
    (tmp_path / "other").mkdir()
    empty = home_at(tmp_path / "other")
    for command in (["report"], ["audit", "verify"]):
        assert run(app, [*command, "-c", str(empty)]).exit_code == 4
        assert not (tmp_path / "other" / "state").exists(), "reading must not make files"


def test_an_untouched_record_is_whole(config: Path) -> None:
    said = run(app, ["audit", "verify", "-c", str(config), "--json"])
    assert said.exit_code == 0
    found = json.loads(said.stdout)
    assert (found["whole"], found["rows"], found["broken_at"]) == (True, 6, None)
    known = run(app, ["audit", "verify", "-c", str(config), "--head", found["head"][:12]])
    assert known.exit_code == 0
    assert "whole: 6 revisions" in known.stdout


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("UPDATE revision SET body = replace(body, 'fall', 'test') WHERE seq = 2", 2),
        ("UPDATE revision SET body = 'no json' WHERE seq = 3", 3),
        ("DELETE FROM revision WHERE seq = 4", 5),
    ],
)
def test_a_changed_record_says_where(config: Path, sql: str, row: int) -> None:
    db = sqlite3.connect(config.parent / "state" / "alerts.db")
    db.execute(sql)
    db.commit()
    db.close()
    said = run(app, ["audit", "verify", "-c", str(config)])
    assert said.exit_code == 1
    assert f"BROKEN at row {row}" in said.stdout


def test_a_record_cut_off_at_its_end_shows_by_the_head(config: Path) -> None:
    head = json.loads(run(app, ["audit", "verify", "-c", str(config), "--json"]).stdout)["head"]
    db = sqlite3.connect(config.parent / "state" / "alerts.db")
    db.execute("DELETE FROM revision WHERE seq = 6")
    db.commit()
    db.close()
    assert run(app, ["audit", "verify", "-c", str(config)]).exit_code == 0
    said = run(app, ["audit", "verify", "-c", str(config), "--head", head])
    assert said.exit_code == 1
    assert "cut off" in said.stdout
