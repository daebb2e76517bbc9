"""Was the record of alerts changed afterwards? Every revision is linked to all revisions before it.

``chain = SHA-256(previous chain, body)``, so a row that is changed, removed from the middle, moved or
put in breaks the chain from there on. Rows removed from the end leave a shorter chain that still fits:
compare :attr:`Verdict.head` with one that was told elsewhere (the heartbeat, a channel).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

GENESIS = "0" * 64


def link(previous: str, body: str) -> str:
    """Which chain value follows? Both are text; 64 hex digits.

    >>> link(GENESIS, "{}") == link(GENESIS, "{}") != link(GENESIS, "{ }")
    True
    """
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Is the chain whole? ``broken_at`` is the number of the first row that does not fit, else None."""

    rows: int
    head: str
    broken_at: int | None = None
    why: str = ""

    @property
    def whole(self) -> bool:
        return self.broken_at is None


def verify(rows: Iterable[tuple[int, str, str]]) -> Verdict:
    """Does every row (seq, body, chain) follow from the one before? The first row is the base.

    >>> verify([(0, "", GENESIS), (1, "a", link(GENESIS, "a"))]).whole
    True
    >>> verify([(0, "", GENESIS), (1, "b", link(GENESIS, "a"))]).broken_at
    1
    """
    walk = iter(rows)
    first = next(walk, (0, "", GENESIS))
    seq, chain, count = first[0], first[2], 0
    for number, body, said in walk:
        if number != seq + 1:
            return Verdict(count, chain, number, f"rows {seq + 1} to {number - 1} are missing")
        if link(chain, body) != said:
            return Verdict(count, chain, number, f"row {number} does not follow from row {seq}")
        seq, chain, count = number, said, count + 1
    return Verdict(count, chain)
