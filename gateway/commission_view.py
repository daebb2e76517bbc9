"""What does a person see while walking round with the test buttons? Every detector, ticked as it alarms."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from core.localtime import LocalTime
from core.model import Home
from gateway.commission import Row, proved_by, what_to_do
from gateway.words import word


class CommissionView:
    """A live picture on a terminal, a line for each new proof elsewhere. ``still``: the table, once."""

    def __init__(self, home: Home, still: bool = False) -> None:
        self._zone = LocalTime(home.zone)
        self._still = still
        self._live: Any = None
        self._done: set[str] = set()
        self._said = ""

    def __enter__(self) -> CommissionView:
        if not self._still and sys.stdout.isatty():
            from rich.live import Live

            self._live = Live(refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, found: Sequence[Row]) -> None:
        """Show how far it is."""
        if self._live is not None:
            self._live.update(self._picture(found))
        elif self._still:
            from rich.console import Console

            Console().print(self._table(found))
        else:
            self._lines(found)

    def _lines(self, found: Sequence[Row]) -> None:
        if not self._said and not all(r.done for r in found):
            print(word("commission.warn"), flush=True)
        for row in found:
            if row.done and row.sensor not in self._done:
                self._done.add(row.sensor)
                print(f"[x] {row.sensor}: {proved_by(row, self._zone)}", flush=True)
        now = _next(found)
        if now != self._said:
            self._said = now
            print(f"[ ] {now}", flush=True) if now else None

    def _picture(self, found: Sequence[Row]) -> Any:
        from rich.console import Group
        from rich.text import Text

        now = _next(found)
        return Group(
            Text(word("commission.warn"), style="yellow"),
            self._table(found),
            Text(word("commission.now").format(what=now) if now else "", style="bold"),
            Text(word("commission.stop"), style="dim"),
        )

    def _table(self, found: Sequence[Row]) -> Any:
        from rich.table import Table

        table = Table(title=word("commission.title"), title_justify="left")
        for head in ("sensor", "room", "state", "proof"):
            table.add_column(word(f"commission.{head}"), overflow="fold")
        for row in found:
            state = word("commission.proven")
            if not row.done:
                state = word("commission.unproven").format(missing=", ".join(row.missing))
                if row.heard in ("blind", "unknown", "silent"):
                    state += f" ({word('commission.deaf')})"
            mark = "\\[x] " if row.done else "\\[ ] "
            style = "green" if row.done else "bold red"
            table.add_row(mark + row.sensor, row.room, state, proved_by(row, self._zone), style=style)
        return table

    def last_words(self, found: Sequence[Row]) -> None:
        """What is still missing, once it is over."""
        missing = [r.sensor for r in found if not r.done]
        if not found:
            print(word("commission.none"))
        elif missing:
            print(word("commission.missing").format(names=", ".join(missing)))
        else:
            print(word("commission.all").format(count=len(found)))


def _next(found: Sequence[Row]) -> str:
    """What to do next: what is heard comes before what must be mended first."""
    waiting = [r for r in found if not r.done]
    ready = [r for r in waiting if r.heard in ("heard", "")] or waiting
    return what_to_do(ready[0]) if ready else ""


def as_rows(found: Sequence[Row]) -> list[dict[str, Any]]:
    """The same for a program."""
    return [
        {
            "sensor": r.sensor,
            "room": r.room,
            "missing": list(r.missing),
            "proven": dict(r.proven),
            "state": r.heard,
        }
        for r in found
    ]
