"""What waits to be committed, bounded: when the disk takes nothing, the oldest goes and is counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.model import Block
from store.blocks import Series, cost
from store.thinning import Row

MAX_ROWS = 100_000
MAX_SHOT_BYTES = 16_000_000


class Waiting:
    """Thinned rows, and shots: blocks that are kept whole. The owner holds its lock around every call."""

    def __init__(self) -> None:
        self.rows: list[tuple[Series, Row]] = []
        self.shots: list[Block] = []
        self._shot_bytes = 0

    def add(self, rows: Iterable[tuple[Series, Row]], shots: Sequence[Block]) -> int:
        """Take these in; how many rows had to go for them?"""
        self.rows.extend(rows)
        self.shots.extend(shots)
        self._shot_bytes += sum(map(cost, shots))
        dropped = max(0, len(self.rows) - MAX_ROWS)
        if dropped:
            del self.rows[:dropped]
        while self._shot_bytes > MAX_SHOT_BYTES:
            gone = self.shots.pop(0)
            self._shot_bytes -= cost(gone)
            dropped += len(gone)
        return dropped

    def done(self, rows: int, shots: int) -> None:
        """The oldest so many rows and shots are committed."""
        del self.rows[:rows]
        del self.shots[:shots]
        self._shot_bytes = sum(map(cost, self.shots))

    def clear(self) -> None:
        """Forget everything."""
        self.done(len(self.rows), len(self.shots))

    def of(self, key: Series, t0: int, t1: int) -> tuple[list[Row], list[Block]]:
        """What waits of one series: rows with t0 <= t < t1, and all its shots."""
        rows = [row for k, row in self.rows if k == key and t0 <= row[0] < t1]
        return rows, [b for b in self.shots if (b.source, b.quantity) == key]
