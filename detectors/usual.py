"""Which hour is usual? The last so many daily observations of one hour, bounded and forgetting."""

from __future__ import annotations

from collections.abc import Sequence

_KEEP = 56


class Usual:
    """Numbers seen once a day or so (hours, lengths); tells how high they usually get.

    >>> u = Usual()
    >>> for x in (7.0, 7.5, 8.0, 7.2): u.add(x)
    >>> u.count, u.highest()
    (4, 8.0)
    """

    def __init__(self) -> None:
        self._seen: list[float] = []

    @property
    def count(self) -> int:
        return len(self._seen)

    def add(self, value: float) -> None:
        """One more observation; the oldest beyond 56 is forgotten."""
        self._seen = [*self._seen[-(_KEEP - 1) :], round(value, 3)]

    def highest(self) -> float:
        """The highest, without the one highest of every twenty seen. 0 if nothing was seen."""
        ranked = sorted(self._seen)
        return ranked[-1 - len(ranked) // 20] if ranked else 0.0

    def snapshot(self) -> list[float]:
        return list(self._seen)

    def restore(self, state: Sequence[float]) -> None:
        self._seen = [float(x) for x in state]
