"""The command ``hearthwatch-sim``: imitation homes for demonstrations, tests and recordings."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from core.config import Config, ConfigError
from core.config import load as load_config
from core.model import SECOND, Mark, Packet
from simulators import cli_device, home, scenario
from simulators.broker import BrokerError
from simulators.home import SimulationError
from simulators.narrate import Narrator, say_line
from simulators.rewrite import write_config
from simulators.scenario import Scenario
from simulators.stage import Stage

app = typer.Typer(
    help="Imitation homes: real brokers and ports for a gateway to connect to, or recordings of them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
A_DAY = date(2026, 3, 2)
"""The day recordings play on unless told otherwise: any day will do, but always the same."""

ScenarioName = Annotated[str, typer.Option("--scenario", "-s", help="A name from `list`, or a .yaml file.")]
ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="The home to imitate.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON lines, for programs.")]


@app.command()
def serve(
    scenario_name: ScenarioName = "quiet_day",
    config: ConfigFile = Path("config.yaml"),
    out: Annotated[
        Path | None, typer.Option(help="Folder for config, ports, state. Default: a new one.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.01, max=10_000, help="Times real time. Default: the scenario's.")
    ] = None,
    day: Annotated[
        str | None, typer.Option(help="Local date it begins on, YYYY-MM-DD. Default: the next fitting one.")
    ] = None,
    wait_for_go: Annotated[
        bool,
        typer.Option(help="Begin at a line on standard input, and stop when standard input ends."),
    ] = True,
    hold: Annotated[
        bool,
        typer.Option("--hold/--end", help="After the scenario, go on as it ended until stopped; or end."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Play a scenario to a gateway: a real broker, pseudo-terminals, and a config.yaml that names them.

    Writes OUT/config.yaml, prints one line when everything is up (with --json: ready, config, speed,
    start_ns, start_local, broker, ports), waits for a line on standard input, and plays. Run the gateway
    with that config and a clock that shows start_ns when you send the line and runs at that speed. Sensors
    the scenario does not play are left out of the written config. After the scenario everybody stays as
    they are (quiet_day goes on with the next day) until Ctrl-C, SIGTERM or the end of standard input, so
    that no sensor seems to fail; with --end it is over. Broker and ports go with it.

    Exit code: 0 played or stopped, 1 the broker did not start, 2 a mistake in config or scenario.
    """
    played, settings = _load(scenario_name, config)
    zone = settings.home.time_zone
    if day is None:
        start = scenario.next_start(played, zone, time.time_ns())
    else:
        start = _start(played, zone, day)
    with _cleaned(out) as folder, _stage(played, settings, config, folder) as stage:
        pace = speed or played.speed
        say = Narrator(as_json, played, start, settings.home.language)
        with _stoppable(stage):
            stage.remember(home.remembered(played, stage.home, start))
            say.ready(stage, zone, pace)
            if wait_for_go and not _go(stage):
                return
            shown = _held(played, pace) if hold else played
            stage.play(_days(shown, stage, start), start, pace, lambda t: say.reached(t, stage))
            say.done(stage)


@app.command()
def record(
    out: Annotated[Path, typer.Option(help="The file to write: .jsonl or .jsonl.zst.")] = Path("sim.jsonl"),
    scenario_name: ScenarioName = "quiet_day",
    config: ConfigFile = Path("config.yaml"),
    day: Annotated[str, typer.Option(help="Local date it begins on, YYYY-MM-DD.")] = A_DAY.isoformat(),
    config_out: Annotated[
        Path | None, typer.Option(help="Also write the config of just the sensors played.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a scenario's packets into a recording, as fast as possible and without any hardware.

    The same scenario, config and day give the same bytes. Replay it with
    `hearthwatch replay OUT --config CONFIG_OUT`. Exit code 2: a mistake in config or scenario.
    """
    from ingest.recording import Header, write_all

    played, settings = _load(scenario_name, config)
    start = _start(played, settings.home.time_zone, day)
    header = Header(home=settings.home.id, started=start)
    packets = write_all(out, home.marked(played, settings, start), header)
    if config_out:
        write_config(config, config_out, played, home.played(played, settings.as_home()), {})
    told = {"recording": str(out), "packets": packets, "bytes": out.stat().st_size}
    told |= {"start_ns": start, "start_local": scenario.local_text(played, settings.home.time_zone, start)}
    told["config"] = str(config_out) if config_out else str(config)
    say_line(json.dumps(told) if as_json else f"{packets} packets from {told['start_local']} in {out}")


@app.command("list")
def list_scenarios(
    as_json: AsJson = False,
    language: Annotated[str, typer.Option(help="en or zh.")] = "en",
) -> None:
    """Print the scenarios: what happens, how long, and what must be alerted by when."""
    for name in scenario.names():
        one = scenario.load(name)
        if as_json:
            say_line(one.model_dump_json(exclude={"steps"}))
            continue
        title, about = (one.title.zh, one.about.zh) if language == "zh" else (one.title.en, one.about.en)
        minutes = one.duration_s / one.speed / 60
        say_line(f"{name}: {title}\n  {about}")
        say_line(
            f"  {one.duration_s / 3600:.2g} h from {one.start}, {minutes:.1f} min at speed {one.speed:g}"
        )
        for truth in one.truth:
            where = truth.room or truth.source
            say_line(f"  must: {truth.severity} {truth.kind} {where} within {truth.by_s - truth.from_s:g} s")
        if one.never:
            say_line(f"  never: {', '.join(one.never)}")


@app.command()
def falls(
    out: Annotated[Path, typer.Option(help="Folder; files go to OUT/falls/*.npz.")] = Path("simulated"),
    variants: Annotated[int, typer.Option(min=1, max=500, help="Clips of each case.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other people and places.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Write simulated falls, and what looks like falls, as seen by four kinds of radar.

    Bodies with limbs in front of a sketched radar: forward, backward, sideways, from bed and chair, a slow
    slide, the bathroom, with a second person, pet or fan near; and sitting hard, squats, jacks, pets ...
    The format is that of the real recordings, so `python -m bench.falls --data OUT` runs over it. What
    it prints then are figures of a simulation: say so wherever you show them.
    """
    from simulators.falls import CASES, write
    from simulators.radar_kinds import SENSORS

    for sensor in SENSORS:
        path = write(out, sensor, variants, seed)
        told = {"file": str(path), "clips": variants * len(CASES), "bytes": path.stat().st_size}
        told["falls"] = variants * sum(fall for fall, _ in CASES.values())
        text = f"{path}: {told['clips']} simulated clips, {told['falls']} with a fall"
        say_line(json.dumps(told) if as_json else text)


# -- what the commands share


def _load(name: str, config_file: Path) -> tuple[Scenario, Config]:
    try:
        played, document = scenario.load_document(name)
        settings, _ = load_config(config_file)
        home.check(played, document, settings)
        home.played(played, settings.as_home())
    except (ConfigError, SimulationError) as error:
        _fail(str(error), 2)
    except KeyError as error:
        _fail(str(error.args[0]), 2)
    return played, settings


def _start(played: Scenario, zone: str, day: str) -> int:
    try:
        return scenario.start_of(played, zone, date.fromisoformat(day))
    except ValueError as error:
        _fail(f"--day {day}: {error}; use a date such as 2026-03-02", 2)


def _held(played: Scenario, speed: float) -> Scenario:
    """The same going on as it ended for two hours of real time or a day, at most a month."""
    more = min(max(86400.0, 7200 * speed), 30 * 86400.0)
    return played.model_copy(update={"duration_s": played.duration_s + (0 if played.repeat else more)})


def _days(played: Scenario, stage: Stage, start: int) -> Iterator[Packet]:
    """The packets, day after day if the scenario repeats."""
    for n in count():
        again = played.model_copy(update={"seed": played.seed + n})
        begun = start + n * round(played.duration_s * SECOND)
        for packet in home.marked(again, stage.home, begun):
            if packet.mark is not Mark.RETAINED:  # the broker has it already
                yield packet
        if not played.repeat:
            return


@contextlib.contextmanager
def _cleaned(out: Path | None) -> Iterator[Path]:
    if out is not None:
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="hearthwatch-sim-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def _stage(played: Scenario, settings: Config, config_file: Path, out: Path) -> Iterator[Stage]:
    stage = Stage(played, settings, config_file, out)
    try:
        stage.open()
    except BrokerError as error:
        _fail(str(error), 1)
    try:
        yield stage
    finally:
        stage.close()


@contextlib.contextmanager
def _stoppable(stage: Stage) -> Iterator[None]:
    def stop(*_: Any) -> None:
        stage.stop()

    before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _go(stage: Stage) -> bool:
    """Wait for a line on standard input; from then on its end stops the play. False = ended before."""
    handle = sys.stdin.fileno()
    heard: list[bool] = []

    def ready() -> None:
        piece = os.read(handle, 4096)
        if not piece:
            stage.unwatch(handle)
            stage.stop()
        elif b"\n" in piece:
            heard.append(True)

    stage.watch(handle, ready)
    stage.idle(lambda: bool(heard))
    return bool(heard)


def _fail(text: str, code: int) -> NoReturn:
    print(text, file=sys.stderr)
    raise typer.Exit(code)


cli_device.add(app)


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
