"""How right is the picture of a day against what people wrote down?

``python -m bench.day [--data DIR] [--json]``

For every home under DIR/home/homes with labels, each whole local day is made from its readings as
``hearthwatch day`` makes it, and compared minute by minute with the diary: *out* with the labels ``away``
(and from ``going-out-...`` to the next label), *in bed* with ``sleep`` and ``go-to-bed``. Only days of
which the diary knows something count, for sleep only homes with a bed sensor, for absences only homes
with an outer door. Sensitivity: the share of the diary's minutes that the picture shows as such;
specificity: the share of the other minutes that it does not. Diaries are written by hand and forget.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.homes import Recorded, blocks, load, merged
from core.localtime import LocalTime
from core.model import MINUTE
from detectors.day_facts import Day, facts
from detectors.day_spans import Pairs, clip, intersect, subtract, total


@dataclass
class Agreement:
    """Minutes of one state: both say so, only the diary, only the picture, neither, nobody could see."""

    both: float = 0
    missed: float = 0
    wrong: float = 0
    neither: float = 0
    unknown: float = 0

    def add(self, truth: Pairs, shown: Pairs, unseen: Pairs, start: int, stop: int) -> None:
        """One more day."""
        seen = subtract([(start, stop)], unseen)
        truth, shown = intersect(clip(truth, start, stop), seen), intersect(shown, seen)
        shared = total(intersect(truth, shown))
        self.both += shared / MINUTE
        self.missed += (total(truth) - shared) / MINUTE
        self.wrong += (total(shown) - shared) / MINUTE
        self.neither += (total(seen) - total(truth) - total(shown) + shared) / MINUTE
        self.unknown += total(unseen) / MINUTE

    def told(self) -> dict[str, float | None]:
        """As shares; None where there was nothing to compare."""

        def share(part: float, rest: float) -> float | None:
            return round(part / (part + rest), 4) if part + rest else None

        return {
            "hours": round((self.both + self.missed) / 60, 1),
            "sensitivity": share(self.both, self.missed),
            "specificity": share(self.neither, self.wrong),
            "unknown_share": share(self.unknown, self.both + self.missed + self.wrong + self.neither),
        }


def days_of(recorded: Recorded) -> list[Day]:
    """Each whole day of a home, as the picture shows it."""
    local = LocalTime(recorded.home.zone)
    made = blocks(recorded.edges)
    day = local.at(recorded.start).date() + timedelta(days=1)
    out = []
    while day < local.at(recorded.stop).date():
        out.append(facts(made, recorded.home, day, recorded.stop))
        day += timedelta(days=1)
    return out


def judge(recorded: Recorded) -> dict[str, Any]:
    """The agreement of one home, with what limits it."""
    away = merged([*recorded.away(), *recorded.outings()])
    sleep = merged((a, b) for a, b, label in recorded.truth if label.lower() in ("sleep", "go-to-bed"))
    out, bed = Agreement(), Agreement()
    found = days_of(recorded)
    beds = any("bed" in d.sees for d in found)
    labelled = 0
    for day in found:
        if not clip([(a, b) for a, b, _ in recorded.truth], day.start, day.stop):
            continue
        labelled += 1
        unseen = [(s.start, s.stop) for s in day.spans if s.state == "unknown"]
        states = {
            name: [(s.start, s.stop) for s in day.spans if s.state in kinds]
            for name, kinds in (("away", ("away",)), ("bed", ("in_bed", "asleep")))
        }
        if recorded.doors and away:
            out.add(away, states["away"], unseen, day.start, day.stop)
        if beds and sleep:
            bed.add(sleep, states["bed"], unseen, day.start, day.stop)
    limits = [] if beds else ["no bed sensor"]
    limits += [] if recorded.doors else ["no outer door"]
    return {"days": labelled, "out": out.told(), "bed": bed.told(), "limits": limits}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="bench.day", description="How right is the picture of a day?")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("HEARTHWATCH_DATA", "../shared/data"))
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    folder = given.data / "home" / "homes"
    paths = sorted(p for p in folder.glob("*.csv") if not p.name.endswith(".truth.csv"))
    if not paths:
        print(f"{folder}: no homes here; set HEARTHWATCH_DATA or --data", file=sys.stderr)
        return 2
    found = {p.stem: judge(load(p)) for p in paths if p.with_suffix("").with_suffix(".truth.csv").exists()}
    if given.json:
        print(json.dumps({"homes": found}))
        return 0
    heads = ["home", "days", "out: hours", "sensitivity", "specificity"]
    print("| " + " | ".join([*heads, "in bed: hours", *heads[3:], "limits"]) + " |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, row in found.items():
        cells = [row["days"]]
        for state in ("out", "bed"):
            cells += [row[state]["hours"], row[state]["sensitivity"], row[state]["specificity"]]
        shown = ["-" if c is None else str(c) for c in cells]
        print(f"| {name} | {' | '.join(shown)} | {', '.join(row['limits'])} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
