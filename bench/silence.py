"""How soon is a dead sensor missed, and how often is a living one?

``python -m bench.silence [--data DIR] [--json] [--deaths N]``

For every sensor of every home under DIR/home/homes the shipped detector learns its rhythm on the first
half (at most 28 days), then walks the rest. A *false flag* is a ``sensor_silent`` or ``link_down`` while
all went on working; a *death* removes all reports after a random instant; the delay runs from there
to the flag. These recordings hold only what people caused: no sensor sends a sign of life of its own, as
battery sensors on the market do (hourly to daily), so this is the hard case. Sensors that nobody
triggers on nine days out of ten cannot be judged this way and are counted apart.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.homes import Recorded, load
from core.model import DAY, HOUR, Block, Home, Ints, Phase
from core.quantity import Quantity
from detectors.silence import SilenceDetector
from detectors.watched import SilenceParams

CAP = 3 * DAY


@dataclass
class Outcome:
    """What happened to the sensors of one home."""

    home: str
    daily: int = 0  # sensors heard on at least nine days out of ten
    rare: int = 0
    sensor_days: float = 0.0
    false_flags: int = 0
    delays: list[float] = field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or JSON."""
    here = Path(__file__).resolve().parent.parent
    data = os.environ.get("HEARTHWATCH_DATA", str(here.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(prog="python -m bench.silence")
    parser.add_argument("--data", default=data)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--deaths", type=int, default=20, help="per sensor")
    args = parser.parse_args(argv)
    folder = Path(args.data) / "home" / "homes"
    paths = sorted(p for p in folder.glob("*.csv") if not p.name.endswith(".truth.csv"))
    if not paths:
        print(f"no homes under {folder}; set HEARTHWATCH_DATA or --data", file=sys.stderr)
        return 2
    outcomes = [measure(load(path), args.deaths) for path in paths]
    report = {"homes": {o.home: figures([o]) for o in outcomes}, "all": figures(outcomes)}
    if args.json:
        print(json.dumps(report, indent=1))
        return 0
    print(f"{'home':<14}{'sensors':>9}{'rare':>6}{'false/30d':>11}{'median h':>10}{'p95 h':>8}")
    for name, f in [*report["homes"].items(), ("all", report["all"])]:
        cells = (
            f["sensors"],
            f["rare_sensors"],
            f["false_per_30_sensor_days"],
            f["delay_median_h"],
            f["delay_p95_h"],
        )
        print(f"{name:<14}{cells[0]:>9}{cells[1]:>6}{cells[2]:>11}{cells[3]!s:>10}{cells[4]!s:>8}")
    return 0


def measure(home: Recorded, deaths: int, seed: int = 1) -> Outcome:
    """All sensors of one home together; deaths one at a time."""
    out = Outcome(home.name)
    labelled = home.labelled()
    stop = min(home.stop, labelled[1]) if labelled else home.stop
    learn = home.start + min(28 * DAY, (stop - home.start) // 2)
    times: dict[str, Ints] = {}
    for name in sorted(home.home.sensors):
        t = np.array(sorted({e[0] for e in home.edges if e[1] == name and e[0] <= stop}), dtype=np.int64)
        days = int((learn - home.start) // DAY)
        if t.size and len(set(((t[t < learn] - home.start) // DAY).tolist())) >= 0.9 * days:
            times[name] = t
        else:
            out.rare += 1
    out.daily, out.sensor_days = len(times), len(times) * (stop - learn) / DAY
    if not times:
        return out
    # sensors that nobody triggers daily are left out: they would be enrolled with a limit of their own
    where = Home("h", sensors={s: home.home.sensors[s] for s in times})
    rng = np.random.default_rng(seed)
    plan = sorted((int(rng.uniform(learn, stop)), s) for s in times for _ in range(deaths))
    detector, last = SilenceDetector(SilenceParams(), where), home.start - 1
    silent: set[str] = set()
    for at, victim in [*plan, (stop, "")]:
        events = detector.process(_between(times, last, at)) + detector.advance(at)
        last = at
        for e in events:
            if e.phase is Phase.ONSET and e.t >= learn:
                out.false_flags += 1
            if e.kind == "sensor_silent":
                (silent.discard if e.phase is Phase.CLEAR else silent.add)(e.source)
        if not victim:
            break
        if victim in silent:
            out.delays.append(0.0)
            continue
        clone = SilenceDetector(SilenceParams(), where)
        clone.restore(detector.snapshot())
        others = {s: t for s, t in times.items() if s != victim}
        found = clone.process(_between(others, at, at + CAP)) + clone.advance(at + CAP)
        hits = [e.t for e in found if e.source == victim and e.phase is Phase.ONSET]
        out.delays.append((min(hits) - at) / HOUR if hits else CAP / HOUR)
    return out


def _between(times: dict[str, Ints], after: int, until: int) -> list[Block]:
    """All reports in (after, until], one block a sensor."""
    blocks = []
    for source, t in times.items():
        i, j = np.searchsorted(t, (after, until), side="right").tolist()
        if j > i:
            value, flags = np.full(j - i, 80.0), np.zeros(j - i, dtype=np.uint8)
            blocks.append(Block(source, Quantity.BATTERY_PCT, t[i:j], value, flags))
    return blocks


def figures(outcomes: list[Outcome]) -> dict[str, Any]:
    """The figures of these homes together."""
    delays = np.array([d for o in outcomes for d in o.delays])
    days = sum(o.sensor_days for o in outcomes)
    return {
        "sensors": sum(o.daily for o in outcomes),
        "rare_sensors": sum(o.rare for o in outcomes),
        "sensor_days": round(days, 1),
        "false_per_30_sensor_days": round(30 * sum(o.false_flags for o in outcomes) / days, 2)
        if days
        else None,
        "deaths": len(delays),
        "delay_median_h": round(float(np.median(delays)), 1) if delays.size else None,
        "delay_p95_h": round(float(np.quantile(delays, 0.95)), 1) if delays.size else None,
    }


if __name__ == "__main__":
    raise SystemExit(main())
