"""How does an imitated device hang on a real serial port? A pseudo-terminal under a stable name.

The gateway opens the name as it would open ``/dev/serial/by-id/...``: baud rate, exclusive lock, unplug
and replug are the kernel's. If nobody reads, what does not fit is lost and counted, as on a real line.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import tty
from pathlib import Path
from types import TracebackType

_TCGETS2, _TCSETS2 = 0x802C542A, 0x402C542B  # Linux on x86, ARM and RISC-V
_TERMIOS2 = struct.Struct("<4I20s2I")
_CBAUD, _BOTHER = 0o010017, 0o010000


class PseudoPort:
    """One serial port with the device's end in our hand.

    ``link`` is a stable name (a symbolic link) that points to whatever the kernel gives; after a replug
    it points to a new one. ``path`` is the name to open. ``baud`` is the speed it shows until somebody
    opens it with another.
    """

    def __init__(self, link: Path | None = None, baud: int | None = None) -> None:
        self.link = link
        self._baud = baud
        self.lost = 0  # bytes nobody read in time
        self.sent = 0
        self._ours = self._theirs = -1
        self._name = ""
        self.plug()

    @property
    def path(self) -> str:
        """What should be opened?"""
        return str(self.link) if self.link else self._name

    @property
    def plugged(self) -> bool:
        """Is it there?"""
        return self._ours >= 0

    def fileno(self) -> int:
        """Our end, for ``select``. Raises ValueError while unplugged."""
        if self._ours < 0:
            raise ValueError("the port is unplugged")
        return self._ours

    def plug(self) -> None:
        """Appear (again) under the stable name."""
        if self.plugged:
            return
        # we keep the far end open too: else our own writes would fail until somebody opens it
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        if self._baud is not None:
            self._show(self._baud)
        os.set_blocking(self._ours, False)
        self._name = os.ttyname(self._theirs)
        if self.link:
            fresh = self.link.with_name(self.link.name + ".new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self._name)
            fresh.replace(self.link)

    def unplug(self) -> None:
        """Disappear, as when the cable is pulled: readers get an error, the name is gone."""
        for handle in (self._ours, self._theirs):
            if handle >= 0:
                with contextlib.suppress(OSError):
                    os.close(handle)
        self._ours = self._theirs = -1
        if self.link:
            self.link.unlink(missing_ok=True)

    @property
    def speed(self) -> int:
        """At which baud rate has the other side opened it? 0 while unplugged."""
        if not self.plugged:
            return 0
        state = fcntl.ioctl(self._theirs, _TCGETS2, bytes(_TERMIOS2.size))
        return int(_TERMIOS2.unpack(state)[6])

    def _show(self, baud: int) -> None:
        held = list(_TERMIOS2.unpack(fcntl.ioctl(self._theirs, _TCGETS2, bytes(_TERMIOS2.size))))
        held[2] = held[2] & ~_CBAUD | _BOTHER
        held[5] = held[6] = baud
        fcntl.ioctl(self._theirs, _TCSETS2, _TERMIOS2.pack(*held))

    def write(self, data: bytes) -> int:
        """Send; how many bytes went out? What does not fit is lost, not waited for."""
        done = 0
        while self.plugged and done < len(data):
            try:
                done += os.write(self._ours, data[done:])
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                break
        self.sent += done
        self.lost += len(data) - done
        return done

    def read(self) -> bytes:
        """What did the other side send since last asked? Never waits."""
        got = bytearray()
        while self.plugged:
            try:
                piece = os.read(self._ours, 4096)
            except (BlockingIOError, OSError):
                break
            if not piece:
                break
            got += piece
        return bytes(got)

    def close(self) -> None:
        """Unplug for good. Safe twice."""
        self.unplug()

    def __enter__(self) -> PseudoPort:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
