"""Which heart and breathing rates are worth showing? Minutes, and what they sum up to.

A rate of 0 is no value. A radar's rate counts only while the person is there and still by the same
sensor's word: movement drowns breath and pulse. Of each minute the median stays. A radar's or mat's
rate is a hint about a person, never a diagnosis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.model import MINUTE, SECOND, Block
from core.quantity import Quantity
from detectors.rows import REPEAT, RETAINED, TEST

Q = Quantity
PLAUSIBLE = {Q.HEART_RATE_BPM: (25.0, 220.0), Q.BREATH_RATE_BPM: (3.0, 60.0)}
"""Outside this a number is a mistake of the sensor, not a person's."""
_STILL_AGAIN = 10 * SECOND  # after movement a radar needs to find the pulse again
GATES = frozenset({Q.MOVING, Q.PRESENCE, Q.BED_OCCUPIED})


@dataclass(frozen=True, slots=True)
class Rates:
    """Minutes with a value and what they say: median, and the 5th and 95th of a hundred."""

    t: tuple[int, ...]  # beginnings of minutes
    value: tuple[float, ...]
    median: float
    low: float
    high: float

    @property
    def minutes(self) -> int:
        """How many minutes had a value?"""
        return len(self.t)


def rates_of(blocks: Sequence[Block], quantity: Quantity, start: int, stop: int) -> Rates | None:
    """The rates of all sources together in [start, stop); None where no minute had a value."""
    by_minute: dict[int, list[float]] = {}
    low, high = PLAUSIBLE[quantity]
    for block in blocks:
        if block.quantity is not quantity:
            continue
        value, t = block.value, block.t
        keep = (block.flags & (RETAINED | REPEAT | TEST)) == 0
        with np.errstate(invalid="ignore"):
            keep &= (value >= low) & (value <= high) & (t >= start) & (t < stop)
        for closed in _closed([b for b in blocks if b.source == block.source]):
            keep &= ~((t >= closed[0]) & (t < closed[1]))
        for at, v in zip(t[keep].tolist(), value[keep].tolist(), strict=True):
            by_minute.setdefault(at // MINUTE * MINUTE, []).append(v)
    if not by_minute:
        return None
    minutes = sorted(by_minute)
    said = [float(np.median(by_minute[m])) for m in minutes]
    return Rates(
        tuple(minutes),
        tuple(round(v, 1) for v in said),
        round(float(np.median(said)), 1),
        round(float(np.percentile(said, 5)), 1),
        round(float(np.percentile(said, 95)), 1),
    )


def _closed(blocks: Sequence[Block]) -> list[tuple[int, int]]:
    """When does this sensor itself say that somebody moves, or that nobody is there?"""
    out: list[tuple[int, int]] = []
    for block in blocks:
        if block.quantity not in GATES:
            continue
        shut = 1.0 if block.quantity is Q.MOVING else 0.0
        tail = _STILL_AGAIN if block.quantity is Q.MOVING else 0
        since: int | None = None
        for t, v in zip(block.t.tolist(), block.value.tolist(), strict=True):
            if v == shut and since is None:
                since = t
            elif v == 1.0 - shut and since is not None:
                out.append((since, t + tail))
                since = None
        if since is not None:
            out.append((since, 1 << 62))
    return out
