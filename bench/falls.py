"""How many falls does the shipped detector find, how late, and how often is it wrong?

    python -m bench.falls [--data DIR] [--json]

Reads every ``DIR/falls/*.npz``, streams each clip through a fresh detector as the gateway would (small
slices of time, nothing of the future) and then once more as one block, which must give the same events.
An alarm is an onset, or a further drop while an alert is open; in clips without a fall alarms less than
10 s apart count once. Nobody in these recordings is old and every fall is acted: read the figures so.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.falls_clips import Clip, clips
from core.model import SECOND, Event, Phase
from detectors.fall import SPEC

HOLD_OFF_S = 10.0
SLICE = 130_000_000  # ns; shorter than a turn of the gateway
NOTE = "acted falls, no elderly subject"


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Which true rates fit with ``hits`` out of ``of``? 95 %, Wilson's score interval.

    >>> [round(x, 3) for x in wilson(67, 70)]
    [0.881, 0.985]
    """
    if of == 0:
        return 0.0, 1.0
    z, p = 1.959964, hits / of
    middle, half = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return max(0.0, (middle - half) / (1 + z * z / of)), min(1.0, (middle + half) / (1 + z * z / of))


def events_of(clip: Clip) -> tuple[list[Event], float]:
    """All events of one clip in slices of time, and CPU seconds used."""
    end = int(clip.t[-1]) + SECOND // 4
    slices = [clip.cut(a, a + SLICE) for a in range(0, end, SLICE)]
    detector = SPEC.make(clip.params, clip.home)
    events: list[Event] = []
    begun = time.process_time()
    for number, part in enumerate(slices):
        events += detector.process(part)
        events += detector.advance(min((number + 1) * SLICE, end))
    return events, time.process_time() - begun


def stream(clip: Clip) -> tuple[list[Event], float, bool]:
    """The same, and whether one block gave the same."""
    events, used = events_of(clip)
    end = int(clip.t[-1]) + SECOND // 4
    whole = SPEC.make(clip.params, clip.home)
    return events, used, whole.process(list(clip.blocks)) + whole.advance(end) == events


def alarms(events: Sequence[Event]) -> list[float]:
    """At which seconds was somebody told of a fall?"""
    told, drops = [], 0
    for event in events:
        again = int(event.evidence.get("drops", 0))
        if event.phase is Phase.ONSET or (event.phase is Phase.UPDATE and again > drops):
            told.append(event.t / SECOND)
        drops = 0 if event.phase is Phase.CLEAR else again
    return told


def held_off(told: Sequence[float]) -> int:
    """How many are they, if alarms less than the hold-off after the last one counted are one?"""
    count, last = 0, -math.inf
    for t in told:
        if t - last >= HOLD_OFF_S:
            count, last = count + 1, t
    return count


@dataclass
class Tally:
    """The figures of one set, or of all."""

    falls: int = 0
    found: int = 0
    clips: int = 0
    false_clips: int = 0
    false_alarms: int = 0
    seconds: float = 0.0
    frames: int = 0
    cpu_s: float = 0.0
    differing: int = 0
    delays: list[float] = field(default_factory=list)

    def take(self, clip: Clip) -> None:
        """Stream one clip and count."""
        events, used, same = stream(clip)
        told = alarms(events)
        self.frames += len(clip.t)
        self.cpu_s += used
        self.differing += not same
        if clip.fall:
            self.falls += 1
            self.found += bool(told)
            impact = clip.impact_s()
            if told and impact is not None:
                self.delays.append(told[0] - impact)
            return
        self.clips += 1
        self.false_clips += bool(told)
        self.false_alarms += held_off(told)
        self.seconds += clip.watched_s

    def add(self, other: Tally) -> None:
        """Count another set in."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def report(self) -> dict[str, Any]:
        """As JSON; figures that nothing was measured for are null."""
        hours = self.seconds / 3600
        delay = (
            [round(float(x), 2) for x in np.percentile(self.delays, (50, 95))] if self.delays else [None] * 2
        )
        return {
            "falls": self.falls,
            "found": self.found,
            "found_interval": [round(x, 3) for x in wilson(self.found, self.falls)] if self.falls else None,
            "clips": self.clips,
            "false_clips": self.false_clips,
            "false_interval": [round(x, 3) for x in wilson(self.false_clips, self.clips)]
            if self.clips
            else None,
            "false_alarms": self.false_alarms,
            "hours": round(hours, 3),
            "false_per_h": round(self.false_alarms / hours, 2) if hours else None,
            "delay_p50_s": delay[0],
            "delay_p95_s": delay[1],
            "cpu_ms_per_frame": round(1000 * self.cpu_s / self.frames, 4) if self.frames else None,
            "frames": self.frames,
            "clips_differing_as_one_block": self.differing,
        }


def measure(folder: Path) -> dict[str, Any]:
    """The report on every set in a folder."""
    total, sets = Tally(), {}
    for path in sorted(folder.glob("*.npz")):
        tally = Tally()
        for clip in clips(path):
            tally.take(clip)
        sets[path.stem] = tally.report()
        total.add(tally)
    return {"note": NOTE, "hold_off_s": HOLD_OFF_S, "sets": sets, "all": total.report()}


def table(report: Mapping[str, Any]) -> str:
    """One table for all, as Markdown."""
    head = (
        "| set | falls found | 95 % | false clips | 95 % | hours | false/h | delay p50, p95 (s) "
        "| ms/frame |\n|---|---|---|---|---|---|---|---|---|"
    )
    lines = [head]
    for name, row in (*report["sets"].items(), ("**all**", report["all"])):
        lines.append(
            f"| {name} | {_of(row['found'], row['falls'])} | {_span(row['found_interval'])} "
            f"| {_of(row['false_clips'], row['clips'])} | {_span(row['false_interval'])} "
            f"| {row['hours']:.2f} | {_or_dash(row['false_per_h'])} "
            f"| {_or_dash(row['delay_p50_s'])}, {_or_dash(row['delay_p95_s'])} "
            f"| {_or_dash(row['cpu_ms_per_frame'])} |"
        )
    return "\n".join([*lines, "", f"{report['note']}; hold-off {report['hold_off_s']:g} s"])


def _of(hits: int, of: int) -> str:
    return f"{hits}/{of}" if of else "-"


def _span(interval: Sequence[float] | None) -> str:
    return f"{100 * interval[0]:.0f} to {100 * interval[1]:.0f}" if interval else "-"


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def folder_of(data: str | None) -> Path:
    """Where are the recordings? ``--data``, or HEARTHWATCH_DATA, or ../shared/data."""
    root = Path(__file__).resolve().parent.parent
    given = Path(data or os.environ.get("HEARTHWATCH_DATA") or root / ".." / "shared" / "data")
    return given / "falls" if (given / "falls").is_dir() else given


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.falls", description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder with falls/*.npz (default: $HEARTHWATCH_DATA)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    folder = folder_of(options.data)
    if not any(folder.glob("*.npz")):
        print(f"no recordings: {folder} holds no .npz; name their folder with --data", file=sys.stderr)
        return 2
    report = measure(folder)
    print(json.dumps(report, indent=2) if options.json else table(report))
    differing = report["all"]["clips_differing_as_one_block"]
    if differing:
        print(f"{differing} clips gave other events as one block", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
