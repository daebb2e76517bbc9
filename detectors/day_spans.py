"""How do stretches of time add up? Sorted, disjoint half-open spans [start, stop) of event time in ns."""

from __future__ import annotations

from collections.abc import Iterable

Pair = tuple[int, int]
Pairs = list[Pair]


def union(*many: Iterable[Pair]) -> Pairs:
    """All time in any of them; empty and touching spans are melted.

    >>> union([(5, 9), (0, 2)], [(2, 3), (4, 4)])
    [(0, 3), (5, 9)]
    """
    out: Pairs = []
    for start, stop in sorted(p for pairs in many for p in pairs if p[1] > p[0]):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], stop))
        else:
            out.append((start, stop))
    return out


def clip(pairs: Iterable[Pair], start: int, stop: int) -> Pairs:
    """What lies inside [start, stop)?

    >>> clip([(0, 5), (7, 9)], 3, 8)
    [(3, 5), (7, 8)]
    """
    return [(max(a, start), min(b, stop)) for a, b in pairs if min(b, stop) > max(a, start)]


def subtract(pairs: Iterable[Pair], away: Iterable[Pair]) -> Pairs:
    """What is left of the first without the second?

    >>> subtract([(0, 10)], [(2, 3), (5, 20)])
    [(0, 2), (3, 5)]
    """
    holes = union(away)
    out: Pairs = []
    for start, stop in union(pairs):
        at = start
        for a, b in holes:
            if b <= at:
                continue
            if a >= stop:
                break
            if a > at:
                out.append((at, a))
            at = b
        if at < stop:
            out.append((at, stop))
    return out


def intersect(pairs: Iterable[Pair], others: Iterable[Pair]) -> Pairs:
    """What lies in both?

    >>> intersect([(0, 10)], [(2, 3), (5, 20)])
    [(2, 3), (5, 10)]
    """
    mine = union(pairs)
    return union(p for a, b in union(others) for p in clip(mine, a, b))


def joined(pairs: Iterable[Pair], gap: int) -> Pairs:
    """Spans at most ``gap`` apart become one.

    >>> joined([(0, 1), (3, 4), (9, 10)], 2)
    [(0, 4), (9, 10)]
    """
    out: Pairs = []
    for start, stop in union(pairs):
        if out and start - out[-1][1] <= gap:
            out[-1] = (out[-1][0], stop)
        else:
            out.append((start, stop))
    return out


def total(pairs: Iterable[Pair]) -> int:
    """How long are they together, ns?"""
    return sum(b - a for a, b in pairs)
