"""How was the night? Bed times, exits, movements, naps and sleep from beds, radars and mats.

Lying down is what a bed sensor says. Sleep is what the device says, where it tells sleep stages; else
it is estimated as actigraphy does it: quiet for ten minutes after lying down, until movement that lasts
five minutes or leads out of bed; a shorter stir is a turn-over. A bed that only says in or out, with
nothing that sees movement, gives no sleep: then it is unknown. An estimate is always called one.

The night of a day is the night that ends in it: the longest time in bed that ends between 4 h before
and 14 h after its midnight, taken together with returns to bed within an hour.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.model import HOUR, MINUTE, Block
from core.quantity import Quantity
from detectors.day_spans import Pair, Pairs, clip, intersect, joined, subtract, total, union

QUIET = 10 * MINUTE  # without movement: falling asleep
STIR = 5 * MINUTE  # movement that lasts less is a turn-over
BACK = HOUR  # out of bed for longer ends the night
NAP = 10 * MINUTE  # lying for less is no nap
STAGES = ("awake", "light", "deep", "rem")
_TURN = MINUTE
_FLUTTERS = 20
_LONGEST_ROW = 5 * MINUTE  # a stage said holds until the next, but not longer than this


@dataclass(frozen=True, slots=True)
class Night:
    """One night. Spans in ns; ``asleep`` and ``turns`` are None where nothing could tell."""

    start: int  # into bed
    stop: int  # out of bed for good
    in_bed: tuple[Pair, ...]
    out: tuple[Pair, ...]  # times out of bed in between
    asleep: tuple[Pair, ...] | None
    by: str  # device, movement or "" (unknown): who says asleep
    turns: tuple[int, ...] | None  # instants of turn-overs
    stages_s: dict[str, int] | None  # seconds a stage, by the device


def bridged(spans: Pairs, elsewhere: Sequence[int]) -> Pairs:
    """When was somebody really in this bed? ``elsewhere``: signs of life not made on a bed, in order.

    A mat lets go of somebody who turns over: nobody is up and back within a minute. Some mats let go of
    whoever lies still, all night (piezo strips): one that does so twenty times in the stretch given,
    without a sign of life elsewhere in between, is taken to hold on for up to an hour of such quiet.
    """
    spans = joined(spans, _TURN)
    gaps = [(a[1], b[0]) for a, b in pairwise(spans)]
    quiet = [g for g in gaps if bisect_left(elsewhere, g[0]) == bisect_right(elsewhere, g[1])]
    if sum(1 for a, b in quiet if b - a <= QUIET) < _FLUTTERS:
        return spans
    return union(spans, (g for g in quiet if g[1] - g[0] <= BACK))


def stages_of(blocks: Sequence[Block]) -> dict[int, Pairs]:
    """When was which sleep stage, by the device? Stage 0 awake, 1 light, 2 deep, 3 REM; empty: it says none.

    Each value holds until the next of the same source, five minutes at most: a mat that stopped telling
    is no sleeper.
    """
    out: dict[int, Pairs] = {}
    for block in blocks:
        if block.quantity is not Quantity.SLEEP_STAGE:
            continue
        rows = [(int(t), int(v)) for t, v in zip(block.t, block.value, strict=True) if v == v]
        for i, (t, stage) in enumerate(rows):
            until = rows[i + 1][0] if i + 1 < len(rows) else t + _LONGEST_ROW
            if stage in range(4):
                out.setdefault(stage, []).append((t, min(until, t + _LONGEST_ROW)))
    return {stage: union(spans) for stage, spans in out.items()}


def bursts(marks: Sequence[int], gap: int = STIR) -> Pairs:
    """Movements at most ``gap`` apart are one stir.

    >>> bursts([0, 10, 100], 20)
    [(0, 10), (100, 100)]
    """
    out: Pairs = []
    for t in marks:
        if out and t - out[-1][1] <= gap:
            out[-1] = (out[-1][0], t)
        else:
            out.append((t, t))
    return out


def rest(lying: Pair, marks: Sequence[int]) -> tuple[Pairs, list[int]]:
    """Of one time in bed: (asleep, turn-overs), estimated from movement."""
    start, stop = lying
    stirs = bursts([start, *(t for t in marks if start < t < stop)])
    asleep: Pairs = []
    turns: list[int] = []
    down = False  # asleep by now?
    for i, (first, last) in enumerate(stirs):
        ends = stirs[i + 1][0] if i + 1 < len(stirs) else stop
        since = last + QUIET
        if down and last - first < STIR and ends >= since:
            turns.append(first)
            since = first  # it did not wake them
        down = since < ends
        if down:
            asleep.append((since, ends))
    return union(asleep), turns


def night_of(
    beds: Pairs,
    marks: Sequence[int] | None,
    stages: dict[int, Pairs],
    midnight: int,
    turned: Sequence[int] | None = None,
    unseen: Pairs | None = None,
) -> Night | None:
    """The night that ends in the day that begins at ``midnight``; None where nobody lay down.

    ``marks``: movement seen at the bed, None where nothing could see it. ``turned``: turn-overs counted
    by the device itself, None where it counts none. ``unseen``: when the bed could not be seen; that is
    neither in bed nor out of it.
    """
    found = [
        p for p in joined(beds, BACK) if midnight - 4 * HOUR < p[1] <= midnight + 14 * HOUR and p[1] > p[0]
    ]
    if not found:
        return None
    start, stop = max(found, key=lambda p: (total(clip(beds, *p)), -p[0]))
    lying = clip(beds, start, stop)
    asleep, turns, by = sleep_in(lying, marks, stages)
    if turned is not None:
        turns = [t for t in turned if any(a <= t < b for a, b in lying)]
    return Night(
        start=start,
        stop=stop,
        in_bed=tuple(lying),
        out=tuple(p for p in subtract([(start, stop)], lying) if not clip(unseen or [], *p)),
        asleep=None if asleep is None else tuple(asleep),
        by=by,
        turns=None if turns is None else tuple(turns),
        stages_s=stage_totals(stages, lying) if by == "device" else None,
    )


def sleep_in(
    lying: Pairs, marks: Sequence[int] | None, stages: dict[int, Pairs]
) -> tuple[Pairs | None, list[int] | None, str]:
    """Of these times in bed: (asleep, turn-overs, who says so)."""
    told = intersect(union(*stages.values()), lying) if stages else []
    guessed: Pairs = []
    turns: list[int] = []
    if marks is not None:
        for one in lying:
            asleep, stirs = rest(one, marks)
            guessed += asleep
            turns += stirs
    known = turns if marks is not None else None
    if told:
        slept = union(*(spans for stage, spans in stages.items() if stage > 0))
        return intersect(slept, lying), known, "device"
    return (None, None, "") if marks is None else (guessed, known, "movement")


def naps_of(beds: Pairs, nights: Sequence[Pair], start: int, stop: int) -> Pairs:
    """Times in bed of at least ten minutes that begin in [start, stop) and belong to no night."""
    day = subtract(beds, nights)
    return [p for p in joined(day, QUIET) if start <= p[0] < stop and p[1] - p[0] >= NAP]


def stage_totals(stages: dict[int, Pairs], lying: Pairs) -> dict[str, int]:
    """Whole seconds of each stage while in bed."""
    return {name: total(intersect(stages.get(i, []), lying)) // 10**9 for i, name in enumerate(STAGES)}
