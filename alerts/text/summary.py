"""How does the daily summary read? One line for each group that has something in it; good news too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.localtime import LocalTime
from core.model import Home

GROUPS = ("open", "troubles", "fault", "life", "battery", "silent", "unproven")


def lines(
    evidence: Mapping[str, Any], home: Home, words: Mapping[str, Any], wall_offset: int = 0
) -> list[str]:
    """The summary for people, in the order of what matters."""
    shape, comma = words["summary"], words["layout"]["comma"]
    out = []
    for group in GROUPS:
        rows = evidence.get(group)
        if isinstance(rows, list) and rows:
            out.append(shape[group].format(items=comma.join(_item(row, home, words) for row in rows)))
    if not out:
        out.append(shape["well"])
    test = evidence.get("last_test")
    if not isinstance(test, Mapping) or not isinstance(test.get("at"), int):
        return [*out, shape["test_never"]]
    local = LocalTime(home.zone)
    local.offset = wall_offset
    missed = [str(name) for name in test.get("missed", [])]
    form = shape["test_bad" if missed else "test_well"]
    return [*out, form.format(at=f"{local.at(test['at']):%Y-%m-%d %H:%M}", items=comma.join(missed))]


def _item(row: Any, home: Home, words: Mapping[str, Any]) -> str:
    if isinstance(row, Mapping):
        kind = words["kinds"].get(row.get("kind"), {}).get("title", row.get("kind", ""))
        return f"{kind} ({_place(str(row.get('source', '')), home, words)})"
    return _place(str(row), home, words)


def _place(source: str, home: Home, words: Mapping[str, Any]) -> str:
    """Which device is it, and where?"""
    group, _, rest = source.partition(":")
    if rest and group in words["sources"]:
        return str(words["sources"][group].format(name=rest))
    room = home.rooms.get(home.room_of(source))
    name = (room.name or words["rooms"].get(room.kind) or room.id) if room is not None else ""
    return f"{name} {source}".strip()
