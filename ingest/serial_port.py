"""How do bytes come from a serial port that people unplug?

One thread owns the port: it reads what has come, writes what is asked, and on any error closes, waits
and opens again by name (a replugged adapter gets a new number, so the name is resolved each time; names
under /dev/serial/by-id stay). ``UP`` and ``DOWN`` marks around each outage tell drivers to forget half
a frame, so that it is never joined to bytes of another life.
"""

from __future__ import annotations

import contextlib
import termios
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import serial

from core.clock import Clock
from core.config import SerialLinkConfig
from core.contracts import Line
from core.model import Mark, Packet
from ingest.errors import SourceError

READ_TIMEOUT_S = 0.25
GATHER_S = 0.004  # wait this long behind a first byte: a frame then comes as one packet, not as two
WRITE_TIMEOUT_S = 1.0
READ_MOST = 65536
RETRY_FIRST_S, RETRY_MOST_S = 0.5, 4.0  # so a port that returns is open again within 5 s
QUEUE_OUT = 100

# termios.error is not an OSError; SerialException is
PORT_ERRORS = (OSError, termios.error, ValueError)


class SerialSource:
    """One serial port as a source of packets. ``channel`` is "".

    ``line`` is how the device wants the port; ``settings.baud`` wins over its baud rate.
    """

    def __init__(self, link: str, settings: SerialLinkConfig, line: Line, clock: Clock) -> None:
        self.link = link
        self.settings = settings
        self.line = line
        self.baud = settings.baud or line.baud
        self._clock = clock
        self._put: Callable[[Packet], object] | None = None
        self._port: serial.Serial | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._out: deque[bytes] = deque()
        self._up: bool | None = None
        self._since = clock.now()
        self._reason = "not started"
        self._counts = dict.fromkeys(
            ("bytes", "packets", "refused", "opens", "failures", "sent", "send_dropped"), 0
        )

    # -- the contract

    def start(self, put: Callable[[Packet], object]) -> None:
        """Begin; a port that is absent is waited for. Raises SourceError when started twice."""
        if self._thread is not None:
            raise SourceError(f"link {self.link} is started already")
        self._put = put
        self._thread = threading.Thread(target=self._run, name=f"serial-{self.link}", daemon=True)
        self._thread.start()

    def send(self, packet: Packet) -> None:
        """Write these bytes soon, in order; never waits. Dropped and counted while the port is away."""
        if not self._up or len(self._out) >= QUEUE_OUT:
            self._counts["send_dropped"] += 1
            return
        self._out.append(bytes(packet.data))
        self._interrupt()

    def settle(self, count: int) -> None:
        """Nothing: a port cannot be asked to repeat."""

    def status(self) -> Mapping[str, Any]:
        """Is it up, since when (event time, ns), why not, and its counters; as JSON."""
        return {
            "link": self.link,
            "type": "serial",
            "where": f"{self.settings.port} at {self.baud} baud",
            "up": bool(self._up),
            "since": self._since,
            "reason": self._reason,
            **self._counts,
        }

    def close(self) -> None:
        """Stop the thread and let go of the port, within seconds."""
        self._stop.set()
        self._interrupt()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(READ_TIMEOUT_S + WRITE_TIMEOUT_S + 1)

    # -- the thread

    def _run(self) -> None:
        wait_s = RETRY_FIRST_S
        while not self._stop.is_set():
            try:
                with contextlib.closing(self._open()) as port:
                    self._port = port
                    self._counts["opens"] += 1
                    wait_s = RETRY_FIRST_S
                    self._tell(True, "open")
                    self._serve(port)
            except PORT_ERRORS as error:
                self._counts["failures"] += 1
                self._tell(False, self._explain(error))
            except Exception as error:  # a fault of ours must not end the thread: told, then tried again
                self._counts["failures"] += 1
                self._tell(False, f"unexpected {type(error).__name__}: {error}")
            finally:
                self._port = None
                self._out.clear()
            self._stop.wait(wait_s)
            wait_s = min(wait_s * 2, RETRY_MOST_S)

    def _open(self) -> serial.Serial:
        # built without a port first: opening raises DTR and RTS, which resets some boards
        port = serial.Serial()
        port.port = self.settings.port
        port.baudrate = self.baud
        port.parity = self.line.parity
        port.stopbits = self.line.stop_bits
        port.timeout = READ_TIMEOUT_S
        port.write_timeout = WRITE_TIMEOUT_S
        port.exclusive = True
        port.dtr = False
        port.rts = False
        port.open()
        return port

    def _serve(self, port: serial.Serial) -> None:
        stopped = self._stop.is_set
        while not stopped():
            while self._out:
                data = self._out.popleft()
                port.write(data)
                self._counts["sent"] += len(data)
            first = port.read(min(port.in_waiting, READ_MOST) or 1)
            if not first:
                continue
            self._stop.wait(GATHER_S)
            more = port.in_waiting
            data = first + port.read(min(more, READ_MOST)) if more else first
            self._counts["bytes"] += len(data)
            self._hand(Packet(self.link, "", self._clock.now(), data))

    def _interrupt(self) -> None:
        port = self._port
        if port is not None:
            with contextlib.suppress(*PORT_ERRORS, AttributeError, TypeError):
                port.cancel_read()

    # -- telling

    def _hand(self, packet: Packet) -> None:
        put = self._put
        if put is not None and not self._stop.is_set():
            taken = put(packet) is not False
            self._counts["packets" if taken else "refused"] += 1

    def _tell(self, up: bool, reason: str) -> None:
        self._reason = reason
        if up == self._up:
            return
        self._up = up
        self._since = self._clock.now()
        mark = Mark.UP if up else Mark.DOWN
        self._hand(Packet(self.link, "", self._since, reason.encode(), mark))

    def _explain(self, error: BaseException) -> str:
        """What happened, where, and what to do."""
        port = self.settings.port
        text = str(error)
        number = getattr(error, "errno", None)
        if number == 13:
            advice = "add the gateway's user to the group that owns the port (often dialout)"
        elif number in (11, 16):
            advice = "another program holds the port; stop it (ModemManager and brltty are known for this)"
        elif number == 2:
            advice = f"plug the adapter in, or correct the name; {_stable_names()}"
        elif self._port is not None:
            advice = "the adapter was unplugged or another program reads the same port; trying again"
        else:
            advice = _stable_names()
        return f"{port}: {text}; {advice}"


def _stable_names() -> str:
    folder = Path("/dev/serial/by-id")
    try:
        names = sorted(str(p) for p in folder.iterdir())
    except OSError:
        names = []
    if not names:
        return "no adapter is listed under /dev/serial/by-id at this moment"
    return "stable names at this moment: " + ", ".join(names[:8])
