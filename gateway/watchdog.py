"""Does the system know that we are alive? systemd's notification protocol, fed after whole turns only.

A feeder of its own would go on feeding while the pipeline hangs; so only the pipeline thread calls
``turned`` and only after a full turn. Without ``NOTIFY_SOCKET`` every call does nothing; a socket that
is wrong or gone is ignored (sd_notify(3)).
"""

from __future__ import annotations

import os
import socket

from core.clock import Clock


class Watchdog:
    """Tells the service manager READY, WATCHDOG and STOPPING."""

    def __init__(self, clock: Clock, environ: dict[str, str] | None = None) -> None:
        environ = dict(os.environ) if environ is None else environ
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        try:
            period_us = int(environ.get("WATCHDOG_USEC", "0"))
        except ValueError:
            period_us = 0
        self._every_ns = period_us * 1000 // 3 if period_us > 0 else 10 * 10**9
        self._clock = clock
        self._last = -self._every_ns

    def ready(self) -> None:
        """The gateway is armed."""
        self._say("READY=1")

    def turned(self) -> None:
        """The pipeline finished a whole turn."""
        now = self._clock.now()
        if now - self._last >= self._every_ns:
            self._last = now
            self._say("WATCHDOG=1")

    def stopping(self) -> None:
        """The gateway is on its way down by intention."""
        self._say("STOPPING=1")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(0.2)
                sock.sendto(text.encode(), self._address)
        except OSError:
            pass  # a broken notification socket must never stop the watch itself
