"""How are the last weeks told? A sentence a figure: lately, usually, and whether that is a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from core.model import SECOND
from detectors.day_trend import ENOUGH_BEFORE, Trend, battery_days, trends
from gateway.day_words import Speech

Rows = Sequence[Mapping[str, Any]]
COLUMNS = (
    "asleep_s", "bed_exits", "visits_at_night", "outings", "activity", "heart_bpm", "breath_bpm", "alerts",
)  # fmt: skip


def title(rows: Rows, speech: Speech) -> str:
    """Whose weeks, from when to when?"""
    first, last = (rows[0]["date"], rows[-1]["date"]) if rows else ("", "")
    return speech.say("weeks.title", home=speech.name(), first=first, last=last)


def shown(figure: str, value: float | None, speech: Speech) -> str:
    """A figure for people; "?" where it is unknown."""
    if value is None:
        return "?"
    if figure.endswith("_s"):
        return speech.length(round(value * SECOND))
    number = f"{value:.0f}" if abs(value - round(value)) < 0.05 else f"{value:.1f}"
    return speech.say("day.per_minute", value=number) if figure.endswith("_bpm") else number


def cell(row: Mapping[str, Any], column: str) -> str:
    """One figure of one day; "?" where it is unknown."""
    if column == "alerts":
        count = sum(n for severity, n in row["alerts"].items() if severity in ("alarm", "warning"))
        return str(count) if count else ""
    value = row.get(column)
    if value is None:
        return "?"
    if column.endswith("_s"):  # a column is narrow: hours and minutes
        return f"{round(value) // 3600}:{round(value) % 3600 // 60:02d}"
    return f"{value:g}"


def columns_of(rows: Rows) -> list[str]:
    """Which columns say anything? Sleep falls back to time in bed where no sensor can tell sleep."""
    out = []
    for column in COLUMNS:
        if column == "asleep_s" and not any(r.get("asleep_s") is not None for r in rows):
            column = "in_bed_s"
        if column == "alerts" or any(r.get(column) is not None for r in rows):
            out.append(column)
    return out


def day_name(row: Mapping[str, Any], speech: Speech) -> str:
    """The date and the day of the week, short."""
    day = date.fromisoformat(row["date"])
    days = speech.say("weeks.days")
    size = len(days) // 7
    return f"{day:%m-%d} {days[size * day.weekday() : size * (day.weekday() + 1)]}"


def sentence(found: Trend, speech: Speech) -> str:
    """One trend in plain words."""
    what = speech.say(f"weeks.trend.{found.figure}")
    recent, usual = (shown(found.figure, v, speech) for v in (found.recent, found.usual))
    if found.usual is None:
        return speech.say(
            "weeks.change.none", what=what, recent=recent, days=found.days, enough=ENOUGH_BEFORE
        )
    if not found.change:
        return speech.say("weeks.change.lately_unknown", what=what, usual=usual)
    return speech.say(f"weeks.change.{found.change}", what=what, recent=recent, usual=usual)


def sentences(rows: Rows, speech: Speech) -> list[str]:
    """All trends; changes first. One line where nothing is usual yet."""
    found = trends(rows)
    if not any(t.usual is not None for t in found):
        return [speech.say("weeks.no_trend", enough=ENOUGH_BEFORE)]
    order = {"more": 0, "less": 0, "same": 1, "": 2}
    return [sentence(t, speech) for t in sorted(found, key=lambda t: order[t.change])]


def sensors(rows: Rows, speech: Speech) -> list[tuple[str, str]]:
    """Each sensor: battery and where it goes, link, and how long it was not heard."""
    names = sorted({name for r in rows for name in r.get("sensors", {})})
    out = []
    for name in names:
        said: dict[str, list[float]] = {}
        for row in rows:
            for key, value in row.get("sensors", {}).get(name, {}).items():
                said.setdefault(key, []).append(float(value))
        parts = []
        if battery := said.get("battery_pct"):
            parts.append(speech.say("weeks.sensor.battery", pct=f"{battery[-1]:.0f}"))
            if battery[0] - battery[-1] >= 1:
                parts.append(
                    speech.say("weeks.sensor.falling", first=f"{battery[0]:.0f}", last=f"{battery[-1]:.0f}")
                )
            left = battery_days(rows, name)
            if left is not None and left < 180:
                parts.append(speech.say("weeks.sensor.empty", days=f"{left:.0f}"))
        if quality := said.get("link_quality"):
            parts.append(speech.say("weeks.sensor.link", quality=f"{sorted(quality)[len(quality) // 2]:.0f}"))
        if rssi := said.get("rssi_dbm"):
            parts.append(speech.say("weeks.sensor.rssi", rssi=f"{sorted(rssi)[len(rssi) // 2]:.0f}"))
        lost = sum(said.get("lost_h", []))
        parts.append(
            speech.say("weeks.sensor.lost", hours=f"{lost:.1f}") if lost else speech.say("weeks.sensor.heard")
        )
        out.append((name, speech.list(parts)))
    return out


def as_json(rows: Rows, home: str) -> dict[str, Any]:
    """Rows and trends for a program."""
    return {
        "home": home,
        "days": [dict(r) for r in rows],
        "trends": [
            {
                "figure": t.figure,
                "recent": t.recent,
                "usual": t.usual,
                "spread": t.spread,
                "change": t.change or None,
                "days_before": t.days,
            }
            for t in trends(rows)
        ],
    }
