"""What does the gateway know right now? The last value of every series, for status and console."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.model import Block, Flag
from core.quantity import Quantity

RETAINED = int(Flag.RETAINED)  # arithmetic of IntFlag costs microseconds, and this is done per block


class Latest:
    """Last value, its time and flags, by source and quantity. Bounded by the enrolled sensors."""

    def __init__(self) -> None:
        self._series: dict[str, dict[Quantity, tuple[int, Block, int]]] = {}
        self._seen: dict[str, int] = {}

    def note(self, blocks: Sequence[Block]) -> None:
        """Take the last row of each block (the block itself is kept: looked into only when asked)."""
        for block in blocks:
            series = self._series.get(block.source)
            if series is None:
                series = self._series[block.source] = {}
            t, flags = int(block.t[-1]), int(block.flags[-1])
            series[block.quantity] = (t, block, flags)
            if not flags & RETAINED and self._seen.get(block.source, -1) < t:
                self._seen[block.source] = t

    def seen(self, source: str) -> int | None:
        """When did it last speak for itself (a retained value is the broker's memory, not its word)?"""
        return self._seen.get(source)

    def of(self, source: str) -> dict[str, dict[str, Any]]:
        """Its last values as JSON, by quantity."""
        return {
            q.value: {"t": t, "value": _last(block), "unit": q.unit, "retained": bool(flags & RETAINED)}
            for q, (t, block, flags) in sorted(self._series.get(source, {}).items())
        }

    def sources(self) -> list[str]:
        """Who has spoken at all?"""
        return sorted(self._series)


def _last(block: Block) -> Any:
    if block.offsets is not None:
        return {"points": len(block.points(len(block) - 1))}
    if block.value.ndim == 2:
        return [round(float(v), 4) for v in block.value[-1]]
    value = block.value[-1].item()
    return round(value, 6) if isinstance(value, float) else value
