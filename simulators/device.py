"""How does any one serial device behave on its wire? Reports at its pace, answers to questions, its modes.

An :class:`EmulatedDevice` is made from the driver's own ``encode`` half, the pace of its data sheet
(``sheets.py``), what stands around it (``around.py``) and its answers (``replies.py``, ``answers.py``). It is
driven by passed-in time and draws nothing, so the same calls give the same bytes.
"""

from __future__ import annotations

from typing import Any

from core.model import SECOND, Mounting, Reading, Sensor
from core.quantity import Quantity as Q
from devices import DRIVERS
from simulators.answers import ANSWERS
from simulators.around import Around, Row, rows
from simulators.replies import Device, HiLink, listener
from simulators.sheets import SHEETS

BEHIND = 200  # reports made up for at most when time jumps
REPEAT_NS = SECOND  # an alarm repeats a telegram nobody acknowledged
REPEATS = 3
ACK = 0x06
TI_FRAME_NS = 55_000_000


class EmulatedDevice:
    """One device on one port (a TI radar: on a data port and a command port).

    ``around`` is what it measures, to be changed at will. ``per_s`` overrides the pace of its reports.
    """

    def __init__(
        self, sensor: Sensor, around: Around | None = None, start: int = 0, per_s: float | None = None
    ) -> None:
        self.sensor, self.around = sensor, around or Around()
        self.spec = DRIVERS[sensor.device]
        self.sheet = SHEETS[sensor.device]
        pace = self.sheet.per_s if per_s is None else per_s
        self._period = round(SECOND / pace) if pace else 0
        self.power(start)

    def power(self, t: int) -> None:
        """Switched on at ``t``: modes that are not kept are those of a fresh device."""
        make = ANSWERS.get(self.sensor.device)
        self.ear: Device = listener(self.sensor.device)
        if make is not None:
            self.ear = make(self.sensor, self.rows, self.frames)
        self._next = t + self._period
        self._count = 0
        self._told = self._changing()
        self._unheard: list[bytes] = []  # telegrams that want an acknowledgement
        self._again, self._tries = t, 0

    @property
    def baud(self) -> int:
        """At which speed does it talk?"""
        assert self.spec.line is not None
        return self.spec.line.baud

    @property
    def command_port(self) -> bool:
        """Does it take commands on a port of their own?"""
        return bool(self.sensor.options.get("command_link"))

    def quantities(self) -> tuple[Q, ...]:
        """What can it say? In the order of its driver's spans; a bus station: what its map holds."""
        listed = self.sensor.options.get("registers")
        if listed:
            return tuple(dict.fromkeys(Q(item["quantity"]) for item in listed))
        return tuple(dict.fromkeys(span.quantity for group in self.spec.spans for span in group))

    def rows(self) -> list[Row]:
        """What it measures now and could say in its present mode."""
        extra = (Q.VOLTAGE_V,) if self.sensor.device == "gira_dual" else ()
        return self.ear.reports(rows(self.around, (*self.quantities(), *extra)))

    def frames(self, said: list[Row] | None = None, t: int = 0) -> list[bytes]:
        """These rows (or all) as the device would send them."""
        told = self.rows() if said is None else said
        if self.sensor.device.startswith("ti_"):
            t = self._count * TI_FRAME_NS  # packets are numbered by frames, whatever the pace
        readings = [Reading(self.sensor.id, q, t, v) for q, v in told]
        return [p.data for p in self.spec.encode(self.sensor, readings)]

    def hear(self, data: bytes, t: int) -> bytes:
        """The answer to what the host sent."""
        if self._unheard and ACK in data:
            self._unheard = []
        return self.ear.hear(data)

    def says(self, t: int) -> list[bytes]:
        """What it sends by itself up to ``t``, in pieces as they would leave it."""
        if self.ear.quiet:
            self._next = max(self._next, t + self._period)
            return []
        out: list[bytes] = []
        if not self._period:
            return self._events(t)
        if t - self._next > BEHIND * self._period:
            self._next = t - BEHIND * self._period
        while self._next <= t:
            out += self._report(self._next)
            self._next += self._period
        return out

    def _report(self, t: int) -> list[bytes]:
        self._count += 1
        if isinstance(self.ear, HiLink) and self.sensor.device == "ld2420" and not self.ear.energy:
            return self._lines()
        told = [row for row in self.rows() if row[0] not in self.sheet.on_change]
        if self._count % 3:
            told = [row for row in told if row[0] not in self.sheet.slow]
        changing = self._changing()
        if changing != self._told:
            told, self._told = [*changing, *told], changing
        return self.frames(told, t)

    def _events(self, t: int) -> list[bytes]:
        """A device that speaks when something happens, and again until somebody has heard it."""
        changing = self._changing()
        if changing != self._told:
            self._told, self._unheard, self._tries = changing, self.frames(changing, t), 0
            self._again = t
        if not self._unheard or t < self._again or self._tries > REPEATS:
            return []
        self._again, self._tries = t + REPEAT_NS, self._tries + 1
        return list(self._unheard)

    def _changing(self) -> list[Row]:
        if not self.sheet.on_change:
            return []
        return [row for row in self.rows() if row[0] in self.sheet.on_change]

    def _lines(self) -> list[bytes]:
        """An LD2420 that was not told to report energies."""
        if not self.around.present:
            return [b"OFF\r\n"]
        return [b"ON\r\n", b"Range %d\r\n" % round(self.around.distance_m * 100)]


def example(name: str, link: str = "port", **options: Any) -> Sensor:
    """A sensor of this device as somebody would enrol it. Raises ValueError for an unknown device."""
    spec = DRIVERS.get(name)
    if spec is None or spec.transport != "serial":
        known = ", ".join(s.name for s in DRIVERS.values() if s.transport == "serial")
        raise ValueError(f"no serial device is called {name!r}; there are {known}")
    held = dict(spec.example.options) if spec.example else {}
    return Sensor(name, name, link, mounting=Mounting(height_m=2.4), options=held | options)
