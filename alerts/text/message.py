"""What does an alert say to a person? What, where, since when, how sure, the numbers, what to do.

The words stand in ``en.json`` and ``zh-CN.json``; both have the same keys. Nothing here decides
anything: an alert says the same whatever channel carries it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from core.localtime import LocalTime
from core.model import SECOND, Alert, AlertState, Home

LANGUAGES = ("zh-CN", "en")

_MAX_NUMBERS = 6


@dataclass(frozen=True, slots=True)
class Message:
    """One alert in words. ``title`` is one short line, ``body`` a few lines, ``advice`` what to do now."""

    title: str
    body: str
    advice: str

    @property
    def text(self) -> str:
        """All of it, for channels that know only one text."""
        return "\n".join(part for part in (self.title, self.body, self.advice) if part)


@cache
def catalogue(language: str) -> dict[str, Any]:
    """The words of one language. Raises ValueError for a language that has none."""
    if language not in LANGUAGES:
        raise ValueError(f"there are no texts in {language!r}; use one of {', '.join(LANGUAGES)}")
    text = (Path(__file__).parent / f"{language}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def render(alert: Alert, home: Home, language: str | None = None, wall_offset: int = 0) -> Message:
    """What should a person read? ``language`` defaults to the home's, ``wall_offset`` is wall minus
    event time in ns, so that the times are those of the clock on the wall.

    >>> from core.model import Severity
    >>> facts = {"stage": "long_lie"}
    >>> fall = Alert("1", "fall", Severity.ALARM, "r", "", "", 0, 0, AlertState.OPEN, 1, facts)
    >>> render(fall, Home("h")).title
    'ALARM: fall, still on the floor'
    """
    words = catalogue(language or home.language)
    kind = words["kinds"].get(alert.kind)
    shape = words["layout"]
    what = _what(alert, words, kind)
    place = _place(alert, home, words)
    title = shape["title"].format(severity=words["severity"][_level(alert)], what=what)
    if place:
        title = shape["title_place"].format(title=title, place=place)
    lines = [_state(alert, home, words, wall_offset), *_who(alert, home, words)]
    numbers = _numbers(alert.evidence, words)
    if numbers:
        lines.append(shape["numbers"].format(numbers=shape["comma"].join(numbers)))
    reason = alert.evidence.get("reason")
    if isinstance(reason, str) and reason:
        lines.append(shape["reason"].format(reason=words["reasons"].get(reason, reason)))
    lines += [
        words["marks"][m] for m in ("found_at_connect", "weak", "test") if alert.evidence.get(m) is True
    ]
    return Message(title, "\n".join(lines), _advice(alert, words, kind))


def _level(alert: Alert) -> str:
    if alert.state is AlertState.CLEARED:
        return "cleared"
    return "test" if alert.evidence.get("test") is True else str(alert.severity)


def _what(alert: Alert, words: Mapping[str, Any], kind: Any) -> str:
    if kind is None:
        return str(words["layout"]["unknown"].format(kind=alert.kind))
    stage = alert.evidence.get("stage")
    stages = kind.get("stages", {})
    return str(stages[stage] if isinstance(stage, str) and stage in stages else kind["title"])


def _place(alert: Alert, home: Home, words: Mapping[str, Any]) -> str:
    """The room; for the equipment itself also which device it is."""
    room = home.rooms.get(alert.room)
    name = (room.name or str(words["rooms"].get(room.kind) or room.id)) if room is not None else ""
    kind, _, rest = alert.source.partition(":")
    if rest and kind in words["sources"]:
        device = words["sources"][kind].format(name=rest)
    else:
        device = alert.source if alert.kind in words["about_source"] else ""
    return str(words["layout"]["space"]).join(p for p in (name, device) if p)


def _who(alert: Alert, home: Home, words: Mapping[str, Any]) -> list[str]:
    person = next((r.name for r in home.residents if r.id == alert.resident and r.name), "")
    return [words["layout"]["who"].format(name=person)] if person else []


def _state(alert: Alert, home: Home, words: Mapping[str, Any], wall_offset: int) -> str:
    local = LocalTime(home.zone)
    local.offset = wall_offset
    layout, evidence = words["layout"], alert.evidence
    now = local.at(alert.changed)
    since = _moment(local.at(alert.opened), now)
    if alert.state is AlertState.CLEARED:
        line = layout["cleared"].format(since=since, at=_moment(now, now))
        return str(line + _answer(evidence, words))
    line = layout["since"].format(since=since) + _answer(evidence, words)
    step = evidence.get("escalation")
    if alert.state is AlertState.OPEN and isinstance(step, int):
        minutes = max(1, (alert.changed - alert.opened) // (60 * SECOND))
        line += layout["unanswered"].format(minutes=minutes)
    calls = evidence.get("calls")
    if isinstance(calls, int) and calls > 1:
        line += layout["calls"].format(calls=calls)
    return str(line)


def _answer(evidence: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    """What did a person answer last?"""
    answers = evidence.get("answers")
    last = answers[-1] if isinstance(answers, list) and answers else None
    if not isinstance(last, dict):
        return ""
    form = words["answers"].get(last.get("word"))
    return "" if form is None else str(form.format(by=last.get("by", "")))


def _moment(at: datetime, now: datetime) -> str:
    """A wall time; with its date if that is another day than the news."""
    return at.strftime("%H:%M:%S") if at.date() == now.date() else at.strftime("%Y-%m-%d %H:%M")


def _numbers(evidence: Mapping[str, Any], words: Mapping[str, Any]) -> list[str]:
    found = []
    for key, form in words["numbers"].items():
        value = evidence.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if key.endswith("_s"):
                found.append(form.format(value=duration(float(value), words)))
            else:
                found.append(form.format(value=_short(float(value))))
    return found[:_MAX_NUMBERS]


def _short(value: float) -> str:
    """Three figures are plenty: 0.0123, 4.56, 78.9, 1230."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def duration(seconds: float, words: Mapping[str, Any]) -> str:
    """A span for people: seconds, minutes, hours or days."""
    units = words["durations"]
    if seconds < 120:
        return str(units["s"].format(value=round(seconds)))
    if seconds < 7200:
        return str(units["min"].format(value=round(seconds / 60)))
    if seconds < 172_800:
        return str(units["h"].format(value=_short(seconds / 3600)))
    return str(units["d"].format(value=round(seconds / 86_400)))


def _advice(alert: Alert, words: Mapping[str, Any], kind: Any) -> str:
    if alert.state is AlertState.CLEARED:
        return str((kind or {}).get("after", ""))
    if alert.evidence.get("test") is True:
        return str(words["layout"]["test_advice"])
    return str(kind["advice"] if kind is not None else words["layout"]["unknown_advice"])
