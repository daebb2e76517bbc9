"""Commands about the people and programs that are told: drill, bridge, install."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli_base import DIFFERENT, NOT_RUNNING, WRONG, ConfigOption, JsonOption, fail, plan
from gateway.words import word

DryOption = Annotated[bool, typer.Option("--dry", help=word("cli.option.dry"))]


def add(app: typer.Typer) -> None:
    """Register them."""
    app.command(help=word("cli.drill"))(drill)


def drill(
    kind: Annotated[str, typer.Argument(help=word("cli.argument.kind"))] = "fall",
    severity: Annotated[str, typer.Option(help=word("cli.option.severity"))] = "alarm",
    config: ConfigOption = Path("config.yaml"),
    dry: DryOption = False,
    seconds: Annotated[float, typer.Option(min=0, help=word("cli.option.drill_seconds"))] = 0.0,
    by: Annotated[str, typer.Option(help=word("cli.option.by"))] = "",
    as_json: JsonOption = False,
) -> None:
    """Rehearse an alert."""
    from alerts.severity import RULES
    from alerts.timeline import clock
    from core.model import Severity
    from gateway import drill as rehearsal

    made = plan(config)
    if kind not in RULES:
        raise fail(word("cli.drill.kind").format(kind=kind, kinds=", ".join(sorted(RULES))), WRONG)
    if severity not in [str(s) for s in Severity]:
        there = ", ".join(str(s) for s in Severity)
        raise fail(word("cli.drill.severity").format(severity=severity, there=there), WRONG)
    if dry:
        rehearsal.dry(made, kind, Severity(severity), as_json)
        return
    running = rehearsal.Drill(made, kind, Severity(severity), by or os.environ.get("USER", ""))

    def told(name: str, after_s: float) -> None:
        if not as_json:
            print(f"{clock(after_s)} {name}", flush=True)

    if not as_json:
        print(word("cli.drill.begins").format(kind=kind, severity=severity), flush=True)
    try:
        running.run(seconds, told)
    except rehearsal.Failed as error:
        raise fail(str(error), WRONG) from None
    except OSError:
        raise fail(word("cli.no_gateway").format(folder=made.state_dir), NOT_RUNNING) from None
    rehearsal.report(running, as_json)
    raise typer.Exit(DIFFERENT if running.missed else 0)
