"""Is another gateway already using this state folder? A file lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Busy(Exception):
    """Somebody else holds the lock."""


class Lock:
    """An exclusive lock on ``folder/lock``. Raises :class:`Busy` with the holder's process id."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise Busy(
                f"{folder} is in use by process {holder}; stop that one or choose another state_dir"
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def close(self) -> None:
        """Let it go."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
