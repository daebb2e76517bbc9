"""Which of the kept rows are samples, and what is the mean of each bucket?"""

from __future__ import annotations

import numpy as np

from core.model import Block
from store.blocks import nothing, of_rows, ordered
from store.packing import MEAN


def real(block: Block) -> Block:
    """Without the rows that are means of buckets: what sensors really said."""
    mask = (block.flags & MEAN) == 0
    if mask.all():
        return block
    return ordered(block.source, block.quantity, block.t[mask], block.value[mask], block.flags[mask])


def means_of(block: Block, thin_ns: int) -> Block:
    """The mean of each bucket that has rows, at the middle of the bucket.

    A kept mean speaks for its bucket; the real samples beside it are its extremes. A bucket that was not
    thinned has the mean of its samples.
    """
    if not len(block):
        return nothing(block.source, block.quantity)
    bucket = block.t // thin_ns
    is_mean = (block.flags & MEAN) != 0
    counts = is_mean | ~np.isin(bucket, bucket[is_mean])
    at, where = np.unique(bucket[counts], return_inverse=True)
    value = np.bincount(where, block.value[counts]) / np.bincount(where)
    middle = at * thin_ns + thin_ns // 2
    rows = [(t, v, 0) for t, v in zip(middle.tolist(), value.tolist(), strict=True)]
    return of_rows(block.source, block.quantity, rows)
