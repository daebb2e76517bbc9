"""What would a fall rule cost in a room without height: motion that stops where nobody rests?

    python -m bench.falls_presence [--data DIR] [--json]

The rule: the last sign of life came from a hall, a bathroom or a kitchen; since then nothing has moved
anywhere for some minutes, no bed or seat is occupied, and no outer door moved within 3 min before or since.
Nobody is known to have fallen in these recorded homes, so every time it would ask is a false alarm.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.homes import Recorded, load
from core.model import DAY, HOUR, MINUTE
from core.quantity import Quantity as Q

ROOMS = ("hall", "bathroom", "kitchen")
AFTER_MIN = (15, 30, 60, 120)
DOOR = 3 * MINUTE
NIGHT = (22 * HOUR, 6 * HOUR)
REST = frozenset({Q.BED_OCCUPIED, Q.SEAT_OCCUPIED})


def silences(home: Recorded) -> Iterator[tuple[int, int, str]]:
    """(begin, length, kind of room) of every silence that nothing excuses, ns."""
    doors, resting = set(home.doors), dict[str, bool]()
    last, room, door, excused = home.start, "", home.start - DOOR, False
    for t, source, quantity, value, _ in home.edges:
        if source in doors:  # either way: somebody was at it
            if t - last >= MINUTE and room and not excused:
                yield last, t - last, room
            door = t
        elif quantity in REST:
            resting[source] = bool(value)
        if not value and source not in doors:
            continue
        if t > last and room and not excused and source not in doors:
            yield last, t - last, room
        last, room = t, home.home.room_kind_of(source)
        excused = source in doors or t - door < DOOR or any(resting.values())


def asked(home: Recorded) -> dict[str, dict[int, int]]:
    """How often would it have asked, by kind of room (and ``night`` in a hall) and minutes waited?"""
    found = {kind: dict.fromkeys(AFTER_MIN, 0) for kind in (*ROOMS, "hall at night")}
    for begin, length, kind in silences(home):
        if kind not in ROOMS:
            continue
        hour = begin % DAY
        for minutes in AFTER_MIN:
            if length > minutes * MINUTE:
                found[kind][minutes] += 1
                if kind == "hall" and (hour >= NIGHT[0] or hour < NIGHT[1]):
                    found["hall at night"][minutes] += 1
    return found


def measure(folder: Path) -> dict[str, Any]:
    """Every home that has motion sensors: without them silence says nothing."""
    homes = {}
    for path in sorted(p for p in folder.glob("*.csv") if not p.stem.endswith(".truth")):
        home = load(path)
        if any(s.kind == "motion" for s in home.home.sensors.values()):
            homes[home.name] = {"days": round((home.stop - home.start) / DAY, 1), "asked": asked(home)}
    return {"note": "no fall is known in these homes: every time is a false alarm", "homes": homes}


def table(report: Mapping[str, Any]) -> str:
    """Times asked after 15, 30, 60 and 120 min, as Markdown."""
    kinds = (*ROOMS, "hall at night")
    lines = [f"| home | days | {' | '.join(kinds)} |", "|---" * (len(kinds) + 2) + "|"]
    for name, row in report["homes"].items():
        cells = [", ".join(str(n) for n in row["asked"][kind].values()) for kind in kinds]
        lines.append(f"| {name} | {row['days']:g} | {' | '.join(cells)} |")
    after = ", ".join(map(str, AFTER_MIN))
    return "\n".join([*lines, "", f"times it would have asked after {after} min; {report['note']}"])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.falls_presence", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--data", help="folder with home/homes/*.csv (default: $HEARTHWATCH_DATA)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    root = Path(__file__).resolve().parent.parent
    given = Path(options.data or os.environ.get("HEARTHWATCH_DATA") or root / ".." / "shared" / "data")
    folder = given / "home" / "homes" if (given / "home" / "homes").is_dir() else given
    if not any(folder.glob("*.csv")):
        print(f"no recordings: {folder} holds no .csv; name their folder with --data", file=sys.stderr)
        return 2
    report = measure(folder)
    print(json.dumps(report, indent=2) if options.json else table(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
