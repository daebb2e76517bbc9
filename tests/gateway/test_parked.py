"""What a channel refused can be seen and offered once more, also beside a running gateway."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alerts.outbox import Outbox
from alerts.route import Route
from core.clock import ManualClock
from core.contracts import Refused
from core.model import Alert
from gateway.cli import app
from tests.alerts.making import alert, key
from tests.gateway.kept import home_at

run = CliRunner().invoke


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTHWATCH_LANGUAGE", "en")


class Picky:
    """Refuses everything until it is mended."""

    mended = False

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
        if not self.mended:
            raise Refused("wrong key")
        return [key(a) for a in alerts]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return home_at(tmp_path, "channels: {daughter: {type: log}, son: {type: log}}\n")


def test_seen_and_offered_again(config: Path) -> None:
    box, clock, sink = Outbox(config.parent / "state" / "alerts.db"), ManualClock(), Picky()
    for name in ("daughter", "son"):
        box.register(name)
    box.write([alert(1), alert(2, kind="fall")])
    route = Route("daughter", sink, box, clock)
    while (wanted := route.step()) is not None and wanted <= clock.now():
        pass
    said = run(app, ["parked", "-c", str(config)])
    assert said.exit_code == 0
    assert "ALARM: fall" in said.stdout
    assert said.stdout.count("wrong key") == 2
    assert "2 parked" in said.stdout
    assert run(app, ["parked", "-c", str(config), "--channel", "son"]).stdout.strip() == "0 parked"
    sink.mended = True
    told = json.loads(run(app, ["parked", "-c", str(config), "--again", "--json"]).stdout)
    assert told["offered"] == 2
    assert {r["channel"] for r in told["parked"]} == {"daughter"}
    route.nudge()  # as the next alert would
    while (wanted := route.step()) is not None and wanted <= clock.now():
        pass
    route.note()
    assert box.parked_list() == []
    assert box.backlog("daughter") == 0
    box.close()
    assert "0 parked" in run(app, ["parked", "-c", str(config)]).stdout


def test_what_cannot_be_is_said(config: Path) -> None:
    assert run(app, ["parked", "-c", str(config)]).exit_code == 4
    assert not (config.parent / "state").exists()
    assert run(app, ["parked", "-c", str(config), "--channel", "nobody"]).exit_code == 2
    (config.parent / "state").mkdir()
    (config.parent / "state" / "alerts.db").write_bytes(b"garbage" * 2000)
    for options in ([], ["--again"]):
        assert run(app, ["parked", "-c", str(config), *options]).exit_code == 4
    assert (config.parent / "state" / "alerts.db").read_bytes().startswith(b"garbage"), (
        "it must not be set aside"
    )
