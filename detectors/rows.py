"""In which order do readings of many sources tell their story?

Detectors that walk edges (doors, stillness, batteries, silence) need one canonical order inside an
instant, because blocks come one per (source, quantity) and the cut is arbitrary. :func:`rows` gives
it: by (t, source, quantity). Runs of equal values are thinned with numpy first, so that a radar that
says "present" ten times a second costs one row a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from core.model import Block, Flag
from core.quantity import Quantity

# plain ints: arithmetic on an IntFlag costs microseconds
RETAINED, WEAK, TEST, REPEAT = int(Flag.RETAINED), int(Flag.WEAK), int(Flag.TEST), int(Flag.REPEAT)
_FEW = 9  # below this many rows plain Python is quicker than numpy


class Row(NamedTuple):
    """One reading worth looking at. ``value`` is a float or, for text quantities, a str."""

    t: int
    source: str
    quantity: Quantity
    value: Any
    flags: int


def rows(blocks: Sequence[Block], wanted: frozenset[Quantity], every: bool = False) -> list[Row]:
    """Which readings of these flag, scalar and text quantities matter, in canonical order?

    NaN, empty text and repeats (``Flag.REPEAT``) are dropped: no value is no news. Without ``every``,
    numbers that repeat value and flags of the row before them in their block are dropped too (the first
    of a block never is): a detector that uses this must treat an unchanged value as no news.

    >>> from core.model import Reading
    >>> said = [Reading("door", Quantity.CONTACT_OPEN, t, float(t < 9)) for t in range(10)]
    >>> door = Block.of(said)
    >>> [(r.t, r.value) for r in rows([door], frozenset({Quantity.CONTACT_OPEN}))]
    [(0, 1.0), (9, 0.0)]
    """
    out: list[Row] = []
    for block in blocks:
        quantity = block.quantity
        if quantity not in wanted:
            continue
        if block.t.shape[0] < _FEW:
            source, value = block.source, block.value
            for t, v, f in zip(block.t.tolist(), value.tolist(), block.flags.tolist(), strict=True):
                if not f & REPEAT and (v - v == 0 if v.__class__ is float else v):
                    out.append(Row(t, source, quantity, v, f))
        else:
            _many(block, every, out)
    if len(out) > 1:
        out.sort(key=_order)
    return out


def _many(block: Block, every: bool, out: list[Row]) -> None:
    """The rows of a long block, chosen with numpy."""
    value = block.value
    keep = (block.flags & REPEAT) == 0
    if value.dtype.kind == "f":
        keep &= np.isfinite(value)
        if not every and keep.all():
            keep[1:] = (value[1:] != value[:-1]) | (block.flags[1:] != block.flags[:-1])
    else:
        keep &= value != ""
    source, quantity = block.source, block.quantity
    columns = (block.t[keep].tolist(), value[keep].tolist(), block.flags[keep].tolist())
    out.extend(Row(t, source, quantity, v, f) for t, v, f in zip(*columns, strict=True))


def _order(row: Row) -> tuple[int, str, str]:
    return row[0], row[1], row[2]


def flag(value: Any) -> bool | None:
    """Is it true, false or no value? Only 0 and 1 are values of a flag.

    >>> flag(1.0), flag(0.0), flag(0.5)
    (True, False, None)
    """
    if value == 1:
        return True
    if value == 0:
        return False
    return None
