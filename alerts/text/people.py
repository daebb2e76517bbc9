"""Who is it, where, how does one get in, and who can go? The lines of a message about people.

Names and the address stand in every message. What only a helper needs (conditions the family chose to
share, telephone numbers, how to get in, the nearest responders) stands in messages about something
serious that is not over, and never in a discreet one (the program's log).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.model import Alert, Home, Resident

MOST_RESPONDERS = 3


def who(alert: Alert, home: Home, words: Mapping[str, Any], now: datetime, helping: bool) -> list[str]:
    """Who lives there: names and ages; for helpers telephone and conditions as well."""
    layout = words["layout"]
    people = home.living(alert.resident)
    named = [_person(r, layout, now, helping) for r in people if r.name]
    lines = [layout["who"].format(name=layout["comma"].join(named))] if named else []
    known = [f"{r.name}: {c}" if len(people) > 1 else c for r in people for c in r.conditions]
    if helping and known:
        lines.append(layout["conditions"].format(conditions=layout["comma"].join(known)))
    return lines


def where(home: Home, place: str, words: Mapping[str, Any], helping: bool) -> list[str]:
    """The address, floor and room; for helpers how to get in."""
    layout = words["layout"]
    floor = home.floor
    if floor.isascii() and floor.isdigit():
        floor = layout["floor"].format(floor=floor)
    if not (home.address or floor):
        lines = []
    else:
        parts = (home.address, floor, place)
        lines = [layout["where"].format(where=layout["comma"].join(p for p in parts if p))]
    if helping and home.entry:
        lines.append(layout["entry"].format(entry=home.entry))
    return lines


def told(names: Sequence[str], words: Mapping[str, Any]) -> list[str]:
    """Who has been told so far?"""
    layout = words["layout"]
    return [layout["told"].format(names=layout["comma"].join(names))] if names else []


def nearest(alert: Alert, home: Home, words: Mapping[str, Any]) -> list[str]:
    """Who can go there, the quickest first."""
    layout = words["layout"]
    out = []
    for r in home.nearest(alert.resident)[:MOST_RESPONDERS]:
        said = " ".join(p for p in (r.role, r.name, r.phone) if p)
        if r.minutes is not None:
            said = layout["minutes"].format(who=said, minutes=f"{r.minutes:g}")
        out.append(said)
    return [layout["responders"].format(list=layout["comma"].join(out))] if out else []


def done(alert: Alert, words: Mapping[str, Any]) -> list[str]:
    """What did the gateway do by itself (a valve)?"""
    kept = alert.evidence.get("done")
    said = []
    for entry in kept if isinstance(kept, list) else ():
        form = words["answers"].get(entry.get("word")) if isinstance(entry, dict) else None
        if form is not None:
            said.append(str(form.format(by=entry.get("by", ""))).strip(" ,，"))
    layout = words["layout"]
    return [layout["done"].format(list=layout["comma"].join(said))] if said else []


def _person(resident: Resident, layout: Mapping[str, Any], now: datetime, helping: bool) -> str:
    name = resident.name
    if resident.born is not None and now.year >= resident.born:
        name = layout["age"].format(name=name, age=now.year - resident.born)
    if helping and resident.phone:
        name = layout["phone"].format(name=name, phone=resident.phone)
    return str(name)
