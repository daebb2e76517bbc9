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
        if block.quantity not in wanted or len(block) == 0:
            continue
        keep = (block.flags & Flag.REPEAT) == 0
        value = block.value
        if value.dtype.kind == "f":
            keep &= np.isfinite(value)
        if not every and len(block) > 8 and value.dtype.kind == "f" and keep.all():
            keep = keep.copy()
            keep[1:] = (value[1:] != value[:-1]) | (block.flags[1:] != block.flags[:-1])
        source, quantity = block.source, block.quantity
        if keep.all():
            columns = (block.t.tolist(), value.tolist(), block.flags.tolist())
        else:
            columns = (block.t[keep].tolist(), value[keep].tolist(), block.flags[keep].tolist())
        out.extend(Row(t, source, quantity, v, f) for t, v, f in zip(*columns, strict=True) if v != "")
    out.sort(key=_order)
    return out


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
