"""Commands about the people and programs that are told: drill, bridge, install."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli_base import DIFFERENT, NOT_RUNNING, UNREADABLE, WRONG, ConfigOption, JsonOption, fail, plan
from gateway.words import word

RootOption = Annotated[Path, typer.Option(help=word("cli.option.root"))]
DryOption = Annotated[bool, typer.Option("--dry", help=word("cli.option.dry"))]


def add(app: typer.Typer) -> None:
    """Register them."""
    app.command(help=word("cli.drill"))(drill)
    app.command(help=word("cli.bridge"))(bridge)
    app.command(help=word("cli.install"))(install)


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


def bridge(
    address: Annotated[str, typer.Argument(help=word("cli.argument.address"))],
    config: ConfigOption = Path("config.yaml"),
    prefix: Annotated[str, typer.Option(help=word("cli.option.prefix"))] = "homes",
    username: Annotated[str, typer.Option(help=word("cli.option.username"))] = "",
    password_file: Annotated[Path | None, typer.Option(help=word("cli.option.password_file"))] = None,
    ca: Annotated[Path | None, typer.Option(help=word("cli.option.ca"))] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help=word("cli.option.insecure"))] = False,
    root: RootOption = Path("/"),
    dry: DryOption = False,
) -> None:
    """Write a bridge to a community broker."""
    from alerts.channels.base import read_secret
    from gateway.bridge import Bridge
    from gateway.install_files import put

    made = plan(config)
    mqtt = next((c for c in made.channels if c.type == "mqtt"), None)
    try:
        found = Bridge(
            made.home.id,
            address,
            prefix,
            username,
            read_secret(password_file) if password_file is not None else "",
            ca.resolve() if ca is not None else None,
            insecure,
            mqtt.params.prefix if mqtt is not None else "hearthwatch",
        )
    except ValueError as error:
        raise fail(str(error), WRONG) from None
    if mqtt is None:
        raise fail(word("cli.bridge.channel"), WRONG)
    if dry:
        print(found.text(), end="")
        return
    try:
        step = put(root, found.file())
    except OSError as error:
        raise fail(word("cli.install.failed").format(error=error), UNREADABLE) from None
    print(word(f"cli.install.{step.done}").format(path=step.file.path, backup=step.backup))
    print(word("cli.bridge.next").format(prefix=prefix, home=made.home.id))


def install(
    config: ConfigOption = Path("config.yaml"),
    root: RootOption = Path("/"),
    program: Annotated[str, typer.Option(help=word("cli.option.program"))] = "",
    dry: DryOption = False,
) -> None:
    """Write the service's files."""
    from gateway import install as installer

    made = plan(config)
    try:
        prepared = installer.prepare(made, config, root, program)
        if dry:
            print(installer.shown(prepared), end="")
            return
        installer.install(prepared, root)
    except OSError as error:
        raise fail(word("cli.install.failed").format(error=error), UNREADABLE) from None
    print("\n".join(installer.told(prepared, made)))
