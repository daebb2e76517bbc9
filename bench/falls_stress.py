"""How much worse does the shipped fall detector get when a recording had been made otherwise?

    python -m bench.falls_stress [--data DIR] [--json] [--only WORD] [--sets NAME,NAME]

Every clip of every set is changed in one way at a time (``bench/falls_bend.py``) and streamed through a
fresh detector. Same recordings, same code, same figures. The changes are made by arithmetic: they show
what the rule leans on, not how another sensor really behaves.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.falls import NOTE, alarms, events_of, folder_of, held_off
from bench.falls_bend import BENDS
from bench.falls_clips import Clip, clips
from bench.falls_frames import Bend, Frames, apart, dice_of, together

AS_RECORDED = "as recorded"


def company_of(every: Sequence[Clip], number: int) -> Frames | None:
    """Another clip without a fall, for those who want company."""
    others = [i for i, clip in enumerate(every) if not clip.fall and i != number]
    return apart(every[others[number % len(others)]]) if others else None


def row(every: Sequence[Clip], name: str, bend: Bend | None) -> dict[str, int] | None:
    """One set under one change; None where the change means nothing to it."""
    count = {"falls": 0, "found": 0, "clips": 0, "false_clips": 0, "false_alarms": 0}
    for number, clip in enumerate(every):
        shown: Clip | None = clip
        if bend is not None:
            other = company_of(every, number) if name.startswith("second person") else None
            frames = bend(apart(clip), dice_of(name, clip.set, clip.name), other)
            shown = None if frames is None or len(frames.t) == 0 else together(clip, frames)
        if shown is None:
            continue
        told = alarms(events_of(shown)[0])
        if clip.fall:
            count["falls"] += 1
            count["found"] += bool(told)
        else:
            count["clips"] += 1
            count["false_clips"] += bool(told)
            count["false_alarms"] += held_off(told)
    return count if count["falls"] + count["clips"] else None


def measure(folder: Path, only: str = "", names: Sequence[str] = ()) -> dict[str, Any]:
    """Change, set, figures; of the sets with these names, or of all."""
    paths = [path for path in sorted(folder.glob("*.npz")) if not names or path.stem in names]
    sets = {path.stem: list(clips(path)) for path in paths}
    chosen: dict[str, Bend | None] = {AS_RECORDED: None, **BENDS}
    rows = {
        name: {s: found for s, every in sets.items() if (found := row(every, name, bend)) is not None}
        for name, bend in chosen.items()
        if only in name
    }
    return {"note": NOTE, "rows": rows}


def table(report: Mapping[str, Any]) -> str:
    """Changes down, sets across: falls found, and clips with a false alarm."""
    sets = sorted({s for found in report["rows"].values() for s in found})
    with_falls = [s for s in sets if any(r.get(s, {}).get("falls") for r in report["rows"].values())]
    calm = [s for s in sets if s not in with_falls]
    head = [
        "change",
        *(f"{s} {what}" for s in with_falls for what in ("found", "false")),
        "other sets, false",
    ]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, found in report["rows"].items():
        cells = [name]
        for s in with_falls:
            r = found.get(s)
            cells += [f"{r['found']}/{r['falls']}", f"{r['false_clips']}/{r['clips']}"] if r else ["-", "-"]
        rest = {s: found[s]["false_alarms"] for s in calm if s in found}
        said = ", ".join(f"{s} {n}" for s, n in rest.items() if n)
        cells.append((said or "none") if rest else "-")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"{report['note']}; changes made by arithmetic"])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.falls_stress", description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder with falls/*.npz (default: $HEARTHWATCH_DATA)")
    parser.add_argument("--only", default="", help="changes whose name holds this")
    parser.add_argument("--sets", default="", help="names of sets, with commas (default: all)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    folder = folder_of(options.data)
    if not any(folder.glob("*.npz")):
        print(f"no recordings: {folder} holds no .npz; name their folder with --data", file=sys.stderr)
        return 2
    report = measure(folder, options.only, [name for name in options.sets.split(",") if name])
    print(json.dumps(report, indent=2) if options.json else table(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
