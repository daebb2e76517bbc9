"""Who is told when, in this home? The ladders that ``check`` prints and ``drill`` rehearses; their rules."""

from __future__ import annotations

from dataclasses import replace

from alerts.severity import judge
from alerts.text.message import catalogue, duration
from alerts.timeline import Rung, lines, rules, timeline
from core.model import Severity
from gateway.build import Plan

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("fall", "confirmed"),
    ("inactivity", "warning"),
    ("smoke", ""),
    ("sos", ""),
    ("sensor_silent", "trouble"),
)
"""What check tells about: (kind, stage)."""


def ladder(plan: Plan, kind: str, severity: Severity) -> list[Rung]:
    """What happens to such an alert that nobody answers? Without channels for which it is not bad enough."""
    resident = plan.home.residents[0].id if len(plan.home.residents) == 1 else ""
    fits = {c.name for c in plan.channels if severity.rank <= Severity(c.from_severity).rank}
    names = [c.name for c in plan.channels if c.name in fits]
    rungs = timeline(plan.book, kind, severity, resident, names)
    return [replace(rung, to=tuple(n for n in rung.to if n in fits)) for rung in rungs]


def explain_people(plan: Plan, language: str) -> list[str]:
    """All of it for people: a ladder for each example, then what else holds, then what happens daily."""
    words = catalogue(language)
    forms, kinds = words["timeline"], words["kinds"]
    if not plan.channels:
        return []
    out = []
    for kind, stage in EXAMPLES:
        severity = judge(kind, {"stage": stage} if stage else {})
        title = kinds[kind]["stages"].get(stage, kinds[kind]["title"])
        out.append("  " + forms["of"].format(what=title, severity=words["severity"][str(severity)]))
        out += [f"    {line}" for line in lines(ladder(plan, kind, severity), language)]
    out += [f"  {line}" for line in rules(plan.book, language)]
    daily = plan.book.daily
    if daily is not None and daily.test_at:
        to = daily.channels or tuple(c.name for c in plan.channels)
        within = duration(daily.patience_s, words)
        joined = words["layout"]["comma"].join(to)
        out.append("  " + forms["test"].format(at=daily.test_at, to=joined, within=within))
    if daily is not None and daily.summary_at:
        out.append("  " + forms["summary"].format(at=daily.summary_at))
    for name, valve in plan.config.valves.items():
        what = words["layout"]["comma"].join(kinds[k]["title"] for k in valve.kinds)
        within = duration(valve.within_s, words)
        out.append("  " + forms["valve"].format(name=name, what=what, topic=valve.topic, within=within))
    far = plan.config.heartbeat.url or plan.config.heartbeat.url_file
    every = duration(plan.config.heartbeat.every_s, words)
    out.append("  " + forms["beat_far" if far else "beat"].format(every=every))
    return out
