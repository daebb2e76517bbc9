"""What speaks on this serial port, and at which speed? Listens at one baud rate after another.

Not one byte is written unless ``ask`` is given; then only the questions of ``devices.recognise`` that change
nothing are sent, and only on a port that stays silent. DTR and RTS stay low, for raising them resets some
boards. A device's usual speed wins over another one at which its frames would also fit.
"""

from __future__ import annotations

import contextlib
import os
import termios
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import serial

from core.clock import Clock
from core.contracts import DriverSpec
from core.model import SECOND
from devices.recognise import QUESTIONS, Guess, bauds, recognise

KEEP_BYTES = 64 << 10
JUDGE_FIRST_BYTES = 64  # then at each doubling, so that judging costs no more than reading
READ_S = 0.05
ANSWER_NS = SECOND // 2
PORT_ERRORS = (OSError, termios.error, ValueError)
FIRST = (115200, 9600, 256000, 921600)  # most devices speak at one of these
SLOW = (9600, 115200)
"""Devices that say little (a smoke detector one package in eight seconds) all speak at one of these, while a
fast device makes many bytes at any speed: on a quiet port these are listened to long, the others once."""

SLOW_BYTES_A_SECOND = 100
SLOW_DWELLS = 3.6  # dwells in a row: nine seconds of a scan of a minute


class PortEar:
    """One port being listened to. ``dwell_s`` is how long a speed is tried before the next.

    Read its attributes from any thread: ``baud`` (being tried), ``heard`` (bytes by speed), ``guess`` and
    ``guess_baud``, ``problem`` (why it cannot be opened), ``asked``, ``settled``.
    """

    def __init__(
        self, path: str, specs: Iterable[DriverSpec], clock: Clock, dwell_s: float = 2.5, ask: bool = False
    ) -> None:
        self.path = path
        self.baud = 0
        self.heard: dict[int, int] = {}
        self.guess: Guess | None = None
        self.guess_baud = 0
        self.problem = ""
        self.asked = 0
        self.settled = False
        self.data = b""
        self._specs = [s for s in specs if s.transport == "serial" and s.line is not None]
        self._by_name = {s.name: s for s in self._specs}
        self._clock, self._dwell_s, self._ask = clock, dwell_s, ask
        self._rounds = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"scan-{path}", daemon=True)

    def start(self) -> None:
        """Begin listening, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop and let go of the port."""
        self._stop.set()
        self._thread.join(READ_S * 4 + 2)

    @property
    def total(self) -> int:
        """How much was heard, at all speeds?"""
        return sum(self.heard.values())

    # -- the thread

    def _run(self) -> None:
        port = serial.Serial()  # without a port first: opening would raise DTR and RTS
        port.port, port.baudrate, port.timeout = self.path, 115200, READ_S
        port.write_timeout, port.exclusive, port.dtr, port.rts = 1.0, True, False, False
        try:
            with contextlib.closing(port):
                port.open()
                while not self._stop.is_set():
                    self._round(port)
        except PORT_ERRORS as error:
            self.problem = _explain(error)

    def _round(self, port: serial.Serial) -> None:
        """All speeds once; at the one that was right it stays."""
        if self.settled:
            self._listen(port, self.guess_baud, self._dwell_s)
            return
        order = self._order()
        slow = self._rounds > 0 and self.total < SLOW_BYTES_A_SECOND * self._dwell_s * len(order)
        for baud in SLOW if slow else order:
            if self._stop.is_set():
                return
            self._try(port, baud, self._dwell_s * (SLOW_DWELLS if slow else 1))
            if self.settled:
                return
        self._rounds += 1
        if self.guess is not None:  # at an unusual speed, and at its usual one it did not speak
            self.settled = True
        elif self._ask and not self.total:
            self._questions(port)

    def _order(self) -> Sequence[int]:
        known = {b for s in self._specs for b in bauds(s)}
        usual = {s.line.baud for s in self._specs if s.line is not None}
        rest = sorted(known - set(FIRST), key=lambda b: (b not in usual, b))
        return [b for b in FIRST if b in known] + rest

    def _try(self, port: serial.Serial, baud: int, seconds: float) -> None:
        data = self._listen(port, baud, seconds)
        best = next(iter(recognise(data, baud, self._specs)), None)
        if best is None:
            return
        line = self._by_name[best.device].line
        usual = line is not None and line.baud == baud
        if self.guess is None or usual or best.share > self.guess.share + 0.05:
            self.guess, self.guess_baud, self.data = best, baud, data
        self.settled = self.settled or usual

    def _listen(self, port: serial.Serial, baud: int, seconds: float) -> bytes:
        """What comes at this speed; ends early once it is plain what it is."""
        try:
            port.baudrate = baud
        except PORT_ERRORS:
            return b""  # an adapter that cannot do this speed
        self.baud = baud
        port.reset_input_buffer()  # bytes of another speed are noise here
        got = bytearray(self.data if self.settled else b"")
        judge_at = len(got) + JUDGE_FIRST_BYTES
        end = self._clock.now() + round(seconds * SECOND)
        while self._clock.now() < end and not self._stop.is_set():
            new = port.read(max(1, port.in_waiting))
            self.heard[baud] = self.heard.get(baud, 0) + len(new)
            got += new
            if not self.settled and len(got) >= judge_at:
                judge_at = 2 * len(got)
                if self._plain(bytes(got), baud):
                    break
        del got[:-KEEP_BYTES]
        if self.settled:
            self.data = bytes(got)
            self._again()
        return bytes(got)

    def _plain(self, data: bytes, baud: int) -> bool:
        best = next(iter(recognise(data, baud, self._specs)), None)
        line = self._by_name[best.device].line if best is not None else None
        return best is not None and best.frames >= 8 and line is not None and line.baud == baud

    def _again(self) -> None:
        """More was heard: devices that share a frame are told apart by what only one of them says."""
        best = next(iter(recognise(self.data, self.guess_baud, self._specs)), None)
        if best is not None:
            self.guess = best

    def _questions(self, port: serial.Serial) -> None:
        for device, question in QUESTIONS.items():
            spec = self._by_name.get(device)
            if spec is None or spec.line is None or self._stop.is_set():
                continue
            port.baudrate = self.baud = spec.line.baud
            port.reset_input_buffer()
            got = b""
            for _ in range(2):
                port.write(question)
                self.asked += 1
                end = self._clock.now() + ANSWER_NS
                while self._clock.now() < end and not self._stop.is_set():
                    got += port.read(max(1, port.in_waiting))
            self.heard[spec.line.baud] = self.heard.get(spec.line.baud, 0) + len(got)
            best = next(iter(recognise(got, spec.line.baud, self._specs)), None)
            if best is not None:
                self.guess, self.guess_baud, self.data, self.settled = best, spec.line.baud, got, True
                return


def _explain(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    if number == 13:
        return "scan.port.denied"
    if number in (11, 16):
        return "scan.port.busy"
    return "scan.port.gone" if number in (2, 5, 6, 19) else str(error)


def ports(given: Sequence[str] = ()) -> list[str]:
    """Which ports should be listened to? Those named, else all there are; by-id names where they exist."""
    if given:
        return _distinct(given)
    folder = Path("/dev/serial/by-id")
    named = sorted(str(p) for p in folder.iterdir()) if folder.is_dir() else []
    from serial.tools.list_ports import comports

    return _distinct([*named, *sorted(p.device for p in comports())])


def _distinct(names: Iterable[str]) -> list[str]:
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(os.path.realpath(name), name)
    return list(found.values())
