"""What was heard on a broker while a scan listened? Every topic with its newest messages, bounded.

Retained messages are the broker's memory: of unknown age, but they hold the inventories. A topic keeps its
first message and its newest ones, in order of arrival; a stranger inventing topics or sending megabytes
cannot make it grow without end, what is left out is counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from core.model import Mark, Packet
from gateway.routes import matches

TOPICS_MOST = 20_000
BYTES_MOST = 64 << 20
NEWEST = 40  # messages kept of one topic
LONG = 4096  # of a longer message only the newest one of its topic is kept


@dataclass(slots=True)
class Topic:
    """One topic: its first message, its newest ones, how many there were."""

    first: tuple[int, Packet]
    newest: deque[tuple[int, Packet]] = field(default_factory=lambda: deque(maxlen=NEWEST))
    count: int = 1

    def messages(self) -> Iterator[tuple[int, Packet]]:
        """What is kept, in order of arrival, each with its running number."""
        yield self.first
        yield from self.newest


class Heard:
    """All that was heard on one broker. ``link`` names it in packets."""

    def __init__(self, link: str) -> None:
        self.link = link
        self.topics: dict[str, Topic] = {}
        self.messages = self.bytes = self.dropped = 0
        self._kept = 0
        self._sorted: list[str] = []

    def take(self, topic: str, data: bytes, retained: bool, at: int) -> None:
        """Note one message that arrived at ``at``."""
        self.messages += 1
        self.bytes += len(data)
        packet = Packet(self.link, topic, at, data, Mark.RETAINED if retained else Mark.DATA)
        known = self.topics.get(topic)
        if self._kept + len(data) > BYTES_MOST or (known is None and len(self.topics) >= TOPICS_MOST):
            self.dropped += 1
            return
        self._kept += len(data)
        if known is None:
            self.topics[topic] = Topic((self.messages, packet))
            return
        known.count += 1
        if len(data) > LONG:
            self._kept -= sum(len(p.data) for _, p in known.newest)
            known.newest.clear()
        elif len(known.newest) == NEWEST:
            self._kept -= len(known.newest[0][1].data)
        known.newest.append((self.messages, packet))

    def last(self, topic: str) -> Packet | None:
        """The newest message of a topic that says something (an empty one deletes)."""
        known = self.topics.get(topic)
        if known is None:
            return None
        newest = known.newest[-1][1] if known.newest else known.first[1]
        return newest if newest.data.strip() else None

    def under(self, filters: Iterable[str]) -> list[str]:
        """Which topics do these filters cover?"""
        found: dict[str, None] = {}
        for pattern in filters:
            if "+" in pattern or "#" in pattern:
                found |= dict.fromkeys(t for t in self._beginning(pattern) if matches(pattern, t))
            elif pattern in self.topics:
                found[pattern] = None
        return list(found)

    def _beginning(self, pattern: str) -> list[str]:
        """The topics that begin as the filter does before its first wildcard."""
        if len(self._sorted) != len(self.topics):
            self._sorted = sorted(self.topics)
        levels = pattern.split("/")
        fixed = levels[: next((i for i, level in enumerate(levels) if level in ("+", "#")), len(levels))]
        prefix = "/".join(fixed)  # without its last slash, for a/# covers a too
        start = bisect_left(self._sorted, prefix)
        return self._sorted[start : bisect_left(self._sorted, prefix + chr(0x10FFFF), start)]

    def packets(self, topics: Iterable[str]) -> list[Packet]:
        """What is kept of these topics, in order of arrival."""
        kept = [entry for topic in topics for entry in self.topics[topic].messages()]
        return [packet for _, packet in sorted(kept, key=lambda e: e[0])]
