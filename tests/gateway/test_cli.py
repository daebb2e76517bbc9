"""Is each command worth its help, in both languages, and does its exit code mean what it says?"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.words import FOLDER, catalogue

ROOT = Path(__file__).resolve().parent.parent.parent
COMMANDS = (
    "run",
    "check",
    "replay",
    "record",
    "status",
    "ack",
    "show",
    "demo",
    "devices",
    "drill",
    "bridge",
    "install",
    "scan",
    "commission",
    "report",
    "audit",
    "parked",
    "export",
    "erase",
    "day",
    "weeks",
    "sleep",
)


def _hearthwatch(*arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from gateway.cli import main; main()", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HEARTHWATCH_LANGUAGE": language, "COLUMNS": "200"},
    )


def test_both_catalogues_hold_the_same_keys_and_placeholders() -> None:
    english, chinese = catalogue("en"), catalogue("zh-CN")
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", chinese[key])), key
        assert re.search(r"[\u4e00-\u9fff]", chinese[key]), f"{key} is not translated"
    for path in FOLDER.glob("cli*.json"):
        group, tongue, _ = path.name.split(".")
        assert tongue in ("en", "zh-CN"), path.name
        assert (FOLDER / f"{group}.en.json").exists(), f"{path.name} has no English twin"


def test_every_key_the_command_line_asks_for_exists() -> None:
    asked = set()
    for path in (ROOT / "gateway").glob("*.py"):
        asked |= set(re.findall(r'\bword\("([\w.]+)"', path.read_text(encoding="utf-8")))
    assert asked
    assert asked <= catalogue("en").keys()


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_help_is_there_in_both_languages(language: str) -> None:
    said = _hearthwatch("--help", language=language)
    assert said.returncode == 0
    for command in COMMANDS:
        assert command in said.stdout
    assert catalogue(language)["cli.run"][:12] in said.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_of_its_own(command: str) -> None:
    said = _hearthwatch(command, "--help")
    assert said.returncode == 0
    assert len(said.stdout) > 150


def test_check_prints_the_graph_and_opens_nothing(tmp_path: Path) -> None:
    said = _hearthwatch("check", "-c", str(ROOT / "config.yaml"))
    assert said.returncode == 0
    for word in ("link broker", "radar_bathroom: ld6002c", "detector smoke", "channel log", "state in"):
        assert word in said.stdout, word
    graph = json.loads(_hearthwatch("check", "-c", str(ROOT / "config.yaml"), "--json").stdout)
    assert graph["links"]["radar_bathroom"]["baud"] == 115200
    assert not (ROOT / "state").exists(), "check must not make the state folder"


def test_status_without_a_gateway_says_so(tmp_path: Path) -> None:
    config = (ROOT / "config.yaml").read_text().replace("state_dir: state", f"state_dir: {tmp_path}")
    (tmp_path / "config.yaml").write_text(config)
    said = _hearthwatch("status", "-c", str(tmp_path / "config.yaml"))
    assert said.returncode == 3
    assert "hearthwatch run" in said.stderr


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"", "no known kind"), (b"\x00\x01\x02" * 100, "no known kind"), (b"a,b,c\n1,2,3\n", "no known kind")],
)
def test_an_unreadable_log_is_refused_with_advice(content: bytes, word: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    said = _hearthwatch("replay", str(path))
    assert said.returncode == 4
    assert word in said.stderr
    assert "Traceback" not in said.stderr
    assert _hearthwatch("replay", str(tmp_path / "none")).returncode == 4


def test_real_homes_and_captures_replay_with_their_counts(data_folder: Path) -> None:
    said = _hearthwatch("replay", str(data_folder / "home" / "homes" / "ordonez_a.csv"), "--json")
    assert said.returncode == 0, said.stderr
    report = json.loads(said.stdout)
    assert report["counts"]["readings"] > 100
    assert report["refused"] == {}
    capture = sorted((data_folder / "falls" / "uart" / "jjc" / "fall").glob("*.dat"))[0]
    said = _hearthwatch("replay", str(capture), "--device", "ti_iwr6843", "--rate", "92160")
    assert said.returncode == 0, said.stderr
    assert "good frames" in said.stdout
    assert "refused" in said.stdout


def test_a_second_gateway_is_refused(tmp_path: Path) -> None:
    """F33: two daemons on one state folder would write over each other."""
    from gateway.lock import Busy, Lock

    held = Lock(tmp_path)
    with pytest.raises(Busy, match=str(os.getpid())):
        Lock(tmp_path)
    held.close()
    Lock(tmp_path).close()
