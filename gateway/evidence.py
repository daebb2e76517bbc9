"""Which packets surround an alert? Each alert keeps them as a recording of its own: a replayable case.

A ring in memory holds the newest packets (bounded in bytes and time). When an alert opens or worsens,
the ring of the last ``before_s`` is written out, and what follows for ``after_s`` is added. Few files,
each bounded; the oldest are removed first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from core.model import SECOND, Alert, Packet

LIMIT_BYTES = 4 << 20
OVERHEAD = 150  # of one packet in memory, about


class PacketRing:
    """The newest packets, at most ``seconds`` old and ``limit`` bytes in all."""

    def __init__(self, seconds: float = 120.0, limit: int = LIMIT_BYTES) -> None:
        self._span = round(seconds * SECOND)
        self._limit = limit
        self._packets: deque[Packet] = deque()
        self._size = 0

    def add(self, packets: Sequence[Packet]) -> None:
        """Take these, let go of the oldest."""
        ring = self._packets
        ring.extend(packets)
        self._size += sum(len(p.data) for p in packets) + OVERHEAD * len(packets)
        if not packets:
            return
        oldest = packets[-1].at - self._span
        while ring and (ring[0].at < oldest or self._size > self._limit):
            self._size -= len(ring.popleft().data) + OVERHEAD

    def since(self, t: int) -> list[Packet]:
        """Those from ``t`` on that are still held."""
        return [p for p in self._packets if p.at >= t]


class EvidenceKeeper:
    """Writes ``folder/<alert id>.jsonl`` around each alert. ``write(path, packets)`` does the writing."""

    def __init__(
        self,
        folder: Path,
        write: Callable[[Path, Sequence[Packet]], object],
        before_s: float = 60.0,
        after_s: float = 30.0,
        keep: int = 200,
    ) -> None:
        self._folder, self._write = folder, write
        self._before, self._after = round(before_s * SECOND), round(after_s * SECOND)
        self._keep = keep
        self._ring = PacketRing(before_s + after_s + 60.0)
        self._due: dict[str, tuple[int, int]] = {}  # alert id -> (from, until)

    def turn(self, packets: Sequence[Packet], alerts: Sequence[Alert], now: int) -> None:
        """One turn of the pipeline. Raises OSError where the folder cannot be written."""
        self._ring.add(packets)
        for alert in alerts:
            if alert.revision == 1 and alert.severity.rank <= 1 and len(self._due) < 32:
                self._due[alert.id] = (min(alert.opened, now) - self._before, now + self._after)
        if not self._due:
            return
        for key, (since, until) in list(self._due.items()):
            if now >= until:
                del self._due[key]
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._write(self._folder / f"{key}.jsonl", self._ring.since(since))
                self._prune()

    def _prune(self) -> None:
        files = sorted(self._folder.glob("*.jsonl"), key=lambda f: f.stat().st_mtime)
        for file in files[: -self._keep]:
            file.unlink(missing_ok=True)
