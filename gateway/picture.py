"""How does a stretch of time look? Panels one above the other as SVG: lines, steps, thresholds, instants.

Plain text out, no library: the pictures are small, few, and must be drawable on the hub itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from core.localtime import LocalTime
from core.model import SECOND

WIDTH, HEIGHT, LEFT, RIGHT, TOP, GAP = 960, 130, 215, 20, 56, 34
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")
MOST_POINTS = 2000  # a line is thinned to so many; more cannot be seen


@dataclass(frozen=True, slots=True)
class Line:
    """One series: times (ns) and values; ``step`` for states that hold until the next."""

    name: str
    t: Sequence[int]
    value: Sequence[float]
    step: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Series that share an axis, and thresholds drawn across it."""

    title: str
    lines: Sequence[Line]
    thresholds: Sequence[tuple[str, float]] = field(default_factory=tuple)
    height: int = HEIGHT


def draw(title: str, panels: Sequence[Panel], instants: Sequence[tuple[str, int]], zone: LocalTime) -> str:
    """The SVG text. ``instants`` are named times drawn through all panels."""
    times = [t for p in panels for line in p.lines if line.t for t in (line.t[0], line.t[-1])]
    times += [t for _, t in instants]
    first, last = (min(times), max(times)) if times else (0, SECOND)
    last = max(last, first + SECOND)
    bottom = TOP + sum(p.height + GAP for p in panels) - GAP if panels else TOP + HEIGHT
    height = bottom + GAP + 20
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="12" y="24" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]

    def x(t: int) -> float:
        return LEFT + (t - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    top = TOP
    for panel in panels:
        out += _panel(panel, top, x)
        top += panel.height + GAP
    for i, (name, t) in enumerate(instants):
        at = x(t)
        out.append(
            f'<line x1="{at:.1f}" y1="{TOP - 6}" x2="{at:.1f}" y2="{bottom}" stroke="#d1242f" '
            'stroke-dasharray="4 3"/>'
        )
        out.append(
            f'<text x="{at + 3:.1f}" y="{TOP - 10 - 13 * (i % 2)}" fill="#d1242f">{escape(name)}</text>'
        )
    for i in range(5):
        t = first + (last - first) * i // 4
        anchor = "end" if i == 4 else "start" if i == 0 else "middle"
        out.append(
            f'<text x="{x(t):.1f}" y="{height - 12}" text-anchor="{anchor}" fill="#57606a">'
            f"{zone.at(t):%H:%M:%S}</text>"
        )
    out.append("</svg>")
    return "\n".join(out)


def _panel(panel: Panel, top: int, x: object) -> list[str]:
    at = x if callable(x) else float
    values = [v for line in panel.lines for v in line.value if v == v]
    values += [v for _, v in panel.thresholds]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    margin = (high - low) * 0.08
    low, high = low - margin, high + margin

    def y(value: float) -> float:
        return top + panel.height - (value - low) / (high - low) * panel.height

    out = [
        f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{panel.height}" fill="none" '
        'stroke="#d0d7de"/>',
        f'<text x="12" y="{top + 16}" font-weight="bold">{escape(panel.title)}</text>',
        f'<text x="{LEFT - 6}" y="{top + 12}" text-anchor="end" fill="#57606a">{high:.3g}</text>',
        f'<text x="{LEFT - 6}" y="{top + panel.height}" text-anchor="end" fill="#57606a">{low:.3g}</text>',
    ]
    for name, value in panel.thresholds:
        out.append(
            f'<line x1="{LEFT}" y1="{y(value):.1f}" x2="{WIDTH - RIGHT}" y2="{y(value):.1f}" '
            'stroke="#9a6700" stroke-dasharray="2 3"/>'
        )
        out.append(
            f'<text x="{WIDTH - RIGHT - 4}" y="{y(value) - 3:.1f}" text-anchor="end" fill="#9a6700" '
            'stroke="white" stroke-width="3" paint-order="stroke">'
            f"{escape(name)} {value:.3g}</text>"
        )
    for i, line in enumerate(panel.lines):
        colour = COLOURS[i % len(COLOURS)]
        out.append(f'<text x="12" y="{top + 34 + 16 * i}" fill="{colour}">{escape(line.name[:28])}</text>')
        stride = max(1, len(line.t) // MOST_POINTS)
        pieces: list[list[str]] = [[]]
        before: float | None = None
        for t, value in list(zip(line.t, line.value, strict=True))[::stride]:
            if value != value:  # nothing known: the line is broken, not drawn through
                pieces.append([])
                before = None
                continue
            if line.step and before is not None:
                pieces[-1].append(f"{at(t):.1f},{y(before):.1f}")
            pieces[-1].append(f"{at(t):.1f},{y(value):.1f}")
            before = value
        out += [_drawn(points, colour) for points in pieces if points]
    return out


def _drawn(points: Sequence[str], colour: str) -> str:
    if len(points) == 1:
        cx, cy = points[0].split(",")
        return f'<circle cx="{cx}" cy="{cy}" r="2" fill="{colour}"/>'
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
