"""Does the CO dose alarm inside its standard's windows for any exposure, not only the table's points?

Profiles (steady, ramps, steps, waves, puffs) are sampled as sensors do it: each 1 to 60 s with
jitter, 2 % noise and a coarse last digit, with gaps and sensor restarts. The judge knows the true
concentration and integrates, on a 1 s grid, two doses of its own:

* no earlier than: dt / (shortest time the table allows), what lies between two samples taken for the
  higher of them, nothing ever breathed out;
* no later than: dt / (longest time the table allows), the gaps filled with the lower end, half
  breathed out in every hour below the table's first point; two sampling intervals are allowed on top.

Between the table's points both a straight and a log-log line must be satisfied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.model import SECOND, Block, Event, Home
from core.quantity import Quantity
from detectors import carbon_monoxide

Array = npt.NDArray[np.float64]
T0 = 1_800_000_000 * SECOND

# ppm, earliest and latest minutes
TABLES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "en50291": ((30, 120, np.inf), (50, 60, 90), (100, 10, 40), (300, 0, 3)),
    "ul2034": ((70, 60, 240), (150, 10, 50), (400, 4, 15)),
}


def _between(ppm: Array, at: list[float], minutes: list[float], strictest: np.ufunc) -> Array:
    """Minutes at any ppm: the stricter of straight and log-log interpolation, log-log outside."""
    known = [(a, m) for a, m in zip(at, minutes, strict=True) if np.isfinite(m)]
    x, y = np.array([a for a, _ in known]), np.array([m for _, m in known])
    straight = np.interp(ppm, x, y)
    if (y <= 0).any():
        out = straight
        x, y = x[y > 0], y[y > 0]
    else:
        logs = np.exp(np.interp(np.log(np.maximum(ppm, 1e-3)), np.log(x), np.log(y)))
        out = strictest(straight, logs)
    slope = np.log(y[1] / y[0]) / np.log(x[1] / x[0])
    low = y[0] * (np.maximum(ppm, 1e-3) / x[0]) ** slope
    return np.asarray(np.where(ppm < x[0], low, out))


def windows(standard: str, ppm: Array) -> tuple[Array, Array]:
    """Earliest and latest minutes at a steady concentration."""
    table = TABLES[standard]
    at = [row[0] for row in table]
    earliest = _between(ppm, at, [row[1] for row in table], np.maximum)
    latest = _between(ppm, at, [row[2] for row in table], np.minimum)
    first = next(row[0] for row in table if np.isfinite(row[2]))
    latest = np.where(ppm < first, np.inf, latest)
    if standard == "ul2034":  # above the table its last row's trend goes on
        top = np.maximum(ppm, 400) / 400
        earliest = np.where(ppm > 400, 4 * top**-0.934, earliest)
        latest = np.where(ppm > 400, 15 * top**-1.2275, latest)
        earliest = np.where(ppm <= 30, np.inf, earliest)  # 30 ppm for 30 days: never
    return earliest, latest


@dataclass(frozen=True)
class Profile:
    """One exposure: the truth per second, and what the sensor told."""

    standard: str
    sort: str
    truth: Array
    t: npt.NDArray[np.int64]  # s
    ppm: Array
    gaps: tuple[tuple[int, int], ...]
    restarts: tuple[int, ...]


def profile(seed: int) -> Profile:
    """Profile number ``seed``; the same number is always the same profile."""
    rng = np.random.default_rng(seed)
    standard = ("en50291", "ul2034")[seed % 2]
    sort = ("steady", "steady", "ramp", "steps", "wave", "puffs")[int(rng.integers(6))]
    hours = float(rng.choice([1, 1, 2, 2, 4, 6]))
    n = int(hours * 3600)
    s = np.arange(n, dtype=np.float64)
    high = float(
        rng.choice([30, 50, 70, 100, 150, 300, 400, *np.exp(rng.uniform(np.log(5), np.log(1000), 6))])
    )
    start = int(rng.integers(0, 600))
    if sort == "steady":
        truth = np.where(s >= start, high, 0.0)
    elif sort == "ramp":
        truth = np.clip((s - start) / float(rng.uniform(60, 7200)), 0, 1) * high
    elif sort == "steps":
        levels = high * rng.uniform(0, 1, 8)
        truth = levels[np.minimum((s / n * 8).astype(int), 7)]
    elif sort == "wave":
        truth = high * (0.5 + 0.5 * np.sin(2 * np.pi * s / float(rng.uniform(300, 5400))))
    else:
        truth = np.zeros(n)
        for at in rng.integers(0, n, int(rng.integers(1, 6))):
            truth[at:] += high * np.exp(-(s[at:] - at) / float(rng.uniform(300, 3600)))
    truth = np.minimum(truth, 1000.0)
    period = float(rng.choice([1, 2, 5, 5, 10, 10, 20, 20, 30, 30]))
    t = np.unique(np.clip(np.arange(0, n, period) + rng.uniform(0, 0.3 * period), 0, n - 1).astype(np.int64))
    gaps: list[tuple[int, int]] = []
    restarts: list[int] = []
    for _ in range(int(rng.integers(0, 4)) if rng.random() < 0.5 else 0):
        a = int(rng.integers(0, n))
        b = min(n - 1, a + int(rng.uniform(30, 600)))
        gaps.append((a, b))
        if rng.random() < 0.4:
            restarts.append(a)
    for a, b in gaps:
        t = t[(t <= a) | (t >= b)]
    ppm = np.round(truth[t] * rng.normal(1, 0.02, len(t)).clip(0.95, 1.05), int(rng.integers(0, 2)))
    return Profile(standard, sort, truth, t, ppm, tuple(gaps), tuple(restarts))


def bounds(p: Profile) -> tuple[float, float]:
    """Not before and not after which second; inf for never."""
    low = p.truth.copy()
    # a rise lies anywhere between two samples: nobody may be asked to know that it came late
    left = np.clip(np.searchsorted(p.t, np.arange(len(low)), side="right") - 1, 0, len(p.t) - 1)
    right = np.minimum(left + 1, len(p.t) - 1)
    high = np.maximum(p.truth, np.maximum(p.ppm[left], p.ppm[right]))
    steps = np.diff(p.t)
    for i in np.flatnonzero(steps > 3 * np.median(steps)):  # in a gap nobody knows that it did not end
        a, b = int(p.t[i]), int(p.t[i + 1])
        high[a:b] = max(float(p.truth[a : b + 1].max()), p.ppm[i], p.ppm[i + 1])
        low[a:b] = min(float(p.truth[a : b + 1].min()), p.ppm[i], p.ppm[i + 1])
    low[int(p.t[-1]) :] = 0.0  # after the last sample nothing is known
    earliest = windows(p.standard, high)[0]
    latest = windows(p.standard, low)[1]
    with np.errstate(divide="ignore"):
        first = np.flatnonzero(np.cumsum(1 / np.maximum(earliest * 60, 1e-9)) >= 1)
        rate = 1 / (latest * 60)
    return (float(first[0]) if len(first) else np.inf), _last(rate)


def _last(rate: Array) -> float:
    """The second at which the dose with decay reaches 1."""
    decay = 0.5 ** (1 / 3600)
    edges = np.flatnonzero(np.diff((rate > 0).astype(np.int8))) + 1
    dose = 0.0
    for a, b in zip([0, *edges.tolist()], [*edges.tolist(), len(rate)], strict=True):
        if rate[a] > 0:
            run = dose + np.cumsum(rate[a:b])
            hit = np.flatnonzero(run >= 1)
            if len(hit):
                return float(a + hit[0] + 1)
            dose = float(run[-1])
        else:
            dose *= decay ** (b - a)
    return float("inf")


def alarm_second(p: Profile) -> float:
    """When did our detector alarm? inf for never."""
    spec = carbon_monoxide.SPEC
    detector = spec.make(spec.params(standard=p.standard), Home("bench"))
    ns = T0 + p.t * SECOND
    blocks = [Block.build("s", Quantity.CO_PPM, ns.tolist(), p.ppm.tolist(), [0] * len(ns))]
    if p.restarts:
        marks: list[tuple[int, float]] = []
        for a in p.restarts:
            back = int(p.t[np.searchsorted(p.t, a, side="right") % len(p.t)])
            marks += [(T0 + a * SECOND + 1, 1.0), (T0 + max(back, a) * SECOND, 0.0)]
        marks.sort()
        times, values = [t for t, _ in marks], [v for _, v in marks]
        blocks.append(Block.build("s", Quantity.WARMING_UP, times, values, [0] * len(marks)))
    events: list[Event] = detector.process(blocks)
    events += detector.advance(T0 + len(p.truth) * SECOND)
    alarms = [e.t for e in events if e.kind == "co" and e.evidence.get("stage") == "alarm"]
    return (min(alarms) - T0) / SECOND if alarms else float("inf")


def judge(p: Profile, first: float, last: float) -> str:
    """What was wrong with the moment of the alarm, given its bounds (seconds)? Empty if nothing."""
    at = alarm_second(p)
    period = float(np.median(np.diff(p.t))) if len(p.t) > 1 else 1.0
    if at < first:
        return "early"
    if at > last + 2 * period + 1 and last + 2 * period + 1 < len(p.truth):
        return "late" if np.isfinite(at) else "missed"
    return ""


def run(count: int) -> dict[str, object]:
    """The proof over ``count`` profiles."""
    wrong: list[tuple[int, str]] = []
    sorts: dict[str, list[int]] = {}
    due = 0
    for seed in range(count):
        p = profile(seed)
        first, last = bounds(p)
        verdict = judge(p, first, last)
        due += bool(np.isfinite(last))
        row = sorts.setdefault(f"{p.standard} {p.sort}", [0, 0])
        row[0] += 1
        row[1] += not verdict
        if verdict:
            wrong.append((seed, verdict))
    return {
        "co_profiles": count,
        "co_right": count - len(wrong),
        "co_must_alarm": due,
        "co_by_sort": {k: sorts[k] for k in sorted(sorts)},
        "co_wrong": wrong[:20],
    }


def table() -> list[tuple[str, float, float, float, float]]:
    """(standard, ppm, earliest, latest, ours) in minutes, at the tables' points, sampled each 10 s."""
    out = []
    for standard, rows in TABLES.items():
        for ppm, first, last in rows:
            n = 6 * 3600
            t = np.arange(0, n, 10, dtype=np.int64)
            truth = np.full(n, float(ppm))
            at = alarm_second(Profile(standard, "steady", truth, t, np.full(len(t), float(ppm)), (), ()))
            out.append((standard, float(ppm), float(first), float(last), at / 60))
    return out
