"""Which commands show how the days go? ``day`` (one day as words, picture, data)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli_base import UNREADABLE, WRONG, ConfigOption, JsonOption, fail, plan
from gateway.words import language, word

LanguageOption = Annotated[str, typer.Option("--language", help=word("cli.option.day_language"))]
LogOption = Annotated[list[Path] | None, typer.Option("--log", help=word("cli.option.day_log"))]


def add(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(help=word("cli.day"))(day)


def day(
    wanted: Annotated[str, typer.Argument(metavar="[DATE]", help=word("cli.argument.date"))] = "",
    config: ConfigOption = Path("config.yaml"),
    log: LogOption = None,
    out: Annotated[Path | None, typer.Option(help=word("cli.option.day_picture"))] = None,
    in_language: LanguageOption = "",
    as_json: JsonOption = False,
) -> None:
    """One day as words, as a picture, as data."""
    from gateway.day_json import as_json as data
    from gateway.day_picture import draw
    from gateway.day_source import NoDay
    from gateway.day_words import Speech, of_day, text

    try:
        kept = opened(config, log)
        found = kept.day(kept.wanted(wanted))
    except NoDay as error:
        raise fail(str(error), UNREADABLE) from None
    speech = Speech(kept.home, spoken(in_language), kept.offset)
    if out is not None:
        written(out, draw(found, kept.alerts, speech)[0])
    if as_json:
        told = data(found, of_day(found, kept.alerts), kept.local, kept.home.id)
        print(json.dumps(told, ensure_ascii=False))
    else:
        print(text(found, kept.alerts, speech))


def opened(config: Path, log: list[Path] | None) -> Any:
    """The stored samples of this configuration, or these logs. Raises NoDay."""
    from core.clock import SystemClock
    from gateway.day_source import from_log, from_store

    if log:
        from ingest.errors import LogError
        from ingest.formats import BLOCKS, recognise

        try:
            own_home = recognise(log[0]) in BLOCKS
        except (LogError, OSError) as error:
            raise fail(str(error), UNREADABLE) from None
        return from_log(log, None if own_home else plan(config))
    return from_store(plan(config), SystemClock().now())


def spoken(told: str) -> str:
    """The language asked for, or the person's own."""
    if told and told not in ("en", "zh-CN"):
        raise fail(f"there are no texts in {told!r}; use en or zh-CN", WRONG)
    return told or language()


def written(path: Path, picture: str) -> None:
    """Write a picture; exits where that is not possible."""
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise fail(f"{path}: {error.strerror}; choose another file", WRONG) from None
