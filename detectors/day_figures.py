"""Which few numbers of a day are worth keeping for years? A row of JSON a day, about two kilobytes.

Lengths in seconds, rates per minute, ``null`` where nothing could tell. ``band`` is the day a quarter of
an hour at a time, a letter for the state that filled most of it (96 letters, 92 or 100 where the clocks
change). ``sensors`` holds what a day says of the equipment: battery, link, hours not heard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.localtime import LocalTime
from core.model import HOUR, MINUTE, SECOND, Block
from core.quantity import Quantity
from detectors.day_facts import Day
from detectors.day_rates import Rates
from detectors.day_spans import total

Q = Quantity
VERSION = 1
QUARTER = 15 * MINUTE
LETTERS = {"asleep": "s", "in_bed": "b", "room": "h", "away": "o", "unknown": "?", "ahead": " "}
STATE_OF = {letter: state for state, letter in LETTERS.items()}
EQUIPMENT = {Q.BATTERY_PCT: "battery_pct", Q.LINK_QUALITY: "link_quality", Q.RSSI_DBM: "rssi_dbm"}


def figures(
    day: Day, local: LocalTime, blocks: Sequence[Block] = (), alerts: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """The row of one day. ``blocks``: readings that hold :data:`EQUIPMENT`; ``alerts``: how many of each
    severity."""
    night = day.night
    known = day.totals()
    return {
        "version": VERSION,
        "date": day.date.isoformat(),
        "whole": day.reached >= day.stop,
        "length_s": (day.stop - day.start) // SECOND,
        "totals_s": {state: ns // SECOND for state, ns in known.items()},
        "band": band(day),
        "night_from_h": None if night is None else _hour(night.start, local),
        "night_to_h": None if night is None else _hour(night.stop, local),
        "in_bed_s": None if night is None else total(night.in_bed) // SECOND,
        "asleep_s": None if night is None or night.asleep is None else total(night.asleep) // SECOND,
        "asleep_by": "" if night is None else night.by,
        "bed_exits": None if night is None else len(night.out),
        "turn_overs": None if night is None or night.turns is None else len(night.turns),
        "naps": None if day.naps is None else len(day.naps),
        "naps_s": None if day.naps is None else total(day.naps) // SECOND,
        "outings": None if day.outings is None else len(day.outings),
        "out_s": None if day.outings is None else total(day.outings) // SECOND,
        "visits": None if day.visits is None else len(day.visits),
        "visits_at_night": day.night_visits,
        "activity": sum(day.activity) if "motion" in day.sees else None,
        "heart_bpm": _median(day.heart),
        "breath_bpm": _median(day.breath),
        "alerts": dict(alerts or {}),
        "sensors": equipment(day, blocks),
    }


def _median(rates: Rates | None) -> float | None:
    return None if rates is None else rates.median


def _hour(t: int, local: LocalTime) -> float:
    return round(local.hour(t), 2)


def band(day: Day) -> str:
    """A letter a quarter of an hour: the state that filled most of it."""
    out = []
    for start in range(day.start, day.stop, QUARTER):
        stop = min(start + QUARTER, day.stop)
        filled: dict[str, int] = {}
        for span in day.spans:
            shared = min(span.stop, stop) - max(span.start, start)
            if shared > 0:
                filled[span.state] = filled.get(span.state, 0) + shared
        out.append(LETTERS[max(filled, key=lambda s: (filled[s], s))])
    return "".join(out)


def equipment(day: Day, blocks: Sequence[Block]) -> dict[str, dict[str, float]]:
    """Of each sensor: the day's middle battery charge and link figures, and hours it was not heard."""
    values: dict[tuple[str, str], list[Any]] = {}
    for block in blocks:
        name = EQUIPMENT.get(block.quantity)
        if name is None:
            continue
        keep = (block.t >= day.start) & (block.t < day.stop) & np.isfinite(block.value)
        if keep.any():
            values.setdefault((block.source, name), []).append(block.value[keep])
    out: dict[str, dict[str, float]] = {}
    for (source, name), parts in sorted(values.items()):
        out.setdefault(source, {})[name] = round(float(np.median(np.concatenate(parts))), 1)
    for gap in day.gaps:
        lost = out.setdefault(gap.source, {})
        lost["lost_h"] = round(lost.get("lost_h", 0.0) + (gap.stop - gap.start) / HOUR, 2)
    return dict(sorted(out.items()))
