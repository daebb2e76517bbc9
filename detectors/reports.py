"""When did each sensor report? Reports are times; what they said does not matter here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.model import Block, Ints
from core.quantity import Quantity
from detectors.rows import REPEAT, RETAINED
from detectors.watched import RUN, Watched

Q = Quantity
Times = list[int] | Ints
_LINK_UP, _BLIND_S, _AVAILABLE = Q.LINK_UP, Q.BLIND_S, Q.AVAILABLE
_VITAL = frozenset({Q.SMOKE, Q.GAS, Q.CO, Q.WATER, Q.SOS, Q.HEAT})
_STALE = RETAINED | REPEAT


def gather(
    blocks: Sequence[Block], watches: Mapping[str, Watched]
) -> tuple[dict[str, Times], list[Block], dict[int, list[str]], int]:
    """Reports by enrolled source, control blocks, first reports about life, time reached.

    Retained values are of unknown age, repeats and NaN no reports.
    """
    times: dict[str, Times] = {}
    control: list[Block] = []
    vital: dict[int, list[str]] = {}
    reach = 0
    for block in blocks:
        t = block.t
        n = t.shape[0]
        last = t.item(n - 1)
        if last > reach:
            reach = last
        quantity, source = block.quantity, block.source
        if quantity is _LINK_UP or quantity is _BLIND_S or quantity is _AVAILABLE:
            control.append(block)
            continue
        watch = watches.get(source)
        if watch is None:
            continue
        if not watch.vital and quantity in _VITAL:
            vital.setdefault(t.item(0), []).append(source)
        if n == 1:
            value = block.value
            if block.flags.item(0) & _STALE:
                continue
            if value.shape == (1,) and value.item(0) != value.item(0):
                continue
            if value.ndim == 2 and block.offsets is None and not np.isfinite(value).any():
                continue
            known = times.get(source)
            if known is None:
                times[source] = [last]
            elif isinstance(known, list):
                if known[-1] != last:
                    known.append(last)
            else:
                times[source] = np.append(known, last)
            continue
        found = _fresh(block)
        if found.size:
            known = times.get(source)
            times[source] = found if known is None else np.concatenate([found, known])
    for source, found_times in times.items():
        if isinstance(found_times, list):
            if len(found_times) > 1:
                times[source] = sorted(set(found_times))
        else:
            times[source] = np.unique(found_times)
    return times, control, vital, reach


def _fresh(block: Block) -> Ints:
    fresh = (block.flags & _STALE) == 0
    if block.offsets is None and block.value.dtype.kind == "f":
        known = np.isfinite(block.value)
        fresh &= known if known.ndim == 1 else known.any(axis=1)
    return block.t if fresh.all() else block.t[fresh]


def runs(times: Times) -> list[tuple[int, int]]:
    """First and last of each run of reports at most ``RUN`` apart."""
    if isinstance(times, list):
        out = [(times[0], times[0])]
        for t in times[1:]:
            if t - out[-1][1] <= RUN:
                out[-1] = (out[-1][0], t)
            else:
                out.append((t, t))
        return out
    edges = np.flatnonzero(np.diff(times) > RUN)
    starts = [0, *(edges + 1).tolist()]
    stops = [*edges.tolist(), len(times) - 1]
    return list(zip(times[starts].tolist(), times[stops].tolist(), strict=True))
