"""Promise P12: is a replay of what was recorded during `make run` the live run, byte for byte?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = [sys.executable, "-c", "from gateway.cli import main; main()"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demonstration that really ran: real broker, real pseudo-terminals, real channels."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [*COMMAND, "demo", "--scenario", "fall_in_bathroom", "--speed", "8", "--seconds", "16",
         "--folder", str(folder), "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def _replay(demo: Path, chunk: int, seed: str, out: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "replay", str(demo / "recording.jsonl"), "-c", str(demo / "config.yaml"),
         "--chunk", str(chunk), "--out", str(out), "--against", str(demo / "alerts.jsonl")],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": seed},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


def test_the_scenario_was_alerted_live(demo: Path) -> None:
    alerts = [json.loads(line) for line in (demo / "alerts.jsonl").read_text().splitlines()]
    assert ("fall", "alarm", "bathroom") in {(a["kind"], a["severity"], a["room"]) for a in alerts}


@pytest.mark.parametrize("seed", ["0", "4242"])
@pytest.mark.parametrize("chunk", [1, 7, 64, 4096, 0])
def test_every_replay_gives_the_same_bytes(demo: Path, chunk: int, seed: str, tmp_path: Path) -> None:
    out = tmp_path / "alerts.jsonl"
    _replay(demo, chunk, seed, out)
    assert out.read_bytes() == (demo / "alerts.jsonl").read_bytes()


def test_a_difference_is_shown_and_has_its_exit_code(demo: Path, tmp_path: Path) -> None:
    other = tmp_path / "expected.jsonl"
    lines = (demo / "alerts.jsonl").read_text().splitlines()
    other.write_text("\n".join(lines[:-1]) + "\n")
    done = subprocess.run(
        [*COMMAND, "replay", str(demo / "recording.jsonl"), "-c", str(demo / "config.yaml"), "--against", str(other)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "+{" in done.stdout


def test_the_alerts_own_evidence_is_a_replayable_case(demo: Path) -> None:
    cases = list((demo / "state" / "evidence").glob("*.jsonl"))
    assert cases, "no evidence was kept around the alert"
    done = subprocess.run(
        [*COMMAND, "replay", str(cases[0]), "-c", str(demo / "config.yaml"), "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["packets"] > 0


def test_the_alert_can_be_shown_in_words_and_as_a_picture(demo: Path, tmp_path: Path) -> None:
    from xml.etree import ElementTree

    alert = json.loads((demo / "alerts.jsonl").read_text().splitlines()[0])["id"]
    out = tmp_path / "alert.svg"
    done = subprocess.run(
        [*COMMAND, "show", alert[:8], "-c", str(demo / "config.yaml"), "--out", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "HEARTHWATCH_LANGUAGE": "en"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "fall" in done.stdout
    root = ElementTree.parse(out).getroot()
    assert root.findall("{http://www.w3.org/2000/svg}polyline"), "nothing is drawn"
