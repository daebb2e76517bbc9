"""The command ``hearthwatch-sim device``: any one serial device on a pseudo-terminal, until stopped."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

TURN_S = 0.02


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command("device")(device)


def device(
    name: Annotated[str, typer.Argument(help="Which device; leave it out for a list.")] = "",
    link: Annotated[
        Path | None, typer.Option(help="Name to serve it under, such as /tmp/radar. Default: the kernel's.")
    ] = None,
    around: Annotated[
        str, typer.Option(help="What it measures: present=no, co_ppm=80, fallen=yes, x_m=1.5 ...")
    ] = "",
    faults: Annotated[
        str, typer.Option(help="flip=1e-4,lose=0.001,double=0.001,baud=9600,stall=20/5,unplug=30/10")
    ] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", help="An option of its driver: mode=poll. Repeatable.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="End after this time.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines, for programs.")] = False,
) -> None:
    """Serve one emulated serial device on a pseudo-terminal: reports, answers, modes, and faults.

    Open the printed name as you would open /dev/ttyUSB0. A line on standard input changes what it measures
    while it runs: `co_ppm=80`, `present=no,fallen=yes`. Ctrl-C ends it; so does the end of --seconds.
    Faults are drawn from a seed, so the same call damages the same bytes.

    Exit code 2: a device, value or fault that is not known.
    """
    from simulators.around import Around, parse
    from simulators.device import EmulatedDevice, example
    from simulators.line import Line, parse_trouble

    if not name:
        for row in listed():
            told = f"{row['device']:12} {row['baud']:>7} baud  {row['title']}"
            _say(json.dumps(row) if as_json else told)
        return
    state = Around()
    try:
        sensor = example(name, **dict(_option(text) for text in option or []))
        state.change(**parse(around))
        trouble = parse_trouble(faults)
        made = EmulatedDevice(sensor, state, time.monotonic_ns())
    except ValueError as error:
        _fail(str(error))
    stop = threading.Event()
    before = {n: signal.signal(n, lambda *_: stop.set()) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Line(made, link, trouble, time.monotonic_ns()) as line:
            ports = [port.path for port in line.ports]
            row = {"device": name, "ports": ports, "baud": made.baud}
            _say(json.dumps(row) if as_json else f"{name} at {made.baud} baud on {' and '.join(ports)}")
            end = None if seconds is None else time.monotonic() + seconds
            changes = _changes()
            while not stop.is_set() and (end is None or time.monotonic() < end):
                line.turn(time.monotonic_ns())
                for text in next(changes):
                    try:
                        state.change(**parse(text))
                    except ValueError as error:
                        print(error, file=sys.stderr, flush=True)
                stop.wait(TURN_S)
            counts = {"sent": line.port.sent, "lost": line.port.lost, "heard": line.heard}
            if as_json:
                _say(json.dumps(counts))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def listed() -> list[dict[str, Any]]:
    """Every serial device there is, with its line and what can be set around it."""
    from devices import DRIVERS

    specs = [s for s in DRIVERS.values() if s.transport == "serial"]
    return [{"device": s.name, "baud": s.line.baud if s.line else 0, "title": s.title} for s in specs]


def _option(text: str) -> tuple[str, Any]:
    from simulators.around import parse

    name, _, value = text.partition("=")
    try:
        return name, parse(text)[name]
    except ValueError:
        return name, value  # a word such as poll, or text


def _changes() -> Iterator[list[str]]:
    """The lines that have come on standard input since last asked."""
    handle, rest, open_still = sys.stdin.fileno(), b"", True
    while True:
        lines: list[str] = []
        while open_still and select.select([handle], [], [], 0)[0]:
            piece = os.read(handle, 4096)
            open_still = bool(piece)
            *whole, rest = (rest + piece).split(b"\n")
            lines += [line.decode(errors="replace").strip() for line in whole]
        yield [line for line in lines if line]


def _say(text: str) -> None:
    print(text, flush=True)


def _fail(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    raise typer.Exit(2)
