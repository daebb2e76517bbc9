"""What was kept, and what becomes of it? report, audit, export and erase."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli_base import BUSY, DIFFERENT, UNREADABLE, WRONG, ConfigOption, JsonOption, fail, plan
from gateway.words import word


class Form(StrEnum):
    """Which form?"""

    csv = "csv"
    parquet = "parquet"
    line = "line"
    fhir = "fhir"


class What(StrEnum):
    """What of it?"""

    all = "all"
    alerts = "alerts"
    readings = "readings"


def add(app: typer.Typer) -> None:
    """Register these commands."""
    app.command(help=word("cli.report"))(report)
    audit = typer.Typer(no_args_is_help=True, help=word("cli.audit"), rich_markup_mode=None)
    audit.command("verify", help=word("cli.audit.verify"))(verify)
    app.add_typer(audit, name="audit")
    app.command(help=word("cli.export"))(export)
    app.command("erase", help=word("cli.erase"))(erase_command)
    app.command("parked", help=word("cli.parked"))(parked_command)


def report(
    config: ConfigOption = Path("config.yaml"),
    month: Annotated[str, typer.Option(help=word("cli.option.month"))] = "",
    resident: Annotated[str, typer.Option(help=word("cli.option.resident"))] = "",
    picture: Annotated[Path | None, typer.Option("--out", help=word("cli.option.report_picture"))] = None,
    as_json: JsonOption = False,
) -> None:
    """Times to acknowledge and to arrive, and what was false, month by month and resident by resident."""
    from alerts.archive import Archive, Unreadable
    from gateway.reporting import chosen, draw_report, tell

    made = plan(config)
    try:
        with Archive(made.state_dir / "alerts.db") as archive:
            months = chosen(archive, made.home, month, resident)
    except Unreadable as error:
        raise fail(str(error), UNREADABLE) from None
    except ValueError as error:
        raise fail(str(error), WRONG) from None
    if as_json:
        print(json.dumps([m.as_dict() for m in months], ensure_ascii=False))
    else:
        print("\n".join(tell(months, made.home)))
    if picture is not None:
        picture.write_text(draw_report(months, made.home), encoding="utf-8")
        if not as_json:
            print(f"-> {picture}")


def verify(
    config: ConfigOption = Path("config.yaml"),
    head: Annotated[str, typer.Option(help=word("cli.option.head"))] = "",
    as_json: JsonOption = False,
) -> None:
    """Was the record of alerts changed afterwards?"""
    from alerts.archive import Archive, Unreadable
    from gateway.auditing import audit, tell

    made = plan(config)
    try:
        with Archive(made.state_dir / "alerts.db") as archive:
            found = audit(archive, head.strip().lower())
    except Unreadable as error:
        raise fail(str(error), UNREADABLE) from None
    if as_json:
        print(json.dumps(found.as_dict(), ensure_ascii=False))
    else:
        print("\n".join(tell(found, made.home)))
    raise typer.Exit(0 if found.whole else DIFFERENT)


def export(
    to: Annotated[Path, typer.Argument(help=word("cli.argument.export_to"))],
    config: ConfigOption = Path("config.yaml"),
    form: Annotated[Form, typer.Option("--format", help=word("cli.option.format"))] = Form.csv,
    what: Annotated[What, typer.Option(help=word("cli.option.what"))] = What.all,
    start: Annotated[str, typer.Option("--from", help=word("cli.option.from"))] = "",
    stop: Annotated[str, typer.Option("--to", help=word("cli.option.to"))] = "",
    source: Annotated[list[str] | None, typer.Option(help=word("cli.option.source"))] = None,
    names: Annotated[bool, typer.Option("--names", help=word("cli.option.names"))] = False,
    as_json: JsonOption = False,
) -> None:
    """Alerts and readings as files for other programs."""
    from alerts.archive import Unreadable as NoAlerts
    from gateway.exporting import Asked, NotPossible, run_export
    from store.reader import Unreadable as NoSamples

    made = plan(config)
    asked = Asked(to, form.value, what.value, start, stop, frozenset(source or ()), names)
    try:
        told = run_export(made, asked)
    except NotPossible as error:
        raise fail(str(error), WRONG) from None
    except (NoAlerts, NoSamples) as error:
        raise fail(str(error), UNREADABLE) from None
    except OSError as error:
        raise fail(f"{to}: {error.strerror or error}", WRONG) from None
    if as_json:
        print(json.dumps([{"file": str(path), "rows": rows} for path, rows in told], ensure_ascii=False))
    else:
        for path, rows in told:
            print(word("export.told").format(path=path, rows=rows))


def erase_command(
    config: ConfigOption = Path("config.yaml"),
    everything: Annotated[bool, typer.Option("--all", help=word("cli.option.erase_all"))] = False,
    before: Annotated[str, typer.Option(help=word("cli.option.before"))] = "",
    resident: Annotated[str, typer.Option(help=word("cli.option.erase_resident"))] = "",
    yes: Annotated[bool, typer.Option("--yes", help=word("cli.option.yes"))] = False,
    by: Annotated[str, typer.Option(help=word("cli.option.erase_by"))] = "",
    as_json: JsonOption = False,
) -> None:
    """Remove personal data from this machine for good."""
    import os

    from core.clock import SystemClock
    from gateway.erase import Scope, erase, survey
    from gateway.exporting import NotPossible, instant
    from gateway.lock import Busy, Lock

    made = plan(config)
    if sum(map(bool, (everything, before, resident))) != 1:
        raise fail(word("erase.choose"), WRONG)
    known = [r.id for r in made.home.residents]
    if resident and resident not in known:
        raise fail(word("report.no_resident").format(resident=resident, known=", ".join(known) or "-"), WRONG)
    try:
        if known == [resident]:  # an only resident: all that was kept is about them
            everything, resident = True, ""
        scope = Scope(everything, instant(before, made.home), resident)
    except NotPossible as error:
        raise fail(str(error), WRONG) from None
    if not made.state_dir.is_dir():
        raise fail(word("erase.nothing").format(folder=made.state_dir), UNREADABLE)
    try:
        lock = Lock(made.state_dir)
    except Busy as error:
        raise fail(word("erase.busy").format(why=error), BUSY) from None
    try:
        if not yes:
            for what, count in survey(made, scope):
                print(f"  {what}: {count}")
            if not _sure(word("erase.sure")):
                raise fail(word("erase.stopped"), WRONG)
        now = SystemClock().now()
        told = erase(made, scope, now, by or os.environ.get("USER", "") or "unknown")
    finally:
        lock.close()
    if as_json:
        said = {"removed": dict(told.removed), "remains": told.remains, "failed": told.failed}
        print(json.dumps(said, ensure_ascii=False))
    else:
        print("\n".join(word("erase.removed").format(what=w, count=n) for w, n in told.removed))
        print("\n".join(f"- {line}" for line in told.remains))
    for line in told.failed:
        fail(word("erase.failed").format(what=line), DIFFERENT)
    raise typer.Exit(DIFFERENT if told.failed else 0)


def parked_command(
    config: ConfigOption = Path("config.yaml"),
    channel: Annotated[str, typer.Option(help=word("cli.option.channel"))] = "",
    again: Annotated[bool, typer.Option("--again", help=word("cli.option.again"))] = False,
    as_json: JsonOption = False,
) -> None:
    """What channels refused for good, and offer it once more."""
    from alerts.archive import Unreadable
    from alerts.parked import offer_again, parked
    from alerts.text import render

    made = plan(config)
    path = made.state_dir / "alerts.db"
    names = [c.name for c in made.channels]
    if channel and channel not in (*names, "influx"):
        raise fail(word("parked.no_channel").format(channel=channel, known=", ".join(names) or "-"), WRONG)
    try:
        found = parked(path, channel)
        count = offer_again(path, channel) if again else 0
    except Unreadable as error:
        raise fail(str(error), UNREADABLE) from None
    if as_json:
        rows = [
            {"channel": p.channel, "alert": p.alert.id, "revision": p.alert.revision, "reason": p.reason}
            for p in found
        ]
        print(json.dumps({"parked": rows, "offered": count}, ensure_ascii=False))
        return
    for p in found:
        title = render(p.alert, made.home, discreet=True).title
        print(f"{p.channel}  {p.alert.id} r{p.alert.revision}  {title}\n    {p.reason}")
    print(
        word("parked.again").format(count=count) if again else word("parked.count").format(count=len(found))
    )


def _sure(question: str) -> bool:
    """Does a person say yes? Nobody there, or an empty answer, is a no."""
    try:
        return typer.confirm(question)
    except typer.Abort:
        return False
