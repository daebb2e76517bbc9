"""How quickly did people answer, who came, and what was false? From the kept revisions, month by month."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from alerts.audit import ERASURE
from alerts.revision import rings
from core.localtime import LocalTime
from core.model import SECOND, Alert, Severity

AT_HOME = frozenset({"all_right", "help"})
"""Answers of the person at home: no helper has seen anything yet."""


@dataclass(slots=True)
class Month:
    """What happened to one resident in one local month. Times in seconds, from when it first rang."""

    month: str  # 2026-11
    resident: str
    alerts: Counter[str] = field(default_factory=Counter)  # kind -> how many opened; drills apart
    drills: int = 0
    serious: int = 0  # alarms and warnings; what follows counts these alone
    rung: int = 0  # revisions that asked for attention
    acknowledged_s: list[float] = field(default_factory=list)
    arrived_s: list[float] = field(default_factory=list)
    at_home: int = 0  # answered by the person at home: all right
    never_answered: int = 0  # alarms that cleared or are open without any answer
    false_alarms: Counter[str] = field(default_factory=Counter)  # cause as given, "" = none given

    def as_dict(self) -> dict[str, Any]:
        """As plain data, with medians and maxima instead of lists."""
        return {
            "month": self.month,
            "resident": self.resident,
            "alerts": dict(sorted(self.alerts.items())),
            "drills": self.drills,
            "serious": self.serious,
            "rung": self.rung,
            "acknowledged": _spread(self.acknowledged_s),
            "arrived": _spread(self.arrived_s),
            "at_home": self.at_home,
            "never_answered": self.never_answered,
            "false_alarms": dict(sorted(self.false_alarms.items())),
        }


def months(revisions: Iterable[Alert], zone: str) -> list[Month]:
    """The report, oldest month first, then by resident. ``revisions`` may come in any order.

    An alert belongs to the month in which it opened.
    """
    by_id: dict[str, list[Alert]] = defaultdict(list)
    for alert in revisions:
        by_id[alert.id].append(alert)
    for life in by_id.values():
        life.sort(key=lambda a: a.revision)
    return months_of(by_id.values(), zone)


def months_of(lives: Iterable[Sequence[Alert]], zone: str) -> list[Month]:
    """The same from whole lives, each in order: what is streamed need not fit into memory."""
    local = LocalTime(zone)
    found: dict[tuple[str, str], Month] = {}
    for life in lives:
        first = life[0]
        if first.kind == ERASURE:
            continue
        name = local.at(first.opened).strftime("%Y-%m")
        month = found.setdefault((name, first.resident), Month(name, first.resident))
        _count(month, life)
    return [found[k] for k in sorted(found)]


def _count(month: Month, life: Sequence[Alert]) -> None:
    last = life[-1]
    if last.evidence.get("test") is True or last.kind == "test":
        month.drills += 1
        return
    month.alerts[last.kind] += 1
    worst = min((a.severity for a in life), key=lambda s: s.rank)
    if worst not in (Severity.ALARM, Severity.WARNING):
        return
    month.serious += 1
    month.rung += sum(rings(a) for a in life)
    said = [x for x in last.evidence.get("answers", []) if isinstance(x, dict)]
    month.at_home += any(x.get("word") == "all_right" for x in said)
    answers = [x for x in said if x.get("word") not in AT_HOME]
    began = life[0].changed
    if answers:
        month.acknowledged_s.append((answers[0]["at"] - began) / SECOND)
    elif worst is Severity.ALARM and not said:
        month.never_answered += 1
    arrived = next((x for x in answers if x.get("word") == "arrived"), None)
    if arrived is not None:
        month.arrived_s.append((arrived["at"] - began) / SECOND)
    if last.evidence.get("closed") == "false_alarm":
        cause = next((x.get("cause", "") for x in reversed(answers) if x.get("word") == "false_alarm"), "")
        month.false_alarms[str(cause)] += 1


def _spread(seconds: Sequence[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    return {"count": len(seconds), "median_s": median(seconds), "max_s": max(seconds)}
