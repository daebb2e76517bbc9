"""Is every device listed with how well it is known, option by option, in both languages?"""

from __future__ import annotations

import importlib
import json
import re

import pytest
from typer.testing import CliRunner

from devices import DRIVERS
from devices.evidence import EVIDENCE, Level
from gateway.cli import app
from gateway.words import catalogue


def test_every_device_and_every_option_has_its_evidence() -> None:
    assert EVIDENCE.keys() == DRIVERS.keys()
    for name, spec in DRIVERS.items():
        assert EVIDENCE[name].options.keys() == spec.options.keys(), name


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_point_has_words(language: str) -> None:
    words = catalogue(language)
    for name, known in EVIDENCE.items():
        assert f"device.{name}" in words
        assert {f"evidence.{p}" for p in known.points} <= words.keys(), name
    used = {f"evidence.{p}" for e in EVIDENCE.values() for p in e.points} | {"evidence.frame"}
    assert {k for k in words if k.startswith("evidence.")} == used
    if language == "en":
        assert all(words[f"device.{s.name}"] == s.title for s in DRIVERS.values())


@pytest.mark.parametrize("name", DRIVERS)
def test_what_the_data_sheet_calls_one_source_is_marked(name: str) -> None:
    spec = DRIVERS[name]
    if re.search(r"\bone source\b|one user project", spec.evidence, re.IGNORECASE):
        assert EVIDENCE[name].of(Level.ONE_SOURCE), spec.evidence
    if re.search(r"unconfirmed|undocumented", spec.evidence, re.IGNORECASE):
        assert EVIDENCE[name].of(Level.UNCONFIRMED), spec.evidence
    if re.search(r"^(One source|One description)", spec.evidence):
        assert EVIDENCE[name].level is Level.ONE_SOURCE


def test_each_data_sheet_is_there() -> None:
    for spec in DRIVERS.values():
        module = importlib.import_module(spec.encode.__module__)
        assert (module.__doc__ or "").strip(), spec.name


def test_the_list_shows_all_and_marks_one_source() -> None:
    said = CliRunner().invoke(app, ["devices"], env={"COLUMNS": "240"})
    assert said.exit_code == 0
    for name, known in EVIDENCE.items():
        assert name in said.stdout
        if known.level is Level.ONE_SOURCE:
            assert f"{name}¹" in said.stdout
    rows = {r["name"]: r for r in json.loads(CliRunner().invoke(app, ["devices", "--json"]).stdout)}
    assert rows.keys() == DRIVERS.keys()
    assert rows["ld2420"]["one_source"] == ["frame", "option:mode"]
    assert rows["ld2450"]["options"]["tracking"] == {"default": "multi", "level": "documented"}


def test_one_device_is_shown_whole_and_a_wrong_name_is_told() -> None:
    said = CliRunner().invoke(app, ["devices", "ze07_co"], env={"COLUMNS": "160"})
    assert said.exit_code == 0
    for text in ("9600", "mode", "upload", "warm_up_s", "fault bit"):
        assert text in said.stdout
    wrong = CliRunner().invoke(app, ["devices", "ld245"])
    assert wrong.exit_code == 2
