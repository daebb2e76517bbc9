"""How are blocks of one series joined, and in which form do rows become a block again?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from core.model import Block, Ints
from core.quantity import VECTOR_WIDTH, Quantity

Series = tuple[str, Quantity]

BLOCK_OVERHEAD = 700
"""Bytes a block costs beside its numbers, measured on CPython 3.11 with numpy 2."""


def cost(block: Block) -> int:
    """How many bytes of memory does it hold?"""
    size = BLOCK_OVERHEAD + block.t.nbytes + block.value.nbytes + block.flags.nbytes
    return size + (block.offsets.nbytes if block.offsets is not None else 0)


def by_series(blocks: Iterable[Block]) -> dict[Series, Block]:
    """One block a series, rows in order of time (equal times keep their order)."""
    groups: dict[Series, list[Block]] = {}
    for block in blocks:
        if len(block):
            groups.setdefault((block.source, block.quantity), []).append(block)
    return {key: join(group) for key, group in groups.items()}


def join(blocks: Sequence[Block]) -> Block:
    """All rows of blocks of one series, as one block in order of time."""
    if len(blocks) == 1:
        return blocks[0]
    t = np.concatenate([b.t for b in blocks])
    flags = np.concatenate([b.flags for b in blocks])
    value = np.concatenate([b.value for b in blocks])
    offsets: Ints | None = None
    if blocks[0].offsets is not None:
        sizes = np.concatenate([np.diff(b.offsets) for b in blocks if b.offsets is not None])
        offsets = _offsets(sizes)
    return ordered(blocks[0].source, blocks[0].quantity, t, value, flags, offsets)


def ordered(
    source: str,
    quantity: Quantity,
    t: Ints,
    value: npt.NDArray[Any],
    flags: npt.NDArray[np.uint8],
    offsets: Ints | None = None,
) -> Block:
    """A block of these columns, sorted by time where they are not."""
    if len(t) > 1 and (t[1:] < t[:-1]).any():
        order = np.argsort(t, kind="stable")
        t, flags = t[order], flags[order]
        if offsets is None:
            value = value[order]
        else:
            rows = [value[offsets[i] : offsets[i + 1]] for i in order]
            offsets = _offsets(np.array([len(r) for r in rows]))
            value = np.concatenate(rows)
    for array in (t, value, flags, *(() if offsets is None else (offsets,))):
        array.flags.writeable = False
    return Block(source, quantity, t, value, flags, offsets)


def chosen(block: Block, mask: npt.NDArray[np.bool_]) -> Block:
    """The rows where ``mask`` is true."""
    if block.offsets is None:
        return ordered(block.source, block.quantity, block.t[mask], block.value[mask], block.flags[mask])
    sizes = np.diff(block.offsets)
    value = block.value[np.repeat(mask, sizes)]
    offsets = _offsets(sizes[mask])
    return ordered(block.source, block.quantity, block.t[mask], value, block.flags[mask], offsets)


def within(block: Block, t0: int, t1: int) -> Block:
    """The rows with t0 <= t < t1."""
    low, high = np.searchsorted(block.t, (t0, t1), side="left")
    return block.cut(int(low), int(high))


def nothing(source: str, quantity: Quantity) -> Block:
    """A block without rows, of the right shape."""
    shape = quantity.shape
    value: npt.NDArray[Any] = np.zeros(0)
    offsets: Ints | None = None
    if shape in ("points", "vector"):
        value = np.zeros((0, VECTOR_WIDTH[quantity]))
    if shape == "points":
        offsets = np.zeros(1, np.int64)
    if shape == "text":
        value = np.zeros(0, np.str_)
    return ordered(source, quantity, np.zeros(0, np.int64), value, np.zeros(0, np.uint8), offsets)


def of_rows(source: str, quantity: Quantity, rows: Sequence[tuple[int, Any, int]]) -> Block:
    """A block of rows (t, value, flags), sorted, the same row twice counted once."""
    if not rows:
        return nothing(source, quantity)
    t, values, flags = zip(*rows, strict=True)
    text = quantity.shape == "text"
    value: npt.NDArray[Any] = np.array(values, dtype=np.str_ if text else np.float64)
    return distinct(ordered(source, quantity, np.array(t, np.int64), value, np.array(flags, np.uint8)))


def distinct(block: Block) -> Block:
    """The same rows (numbers, flags or text), each once; rows of one instant by value."""
    t = block.t
    if len(t) < 2 or (t[1:] > t[:-1]).all():
        return block
    order = np.lexsort((block.flags, block.value, t))
    t, value, flags = t[order], block.value[order], block.flags[order]
    new = np.ones(len(t), np.bool_)
    new[1:] = (t[1:] != t[:-1]) | (value[1:] != value[:-1]) | (flags[1:] != flags[:-1])
    return ordered(block.source, block.quantity, t[new], value[new], flags[new])


def _offsets(sizes: npt.NDArray[Any]) -> Ints:
    out = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=out[1:])
    return out
