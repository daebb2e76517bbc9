"""What can a person tell hearthwatch to do? The command line; every command exits with a code that means
something: 0 done, 1 a difference or an alarm to look at, 2 the configuration or the call is wrong, 3 no
gateway answers, 4 an input cannot be read, 5 another gateway is running.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli_base import (
    BUSY,
    DIFFERENT,
    NOT_RUNNING,
    UNREADABLE,
    WRONG,
    ConfigOption,
    JsonOption,
    fail,
    log_to_stderr,
    plan,
)
from gateway.words import word

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help=word("cli.hearthwatch"), rich_markup_mode=None
)


def main() -> None:
    """The ``hearthwatch`` command."""
    app()


@app.command(help=word("cli.run"))
def run(
    config: ConfigOption = Path("config.yaml"),
    record_to: Annotated[Path | None, typer.Option("--record", help=word("cli.option.record"))] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help=word("cli.option.verbose"))] = False,
) -> None:
    """Run the daemon until stopped by a signal."""
    log_to_stderr(verbose)
    made = plan(config)
    from core.clock import SystemClock
    from gateway.app import Gateway
    from gateway.lock import Busy

    try:
        gateway = Gateway(made, lambda start: SystemClock(start=start), record_to)
    except Busy as error:
        raise fail(str(error), BUSY) from None
    except ValueError as error:  # a channel that cannot be made: a secret file, an address, a library
        raise fail(str(error), WRONG) from None
    except OSError as error:
        raise fail(f"{made.state_dir}: {error.strerror}; choose another state_dir", WRONG) from None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: gateway.stop())
    gateway.start()
    try:
        gateway.run()
    finally:
        gateway.close()


@app.command(help=word("cli.check"))
def check(config: ConfigOption = Path("config.yaml"), as_json: JsonOption = False) -> None:
    """Build the whole graph without opening a port; print what would run."""
    from gateway.explain import explain, explain_json
    from gateway.plausible import complaints

    made = plan(config)
    wrong = complaints(made)
    if as_json:
        print(json.dumps({**explain_json(made), "complaints": wrong}, ensure_ascii=False))
    else:
        print("\n".join([explain(made), *(f"! {line}" for line in wrong)]))
    raise typer.Exit(DIFFERENT if wrong else 0)


@app.command(help=word("cli.replay"))
def replay(
    log: Annotated[list[Path], typer.Argument(help=word("cli.argument.log"))],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help=word("cli.option.replay_config"))
    ] = None,
    chunk: Annotated[int, typer.Option(min=0, help=word("cli.option.chunk"))] = 4096,
    speed: Annotated[float, typer.Option(min=0, help=word("cli.option.speed"))] = 0.0,
    against: Annotated[Path | None, typer.Option(help=word("cli.option.against"))] = None,
    out: Annotated[Path | None, typer.Option(help=word("cli.option.out"))] = None,
    device: Annotated[str, typer.Option(help=word("cli.option.device"))] = "",
    rate: Annotated[float, typer.Option(min=0, help=word("cli.option.rate"))] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Run a recording or foreign log through the pipeline."""
    from gateway.replaying import NotReadable, replay_command

    made = plan(config) if config is not None else None
    try:
        code = replay_command(log, made, chunk, speed, against, out, device, rate, as_json)
    except NotReadable as error:
        raise fail(str(error), UNREADABLE) from None
    raise typer.Exit(code)


@app.command(help=word("cli.record"))
def record(
    to: Annotated[Path, typer.Argument(help=word("cli.argument.record_to"))],
    config: ConfigOption = Path("config.yaml"),
    seconds: Annotated[float, typer.Option(min=0, help=word("cli.option.seconds"))] = 0.0,
) -> None:
    """Keep what really arrives, without detecting anything."""
    from gateway.recording import record_command

    raise typer.Exit(record_command(plan(config), to, seconds))


@app.command(help=word("cli.status"))
def status(config: ConfigOption = Path("config.yaml"), as_json: JsonOption = False) -> None:
    """Ask the running gateway how it is."""
    from gateway.control import ask
    from gateway.show import show_status

    made = plan(config)
    try:
        answer = ask(made.state_dir, {"ask": "status"})
    except OSError:
        raise fail(
            f"no gateway answers in {made.state_dir}; start it with `hearthwatch run -c {config}`",
            NOT_RUNNING,
        ) from None
    if "error" in answer:
        raise fail(str(answer["error"]), NOT_RUNNING)
    if as_json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        show_status(answer, made)
    worst = [a for a in answer["alerts"] if a["severity"] in ("alarm", "warning")]
    raise typer.Exit(DIFFERENT if worst else 0)


@app.command(help=word("cli.ack"))
def ack(
    alert: Annotated[str, typer.Argument(help=word("cli.argument.alert"))],
    by: Annotated[str, typer.Option(help=word("cli.option.by"))] = "",
    answer: Annotated[str, typer.Option("--word", help=word("cli.option.word"))] = "acknowledge",
    cause: Annotated[str, typer.Option(help=word("cli.option.cause"))] = "",
    config: ConfigOption = Path("config.yaml"),
) -> None:
    """Acknowledge an alert at the running gateway."""
    from gateway.control import ask

    made = plan(config)
    try:
        request = {"answer": alert, "word": answer, "by": by or os.environ.get("USER", ""), "cause": cause}
        said = ask(made.state_dir, request)
    except OSError:
        raise fail(f"no gateway answers in {made.state_dir}", NOT_RUNNING) from None
    if "error" in said:
        raise fail(str(said["error"]), WRONG)


@app.command(help=word("cli.show"))
def show(
    alert: Annotated[str, typer.Argument(help=word("cli.argument.alert"))],
    config: ConfigOption = Path("config.yaml"),
    out: Annotated[Path | None, typer.Option(help=word("cli.option.picture"))] = None,
) -> None:
    """The life of an alert in words, and as a picture."""
    from gateway.show_alert import NotFound, picture, revisions, words
    from gateway.words import language

    made = plan(config)
    try:
        told = revisions(made.state_dir, alert)
        print(words(told, made.home, language()))
        if out is not None:
            out.write_text(picture(told, made), encoding="utf-8")
            print(f"-> {out}")
    except NotFound as error:
        raise fail(str(error), UNREADABLE) from None


@app.command(help=word("cli.demo"))
def demo(
    scenario: Annotated[str, typer.Option(help=word("cli.option.scenario"))] = "fall_in_bathroom",
    config: ConfigOption = Path("config.yaml"),
    speed: Annotated[float, typer.Option(min=0, help=word("cli.option.demo_speed"))] = 0.0,
    seconds: Annotated[float, typer.Option(min=0, help=word("cli.option.seconds"))] = 0.0,
    folder: Annotated[Path | None, typer.Option(help=word("cli.option.folder"))] = None,
    as_json: JsonOption = False,
) -> None:
    """A simulated home through the real pipeline."""
    from gateway.demo import demo_command

    raise typer.Exit(demo_command(scenario, config, speed, seconds, folder, as_json))


from gateway import cli_day  # noqa: E402

cli_day.add(app)

from gateway import cli_enrol  # noqa: E402

cli_enrol.add(app)

from gateway import cli_kept  # noqa: E402

cli_kept.add(app)

from gateway import cli_people  # noqa: E402

cli_people.add(app)
