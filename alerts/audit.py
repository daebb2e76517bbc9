"""Was the record of alerts changed afterwards? Every revision is linked to all revisions before it.

``chain = SHA-256(previous chain, body)``, so a row that is changed, removed from the middle, moved or
put in breaks the chain from there on. Rows removed from the end leave a shorter chain that still fits:
compare :attr:`Verdict.head` with one that was told elsewhere (the heartbeat, a channel).

What was erased on request leaves only the chain value of its last row, and a record of its own in the
chain: an alert of kind ``erasure`` whose evidence holds :func:`digest` of what went. A hole without such
a record is a break; see docs/decisions/0012.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

GENESIS = "0" * 64
ERASURE = "erasure"
"""Kind of the record that an erasure leaves."""


def link(previous: str, body: str) -> str:
    """Which chain value follows? Both are text; 64 hex digits.

    >>> link(GENESIS, "{}") == link(GENESIS, "{}") != link(GENESIS, "{ }")
    True
    """
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Erased:
    """Rows ``first`` to ``last`` are gone; ``chain`` was the value of the last, ``record`` tells of it."""

    first: int
    last: int
    chain: str
    record: int

    @property
    def rows(self) -> int:
        return self.last - self.first + 1


def digest(stretches: Iterable[Erased]) -> str:
    """What does the record of an erasure vouch for? 64 hex digits over all its stretches."""
    lines = sorted((e.first, e.last, e.chain) for e in stretches)
    return hashlib.sha256("\n".join(f"{a}-{b}:{c}" for a, b, c in lines).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Is the chain whole? ``broken_at`` is the number of the first row that does not fit, else None.

    ``rows`` fit so far, ``head`` is the chain value of the last of them, ``erased`` rows went on request,
    ``records`` are the numbers of the rows that tell of it.
    """

    rows: int
    head: str
    broken_at: int | None = None
    why: str = ""
    erased: int = 0
    records: tuple[int, ...] = field(default_factory=tuple)

    @property
    def whole(self) -> bool:
        return self.broken_at is None


def verify(rows: Iterable[tuple[int, str, str]], erased: Sequence[Erased] = ()) -> Verdict:
    """Does every row (seq, body, chain) follow from the one before? The first row is the base.

    >>> verify([(0, "", GENESIS), (1, "a", link(GENESIS, "a"))]).whole
    True
    >>> verify([(0, "", GENESIS), (1, "b", link(GENESIS, "a"))]).broken_at
    1
    """
    walk = iter(rows)
    base = next(walk, (0, "", GENESIS))
    seq, chain, count = base[0], base[2], 0
    holes = {e.first: e for e in erased if e.last > base[0]}
    owed = {e.record: e.first for e in erased if e.record > base[0]}  # records not met yet
    gone = 0
    met: list[int] = []

    def broken(at: int, why: str) -> Verdict:
        return Verdict(count, chain, at, why, gone, tuple(met))

    for number, body, said in walk:
        while number != seq + 1 and (hole := holes.get(seq + 1)) is not None and hole.last < number:
            seq, chain, gone = hole.last, hole.chain, gone + hole.rows
        if number != seq + 1:
            return broken(number, f"rows {seq + 1} to {number - 1} are missing")
        if link(chain, body) != said:
            return broken(number, f"row {number} does not follow from row {seq}")
        seq, chain, count = number, said, count + 1
        if number in owed:
            if vouched(body) != digest(e for e in erased if e.record == number):
                return broken(owed[number], f"row {number} does not vouch for what was erased")
            met.append(number)
            del owed[number]
    if owed:
        first = min(owed.values())
        return broken(first, f"rows from {first} on were erased, and no record tells of it")
    return Verdict(count, chain, None, "", gone, tuple(met))


def vouched(body: str) -> str | None:
    """For which digest does this row vouch? None if it is no record of an erasure."""
    try:
        said = json.loads(body)
        return str(said["evidence"]["digest"]) if said["kind"] == ERASURE else None
    except (ValueError, KeyError, TypeError):
        return None
