"""Which harmless vapours does the gas detector take for a leak, and how soon does it find a real one?

Data: the ht-sensors recordings (eight metal-oxide sensors in a home, minute means; wine, bananas,
nothing). The array's three gas elements are each read as a module would read them: channel R1 a
TGS2611, R2 a TGS2612, R3 a TGS2610 (the order is recalled from the set's description). Their methane
curves, Rs/Ro = A c^-B and Rs/Ro in air, are the values the public gas simulator GADEN read off the
maker's sheets; towards air they are joined as R = R_air (1 + c / c0) ^ -B with A c0^-B = air. R_air is the
90th percentile of the channel, as a factory calibration. All events are run in order of time as one
stream, a day or more apart, as they were recorded.

A leak is gas added to that same background: a source that starts at a stated minute in a room with
0.5 air changes an hour, C = C_end (1 - exp(-n t)), chosen so that the room reaches the stated level
after a given time. The module reports the sum, as its resistance would show it.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.contracts import Detector
from core.model import SECOND, Block, Event, Home, Phase
from core.quantity import Quantity
from detectors import gas
from detectors.leak import LeakRules

Array = npt.NDArray[np.float64]
T0 = 1_430_000_000 * SECOND
# element: Rs/Ro = A c^-B in methane (ppm), Rs/Ro in air
CURVES = {
    "R1": ("TGS2611", 38.46, 0.4289, 8.8),
    "R2": ("TGS2612", 146.2, 0.5916, 19.5),
    "R3": ("TGS2610", 63.91, 0.5372, 10.3),
}
PPM_PER_LEL_PCT = 500.0
AIR_CHANGES_PER_H = 0.5
LEVEL_LEL_PCT = LeakRules().level_lel_pct
CROSSINGS_MIN = (2.0, 5.0, 10.0, 20.0, 40.0)


@dataclass(frozen=True)
class Vapour:
    """One recorded event; ``lel_pct`` at ``t`` (ns), empty where the channel gave nothing."""

    number: int
    sort: str
    t: npt.NDArray[np.int64]
    lel_pct: Array


def load(folder: Path, channel: str, cross: float = 1.0) -> list[Vapour]:
    """All events in order of time; ``cross`` multiplies what a vapour counts as methane."""
    _, a, b, air = CURVES[channel]
    c0 = (a / air) ** (1 / b) / PPM_PER_LEL_PCT * cross
    starts: dict[int, int] = {}
    for line in (folder / "HT_Sensor_metadata.dat").read_text().splitlines()[1:]:
        parts = line.split()
        if len(parts) >= 5:
            day = datetime.strptime(parts[1], "%m-%d-%y")
            seconds = (day - datetime(1970, 1, 1)).total_seconds() + float(parts[3]) * 3600
            starts[int(parts[0])] = round(seconds) * SECOND
    rows: dict[int, tuple[str, list[float], list[float]]] = {}
    with (folder / "ht_minutes.csv").open() as file:
        for row in csv.DictReader(file):
            event = rows.setdefault(int(row["id"]), (row["class"], [], []))
            event[1].append(float(row["minute"]))
            event[2].append(float(row[channel] or "nan"))
    values = np.concatenate([np.array(r[2]) for r in rows.values()])
    clean = float(np.nanpercentile(values, 90))
    out = []
    for n, (number, (sort, minutes, kiloohm)) in enumerate(sorted(rows.items())):
        start = starts.get(number, T0 + n * 2 * 86_400 * SECOND)
        r, m = np.array(kiloohm), np.array(minutes)
        good = np.isfinite(r) & (r > 0)
        lel = c0 * ((clean / r[good]) ** (1 / b) - 1)
        t = start + np.round(m[good] * 60).astype(np.int64) * SECOND
        out.append(Vapour(number, sort, t, np.maximum(lel, 0.0)))
    return sorted(out, key=lambda v: (v.t[0] if len(v.t) else 0, v.number))


def _tell(detector: Detector, t: npt.NDArray[np.int64], lel_pct: Array) -> list[Event]:
    block = Block.build("s", Quantity.GAS_LEL_PCT, t.tolist(), lel_pct.tolist(), [0] * len(t))
    return [e for e in detector.process([block]) + detector.advance(int(t[-1]) + SECOND) if e.kind == "gas"]


def _fresh() -> Detector:
    return gas.SPEC.make(gas.SPEC.params(), Home("bench"))


def false_alarms(events: list[Vapour]) -> list[tuple[int, str, str]]:
    """(event, sort, stage) of each onset over the whole stream."""
    detector, out = _fresh(), []
    for v in events:
        if len(v.t):
            told = _tell(detector, v.t, v.lel_pct)
            out += [(v.number, v.sort, str(e.evidence["stage"])) for e in told if e.phase is Phase.ONSET]
    return out


@dataclass(frozen=True)
class Found:
    """One injected leak: ``delay_s`` from crossing the level to the first word, None if none came."""

    channel: str
    number: int
    sort: str
    crossing_min: float
    period_s: int
    delay_s: float | None
    before_s: float  # the same from the leak's start


def inject(
    channel: str, v: Vapour, state: dict[str, object], crossing_min: float, period_s: int
) -> Found | None:
    """A leak on this background; None if the recording ends before the room reaches the level."""
    if not len(v.t):
        return None
    # off the recording's minute grid, by a different stretch for each event
    start = int(v.t[0]) + (300 + v.number * 7 % 60) * SECOND
    crossing = start + round(crossing_min * 60) * SECOND
    # at its tail a recording must still hold the minute in which it should be found
    if crossing + 60 * SECOND > int(v.t[-1]):
        return None
    n = AIR_CHANGES_PER_H / 3600
    end = LEVEL_LEL_PCT / (1 - math.exp(-n * crossing_min * 60))
    t = np.arange(int(v.t[0]), int(v.t[-1]) + 1, period_s * SECOND, dtype=np.int64)
    background = np.interp(t.astype(np.float64), v.t.astype(np.float64), v.lel_pct)
    since = np.maximum((t - start) / SECOND, 0.0)
    leak = end * (1 - np.exp(-n * since))
    detector = _fresh()
    detector.restore(state)
    told = [e for e in _tell(detector, t, background + leak) if e.phase is not Phase.CLEAR]
    if not told or told[0].t < start:
        return Found(channel, v.number, v.sort, crossing_min, period_s, None, math.inf)
    at = told[0].t
    return Found(
        channel, v.number, v.sort, crossing_min, period_s, (at - crossing) / SECOND, (at - start) / SECOND
    )


def leaks(channel: str, events: list[Vapour]) -> list[Found]:
    """Every leak on every background that is long enough, each from the state the stream left."""
    detector, out = _fresh(), []
    for v in events:
        if not len(v.t):
            continue
        state = detector.snapshot()
        for crossing in CROSSINGS_MIN:
            for period in (60, 10):
                found = inject(channel, v, state, crossing, period)
                if found is not None:
                    out.append(found)
        _tell(detector, v.t, v.lel_pct)
    return out


def run(folder: Path) -> dict[str, object]:
    """The figures of the gas part, over the three gas elements."""
    elements: dict[str, dict[str, object]] = {}
    false: list[tuple[str, int, str, str]] = []
    found: list[Found] = []
    count, hours = 0, 0.0
    for channel, (name, *_) in CURVES.items():
        events = load(folder, channel)
        count = len(events)
        hours = sum((v.t[-1] - v.t[0]) / 3600e9 for v in events if len(v.t))
        here = false_alarms(events)
        false += [(channel, *f) for f in here]
        found += leaks(channel, events)
        elements[f"{channel} {name}"] = {
            "highest_lel_pct": round(max(float(v.lel_pct.max()) for v in events if len(v.t)), 2),
            "false": len(here),
            "false_if_vapours_count": {
                f"x{cross:g}": len(false_alarms(load(folder, channel, cross))) for cross in (2.0, 5.0)
            },
        }
    in_time = [f for f in found if f.delay_s is not None and f.delay_s <= 60]
    delays = [f.delay_s for f in found if f.delay_s is not None]
    return {
        "vapour_events": count,
        "vapour_hours": round(hours, 1),
        "vapour_false": len(false),
        "vapour_false_events": false,
        "vapour_elements": elements,
        "leak_level_lel_pct": LEVEL_LEL_PCT,
        "leaks": len(found),
        "leaks_found": len(in_time),
        "leak_delay_p95_s": round(float(np.percentile(delays, 95)), 1) if delays else None,
        "leak_delay_max_s": round(max(delays), 1) if delays else None,
        "leak_by_speed": _by_speed(found),
        "leak_missed": [
            (f.channel, f.number, f.sort, f.crossing_min, f.period_s, f.delay_s)
            for f in found
            if f not in in_time
        ][:20],
    }


def _by_speed(found: list[Found]) -> dict[str, list[object]]:
    """Leaks, found within 60 s, median and worst delay, by time to the level and reporting interval."""
    out: dict[str, list[object]] = {}
    for crossing in CROSSINGS_MIN:
        for period in (60, 10):
            some = [f for f in found if (f.crossing_min, f.period_s) == (crossing, period)]
            late = [f.delay_s for f in some if f.delay_s is not None]
            out[f"{crossing:g} min, each {period} s"] = [
                len(some),
                sum(d <= 60 for d in late),
                round(float(np.median(late)), 1) if late else None,
                round(max(late), 1) if late else None,
            ]
    return out
