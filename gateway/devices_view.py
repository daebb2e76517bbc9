"""How is the list of supported devices shown, and how well each is known? In both languages, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.contracts import DriverSpec
from devices.evidence import EVIDENCE, Evidence, Level
from gateway.words import word

MARKS = {Level.ONE_SOURCE: "¹", Level.UNCONFIRMED: "?"}
"""Set behind whatever rests on one source only, or is unconfirmed."""


def title(spec: DriverSpec) -> str:
    """What is it, in the person's language?"""
    return word(f"device.{spec.name}")


def point(name: str) -> str:
    """A point of the evidence in words; an option by its name."""
    kind, _, option = name.partition("option:")
    return word("devices.option").format(option=option) if option and not kind else word(f"evidence.{name}")


def level(known: Level) -> str:
    """How it was confirmed, in words, with its mark."""
    return word(f"devices.level.{known.value}") + MARKS.get(known, "")


def _points(evidence: Evidence, known: Level) -> str:
    return "; ".join(point(p) for p in evidence.of(known))


def show_all(specs: Sequence[DriverSpec]) -> None:
    """One line a device."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=word("devices.title"), title_justify="left", show_lines=False)
    for head in ("device", "what", "over", "level", "one_source", "unconfirmed"):
        table.add_column(word(f"devices.head.{head}"), overflow="fold", no_wrap=head == "device")
    for spec in specs:
        known = EVIDENCE[spec.name]
        mark = MARKS.get(known.level, "")
        table.add_row(
            spec.name + mark,
            title(spec),
            word(f"devices.over.{spec.transport}"),
            level(known.level),
            _points(known, Level.ONE_SOURCE),
            _points(known, Level.UNCONFIRMED),
        )
    console = Console()
    console.print(table)
    for line in legend():
        console.print(line)


def legend() -> list[str]:
    """What the words and marks mean."""
    return [f"{level(x)}: {word(f'devices.meaning.{x.value}')}" for x in (*list(Level)[:4],)] + [
        word("devices.more")
    ]


def show_one(spec: DriverSpec) -> None:
    """Everything about one device: line, points, options."""
    from rich.console import Console
    from rich.table import Table

    known = EVIDENCE[spec.name]
    console = Console()
    console.print(f"{spec.name}: {title(spec)}", style="bold")
    over = word(f"devices.over.{spec.transport}")
    if spec.line is not None:
        over += f", {spec.line.baud} {8}{spec.line.parity}{spec.line.stop_bits}"
    console.print(f"{word('devices.head.over')}: {over}")
    console.print(word("devices.checked" if spec.integrity else "devices.unchecked"))
    table = Table(show_header=True)
    for head in ("point", "level"):
        table.add_column(word(f"devices.head.{head}"), overflow="fold")
    table.add_row(word("evidence.frame"), level(known.level))
    for name, how in known.points.items():
        table.add_row(word(f"evidence.{name}"), level(how))
    console.print(table)
    if spec.options:
        options = Table(show_header=True)
        for head in ("option", "default", "level"):
            options.add_column(word(f"devices.head.{head}"), overflow="fold")
        for option, default in spec.options.items():
            options.add_row(option, _default(default), level(known.options[option]))
        console.print(options)
    console.print(spec.evidence, style="dim")


def _default(value: Any) -> str:
    if value in (None, "", []):
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def as_rows(specs: Sequence[DriverSpec]) -> list[dict[str, Any]]:
    """The same for a program."""
    return [
        {
            "name": s.name,
            "title": s.title,
            "transport": s.transport,
            "integrity": s.integrity,
            "evidence": s.evidence,
            "level": EVIDENCE[s.name].level.value,
            "points": {k: v.value for k, v in EVIDENCE[s.name].points.items()},
            "options": {
                k: {"default": v, "level": EVIDENCE[s.name].options[k].value} for k, v in s.options.items()
            },
            "one_source": EVIDENCE[s.name].of(Level.ONE_SOURCE),
            "unconfirmed": EVIDENCE[s.name].of(Level.UNCONFIRMED),
        }
        for s in specs
    ]
