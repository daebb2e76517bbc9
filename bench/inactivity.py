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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.freezes import LEARN_DAYS, Walk, measure
from bench.homes import load
from bench.inactivity_figures import CHOSEN_ON, figures, long_run, summary
from bench.water import water_home
from detectors.inactivity import InactivityParams

FIXED_H = (4.0, 6.0, 8.0, 12.0)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or JSON."""
    args = _arguments(argv)
    found = [p for p in homes_in(Path(args.data)) if not args.home or p.stem in args.home]
    water = Path(args.data) / "home" / "ampds" / "water_whw_minutes_with_flow.csv"
    with_water = water.is_file() and (not args.home or "ampds_water" in args.home)
    if not found and not with_water:
        print(f"no homes under {args.data}; set HEARTHWATCH_DATA or --data", file=sys.stderr)
        return 2
    rules: dict[str, InactivityParams] = {"learned": InactivityParams(at_most_per_month=args.budget)}
    if not args.no_rules:
        rules |= {f"fixed {h:g} h": InactivityParams(learn=False, fixed_h=h) for h in FIXED_H}
    results: dict[str, list[Walk]] = {name: [] for name in rules}
    unreadable: dict[str, str] = {}
    for path in found:
        try:
            home = load(path)
        except (ValueError, OSError) as error:
            unreadable[path.stem] = str(error)
            print(f"left out: {path.stem}: {error}", file=sys.stderr)
            continue
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
        "unreadable": unreadable,
        **summary(results["learned"]),
        "fixed": {rule: summary(walks) for rule, walks in results.items() if rule != "learned"},
    }
    if with_water:
        family = water_home(water)
        report["ampds_water"] = {
            rule: long_run(measure(family, params, args.freezes, args.seed, LEARN_DAYS))
            for rule, params in {
                "learned, budget 0.25": InactivityParams(at_most_per_month=0.25),
                **rules,
            }.items()
        }
    if args.json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        _print(results, report)
    return 0


def homes_in(folder: Path) -> list[Path]:
    """The homes of a data folder, or of a folder of homes."""
    for place in (folder / "home" / "homes", folder / "homes", folder):
        found = sorted(p for p in place.glob("*.csv") if not p.name.endswith(".truth.csv"))
        if found:
            return found
    return []


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    here = Path(__file__).resolve().parent.parent
    data = os.environ.get("HEARTHWATCH_DATA", str(here.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(
        prog="python -m bench.inactivity", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--data", default=data, help="folder that holds home/homes, homes, or the homes themselves"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--freezes", type=int, default=1000, help="freezes per home (1000)")
    parser.add_argument("--budget", type=float, default=1.0, help="at_most_per_month (1.0)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", action="append", help="only this home; may be given again")
    parser.add_argument("--no-rules", action="store_true", help="without the fixed rules beside it")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args(argv)


_COLUMNS = (
    ("days", "days"), ("false_per_30d", "false/30d"), ("questions_per_30d", "quest/30d"),
    ("delay_mean_h", "mean h"), ("day_median_h", "day med"), ("day_p95_h", "day p95"),
    ("night_median_h", "night med"),
    ("masked_share", "masked"), ("ghost_delay_mean_h", "ghost h"), ("away_sensitivity", "away sens"),
    ("away_specificity", "away spec"),
)  # fmt: skip


def title() -> str:
    """The head of the table."""
    return f"{'home':<28}" + "".join(f"{word:>10}" for _, word in _COLUMNS)


def line(name: str, f: dict[str, Any]) -> str:
    """One row of the table."""
    cells = (f.get(key) for key, _ in _COLUMNS)
    return f"{name:<28}" + "".join(f"{'-' if c is None else c:>10}" for c in cells)


def _row(walk: Walk) -> str:
    return line(walk.name, figures([walk]))


def _print(results: dict[str, list[Walk]], report: dict[str, Any]) -> None:
    head = title()
    if results["learned"]:
        print(f"learned (budget {report['budget_per_month']:g} a month)\n{head}")
        for name, f in report["homes"].items():
            print(line(name, f) + "  " + "; ".join([*f["limits"], *f["notes"]]))
        for key in ("all", "well_equipped", "not_used_for_choosing"):
            if key in report:
                print(line(key, report[key]) + "  " + ", ".join(report[key].get("names", [])))
        for rule, table in report["fixed"].items():
            print(f"\n{rule}\n{head}")
            for name, f in table["homes"].items():
                print(line(name, f))
            for key in ("all", "well_equipped"):
                if key in table:
                    print(line(key, table[key]))
    if "ampds_water" in report:
        print(
            f"\nampds_water (family, tap water of the whole house)\n{head}      1st half  2nd half (median h)"
        )
        for rule, f in report["ampds_water"].items():
            print(line(rule, f) + f"{f['first_half_median_h']:>14}{f['second_half_median_h']:>10}")
    print(f"\nparameters chosen on: {', '.join(report['parameters_chosen_on'])}")


if __name__ == "__main__":
    raise SystemExit(main())
