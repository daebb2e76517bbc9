"""How does stillness do in homes of months, resampled from the recorded ones?

``python -m bench.long_homes [--data DIR] [--days 120] [--json] [--freezes N] [--budget B] [--home NAME ...]``

Every home under DIR is resampled to so many days (:mod:`bench.resample`; read there what that cannot
show) and measured as in :mod:`bench.inactivity`: 28 days learned, the rest walked causally. Real homes
that are that long already are measured there, not here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.freezes import Walk, measure
from bench.homes import load
from bench.inactivity import homes_in, line, title
from bench.inactivity_figures import CHOSEN_ON, summary
from bench.resample import long_home
from detectors.inactivity import InactivityParams


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or JSON."""
    here = Path(__file__).resolve().parent.parent
    data = os.environ.get("HEARTHWATCH_DATA", str(here.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(
        prog="python -m bench.long_homes", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--data", default=data)
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--freezes", type=int, default=1000)
    parser.add_argument("--budget", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", action="append")
    args = parser.parse_args(argv)
    walks: list[Walk] = []
    for path in homes_in(Path(args.data)):
        if args.home and path.stem not in args.home:
            continue
        home = long_home(load(path), args.days, args.seed)
        if home is None:
            print(f"left out: {path.stem}: fewer than three whole days to draw from", file=sys.stderr)
            continue
        params = InactivityParams(at_most_per_month=args.budget)
        walks.append(measure(home, params, args.freezes, args.seed, ghosts=True))
    if not walks:
        print(f"no homes under {args.data}; set HEARTHWATCH_DATA or --data", file=sys.stderr)
        return 2
    report: dict[str, Any] = {
        "command": "python -m bench.long_homes",
        "days": args.days,
        "budget_per_month": args.budget,
        "parameters_chosen_on": [name for name in CHOSEN_ON if "water" not in name],
        **summary(walks),
    }
    if args.json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
        return 0
    print(f"resampled to {args.days} days, budget {args.budget:g} a month\n{title()}")
    for name, row in report["homes"].items():
        print(line(name, row) + "  " + "; ".join([*row["limits"], *row["notes"]]))
    for key in ("all", "well_equipped", "not_used_for_choosing"):
        if key in report:
            print(line(key, report[key]) + "  " + ", ".join(report[key].get("names", [])))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
