"""What do all line-based foreign logs share? Reading lines, counting refusals, times that only rise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.model import Packet
from ingest.errors import LogError
from ingest.recording import lines


class Unread(ValueError):
    """A line that gives no packet; its text is the reason it is counted under."""


@dataclass(slots=True)
class LineCounts:
    """How did reading go? ``moved`` stamps went backwards and were moved up."""

    lines: int = 0
    packets: int = 0
    moved: int = 0
    refused: dict[str, int] = field(default_factory=dict)


class TextLog:
    """A log of one packet a line; a subclass says what a line means.

    ``counts`` are of the latest pass.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise LogError(f"{self.path}: no such file")
        self.counts = LineCounts()

    def packet(self, line: str, last: int) -> Packet:
        """The packet of one line; ``last`` is the time reached. Raises Unread."""
        raise Unread("not_read")

    def packets(self) -> Iterator[Packet]:
        """All packets, ``at`` never decreasing; lines that give none are counted by reason."""
        counts = self.counts = LineCounts()
        last = 0
        for raw in lines(self.path):
            # bytes that are no UTF-8 are payload that was written as it came: keep them as they are
            line = raw.decode("utf-8", "surrogateescape").strip("\r\n")
            if not line.strip():
                continue
            counts.lines += 1
            try:
                packet = self.packet(line, last)
            except Unread as unread:
                reason = str(unread)
                counts.refused[reason] = counts.refused.get(reason, 0) + 1
                continue
            if packet.at < last:
                counts.moved += 1
                packet = packet._replace(at=last)
            last = packet.at
            counts.packets += 1
            yield packet
