"""How far is it? A progress bar on a terminal, nothing elsewhere; rich is loaded only when shown."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any


class Progress:
    """A bar named ``what`` up to ``total`` (None: unknown), on standard error, only on a terminal."""

    def __init__(self, what: str, total: float | None, unit: str = "") -> None:
        self._what, self._total, self._unit = what, total, unit
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=self._total, note="")
        return self

    def at(self, done: float, note: str = "") -> None:
        """So much is done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, note=note)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
