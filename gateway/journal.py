"""What did the pipeline take since the last snapshot? A crash is recovered by replaying it.

The journal holds the stamped packets after the newest snapshot. It is written before messages are
acknowledged and is never synced: it need only outlive the process, not the power, so it lies in
memory-backed storage where there is some (``/run`` under systemd, else ``/dev/shm``, else the state
folder) and costs an SD card nothing. Restore = snapshot, then these packets again: detectors' timers go
on to the packet.

One record: length of what follows (u32), arrival (i64), mark, link length, channel length (u8, u8, u16),
link, channel, data; little-endian. A torn last record is dropped.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from pathlib import Path

from core.model import Mark, Packet

_HEAD = struct.Struct("<IqBBH")
_MARKS = list(Mark)
_INDEX = {mark: i for i, mark in enumerate(_MARKS)}
LIMIT_BYTES = 16 << 20  # ask for a snapshot beyond this


def runtime_dir(state_dir: Path) -> Path:
    """Where may short-lived files lie? Memory-backed if possible, one folder per state folder."""
    given = os.environ.get("RUNTIME_DIRECTORY")
    name = hashlib.blake2b(str(state_dir.resolve()).encode(), digest_size=6).hexdigest()
    candidates = [Path(given.split(":")[0])] if given else []
    candidates += [Path(f"/run/user/{os.getuid()}"), Path("/dev/shm")]
    for base in candidates:
        if base.is_dir() and os.access(base, os.W_OK | os.X_OK):
            folder = base if given and base == candidates[0] else base / f"hearthwatch-{os.getuid()}-{name}"
            try:
                folder.mkdir(mode=0o700, exist_ok=True)
                if folder.stat().st_uid == os.getuid():
                    return folder
            except OSError:
                continue
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return state_dir


class Journal:
    """Append-only packets since the last snapshot, in ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.size = os.fstat(self._file).st_size

    def append(self, packets: Sequence[Packet]) -> None:
        """Keep these. Raises OSError where even that is impossible."""
        pieces = []
        pack = _HEAD.pack
        for link, channel, at, data, mark in packets:
            a, b = link.encode(), channel.encode()[:65535]
            pieces.append(pack(len(a) + len(b) + len(data), at, _INDEX[mark], len(a), len(b)) + a + b + data)
        block = b"".join(pieces)
        written = os.write(self._file, block)
        while written < len(block):
            written += os.write(self._file, block[written:])
        self.size += len(block)

    def restart(self) -> None:
        """A snapshot holds all of it: begin anew."""
        os.ftruncate(self._file, 0)
        self.size = 0

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def read_journal(path: Path) -> list[Packet]:
    """Which packets does it hold? A torn or foreign end is dropped; a missing file holds none.

    >>> read_journal(Path("/nonexistent"))
    []
    """
    try:
        raw = path.read_bytes()
    except OSError:
        return []
    packets, i = [], 0
    while i + _HEAD.size <= len(raw):
        length, at, mark, a, b = _HEAD.unpack_from(raw, i)
        i += _HEAD.size
        if a + b > length or i + length > len(raw) or mark >= len(_MARKS):
            break
        try:
            link = raw[i : i + a].decode()
            channel = raw[i + a : i + a + b].decode()
        except UnicodeDecodeError:
            break
        packets.append(Packet(link, channel, at, raw[i + a + b : i + length], _MARKS[mark]))
        i += length
    return packets
