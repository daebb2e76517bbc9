"""How are labelled strips drawn so that no words lie on each other? A sheet of SVG that knows its texts.

Widths are estimated: a Chinese character is as wide as the font is high, other characters a bit more
than half of it. Everything written stays in a list with its box, so that it can be checked.
"""

from __future__ import annotations

from html import escape
from typing import NamedTuple

INK, GREY, RULE = "#1f2328", "#57606a", "#d0d7de"
FONT = "'Noto Sans SC','Noto Sans CJK SC','Microsoft YaHei','PingFang SC',Arial,Helvetica,sans-serif"


class Box(NamedTuple):
    """Where a text stands: left, top, right, bottom."""

    x0: float
    y0: float
    x1: float
    y1: float
    text: str


def width(text: str, size: float) -> float:
    """About how wide is it?

    >>> width("夜间", 12), round(width("Day", 10), 1)
    (24, 18.0)
    """
    return sum(size if ord(c) >= 0x2E80 else size * (0.3 if c in "il.,:;'|!" else 0.6) for c in text)


def fitted(text: str, size: float, room: float) -> str:
    """The text, cut with an ellipsis where it is too wide."""
    if width(text, size) <= room:
        return text
    while text and width(text + "…", size) > room:
        text = text[:-1]
    return text + "…"


def wrapped(text: str, size: float, room: float) -> list[str]:
    """The text in lines of at most ``room``; breaks at spaces, or anywhere between Chinese characters."""
    out: list[str] = []
    line = ""
    for piece in _pieces(text):
        if line and width(line + piece.rstrip(), size) > room:
            out.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*out, line.rstrip()] if line.strip() else out


def _pieces(text: str) -> list[str]:
    out = [""]
    for c in text:
        out[-1] += c
        if c == " " or ord(c) >= 0x2E80:
            out.append("")
    return [p for p in out if p]


class Sheet:
    """Shapes and texts in the order they were put, and where the texts stand."""

    def __init__(self, width_px: int) -> None:
        self.width = width_px
        self.boxes: list[Box] = []
        self._out: list[str] = []

    def rect(
        self, x: float, y: float, w: float, h: float, fill: str, title: str = "", more: str = ""
    ) -> None:
        """A filled rectangle; ``title`` is shown by a pointer held over it."""
        hint = f"<title>{escape(title)}</title>" if title else ""
        self._out.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(w, 0.4):.1f}" height="{h:.1f}" '
            f'fill="{fill}"{more}>{hint}</rect>'
        )

    def line(self, x0: float, y0: float, x1: float, y1: float, colour: str = RULE, more: str = "") -> None:
        """A straight line."""
        self._out.append(
            f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}"{more}/>'
        )

    def path(self, points: list[tuple[float, float]], colour: str) -> None:
        """A line through points; a single one is a dot."""
        if len(points) == 1:
            (x, y) = points[0]
            self._out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.6" fill="{colour}"/>')
        elif points:
            told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            self._out.append(f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="1.4"/>')

    def dot(self, x: float, y: float, r: float, colour: str) -> None:
        """A filled circle."""
        self._out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{colour}"/>')

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 12,
        colour: str = INK,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """One line of text; ``y`` is its base line."""
        wide = width(text, size)
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        self.boxes.append(Box(left, y - size * 0.85, left + wide, y + size * 0.2, text))
        weight = ' font-weight="bold"' if bold else ""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._out.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}"{place}{weight}>'
            f"{escape(text)}</text>"
        )

    def done(self, height: float) -> str:
        """The whole picture."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {height:.0f}" '
            f'width="{self.width}" height="{height:.0f}" font-family="{FONT}">\n'
            '<defs><pattern id="unseen" width="6" height="6" patternUnits="userSpaceOnUse" '
            'patternTransform="rotate(45)"><rect width="6" height="6" fill="#f6f8fa"/>'
            '<line x1="0" y1="0" x2="0" y2="6" stroke="#8c959f" stroke-width="2"/></pattern></defs>\n'
            f'<rect width="{self.width}" height="{height:.0f}" fill="white"/>'
        )
        return "\n".join([head, *self._out, "</svg>\n"])
