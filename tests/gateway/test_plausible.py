"""What `hearthwatch check` says about channels whose files are not as they should be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from tests.gateway.kept import home_at

run = CliRunner().invoke


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTHWATCH_LANGUAGE", "en")


def test_a_missing_an_open_and_an_empty_secret_are_told(tmp_path: Path) -> None:
    (tmp_path / "open").write_text("key")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "empty").chmod(0o600)
    (tmp_path / "good").write_text("key\n")
    (tmp_path / "good").chmod(0o600)
    lines = "".join(
        f"  {name}: {{type: wecom, options: {{key_file: {tmp_path / name}}}}}\n"
        for name in ("missing", "open", "empty", "good")
    )
    config = home_at(tmp_path, f"channels:\n{lines}")
    said = run(app, ["check", "-c", str(config)])
    assert said.exit_code == 1
    told = [x for x in said.stdout.splitlines() if x.startswith("!")]
    assert len(told) == 3
    assert "chmod 600" in said.stdout
    found = json.loads(run(app, ["check", "-c", str(config), "--json"]).stdout)
    assert len(found["complaints"]) == 3


def test_nothing_wrong_is_nothing_said(tmp_path: Path) -> None:
    said = run(app, ["check", "-c", str(home_at(tmp_path, "channels: {log: {type: log}}\n"))])
    assert said.exit_code == 0
    assert "!" not in said.stdout


def test_addresses_apprise_cannot_use_are_told_without_their_tokens(tmp_path: Path) -> None:
    pytest.importorskip("apprise", reason="apprise is not installed")
    (tmp_path / "urls").write_text("json://localhost/\nbark://host/hushhush\n")
    (tmp_path / "urls").chmod(0o600)
    more = f"channels: {{rest: {{type: apprise, options: {{urls_file: {tmp_path / 'urls'}}}}}}}\n"
    said = run(app, ["check", "-c", str(home_at(tmp_path, more))])
    assert said.exit_code == 1
    assert "line 2" in said.stdout
    assert "hushhush" not in said.stdout


def test_running_with_a_channel_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    more = f"channels: {{a: {{type: wecom, options: {{key_file: {tmp_path / 'none'}}}}}}}\n"
    said = run(app, ["run", "-c", str(home_at(tmp_path, more))])
    assert said.exit_code == 2
    assert "cannot be read" in said.stderr


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("responders: {li: {name: Li, residents: [nobody]}}\n", "there is no resident 'nobody'"),
        ("responders: {li: {role: neighbour}}\n", "responders.li.name: is missing"),
        ("responders: {li: {name: Li, minutes: -1}}\n", "responders.li.minutes"),
        ("channels: {log: {type: log, discreet: maybe}}\n", "channels.log.discreet"),
    ],
)
def test_mistakes_about_people_are_told_with_path_and_line(more: str, told: str, tmp_path: Path) -> None:
    said = run(app, ["check", "-c", str(home_at(tmp_path, more))])
    assert said.exit_code == 2
    assert told in said.stderr
    assert "config.yaml:" in said.stderr
