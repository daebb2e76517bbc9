"""Do mounting and resting zones reach the fall detector from config.yaml, are mistakes told, is it all said?"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from core.config import ConfigError
from core.model import SECOND, Block, Reading
from core.quantity import Quantity as Q
from detectors.fall import SPEC
from gateway.build import plan
from gateway.explain import explain, explain_json
from tests.gateway.fall_home import HOME, ONE, plan_of

MISTAKES = [
    ("height_m: 2.0", "height_m: 20", "mounting.height_m"),
    ("height_m: 2.0", "height_m: low", "mounting.height_m"),
    ("tilt_deg: 15", "tilt_deg: 120", "mounting.tilt_deg"),
    ("tilt_deg: 15", "vertical_axis: up", "vertical_axis"),
    ("[[0.2, 1.6, 1.4, 3.6]]", "[[0.2, 1.6, 1.4]]", "rest_zones"),
    ("[[0.2, 1.6, 1.4, 3.6]]", "[[20, 160, 140, 360]]", "give metres"),
    ("[[0.2, 1.6, 1.4, 3.6]]", "[[1, 2, 1, 3]]", "no area"),
    ("rest_zones: {radar:", "rest_zones: {rader:", "no sensor 'rader'"),
    ("rest_zones:", "from_floor: [kitchen], rest_zones:", "no sensor 'kitchen'"),
    ("rest_zones:", "rest_zone:", "unknown key"),
]


@pytest.mark.parametrize(("old", "new", "word"), MISTAKES, ids=[w for _, _, w in MISTAKES])
def test_a_mistake_is_told_with_path_and_line(old: str, new: str, word: str, tmp_path: Path) -> None:
    text = HOME.format(residents=ONE, state=tmp_path / "state")
    assert old in text
    path = tmp_path / "config.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        plan(path)
    said = str(caught.value)
    assert word in said
    assert re.match(rf"{re.escape(str(path))}:\d+: ", said), f"no line in: {said}"


def test_check_says_what_is_assumed_of_each_radar(tmp_path: Path) -> None:
    said = explain(plan_of(tmp_path))
    assert "radar: falls by its points; z up, tilt 15 degrees, 2 m above the floor, 1 resting zone\n" in said
    assert "module: falls by its points and by its own verdict; z up" in said
    assert "bed:" not in said.split("detector fall")[1].split("detector")[0]
    text = HOME.format(residents=ONE, state=tmp_path / "state").replace("height_m: 2.0, ", "")
    path = tmp_path / "other.yaml"
    path.write_text(text.replace("ld6002c", "ld2450"), encoding="utf-8")
    said = explain(plan(path))
    assert "height not given" in said
    assert "module: sees presence without height; it can tell no fall" in said
    facts = explain_json(plan(path))["falls"]
    assert facts["module"] == {"judged_by": []}
    assert facts["radar"]["floor_known"] is False


def test_mounting_and_zones_reach_the_detector(tmp_path: Path) -> None:
    made = plan_of(tmp_path)
    params = next(d.params for d in made.detectors if d.spec.name == "fall")
    assert params.rest_zones == {"radar": ((0.2, 1.6, 1.4, 3.6),)}
    fall = SPEC.make(params, made.home)
    fall.process([Block.of([Reading("radar", Q.CLOUD, SECOND, np.array([[0.0, 2.0, 0.0, 0.5, 1.0]] * 3))])])
    state = fall.snapshot()["cases"]["radar"]["watch"]["scene"]["slot"][0]
    assert state[0][2] == pytest.approx(-2 * 0.2588, abs=0.001)  # straight ahead, looking 15 degrees down
