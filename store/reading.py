"""Which samples lie in the file, while the gateway writes it or after it stopped? Reads, never writes.

A command of its own process must not create, repair or set aside what belongs to the daemon. What the
daemon has not committed yet (30 s at most) is not seen.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

from core.model import Block
from core.quantity import Quantity
from store.blocks import Series, join, nothing
from store.database import SCHEMA_VERSION, Database, Foreign
from store.means import means_of, real


class SampleReader(Database):
    """A samples file, opened read only. Raises ``sqlite3.Error`` where it cannot be read."""

    def __init__(self, path: Path, thin_ns: int) -> None:
        self.path = path
        self._thin = thin_ns
        self._read_lock = threading.Lock()
        self._reader = None
        self._ids = {}
        self._writer = self._connect()
        try:
            version = int(self._writer.execute("PRAGMA user_version").fetchone()[0])
            if version > SCHEMA_VERSION:
                raise Foreign(f"{path} was written by a later version (schema {version}); update the program")
            if version:
                for key, source, name in self._writer.execute("SELECT id, source, quantity FROM series"):
                    with contextlib.suppress(ValueError):  # a quantity of another version
                        self._ids[(source, Quantity(name))] = key
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        link = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=5,
            isolation_level=None,
            check_same_thread=False,
        )
        link.execute("PRAGMA query_only=1")
        return link

    def blocks(self, quantities: frozenset[Quantity], t0: int, t1: int) -> list[Block]:
        """All series of these quantities in [t0, t1): flags and text as they were, numbers as the mean of
        each bucket. Damaged hours are left out."""
        out = []
        for key in self.series():
            if key[1] in quantities:
                block = self._block(key, t0, t1)
                if len(block):
                    out.append(block)
        return out

    def _block(self, key: Series, t0: int, t1: int) -> Block:
        block, _ = self.read(key, t0, t1)
        if not len(block):
            return nothing(*key)
        return means_of(block, self._thin) if key[1].shape == "scalar" else real(join([block]))

    def reached(self) -> int | None:
        """The newest kept instant of all series, ns; None if nothing was kept."""
        newest = [int(b.t[-1]) for b in map(self.last, self.series()) if len(b)]
        return max(newest, default=None)
