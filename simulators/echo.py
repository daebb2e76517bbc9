"""What does a device of a played scenario answer when it is asked? What it said last.

A scenario is packets made in advance; a gateway asks when it likes. :class:`Echo` stands at the device's end
of one port: it keeps the last frames of the play, answers questions from them, and holds back by itself
what a device of this kind would only say when asked, or only when it changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.model import Packet, Sensor
from core.quantity import Quantity as Q
from devices import DRIVERS
from simulators.answers import ANSWERS
from simulators.around import Row
from simulators.replies import Device, listener
from simulators.sheets import SHEETS

_KEPT = 32  # different kinds of frame of one device


class Echo:
    """The far end of one port; the sensors on it are of one device."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        first = sensors[0]
        self._spec, self._sheet = DRIVERS[first.device], SHEETS.get(first.device)
        self._driver = self._spec.make([first])
        self._first = first
        self._kinds: dict[bytes, bytes] = {}  # the last frame of each kind
        self._values: dict[Q, Row] = {}
        apart = first.options.get("command_link")  # its commands go to a port nobody plays
        make = None if apart else ANSWERS.get(first.device)
        self._answers = make is not None
        self.ear: Device = listener(first.device)
        if make is not None:
            self.ear = make(first, self._rows, self._frames)

    def passes(self, packet: Packet) -> bytes:
        """What of this packet of the play goes out by itself? It is remembered in any case."""
        if not self._answers:
            return b"" if self.ear.quiet else packet.data
        for reading in self._driver.feed(packet._replace(link=self._first.link)):
            self._values[reading.quantity] = (reading.quantity, reading.value)
        kind = packet.data[:4]
        news = self._kinds.get(kind) != packet.data
        if kind in self._kinds or len(self._kinds) < _KEPT:
            self._kinds[kind] = packet.data
        if self.ear.quiet or self._sheet is None:
            return b""
        if not self._sheet.per_s:  # it speaks when asked; an alarm also when something happened
            return packet.data if news and self._sheet.on_change else b""
        return packet.data

    def hear(self, data: bytes) -> bytes:
        """The answer to what the gateway wrote."""
        return self.ear.hear(data)

    def _rows(self) -> list[Row]:
        return list(self._values.values())

    def _frames(self) -> list[bytes]:
        return list(self._kinds.values())
