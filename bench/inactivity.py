"""How late is a still person found, and how often does a living one raise an alarm?

``python -m bench.inactivity [--data DIR] [--json] [--freezes N] [--home NAME ...] [--no-rules]``

For every home under DIR/home/homes the shipped detector learns on the first part (half of the
recording, at most 28 days) and then walks the rest causally, learning on. A *freeze* removes everything
the resident does after a random at-home instant of the test part; the detector's state at that instant
is copied and time goes on alone. Counted is the stage ``alarm``; its first stage, the in-home question,
is counted beside it.

* at home: not labelled away, not between a label "going out ..." and the next label, not inside a
  silence of 18 h or more (two different sensors within ten minutes are life). Where absences are
  labelled, the last label ends the test: what follows is unknown.
* delay: from the freeze to the alarm, 0 if it already rang, 48 h if it does not come within 48 h.
* false alarm: every alarm of the test part, wherever the resident was; per 30 days at home.
* masked: the detector took the home for empty at the freeze.
* ghosts: the isolated firings of motion sensors that a real empty home made in 82.5 h (home tm000),
  laid into each freeze from a random point on, on motion sensors of the home drawn at random.
* day is 8 to 22 o'clock, by the instant of the freeze.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.homes import Edge, Recorded, Span, blocks, load, merged
from bench.water import water_home
from core.model import DAY, HOUR, Event, Phase
from core.quantity import Quantity
from detectors.inactivity import InactivityDetector, InactivityParams

Q = Quantity
CAP_H = 48.0
LEARN_DAYS = 28
CHOSEN_ON = ("kasteren_a", "kasteren_b", "kasteren_c", "mit_1", "mit_2", "ordonez_a", "ampds_water year 1")
FIXED_H = (4.0, 6.0, 8.0, 12.0)

# When (h) and on which of eight sensors an empty home's motion sensors fired (tm000, 14 to 17 July 2016).
GHOST_SPAN_H = 82.5
GHOSTS: tuple[tuple[float, int], ...] = (
    (12.84, 0), (17.11, 1), (31.72, 2), (41.73, 3), (46.32, 4), (46.37, 3), (49.85, 2), (52.77, 5),
    (69.96, 6), (74.89, 5), (77.12, 7), (78.02, 3), (80.63, 1),
)  # fmt: skip


@dataclass
class Walk:
    """What one detector did in one home."""

    name: str
    days: float = 0.0  # at home, in the test part
    false_alarms: int = 0
    questions: int = 0
    false_at: list[int] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    ghost_delays: list[float] = field(default_factory=list)
    by_day: list[bool] = field(default_factory=list)
    second_half: list[bool] = field(default_factory=list)
    masked: int = 0
    away_ns: tuple[int, int, int, int] | None = None  # truly away, of it seen; truly home, of it seen
    limits: list[str] = field(default_factory=list)
    seconds: float = 0.0


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or JSON."""
    args = _arguments(argv)
    folder = Path(args.data) / "home" / "homes"
    found = sorted(p for p in folder.glob("*.csv") if not p.name.endswith(".truth.csv"))
    found = [p for p in found if not args.home or p.stem in args.home]
    water = Path(args.data) / "home" / "ampds" / "water_whw_minutes_with_flow.csv"
    with_water = water.is_file() and (not args.home or "ampds_water" in args.home)
    if not found and not with_water:
        print(f"no homes under {folder}; set HEARTHWATCH_DATA or --data", file=sys.stderr)
        return 2
    rules: dict[str, InactivityParams] = {"learned": InactivityParams(at_most_per_month=args.budget)}
    if not args.no_rules:
        rules |= {f"fixed {h:g} h": InactivityParams(learn=False, fixed_h=h) for h in FIXED_H}
    results: dict[str, list[Walk]] = {name: [] for name in rules}
    for path in found:
        home = load(path)
        for rule, params in rules.items():
            walk = measure(home, params, args.freezes, args.seed, ghosts=rule == "learned")
            results[rule].append(walk)
            if args.verbose:
                print(rule, _row(walk), walk.false_at, f"{walk.seconds:.1f} s", file=sys.stderr, flush=True)
    report = {
        "command": "python -m bench.inactivity",
        "budget_per_month": args.budget,
        "freezes_per_home": args.freezes,
        "seed": args.seed,
        "parameters_chosen_on": list(CHOSEN_ON),
        **_summary(results["learned"]),
        "fixed": {rule: _summary(walks) for rule, walks in results.items() if rule != "learned"},
    }
    if with_water:
        family = water_home(water)
        report["ampds_water"] = {
            rule: _long_run(measure(family, params, args.freezes, args.seed, LEARN_DAYS))
            for rule, params in {
                "learned, budget 0.38": InactivityParams(at_most_per_month=0.38),
                **rules,
            }.items()
        }
    if args.json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        _print(results, report)
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    here = Path(__file__).resolve().parent.parent
    data = os.environ.get("HEARTHWATCH_DATA", str(here.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(
        prog="python -m bench.inactivity", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--data", default=data, help="folder that holds home/homes")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--freezes", type=int, default=1000, help="freezes per home (1000)")
    parser.add_argument("--budget", type=float, default=1.0, help="at_most_per_month (1.0)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", action="append", help="only this home; may be given again")
    parser.add_argument("--no-rules", action="store_true", help="without the fixed rules beside it")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args(argv)


# ---------------------------------------------------------------- one home


def measure(
    home: Recorded,
    params: InactivityParams,
    freezes: int,
    seed: int,
    learn_days: int | None = None,
    ghosts: bool = False,
) -> Walk:
    """Walk one home, freeze it at random instants, compare away with the truth."""
    began = time.perf_counter()
    walk = Walk(home.name)
    labelled = home.labelled()
    stop = min(home.stop, labelled[1]) if labelled else home.stop
    whole = stop - home.start
    learn = home.start + (learn_days * DAY if learn_days else min(LEARN_DAYS * DAY, whole // 2))
    gone = merged([*home.away(), *home.outings(), *home.absences()])
    at_home = _without((learn, stop), gone)
    walk.days = sum(b - a for a, b in at_home) / DAY
    rng = np.random.default_rng(seed)
    instants = _draw(at_home, freezes, rng)
    detector = InactivityDetector(params, home.home)
    ghost_sensors = sorted(s.id for s in home.home.sensors.values() if s.kind == "motion")
    away = _AwayCount(merged(home.away()), (max(learn, labelled[0]), stop)) if labelled else None
    edges = [e for e in home.edges if e[0] <= stop]
    i = 0
    for at in [*instants, stop + 1]:
        j = i
        while j < len(edges) and edges[j][0] <= at:
            j += 1
        events = _feed(detector, edges[i:j], away)
        events += detector.advance(at)
        i = j
        _count(walk, events, learn)
        if at > stop:
            break
        _freeze(walk, detector, params, home, at, rng, ghost_sensors if ghosts else [])
        walk.second_half.append(at > learn + (stop - learn) // 2)
    if away is not None:
        walk.away_ns = away.result(stop)
    _name_limits(walk, home, learn, stop, gone)
    walk.seconds = time.perf_counter() - began
    return walk


def _feed(detector: InactivityDetector, edges: list[Edge], away: _AwayCount | None) -> list[Event]:
    """Give these edges; in pieces where the away state has to be watched."""
    if away is None:
        return detector.process(blocks(edges)) if edges else []
    events: list[Event] = []
    k = 0
    while k < len(edges):
        n = k
        while n < len(edges) and edges[n][0] == edges[k][0]:
            n += 1
        events += detector.process(blocks(edges[k:n]))
        away.see(edges[k][0], detector.away_since is not None)
        k = n
    return events


class _AwayCount:
    """Time by truth and by the detector's own causal view, inside a span."""

    def __init__(self, truth: list[Span], span: Span) -> None:
        self._truth, self._span = truth, span
        self._since, self._away = span[0], False
        self._seen: list[Span] = []

    def see(self, t: int, away: bool) -> None:
        if away != self._away:
            if self._away:
                self._seen.append((self._since, t))
            self._since, self._away = t, away

    def result(self, stop: int) -> tuple[int, int, int, int]:
        self.see(stop, not self._away)
        truth = _clip(self._truth, self._span)
        seen = _clip(self._seen, self._span)
        both = sum(max(0, min(b, d) - max(a, c)) for a, b in truth for c, d in seen)
        gone = sum(b - a for a, b in truth)
        home = self._span[1] - self._span[0] - gone
        return gone, both, home, home - (sum(b - a for a, b in seen) - both)


def _freeze(
    walk: Walk,
    detector: InactivityDetector,
    params: InactivityParams,
    home: Recorded,
    at: int,
    rng: np.random.Generator,
    ghost_sensors: list[str],
) -> None:
    """The resident does nothing more from ``at`` on."""
    state = detector.snapshot()
    walk.by_day.append(8 <= at // HOUR % 24 < 22)
    walk.masked += detector.away_since is not None
    walk.delays.append(_delay(detector, state, params, home, at, []))
    if ghost_sensors:
        shift, order = float(rng.uniform(0, GHOST_SPAN_H)), rng.permutation(len(ghost_sensors))
        ghosts = [
            (at + int((h - shift + lap) * HOUR), ghost_sensors[order[k % len(order)]])
            for lap in (0.0, GHOST_SPAN_H)
            for h, k in GHOSTS
            if 0 < h - shift + lap <= CAP_H
        ]
        walk.ghost_delays.append(_delay(detector, state, params, home, at, ghosts))


def _delay(
    detector: InactivityDetector,
    state: dict[str, Any],
    params: InactivityParams,
    home: Recorded,
    at: int,
    ghosts: list[tuple[int, str]],
) -> float:
    if detector.stage == "alarm" and not ghosts:
        return 0.0
    clone = InactivityDetector(params, home.home)
    clone.restore(state)
    clone.habits.reuse(detector.habits)
    edges = [
        (t + after, s, Q.MOTION, value, 0)
        for t, s in ghosts
        for after, value in ((0, 1.0), (1_100_000_000, 0.0))
    ]
    events = [] if not edges else clone.process(blocks(sorted(edges)))
    events += clone.advance(at + int(CAP_H * HOUR) + 1)
    rung = 0.0 if detector.stage == "alarm" else CAP_H
    for event in events:
        if event.evidence.get("stage") == "alarm":
            rung = min(rung, max(0.0, (event.t - at) / HOUR))
    return rung


def _count(walk: Walk, events: list[Event], learn: int) -> None:
    for event in events:
        if event.t < learn or event.phase is Phase.CLEAR:
            continue
        if event.evidence["stage"] == "alarm":
            walk.false_alarms += 1
            walk.false_at.append(event.t)
        elif event.evidence["stage"] == "question":
            walk.questions += 1


def _name_limits(walk: Walk, home: Recorded, learn: int, stop: int, gone: list[Span]) -> None:
    """What, in the data, makes this home easy or hard?"""
    kinds = {s.kind for s in home.home.sensors.values()}
    rooms = {r.kind for r in home.home.rooms.values()}
    if "motion" not in kinds:
        walk.limits.append("no motion sensor (switches and contacts only)")
    elif sum(s.kind == "motion" for s in home.home.sensors.values()) < 4:
        walk.limits.append("fewer than 4 motion sensors")
    if "bedroom" not in rooms:
        walk.limits.append("no bedroom sensor")
    if home.doors_by == "none":
        walk.limits.append("no door sensor")
    elif not home.away():
        walk.limits.append("absences not labelled, so masked freezes may be real absences")
    if home.doors_by == "behaviour":
        walk.limits.append(f"door inferred from behaviour: {', '.join(home.doors)}")
    if learn - home.start < 14 * DAY:
        walk.limits.append(f"only {(learn - home.start) / DAY:.0f} days to learn")
    labelled = home.away()
    unlabelled = [b - a for a, b in home.absences() if a < stop and b > learn and not _inside(a, b, labelled)]
    if unlabelled:
        hours = ", ".join(f"{x / HOUR:.0f} h" for x in unlabelled)
        walk.limits.append(f"unlabelled absence in the test: {hours}")
    if walk.days < 3:
        walk.limits.append(f"only {walk.days:.1f} days at home to test")


def poor(walk: Walk) -> bool:
    """Would a family not equip a home like that, or is it too short to judge?"""
    words = ("no motion", "fewer than", "no bedroom", "no door", "at home to test")
    return any(limit.startswith(words) or "at home to test" in limit for limit in walk.limits)


def _inside(a: int, b: int, spans: list[Span]) -> bool:
    """Is most of [a, b) inside these spans?"""
    return sum(max(0, min(b, d) - max(a, c)) for c, d in spans) * 2 > b - a


def _without(span: Span, holes: list[Span]) -> list[Span]:
    out, start = [], span[0]
    for a, b in holes:
        if b <= start or a >= span[1]:
            continue
        if a > start:
            out.append((start, a))
        start = max(start, b)
    if start < span[1]:
        out.append((start, span[1]))
    return out


def _clip(spans: list[Span], span: Span) -> list[Span]:
    return [(max(a, span[0]), min(b, span[1])) for a, b in spans if a < span[1] and b > span[0]]


def _draw(spans: list[Span], count: int, rng: np.random.Generator) -> list[int]:
    """``count`` instants, evenly at random over these spans, in order (whole milliseconds)."""
    if not spans:
        return []
    lengths = np.array([b - a for a, b in spans], dtype=np.float64)
    ends = np.cumsum(lengths)
    points = np.sort(rng.uniform(0, ends[-1], count))
    which = np.searchsorted(ends, points, side="right").clip(0, len(spans) - 1)
    starts = np.array([a for a, _ in spans], dtype=np.int64)
    inside = points - (ends[which] - lengths[which])
    return [int(x) for x in (starts[which] + inside.astype(np.int64)) // 1_000_000 * 1_000_000]


# ---------------------------------------------------------------- figures


def figures(walks: list[Walk]) -> dict[str, Any]:
    """The figures of these homes together; every home's freezes weigh by its days at home."""
    days = sum(w.days for w in walks)
    delays = np.concatenate([np.array(w.delays) for w in walks])
    day = np.concatenate([np.array(w.by_day, dtype=bool) for w in walks])
    weight = np.concatenate([np.full(len(w.delays), w.days / max(len(w.delays), 1)) for w in walks])
    out: dict[str, Any] = {
        "days": round(days, 1),
        "false_alarms": sum(w.false_alarms for w in walks),
        "false_per_30d": _per_month(sum(w.false_alarms for w in walks), days),
        "questions_per_30d": _per_month(sum(w.questions for w in walks), days),
        "freezes": len(delays),
        "delay_mean_h": _mean(delays, weight),
        "delay_median_h": _quantile(delays, weight, 0.5),
        "delay_p95_h": _quantile(delays, weight, 0.95),
        "day_mean_h": _mean(delays[day], weight[day]),
        "day_median_h": _quantile(delays[day], weight[day], 0.5),
        "day_p95_h": _quantile(delays[day], weight[day], 0.95),
        "night_mean_h": _mean(delays[~day], weight[~day]),
        "night_median_h": _quantile(delays[~day], weight[~day], 0.5),
        "night_p95_h": _quantile(delays[~day], weight[~day], 0.95),
        "masked_share": _share(walks, days),
    }
    haunted = [w for w in walks if w.ghost_delays]
    if haunted:
        with_ghosts = np.concatenate([np.array(w.ghost_delays) for w in haunted])
        without = np.concatenate([np.array(w.delays) for w in haunted])
        share = np.concatenate([np.full(len(w.delays), w.days / len(w.delays)) for w in haunted])
        out["ghost_delay_mean_h"] = _mean(with_ghosts, share)
        out["ghost_delay_p95_h"] = _quantile(with_ghosts, share, 0.95)
        out["ghost_free_mean_h"] = _mean(without, share)
        out["ghost_free_p95_h"] = _quantile(without, share, 0.95)
    known = [w.away_ns for w in walks if w.away_ns is not None]
    gone, seen_gone, home, seen_home = (sum(k[n] for k in known) for n in range(4)) if known else (0, 0, 0, 0)
    out["away_sensitivity"] = round(seen_gone / gone, 4) if gone else None
    out["away_specificity"] = round(seen_home / home, 4) if home else None
    return out


def _share(walks: list[Walk], days: float) -> float | None:
    if not days:
        return None
    return round(float(np.sum([w.masked / max(len(w.delays), 1) * w.days for w in walks]) / days), 5)


def _per_month(count: int, days: float) -> float | None:
    return round(30 * count / days, 2) if days else None


def _mean(values: Any, weight: Any) -> float | None:
    return round(float(np.average(values, weights=weight)), 2) if len(values) else None


def _quantile(values: Any, weight: Any, q: float) -> float | None:
    if not len(values):
        return None
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weight[order])
    return round(float(values[order][np.searchsorted(ends, q * ends[-1])]), 2)


def _summary(walks: list[Walk]) -> dict[str, Any]:
    homes = {w.name: {**figures([w]), "limits": w.limits, "poorly_equipped": poor(w)} for w in walks}
    out: dict[str, Any] = {"homes": homes}
    if walks:
        out["all"] = figures(walks)
    well = [w for w in walks if not poor(w)]
    if well:
        out["well_equipped"] = {"names": [w.name for w in well], **figures(well)}
    fresh = [w for w in walks if w.name not in CHOSEN_ON]
    if fresh:
        out["not_used_for_choosing"] = {"names": [w.name for w in fresh], **figures(fresh)}
    return out


def _long_run(walk: Walk) -> dict[str, Any]:
    """A home of years: the two halves of the test beside each other."""
    out = figures([walk])
    late = np.array(walk.second_half, dtype=bool)
    delays = np.array(walk.delays)
    out["first_half_median_h"] = round(float(np.median(delays[~late])), 2)
    out["second_half_median_h"] = round(float(np.median(delays[late])), 2)
    return out


_COLUMNS = (
    ("days", "days"), ("false_per_30d", "false/30d"), ("questions_per_30d", "quest/30d"),
    ("delay_mean_h", "mean h"), ("day_median_h", "day med"), ("day_p95_h", "day p95"),
    ("night_median_h", "night med"),
    ("masked_share", "masked"), ("ghost_delay_mean_h", "ghost h"), ("away_sensitivity", "away sens"),
    ("away_specificity", "away spec"),
)  # fmt: skip


def _line(name: str, f: dict[str, Any]) -> str:
    cells = (f.get(key) for key, _ in _COLUMNS)
    return f"{name:<28}" + "".join(f"{'-' if c is None else c:>10}" for c in cells)


def _row(walk: Walk) -> str:
    return _line(walk.name, figures([walk]))


def _print(results: dict[str, list[Walk]], report: dict[str, Any]) -> None:
    head = f"{'home':<28}" + "".join(f"{title:>10}" for _, title in _COLUMNS)
    if results["learned"]:
        print(f"learned (budget {report['budget_per_month']:g} a month)\n{head}")
        for name, f in report["homes"].items():
            print(_line(name, f) + ("  " + "; ".join(f["limits"]) if f["limits"] else ""))
        for key in ("all", "well_equipped", "not_used_for_choosing"):
            if key in report:
                print(_line(key, report[key]) + "  " + ", ".join(report[key].get("names", [])))
        for rule, summary in report["fixed"].items():
            print(f"\n{rule}\n{head}")
            for name, f in summary["homes"].items():
                print(_line(name, f))
            print(_line("all", summary["all"]))
            if "well_equipped" in summary:
                print(_line("well_equipped", summary["well_equipped"]))
    if "ampds_water" in report:
        print(
            f"\nampds_water (family, tap water of the whole house)\n{head}      1st half  2nd half (median h)"
        )
        for rule, f in report["ampds_water"].items():
            print(_line(rule, f) + f"{f['first_half_median_h']:>14}{f['second_half_median_h']:>10}")
    print(f"\nparameters chosen on: {', '.join(report['parameters_chosen_on'])}")


if __name__ == "__main__":
    raise SystemExit(main())
