"""What would have been alerted? A recording, or a foreign log, through the same pipeline as the daemon.

Same packets, configuration and code give byte-identical alerts whatever the chunk size, speed, hash seed
or process; ``--against`` shows the difference to an earlier run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.model import DAY, Alert, Block, Mark, Packet
from gateway.pipeline import Pipeline
from ingest.replay import chunks

CHUNK = 4096
SLICE_NS = DAY  # blocks of a foreign log are given a day at a time


@dataclass
class Result:
    """What a replay found, and what it read."""

    alerts: list[Alert] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    refused: dict[str, dict[str, int]] = field(default_factory=dict)
    first: int | None = None
    last: int | None = None

    def add(self, other: Result) -> None:
        """One more story of the same file."""
        self.alerts += other.alerts
        for key, value in other.counts.items():
            self.counts[key] = self.counts.get(key, 0) + value
        self.refused.update(other.refused)
        known = [t for t in (self.first, other.first) if t is not None]
        self.first = min(known, default=None)
        known = [t for t in (self.last, other.last) if t is not None]
        self.last = max(known, default=None)

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        return {"counts": self.counts, "refused": self.refused, "first": self.first, "last": self.last}


def replay_packets(
    pipeline: Pipeline,
    packets: Iterator[Packet],
    chunk: int = CHUNK,
    on_chunk: Callable[[int, Sequence[Alert]], None] | None = None,
) -> Result:
    """Packets in chunks of ``chunk`` (0 = all at once) through a cold pipeline.

    A recording that was closed properly ends with ``Mark.END``: time then stops there, as it did live.
    One that was cut off is given the lateness that a live gateway would have waited.
    """
    result = Result()
    ended = False
    for batch in chunks(packets, chunk):
        stamped = pipeline.stamp(batch)
        if result.first is None:
            result.first = stamped[0].at
        result.last = stamped[-1].at
        ended = stamped[-1].mark is Mark.END
        found = pipeline.turn(stamped)
        result.alerts += found
        if on_chunk:
            on_chunk(len(stamped), found)
    result.alerts += pipeline.advance() if ended else pipeline.finish()
    return _counted(pipeline, result)


def replay_blocks(
    pipeline: Pipeline,
    blocks: Sequence[Block],
    slice_ns: int = SLICE_NS,
    on_chunk: Callable[[int, Sequence[Alert]], None] | None = None,
) -> Result:
    """Stored or foreign blocks, a slice of event time at a time, straight to the detectors."""
    result = Result()
    blocks = [b for b in blocks if len(b)]
    if not blocks:
        return _counted(pipeline, result)
    first = min(int(b.t[0]) for b in blocks)
    last = max(int(b.t[-1]) for b in blocks)
    result.first, result.last = first, last
    at = [0] * len(blocks)
    start = first
    while start <= last:
        stop = min(start + slice_ns, last + 1)
        piece = []
        for i, block in enumerate(blocks):
            end = int(np.searchsorted(block.t, stop, side="left"))
            if end > at[i]:
                piece.append(block.cut(at[i], end))
                at[i] = end
        found = pipeline.feed_blocks(piece, stop)
        result.alerts += found
        if on_chunk:
            on_chunk(sum(len(b) for b in piece), found)
        start = stop
    return _counted(pipeline, result)


def _counted(pipeline: Pipeline, result: Result) -> Result:
    result.counts = dict(pipeline.counts)
    result.refused = {name: dict(h.refused) for name, h in pipeline.health().items() if h.refused}
    return result
