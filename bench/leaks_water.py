"""How often does the meter rule cry wolf in two years, and how soon does it find a leak?

Data: the AMPds whole-house water meter, 730 days of minutes of a family's home (only minutes with
flow are listed). The counter is read each minute. Leaks of four sizes are added from moments spread
over the two years; the household's own draws stay in.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.contracts import Detector
from core.model import SECOND, Block, Event, Home, Phase
from core.quantity import Quantity
from detectors import water

Array = npt.NDArray[np.float64]
LEAKS_L_MIN = (0.05, 0.2, 1.0, 8.0)
STARTS = 25
PULSE_L = 0.5  # the meter counts in half litres
DAY_MIN = 1440


def load(file: Path) -> tuple[int, Array]:
    """First minute (unix) and litres in each minute from there on."""
    rows = np.loadtxt(file, delimiter=",", skiprows=1)
    minute = (rows[:, 0] // 60).astype(np.int64)
    litres = np.zeros(int(minute[-1] - minute[0]) + 1)
    litres[minute - minute[0]] = rows[:, 1]
    return int(minute[0]), litres


def tell(detector: Detector, first: int, litres: Array) -> list[Event]:
    """The counter read each minute."""
    t = (first + np.arange(len(litres), dtype=np.int64)) * 60 * SECOND
    counter = np.floor(np.cumsum(litres) / PULSE_L) * PULSE_L
    block = Block.build("meter", Quantity.WATER_L, t.tolist(), counter.tolist(), [0] * len(t))
    return detector.process([block])


def _fresh() -> Detector:
    return water.SPEC.make(water.SPEC.params(), Home("bench"))


def run(file: Path, days: int | None = None) -> dict[str, object]:
    """The figures of the water part, of the first so many days or all."""
    first, litres = load(file)
    litres = litres[: days * DAY_MIN] if days else litres
    told = [e for e in tell(_fresh(), first, litres) if e.phase is Phase.ONSET]
    delays: dict[str, object] = {}
    for rate in LEAKS_L_MIN:
        hours: list[float] = []
        for i in range(STARTS):
            start = int((i + 0.5) * (len(litres) - 4 * DAY_MIN) / STARTS) + i * 397 % DAY_MIN
            part = litres[start - DAY_MIN // 2 : start + 3 * DAY_MIN].copy()
            part[DAY_MIN // 2 :] += rate
            events = tell(_fresh(), first + start - DAY_MIN // 2, part)
            begin = (first + start) * 60 * SECOND
            found = [e.t - begin for e in events if e.phase is not Phase.CLEAR and e.t >= begin]
            hours += [found[0] / 3600e9] if found else []
        delays[f"{rate:g} l/min"] = {
            "leaks": STARTS,
            "found": len(hours),
            "median_h": round(float(np.median(hours)), 2) if hours else None,
            "max_h": round(max(hours), 2) if hours else None,
        }
    return {
        "water_days": round(len(litres) / DAY_MIN, 1),
        "water_told": len(told),
        "water_told_reasons": {
            reason: sum(e.evidence["reason"] == reason for e in told)
            for reason in ("never_stops", "left_running")
        },
        "water_told_per_30_days": round(30 * len(told) / (len(litres) / DAY_MIN), 2),
        "water_leaks": delays,
    }
