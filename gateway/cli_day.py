"""Which commands show how the days go? ``day``, ``weeks``, ``sleep``: as words, as a picture, as data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli_base import DIFFERENT, UNREADABLE, WRONG, ConfigOption, JsonOption, fail, plan
from gateway.words import language, word

LanguageOption = Annotated[str, typer.Option("--language", help=word("cli.option.day_language"))]
LogOption = Annotated[list[Path] | None, typer.Option("--log", help=word("cli.option.day_log"))]


def add(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(help=word("cli.day"))(day)
    app.command(help=word("cli.weeks"))(weeks)
    app.command(help=word("cli.sleep"))(sleep)


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
        from ingest import withings_csv
        from ingest.errors import LogError
        from ingest.formats import BLOCKS, recognise

        try:
            own_home = withings_csv.recognises(log[0]) or recognise(log[0]) in BLOCKS
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


def weeks(
    last: Annotated[str, typer.Argument(metavar="[DATE]", help=word("cli.argument.last_date"))] = "",
    count: Annotated[int, typer.Option("--weeks", min=1, max=52, help=word("cli.option.weeks"))] = 5,
    config: ConfigOption = Path("config.yaml"),
    log: LogOption = None,
    out: Annotated[Path | None, typer.Option(help=word("cli.option.day_picture"))] = None,
    sensors: Annotated[bool, typer.Option("--sensors", help=word("cli.option.sensors"))] = False,
    in_language: LanguageOption = "",
    as_json: JsonOption = False,
) -> None:
    """The last weeks as words, as a picture, as data."""
    import sqlite3

    from gateway import weeks_words
    from gateway.day_source import NoDay
    from gateway.day_words import Speech
    from gateway.show import table
    from gateway.weeks import rows_of
    from gateway.weeks_picture import draw
    from store.days import DayStore

    try:
        kept = opened(config, log)
        day = kept.wanted(last or ("today" if log else "yesterday"))
        store = None if log else DayStore(plan(config).state_dir / "days.db")
        rows = rows_of(kept, day, 7 * count, store)
    except NoDay as error:
        raise fail(str(error), UNREADABLE) from None
    except sqlite3.Error as error:
        raise fail(f"days.db: {error}; the figures cannot be read", UNREADABLE) from None
    if not rows:
        raise fail(f"nothing was kept of the {7 * count} days up to {day}", UNREADABLE)
    speech = Speech(kept.home, spoken(in_language), kept.offset)
    if out is not None:
        written(out, draw(rows, speech)[0])
    if as_json:
        print(json.dumps(weeks_words.as_json(rows, kept.home.id), ensure_ascii=False))
        return
    columns = weeks_words.columns_of(rows)
    heads = [speech.say("weeks.col.date"), *(speech.say(f"weeks.col.{c}") for c in columns)]
    cells = [[weeks_words.day_name(r, speech), *(weeks_words.cell(r, c) for c in columns)] for r in rows]
    table(heads, cells, weeks_words.title(rows, speech))
    print("\n".join(weeks_words.sentences(rows, speech)))
    if sensors:
        told = weeks_words.sensors(rows, speech)
        print(f"\n{speech.say('weeks.sensors')}")
        print("\n".join(f"  {name}: {said}" for name, said in told) or speech.say("weeks.sensor.none"))
    print(f"\n{speech.say('day.medical')}")


def sleep(
    folder: Annotated[Path, typer.Argument(help=word("cli.argument.sleep"))],
    in_language: LanguageOption = "",
    as_json: JsonOption = False,
) -> None:
    """The nights of an exported sleep mat, beside the device's own totals."""
    from gateway.sleep_words import as_json as data
    from gateway.sleep_words import lines
    from ingest.errors import LogError
    from ingest.withings_csv import read

    try:
        found = read(folder)
    except LogError as error:
        raise fail(str(error), UNREADABLE) from None
    language_ = spoken(in_language)
    print(json.dumps(data(found), ensure_ascii=False) if as_json else "\n".join(lines(found, language_)))
    raise typer.Exit(DIFFERENT if any(not s.same for s in found.sessions) else 0)
