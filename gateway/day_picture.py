"""How does a day look? One sheet a daughter understands: the day as a band, rooms, bed, rates, alerts.

Midnight to midnight from left to right, also where the clocks change (then a day is 23 or 25 hours
wide). What nobody could see is hatched everywhere, so that it never looks like quiet.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model import HOUR, MINUTE, Alert, Severity
from detectors.day_facts import STATES, Day, Span
from detectors.day_rates import Rates
from gateway.day_sheet import GREY, RULE, Sheet, fitted, width, wrapped
from gateway.day_words import MOST_GAPS, Speech, alert_line, lines, of_day, state_name

WIDTH, LEFT, RIGHT = 960, 132, 20
COLOURS = {
    "asleep": "#31448f",
    "in_bed": "#9db2ea",
    "room": "#f2b84b",
    "away": "#63b06b",
    "unknown": "url(#unseen)",
    "ahead": "#ffffff",
}
RED, BLUE = "#c6283d", "#1f6feb"
SEVERITY = {Severity.ALARM: RED, Severity.WARNING: "#d97706", Severity.TROUBLE: GREY, Severity.INFO: BLUE}
_BAND, _ROW, _CURVE = 30, 15, 56
_BREAK = 20 * MINUTE  # a curve is not drawn across a longer time without a value
MOST_ALERTS = 8


def draw(day: Day, alerts: Sequence[Alert], speech: Speech) -> tuple[str, Sheet]:
    """The SVG text, and the sheet that knows where its words stand."""
    page = _Page(day, speech)
    page.head()
    page.band()
    page.legend()
    page.rooms()
    page.bed()
    page.rates("heart", day.heart, RED)
    page.rates("breath", day.breath, BLUE)
    page.activity()
    page.gaps()
    page.alerts(of_day(day, alerts))
    page.words(alerts)
    return page.sheet.done(page.y + 8), page.sheet


class _Page:
    """Strips one below the other; ``y`` is where the next begins."""

    def __init__(self, day: Day, speech: Speech) -> None:
        self.day, self.speech = day, speech
        self.sheet = Sheet(WIDTH)
        self.y = 0.0

    def x(self, t: int) -> float:
        """Where on the sheet is this instant?"""
        day = self.day
        return LEFT + (t - day.start) / (day.stop - day.start) * (WIDTH - LEFT - RIGHT)

    def head(self) -> None:
        """Whose day is it?"""
        self.sheet.text(16, 32, self.speech.day(self.day.date), 20, bold=True)
        self.y = 50

    def hours(self, top: float, bottom: float, named: bool = False) -> None:
        """Thin lines every three hours; with their times above where ``named``."""
        t = self.day.start
        seen = -1
        while t <= self.day.stop:
            local = self.speech.local.at(t)
            hour = local.hour if t < self.day.stop else 24
            if (hour % 3 == 0 and hour != seen and local.minute == 0) or hour == 24:
                self.sheet.line(self.x(t), top, self.x(t), bottom)
                if named:
                    self.sheet.text(self.x(t), top - 4, f"{hour}:00", 11, GREY, "middle")
                seen = hour
            t += HOUR

    def label(self, name: str, height: float) -> None:
        """What is this strip?"""
        said = fitted(self.speech.say(f"day.label.{name}"), 12, LEFT - 24)
        self.sheet.text(16, self.y + height / 2 + 4, said, 12, bold=True)

    def cover(self, top: float, height: float) -> None:
        """Hatch what nobody could see."""
        for span in self.day.spans:
            if span.state == "unknown":
                self.sheet.rect(
                    self.x(span.start),
                    top,
                    self.x(span.stop) - self.x(span.start),
                    height,
                    COLOURS["unknown"],
                )

    def band(self) -> None:
        """The day in one band."""
        self.y += 16
        self.hours(self.y, self.y + _BAND, named=True)
        self.label("day", _BAND)
        for span in self.day.spans:
            self._span(span, self.y, _BAND)
        self._frame(_BAND)
        self.y += _BAND + 6

    def _frame(self, height: float) -> None:
        self.sheet.rect(LEFT, self.y, WIDTH - LEFT - RIGHT, height, "none", more=f' stroke="{RULE}"')

    def _span(self, span: Span, top: float, height: float) -> None:
        speech = self.speech
        when = speech.say("day.between", start=speech.clock(span.start), stop=speech.clock(span.stop))
        room = f", {speech.room(span.room)}" if span.room else ""
        title = f"{state_name(span.state, self.day, speech)}{room}, {when}"
        wide = self.x(span.stop) - self.x(span.start)
        self.sheet.rect(self.x(span.start), top, wide, height, COLOURS[span.state], title)

    def legend(self) -> None:
        """Colours, and how long each state lasted."""
        x, self.y = float(LEFT), self.y + 14
        for state in STATES:
            ns = self.day.totals()[state]
            if not ns:
                continue
            said = f"{state_name(state, self.day, self.speech)} {self.speech.length(ns)}"
            if x + 16 + width(said, 12) > WIDTH - RIGHT:
                x, self.y = float(LEFT), self.y + 17
            self.sheet.rect(x, self.y - 10, 12, 12, COLOURS[state], more=f' stroke="{RULE}"')
            self.sheet.text(x + 16, self.y, said, 12)
            x += 16 + width(said, 12) + 18
        self.y += 16

    def rooms(self) -> None:
        """A row a room: where up, where in bed."""
        rooms = sorted(self.day.rooms().items(), key=lambda r: -r[1])
        if not rooms:
            return
        top = self.y
        self.hours(top, top + len(rooms) * _ROW)
        for room, _ in rooms:
            name = fitted(self.speech.room(room), 11, LEFT - 24)
            self.sheet.text(16, self.y + 11, name, 11)
            for span in self.day.spans:
                if span.room == room:
                    self._span(span, self.y + 2, _ROW - 4)
            self.y += _ROW
        self.cover(top, self.y - top)
        self.y += 8

    def bed(self) -> None:
        """Turn-overs as ticks, times out of bed as bars; hatched where no bed sensor was heard."""
        day = self.day
        self.label("bed", _ROW)
        if "bed" not in day.sees:
            self._unknown(_ROW, self.speech.say("day.night.unknown"))
            return
        self.hours(self.y, self.y + _ROW)
        for span in day.spans:
            if span.state in ("asleep", "in_bed"):
                self._span(span, self.y + 2, _ROW - 4)
        night = day.night
        for t in (night.turns or ()) if night is not None else ():
            if day.start <= t < day.stop:
                self.sheet.line(self.x(t), self.y, self.x(t), self.y + _ROW, "#ffffff", ' stroke-width="1.5"')
        for a, b in night.out if night is not None else ():
            if b > day.start:
                x = self.x(max(a, day.start))
                self.sheet.rect(x, self.y, max(self.x(b) - x, 2), _ROW, COLOURS["room"])
        self.cover(self.y, _ROW)
        self.y += _ROW + 8

    def _unknown(self, height: float, why: str) -> None:
        self.sheet.rect(LEFT, self.y, WIDTH - LEFT - RIGHT, height, COLOURS["unknown"])
        wide = width(why, 11) + 12
        self.sheet.rect(LEFT + 8, self.y + height / 2 - 7, wide, 14, "#ffffff")
        self.sheet.text(LEFT + 14, self.y + height / 2 + 4, fitted(why, 11, WIDTH - LEFT - 40), 11, GREY)
        self.y += height + 8

    def rates(self, which: str, rates: Rates | None, colour: str) -> None:
        """A curve of minutes with its usual value, or that nothing is known."""
        height = _CURVE if rates is not None else _ROW
        self.label(which, height)
        if rates is None:
            why = "day.rates.gates" if which in self.day.sees else "day.rates.unknown"
            self._unknown(height, self.speech.say(why))
            return
        low, high = min(rates.value) - 3, max(rates.value) + 3
        self.hours(self.y, self.y + height)
        self._frame(height)
        self.cover(self.y, height)

        def y(value: float) -> float:
            return self.y + height - (value - low) / (high - low) * height

        self.sheet.text(LEFT - 6, self.y + 10, f"{high:.0f}", 10, GREY, "end")
        self.sheet.text(LEFT - 6, self.y + height, f"{low:.0f}", 10, GREY, "end")
        self.sheet.line(
            LEFT, y(rates.median), WIDTH - RIGHT, y(rates.median), GREY, ' stroke-dasharray="2 3"'
        )
        piece: list[tuple[float, float]] = []
        before: int | None = None
        for t, value in zip(rates.t, rates.value, strict=True):
            if before is not None and t - before > _BREAK:
                self.sheet.path(piece, colour)
                piece = []
            piece.append((self.x(t), y(value)))
            before = t
        self.sheet.path(piece, colour)
        self.y += height + 8

    def activity(self) -> None:
        """Bars of signs of life."""
        most = max(self.day.activity, default=0)
        height = 26.0
        self.label("activity", height)
        self.hours(self.y, self.y + height)
        for i, count in enumerate(self.day.activity):
            a = self.day.start + i * HOUR
            b = min(a + HOUR, self.day.stop)
            tall = height * count / most if most else 0
            if count:
                wide = self.x(b) - self.x(a) - 2
                self.sheet.rect(self.x(a) + 1, self.y + height - tall, wide, tall, "#8c959f", str(count))
        self.cover(self.y, height)
        self.sheet.line(LEFT, self.y + height, WIDTH - RIGHT, self.y + height)
        self.y += height + 8

    def gaps(self) -> None:
        """Sensors that were not heard, a row each."""
        found: dict[str, list[tuple[int, int, str]]] = {}
        for gap in self.day.gaps:
            if gap.stop - gap.start >= MINUTE:
                found.setdefault(gap.source, []).append((gap.start, gap.stop, gap.reason))
        if not found:
            return
        self.label("gaps", _ROW)
        self.y += _ROW
        for source in sorted(found)[: 2 * MOST_GAPS]:
            self.sheet.text(16, self.y + 11, fitted(source, 11, LEFT - 24), 11, GREY)
            for a, b, reason in found[source]:
                said = self.speech.say(f"day.gap.{reason}")
                self.sheet.rect(
                    self.x(a), self.y + 2, self.x(b) - self.x(a), _ROW - 4, COLOURS["unknown"], said
                )
            self.y += _ROW
        self.y += 8

    def alerts(self, alerts: Sequence[Alert]) -> None:
        """A dot an alert."""
        if not alerts:
            return
        self.label("alerts", _ROW)
        self.sheet.line(LEFT, self.y + _ROW / 2, WIDTH - RIGHT, self.y + _ROW / 2)
        for alert in alerts:
            self.sheet.dot(self.x(alert.changed), self.y + _ROW / 2, 5, SEVERITY[alert.severity])
        self.y += _ROW + 8

    def words(self, alerts: Sequence[Alert]) -> None:
        """The same in words, below."""
        self.y += 14
        shown = of_day(self.day, alerts)
        for label, said in lines(self.day, (), self.speech)[1:-1]:
            self._words(label, said)
        if not shown:
            self._words(self.speech.say("day.label.alerts"), self.speech.say("day.alerts.none"))
        for i, alert in enumerate(shown[:MOST_ALERTS]):
            label = "" if i else self.speech.say("day.label.alerts")
            self._words(label, alert_line(alert, self.speech))
        if len(shown) > MOST_ALERTS:
            self._words("", self.speech.say("day.gap.more", n=len(shown) - MOST_ALERTS))
        self.y += 6
        for key in ("day.unknown_is_not_quiet", "day.medical"):
            for line in wrapped(self.speech.say(key), 11, WIDTH - 32):
                self.sheet.text(16, self.y, line, 11, GREY)
                self.y += 15

    def _words(self, label: str, said: str) -> None:
        if label:
            self.sheet.text(16, self.y, fitted(label, 12, LEFT - 24), 12, bold=True)
        for line in wrapped(said, 12, WIDTH - LEFT - RIGHT):
            self.sheet.text(LEFT, self.y, line, 12)
            self.y += 17
