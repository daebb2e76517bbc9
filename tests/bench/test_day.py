"""Does the day's bench count minutes right, and run on the homes we hold?"""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.day import Agreement, judge, main
from bench.homes import load
from core.model import MINUTE


def test_minutes_are_counted_on_the_right_side() -> None:
    found = Agreement()
    found.add(
        [(0, 60 * MINUTE)], [(30 * MINUTE, 80 * MINUTE)], [(90 * MINUTE, 100 * MINUTE)], 0, 100 * MINUTE
    )
    assert (found.both, found.missed, found.wrong, found.neither, found.unknown) == (30, 30, 20, 10, 10)
    assert found.told()["sensitivity"] == 0.5
    assert Agreement().told()["specificity"] is None


def test_a_folder_without_homes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path)]) == 2
    assert "no homes here" in capsys.readouterr().err


def test_a_recorded_home_agrees_with_its_diary(data_folder: Path) -> None:
    found = judge(load(data_folder / "home" / "homes" / "ordonez_a.csv"))
    assert found["days"] >= 10
    assert found["out"]["sensitivity"] > 0.95
    assert found["out"]["specificity"] > 0.99
    assert found["bed"]["sensitivity"] > 0.95
    assert found["bed"]["specificity"] > 0.99
