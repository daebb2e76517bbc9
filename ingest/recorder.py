"""Who writes recordings, starts a new file in time, and throws the oldest away?

No clock: time is the packets' own. Every batch is flushed to the operating system (a killed process
loses nothing), none is synced (a power cut may cost the last seconds; alerts do not depend on it).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import zstandard

from core.model import DAY, HOUR, SECOND, Mark, Packet
from ingest.recording import CONTINUED, SUFFIXES, Header, line_of

_NAME = re.compile(r"^rec-(\d{8}T\d{6})Z-(\d{4})\.jsonl(\.zst)?$")
LEVEL = 3


class RecordingWriter:
    """Writes packets to one file (a path that ends in .jsonl or .jsonl.zst) or into a folder.

    In a folder a new file is begun every ``rotate_hours`` of packet time or ``rotate_mb`` of file, and
    the oldest are removed when they are older than ``keep_days`` or all together exceed ``max_mb``.
    Times in names are UTC. Raises OSError as files do; after one the writer starts a new file at the
    next write, so that a full disk is survived.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        header: Header | None = None,
        rotate_mb: float = 32.0,
        rotate_hours: float = 24.0,
        keep_days: float = 30.0,
        max_mb: float = 500.0,
        compress: bool = True,
    ) -> None:
        self.path = Path(path)
        self._header = header or Header()
        self._single = self.path.name.endswith(SUFFIXES)
        self._rotate_bytes = rotate_mb * 1e6
        self._rotate_ns = int(rotate_hours * HOUR)
        self._keep_ns = int(keep_days * DAY)
        self._max_bytes = max_mb * 1e6
        self._suffix = ".jsonl.zst" if compress else ".jsonl"
        self._file: BinaryIO | None = None
        self._deflate: zstandard.ZstdCompressionObj | None = None
        self._began = 0
        self._size = 0
        self._last = 0
        self._ended = False
        self._previous = ""
        self._closed = False
        self.counts = {"packets": 0, "bytes": 0, "files": 0, "removed": 0, "failures": 0}

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, packets: Sequence[Packet]) -> None:
        """Keep these packets, in order of arrival."""
        if not packets or self._closed:
            return
        try:
            first = packets[0].at
            if self._file is not None and self._full(first):
                self._finish(first, CONTINUED)
            if self._file is None:
                self._begin(first)
            self._put("".join([line_of(p) + "\n" for p in packets]))
        except OSError:
            self.counts["failures"] += 1
            self._drop()
            raise
        self._last, self._ended = packets[-1].at, packets[-1].mark is Mark.END
        self.counts["packets"] += len(packets)

    def close(self) -> None:
        """Write END and close. Twice does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._file is None and self._single:
            self._begin(self._header.started)  # an empty recording is a recording
        if self._file is not None:
            self._finish(self._last or self._header.started, "")

    def _full(self, at: int) -> bool:
        if self._single:
            return False
        return self._size >= self._rotate_bytes or at - self._began >= self._rotate_ns

    def _begin(self, at: int) -> None:
        if self._single:
            target = self.path
            self.path.parent.mkdir(parents=True, exist_ok=True)
        else:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._prune(at)
            target = self._free_name(at)
        # 0600: a recording tells when somebody is at home
        self._file = open(target, "xb" if not self._single else "wb", opener=_private)  # noqa: SIM115
        if target.name.endswith(".zst"):
            self._deflate = zstandard.ZstdCompressor(level=LEVEL).compressobj()
        self._began, self._size = at, 0
        self.counts["files"] += 1
        header = self._header
        after = self._previous
        self._put(Header(header.home, header.started or at, header.config_hash, after).line() + "\n")
        self._previous = target.name

    def _put(self, text: str) -> None:
        assert self._file is not None
        data = text.encode()
        if self._deflate is not None:
            data = self._deflate.compress(data)
            data += self._deflate.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        self._file.write(data)
        self._file.flush()
        self._size += len(data)
        self.counts["bytes"] += len(data)

    def _finish(self, at: int, channel: str) -> None:
        try:
            if channel or not self._ended:
                self._put(line_of(Packet("", channel, at, b"", Mark.END)) + "\n")
            if self._deflate is not None and self._file is not None:
                self._file.write(self._deflate.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH))
        finally:
            self._drop()

    def _drop(self) -> None:
        file, self._file, self._deflate = self._file, None, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def _free_name(self, at: int) -> Path:
        stamp = datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y%m%dT%H%M%S")
        taken = {p.name.split(".")[0] for p in self.path.iterdir()}
        for number in range(10_000):
            name = f"rec-{stamp}Z-{number:04d}"
            if name not in taken:
                return self.path / (name + self._suffix)
        raise OSError(f"{self.path}: too many recordings of the same second")

    def _prune(self, at: int) -> None:
        """Remove what is too old, then the oldest until the rest fits beside one more file."""
        kept: list[tuple[Path, int]] = []
        for path in sorted(self.path.iterdir()):
            match = _NAME.match(path.name)
            if match is None:
                continue
            began = datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
            if int(began.timestamp()) * SECOND < at - self._keep_ns:
                self._remove(path)
            else:
                kept.append((path, path.stat().st_size))
        room = self._max_bytes - min(self._rotate_bytes, self._max_bytes / 2)
        total = sum(size for _, size in kept)
        for path, size in kept:
            if total <= room:
                break
            self._remove(path)
            total -= size

    def _remove(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            path.unlink()
            self.counts["removed"] += 1


def _private(path: str, flags: int) -> int:
    import os

    return os.open(path, flags, 0o600)
