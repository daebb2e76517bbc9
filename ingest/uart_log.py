"""How are raw bytes of a serial port, saved without times, replayed?

Times are made from the stated rate: byte n arrives when a line of ``baud`` that never pauses would bring
it (10 bits a byte), or at ``bytes_per_s`` where the true rate of the device is known. Pieces are as large
as a reader would have got them; drivers do not care how bytes are cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.model import SECOND, Packet
from ingest.errors import LogError


class UartLog:
    """A raw capture, as a ``core.contracts.Log``. Give ``baud`` or ``bytes_per_s``."""

    def __init__(
        self,
        path: Path | str,
        link: str = "port",
        *,
        baud: int | None = None,
        bytes_per_s: float | None = None,
        piece: int = 256,
        start_ns: int = 0,
    ) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise LogError(f"{self.path}: no such file")
        rate = bytes_per_s if bytes_per_s is not None else (baud / 10 if baud is not None else None)
        if rate is None or not rate > 0:
            raise LogError(f"{self.path}: raw bytes carry no times; state baud or bytes_per_s above 0")
        if piece < 1:
            raise LogError("piece must be at least one byte")
        self._link, self._rate, self._piece, self._start = link, float(rate), piece, start_ns

    def packets(self) -> Iterator[Packet]:
        """The bytes in pieces; each is stamped when its last byte has arrived."""
        count = 0
        try:
            with self.path.open("rb") as file:
                while data := file.read(self._piece):
                    count += len(data)
                    yield Packet(self._link, "", self._start + int(count / self._rate * SECOND), data)
        except OSError as error:
            raise LogError(f"{self.path}: cannot be read: {error.strerror}") from None
