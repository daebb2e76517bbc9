"""What do all commands share? Exit codes, options, the plan of a configuration, and words for failure.

Exit codes: 0 done, 1 a difference or an alarm to look at, 2 the configuration or the call is wrong, 3 no
gateway answers, 4 an input cannot be read, 5 another gateway is running.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.words import word

DIFFERENT, WRONG, NOT_RUNNING, UNREADABLE, BUSY = 1, 2, 3, 4, 5

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help=word("cli.option.config"))]
JsonOption = Annotated[bool, typer.Option("--json", help=word("cli.option.json"))]


def fail(message: str, code: int) -> typer.Exit:
    """Say what went wrong; the exit to raise."""
    print(f"hearthwatch: {message}", file=sys.stderr)
    return typer.Exit(code)


def plan(path: Path) -> Any:
    """The checked configuration at ``path``; exits with its mistakes, each with its line."""
    from core.config import ConfigError
    from gateway.build import plan as build_plan

    try:
        return build_plan(path)
    except ConfigError as error:
        raise fail(str(error), WRONG) from None


def log_to_stderr(verbose: bool) -> None:
    """The daemon's log, for a person or the system's journal."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(levelname).1s %(name)s: %(message)s",
        stream=sys.stderr,
    )
