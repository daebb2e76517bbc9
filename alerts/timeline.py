"""Who would be told when? The ladder of an alert that nobody answers, for ``check`` and ``drill``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.settings import BookSettings
from alerts.text.message import catalogue, duration
from core.model import SECOND, Alert, AlertState, Severity


@dataclass(frozen=True, slots=True)
class Rung:
    """``after_s`` seconds after it began to ring, these channels are told; ``every_s`` > 0: and again."""

    after_s: float
    to: tuple[str, ...]
    ask: bool = False
    every_s: float = 0.0


def timeline(
    settings: BookSettings, kind: str, severity: Severity, resident: str, channels: Sequence[str]
) -> list[Rung]:
    """What happens to such an alert if nobody answers? ``channels``: the names of all channels.

    >>> [r.after_s for r in timeline(BookSettings(), "fall", Severity.ALARM, "", ["log"])]
    [0, 60.0, 180.0, 600.0, 1800.0, 16200.0]
    """
    policy = settings.policy
    named = policy.channels() if policy is not None else frozenset()
    programs = tuple(c for c in channels if c not in named)
    found = policy.steps(kind, severity, resident) if policy is not None else None
    if found is not None:
        steps, repeat_s = found
        rungs = [Rung(s.after_s, (*s.to, *(programs if i == 0 else ())), s.ask) for i, s in enumerate(steps)]
        if severity in (Severity.ALARM, Severity.WARNING):
            everybody = tuple(dict.fromkeys(name for s in steps for name in s.to))
            rungs.append(Rung(steps[-1].after_s + repeat_s, everybody, every_s=repeat_s))
        return rungs
    example = Alert("", kind, severity, "", "", resident, 0, 0, AlertState.OPEN, 1)
    rungs, at, step = [Rung(0, tuple(channels))], 0, 0
    while (pause := settings.again(example, step)) is not None:
        at += pause
        following = settings.again(example, step + 1)
        repeats = following == settings.again(example, step + 2) == pause or (
            following == settings.again(example, step + 2) and step >= _LONGEST
        )
        rungs.append(Rung(at / SECOND, tuple(channels), every_s=pause / SECOND if repeats else 0.0))
        if repeats:
            break
        step += 1
    return rungs


_LONGEST = 50


def lines(rungs: Sequence[Rung], language: str) -> list[str]:
    """The same for people, one line a rung.

    >>> lines([Rung(0, ("speaker",), ask=True), Rung(60, ("daughter",))], "en")
    ['00:00 question at home: speaker', '01:00 daughter']
    """
    words = catalogue(language)
    forms, comma = words["timeline"], words["layout"]["comma"]
    out = []
    for rung in rungs:
        form = "nobody" if not rung.to else "ask" if rung.ask else "repeat" if rung.every_s else "at"
        out.append(
            forms[form].format(
                at=clock(rung.after_s), to=comma.join(rung.to), every=duration(rung.every_s, words)
            )
        )
    return out


def rules(settings: BookSettings, language: str) -> list[str]:
    """What else holds: quiet hours, how often one cause may ring, what answers a question in the home."""
    words = catalogue(language)
    if settings.policy is None:
        return []
    out = []
    if settings.policy.quiet is not None:
        quiet = settings.policy.quiet
        out.append(words["timeline"]["quiet"].format(start=quiet.start, stop=quiet.stop))
    if settings.policy.call_gap_s:
        out.append(words["timeline"]["gap"].format(every=duration(settings.policy.call_gap_s, words)))
    if settings.policy.asking:
        question = settings.policy.question
        signs = words["layout"]["comma"].join(words["timeline"]["signs"][s] for s in question.answered_by)
        out.append(words["timeline"]["answered"].format(signs=signs, count=question.movements))
    return out


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours only where there are any.

    >>> clock(61), clock(3600)
    ('01:01', '1:00:00')
    """
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"
