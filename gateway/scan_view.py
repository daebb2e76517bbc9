"""What does a person see while a scan listens? What was heard so far, and what it seems to be.

On a terminal a live picture; elsewhere one line for each new find. All of it goes to standard error: the
stanzas alone are standard output.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from gateway.scan import Result, Scan
from gateway.scan_survey import Finding, Unclear
from gateway.words import word

REFRESH_S = 1.0


class View:
    """The live picture of a scan. Use it as a context; ``tick`` is what :meth:`Scan.run` calls."""

    def __init__(self, scan: Scan, quiet: bool = False) -> None:
        self._scan, self._quiet = scan, quiet
        self._live: Any = None
        self._bar: Any = None
        self._next = 0.0
        self._told: set[tuple[str, str]] = set()

    def __enter__(self) -> View:
        if sys.stderr.isatty() and not self._quiet:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def tick(self, passed: float) -> bool:
        """Show what there is by now."""
        if passed < self._next or self._quiet:
            return True
        result = self._scan.result()
        # a busy broker's survey takes long: look less often, so that listening keeps the processor
        self._next = passed + REFRESH_S * (1 + sum(len(b.heard.topics) for b in self._scan.brokers) / 500)
        if self._live is not None:
            self._live.update(self._picture(result, passed))
        else:
            self._lines(result)
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def _lines(self, result: Result) -> None:
        for finding in result.findings:
            key = (finding.device, finding.topic or finding.link)
            if key not in self._told:
                self._told.add(key)
                print(f"+ {found_line(finding)}", file=sys.stderr, flush=True)

    def _picture(self, result: Result, passed: float) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        where = Table(box=None, expand=True, show_header=False, padding=(0, 1))
        for row in sources(self._scan):
            where.add_row(*row)
        found = Table(expand=True, title=word("scan.view.found"), title_justify="left")
        for head in ("what", "where", "kind", "says", "sure", "heard"):
            found.add_column(word(f"scan.view.{head}"), overflow="ellipsis", no_wrap=True)
        for f in result.findings[-30:]:
            style = "" if f.yours else "dim"
            where_ = f.topic or f.link
            says = " ".join(f.says[:4])
            found.add_row(
                f.device, where_, f.kind, says, word(f"scan.sure.{f.sure}"), str(f.messages), style=style
            )
        dim = Text("\n".join(unclear_line(u) for u in result.unclear[:8]), style="dim")
        left = word("scan.view.left").format(seconds=max(0, round(self._scan.seconds - passed)))
        bar = ProgressBar(total=self._scan.seconds, completed=min(passed, self._scan.seconds))
        return Group(Text(left), bar, where, found, dim)


def sources(scan: Scan) -> list[tuple[str, str, str]]:
    """Each broker and port: its name, its state, what was heard of it."""
    rows = []
    for ear in scan.brokers:
        state = word("scan.view.listening") if ear.up else told(ear.problem) or word("scan.view.connecting")
        heard = word("scan.view.messages").format(messages=ear.heard.messages, topics=len(ear.heard.topics))
        rows.append((ear.where, state, heard))
    for port in scan.ports:
        if port.problem:
            state = told(port.problem)
        elif port.settled and port.guess is not None:
            state = f"{port.guess.device} @ {port.guess_baud}"
        else:
            state = word("scan.view.trying").format(baud=port.baud)
        rows.append((port.path, state, f"{port.total} B"))
    rows += [(path, word("scan.view.known"), "") for path in scan.known_ports]
    return rows


def told(problem: str) -> str:
    """A problem in the person's language, where the catalogue has it."""
    return word(problem) if problem.startswith("scan.") else problem


def found_line(finding: Finding) -> str:
    """One find in one line."""
    says = " ".join(finding.says[:4])
    kind = f" ({finding.kind})" if finding.kind else ""
    mark = "" if finding.yours else f" [{word('scan.view.doubtful')}]"
    return f"{finding.device}{kind} {finding.topic or finding.link}: {says}{mark}"


def unclear_line(unclear: Unclear) -> str:
    """What was not proposed, and why, in one line."""
    why = told(unclear.why)
    detail = f" ({unclear.detail})" if unclear.detail else ""
    return f"{unclear.where}: {why}{detail}"


def last_words(scan: Scan, result: Result) -> list[str]:
    """The end of a scan for a person: how many, what is known already, what was not understood."""
    doubtful = sum(not f.yours for f in result.findings)
    lines = [word("scan.end.found").format(count=len(result.findings) - doubtful)]
    if doubtful:
        lines.append(word("scan.end.doubtful").format(count=doubtful))
    if result.known:
        lines.append(word("scan.end.known").format(names=", ".join(sorted(set(result.known)))))
    for where, state, _ in sources(scan):
        if any(p.problem and p.path == where for p in scan.ports) or any(
            b.where == where and not b.up and not b.heard.messages for b in scan.brokers
        ):
            lines.append(f"! {where}: {state}")
    shown = [
        u for u in result.unclear if not u.why.startswith("scan.port.") or u.why.endswith(("silent", "noise"))
    ]
    if shown:
        lines.append(word("scan.end.unclear"))
        lines += [f"  {unclear_line(u)}" for u in shown[:40]]
    return lines
