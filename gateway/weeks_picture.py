"""How do the last weeks look? A row a day: the day as a band, its figures, and what stands out."""

from __future__ import annotations

from typing import Any

from detectors.day_figures import STATE_OF
from detectors.day_trend import FLOORS, odd
from gateway.day_picture import COLOURS, RED
from gateway.day_sheet import GREY, INK, RULE, Sheet, fitted, width, wrapped
from gateway.day_words import Speech
from gateway.weeks_words import Rows, cell, columns_of, day_name, sentences, title

WIDTH, LEFT, BAND, ROW = 960, 76, 340, 18


def draw(rows: Rows, speech: Speech) -> tuple[str, Sheet]:
    """The SVG text, and the sheet that knows where its words stand."""
    sheet = Sheet(WIDTH)
    sheet.text(16, 32, fitted(title(rows, speech), 18, WIDTH - 32), 18, bold=True)
    columns = columns_of(rows)
    first = LEFT + BAND + 16
    step = (WIDTH - 16 - first) / max(len(columns), 1)
    heads = [wrapped(speech.say(f"weeks.col.{c}"), 11, step - 6) for c in columns]
    high = max((len(h) for h in heads), default=1)
    y = 52.0 + 13 * high
    for i, lines in enumerate(heads):
        for k, line in enumerate(lines):
            at = y - 6 - 13 * (len(lines) - 1 - k)
            sheet.text(first + (i + 0.5) * step, at, fitted(line, 11, step - 4), 11, GREY, "middle")
    for hour in (0, 6, 12, 18, 24):
        anchor = "start" if hour == 0 else "end" if hour == 24 else "middle"
        sheet.text(LEFT + BAND * hour / 24, y - 6, f"{hour}:00", 11, GREY, anchor)
    strange = {c: odd(rows, c) for c in columns if c in FLOORS}
    top = y
    for n, row in enumerate(rows):
        sheet.text(16, y + 13, day_name(row, speech), 11)
        _band(sheet, row, y + 3)
        for i, column in enumerate(columns):
            said = cell(row, column)
            out = column in strange and strange[column][n]
            colour = RED if out or column == "alerts" else GREY if said == "?" else INK
            if said:
                where = first + (i + 0.5) * step
                sheet.text(where, y + 13, fitted(said, 11, step - 4), 11, colour, "middle", out)
        y += ROW
        if n and row["date"] and n % 7 == 6:
            sheet.line(16, y + 1, WIDTH - 16, y + 1)
            y += 3
    for hour in (6, 12, 18):
        x = LEFT + BAND * hour / 24
        sheet.line(x, top, x, y, "#ffffff")
    y = _legend(sheet, rows, speech, y + 18)
    y += 8
    for said in [*sentences(rows, speech), speech.say("weeks.how")]:
        for line in wrapped(said, 12, WIDTH - 32):
            sheet.text(16, y, line, 12, GREY if said == speech.say("weeks.how") else INK)
            y += 17
    for key in ("day.unknown_is_not_quiet", "day.medical"):
        for line in wrapped(speech.say(key), 11, WIDTH - 32):
            sheet.text(16, y, line, 11, GREY)
            y += 15
    return sheet.done(y + 6), sheet


def _band(sheet: Sheet, row: Any, top: float) -> None:
    """Runs of one letter as one rectangle."""
    band = str(row["band"])
    start = 0
    for i in range(1, len(band) + 1):
        if i == len(band) or band[i] != band[start]:
            state = STATE_OF.get(band[start], "unknown")
            x = LEFT + BAND * start / len(band)
            sheet.rect(x, top, BAND * (i - start) / len(band), ROW - 6, COLOURS[state])
            start = i


def _legend(sheet: Sheet, rows: Rows, speech: Speech, y: float) -> float:
    seen = {STATE_OF.get(letter, "unknown") for r in rows for letter in str(r["band"])}
    x = float(LEFT)
    for state, colour in COLOURS.items():
        if state not in seen:
            continue
        said = speech.say(f"day.state.{'home' if state == 'room' else state}")
        sheet.rect(x, y - 10, 12, 12, colour, more=f' stroke="{RULE}"')
        sheet.text(x + 16, y, said, 12)
        x += 16 + width(said, 12) + 18
    return y + 16
