"""How often do the rules of the day speak in recorded homes where nothing bad ever happened?

``python -m bench.routines [--data DIR] [--json]``

Every home under DIR/home/homes goes through the shipped detectors from its first row; the first half (at
most 28 days) only teaches. Each onset in the rest is counted, by kind, per 30 days: a lower bound on how
a family would be disturbed, because nobody in these recordings was ever asked anything.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.homes import blocks, load
from core.model import DAY, Phase
from detectors import DETECTORS

RULES = ("outing", "morning", "bathroom", "bed_absence", "door")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or JSON."""
    here = Path(__file__).resolve().parent.parent
    data = os.environ.get("HEARTHWATCH_DATA", str(here.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(prog="python -m bench.routines")
    parser.add_argument("--data", default=data)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    folder = Path(args.data) / "home" / "homes"
    paths = sorted(p for p in folder.glob("*.csv") if not p.name.endswith(".truth.csv"))
    if not paths:
        print(f"no homes under {folder}; set HEARTHWATCH_DATA or --data", file=sys.stderr)
        return 2
    report = {path.stem: count(path) for path in paths}
    if args.json:
        print(json.dumps(report, indent=1))
        return 0
    kinds = sorted({k for r in report.values() for k in r if k != "days"})
    print(f"{'home':<14}{'days':>7}" + "".join(f"{k:>16}" for k in kinds) + "   (onsets per 30 days)")
    for name, row in report.items():
        print(f"{name:<14}{row['days']:>7}" + "".join(f"{row[k]:>16}" for k in kinds))
    return 0


def count(path: Path) -> dict[str, Any]:
    """Onsets per 30 days by kind, and the days they were counted over."""
    home = load(path)
    labelled = home.labelled()
    stop = min(home.stop, labelled[1]) if labelled else home.stop
    learn = home.start + min(28 * DAY, (stop - home.start) // 2)
    days = (stop - learn) / DAY
    out: dict[str, Any] = {"days": round(days, 1)}
    given = blocks([e for e in home.edges if e[0] <= stop])
    for rule in RULES:
        spec = DETECTORS[rule]
        detector = spec.make(spec.params(), home.home)
        events = detector.process(given) + detector.advance(stop)
        for kind in spec.kinds:
            onsets = sum(e.kind == kind and e.phase is Phase.ONSET and e.t >= learn for e in events)
            out[kind] = round(30 * onsets / days, 1)
    return out


if __name__ == "__main__":
    raise SystemExit(main())
