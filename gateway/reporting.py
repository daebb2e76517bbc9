"""How did the months go? The report on answers and false alarms, in words and as a picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from statistics import median

from alerts.archive import Archive
from alerts.report import Month, months_of
from alerts.text.message import catalogue, duration
from core.model import Home
from gateway.words import language, word

WIDTH, ROW, TOP, LEFT, RIGHT = 720, 26, 64, 210, 90


def chosen(archive: Archive, home: Home, month: str = "", resident: str = "") -> list[Month]:
    """The months asked for, oldest first. Raises ValueError for what cannot be asked."""
    if month and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise ValueError(word("report.bad_month").format(month=month))
    known = {r.id for r in home.residents}
    if resident and resident not in known:
        raise ValueError(
            word("report.no_resident").format(resident=resident, known=", ".join(sorted(known)) or "-")
        )
    months = months_of(archive.lives(), home.zone)
    return [m for m in months if (not month or m.month == month) and (not resident or m.resident == resident)]


def tell(months: Sequence[Month], home: Home) -> list[str]:
    """The report for people."""
    if not months:
        return [word("report.nothing")]
    words = catalogue(language())
    comma = words["layout"]["comma"]
    out: list[str] = []
    for m in months:
        kinds = comma.join(
            f"{words['kinds'].get(kind, {}).get('title', kind)} {n}" for kind, n in sorted(m.alerts.items())
        )
        out.append(word("report.head").format(month=m.month, who=_name(home, m.resident)))
        out.append("  " + word("report.alerts").format(kinds=kinds or "-", drills=m.drills))
        out.append("  " + word("report.rung").format(serious=m.serious, rung=m.rung))
        for key, seconds in (("report.acknowledged", m.acknowledged_s), ("report.arrived", m.arrived_s)):
            if seconds:
                middle, longest = duration(median(seconds), words), duration(max(seconds), words)
                out.append("  " + word(key).format(n=len(seconds), median=middle, max=longest))
        if m.at_home:
            out.append("  " + word("report.at_home").format(n=m.at_home))
        if m.never_answered:
            out.append("  " + word("report.never").format(n=m.never_answered))
        if m.false_alarms:
            causes = comma.join(
                f"{cause or word('report.no_cause')} {n}" for cause, n in m.false_alarms.most_common()
            )
            out.append("  " + word("report.false").format(n=m.false_alarms.total(), causes=causes))
        out.append("")
    return out[:-1]


def draw_report(months: Sequence[Month], home: Home) -> str:
    """Median times to acknowledge and to arrive as bars, month by month, as SVG."""
    rows: list[tuple[str, str, float]] = []
    for m in months:
        label = f"{m.month} {_name(home, m.resident)}"
        for key, colour, seconds in (
            ("report.bar_acknowledged", "#1f6feb", m.acknowledged_s),
            ("report.bar_arrived", "#1a7f37", m.arrived_s),
        ):
            if seconds:
                rows.append((f"{label} {word(key)}", colour, median(seconds)))
    longest = max((value for _, _, value in rows), default=1.0) or 1.0
    height = TOP + ROW * max(1, len(rows)) + 16
    words = catalogue(language())
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="12" y="26" font-size="16" font-weight="bold">{escape(word("report.title"))}</text>',
    ]
    if not rows:
        out.append(f'<text x="12" y="{TOP}">{escape(word("report.nothing"))}</text>')
    for i, (label, colour, value) in enumerate(rows):
        y = TOP + ROW * i
        width = max(1.0, value / longest * (WIDTH - LEFT - RIGHT))
        out.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(label[:40])}</text>')
        out.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{ROW - 8}" fill="{colour}"/>')
        out.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 13}">{escape(duration(value, words))}</text>')
    out.append("</svg>")
    return "\n".join(out)


def _name(home: Home, resident: str) -> str:
    named = next((r.name for r in home.residents if r.id == resident and r.name), resident)
    return named or word("report.everybody")
