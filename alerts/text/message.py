"""What does an alert say to a person? What, who, where, since when, how sure, the numbers, what to do,
who has been told, who can go.

The words stand in ``en.json`` and ``zh-CN.json``; both have the same keys. Nothing here decides
anything: an alert says the same whatever channel carries it, and where a channel has room for less,
:meth:`Message.fit` leaves out what matters least.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from alerts.revision import weight
from alerts.text import people, summary
from core.localtime import LocalTime
from core.model import SECOND, Alert, AlertState, Home, Severity

LANGUAGES = ("zh-CN", "en")

_MAX_NUMBERS = 6
_MOST_ANSWERS = 3


@dataclass(frozen=True, slots=True)
class Message:
    """One alert in words. ``title`` is one short line, ``body`` a few lines, ``advice`` what to do now.

    ``ranks``: how much each line of the body matters, 0 = most. ``links``: lines by which to answer.
    """

    title: str
    body: str
    advice: str
    ranks: tuple[int, ...] = ()
    links: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it, for channels that know only one text."""
        return "\n".join(part for part in (self.title, self.body, self.advice, *self.links) if part)

    def fit(self, max_bytes: int, title: bool = True) -> str:
        """The text in at most so many bytes of UTF-8; what, since when, who and where go last.

        >>> m = Message("Fall", "Since 8\\nHeart 60", "Call them.", (0, 3))
        >>> m.fit(40), m.fit(20), m.fit(12)
        ('Fall\\nSince 8\\nHeart 60\\nCall them.', 'Fall\\nSince 8', 'Fall\\nSince 8')
        """
        lines = self.body.split("\n") if self.body else []
        ranks = self.ranks if len(self.ranks) == len(lines) else (0,) * len(lines)
        parts = [(0, self.title)] if title else []
        parts += [*zip(ranks, lines, strict=True), (ADVICE, self.advice), *((LINKS, x) for x in self.links)]
        parts = [p for p in parts if p[1]]
        while len(parts) > 1 and len(_joined(parts)) > max_bytes:
            worst = max(rank for rank, _ in parts)
            if worst == 0:
                break
            last = max(i for i, (rank, _) in enumerate(parts) if rank == worst)
            del parts[last]
        data = _joined(parts)
        return data.decode() if len(data) <= max_bytes else cut(data.decode(), max_bytes)


WHERE, WHO, KNOWN, LINKS, FACTS, ADVICE, TOLD, NEAREST = 1, 1, 3, 2, 4, 5, 6, 7
"""Ranks of what a message says, besides 0: what, since when, who answered."""


def _joined(parts: Sequence[tuple[int, str]]) -> bytes:
    return "\n".join(text for _, text in parts).encode()


def cut(text: str, max_bytes: int) -> str:
    """The text, cut at a character so that it fits; what was cut shows as an ellipsis.

    >>> cut("跌倒后", 9), cut("跌倒后", 8)
    ('跌倒后', '跌…')
    """
    data = text.encode()
    if len(data) <= max_bytes:
        return text
    return data[: max(0, max_bytes - 3)].decode(errors="ignore") + "…"


@cache
def catalogue(language: str) -> dict[str, Any]:
    """The words of one language. Raises ValueError for a language that has none."""
    if language not in LANGUAGES:
        raise ValueError(f"there are no texts in {language!r}; use one of {', '.join(LANGUAGES)}")
    text = (Path(__file__).parent / f"{language}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def render(
    alert: Alert,
    home: Home,
    language: str | None = None,
    wall_offset: int = 0,
    told: Sequence[str] = (),
    discreet: bool = False,
    links: Sequence[str] = (),
) -> Message:
    """What should a person read? ``language`` defaults to the home's, ``wall_offset`` is wall minus
    event time in ns, so that the times are those of the clock on the wall. ``told``: names of those who
    have been told so far. ``discreet``: without what only helpers need (for logs). ``links``: how to
    answer, a line each.

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
    serious = weight(alert) in (Severity.ALARM, Severity.WARNING) and alert.state is not AlertState.CLEARED
    helping = serious and not discreet
    local = LocalTime(home.zone)
    local.offset = wall_offset
    ranked = [(0, _state(alert, home, words, wall_offset))]
    ranked += [
        (KNOWN if i else WHO, x)
        for i, x in enumerate(people.who(alert, home, words, local.at(alert.changed), helping))
    ]
    ranked += [(WHERE, x) for x in people.where(home, place, words, helping)]
    lines = []
    numbers = _numbers(alert.evidence, words)
    if numbers:
        lines.append(shape["numbers"].format(numbers=shape["comma"].join(numbers)))
    reason = alert.evidence.get("reason")
    if isinstance(reason, str) and reason:
        lines.append(shape["reason"].format(reason=words["reasons"].get(reason, reason)))
    lines += [
        words["marks"][m] for m in ("found_at_connect", "weak", "test") if alert.evidence.get(m) is True
    ]
    lines += people.done(alert, words)
    if alert.kind == "summary" and alert.state is not AlertState.CLEARED:
        ranked, lines = [], summary.lines(alert.evidence, home, words, wall_offset)
    ranked += [(FACTS, x) for x in lines]
    if serious:
        ranked += [(TOLD, x) for x in people.told(told, words)]
    if helping:
        ranked += [(NEAREST, x) for x in people.nearest(alert, home, words)]
    return Message(
        title,
        "\n".join(x for _, x in ranked),
        _advice(alert, words, kind),
        tuple(rank for rank, _ in ranked),
        tuple(links),
    )


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
    """What did people answer? The last word of each of the last three, in order."""
    answers = evidence.get("answers")
    last: dict[str, str] = {}
    for said in answers if isinstance(answers, list) else ():
        form = words["answers"].get(said.get("word")) if isinstance(said, dict) else None
        if form is not None:
            by = str(said.get("by", ""))
            last.pop(by, None)
            last[by] = str(form.format(by=by))
    return "".join(list(last.values())[-_MOST_ANSWERS:])


def _moment(at: datetime, now: datetime) -> str:
    """A wall time; with its date if that is another day than the news."""
    return at.strftime("%H:%M:%S") if at.date() == now.date() else at.strftime("%Y-%m-%d %H:%M")


def _numbers(evidence: Mapping[str, Any], words: Mapping[str, Any]) -> list[str]:
    found = []
    for key, form in words["numbers"].items():
        value = evidence.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if key == "duration_s" and value < 1:
                continue  # it has only just begun
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
