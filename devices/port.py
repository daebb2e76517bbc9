"""What does every driver of a serial device have in common?

:class:`PortDriver` joins the resynchroniser of ``devices/framing.py`` with the life of a port (up, down,
blind) and with a :class:`Dialogue`, the commands a device needs before it talks. A family's file
adds its :class:`~devices.framing.Format` and says what one frame means.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.model import SECOND, Flag, Health, Mark, Packet, Reading, Sensor, Value
from core.quantity import Quantity
from devices.framing import Format, Framer

ALARM_CLASS: frozenset[Quantity] = frozenset({
    Quantity.SMOKE, Quantity.GAS, Quantity.CO, Quantity.WATER, Quantity.SOS, Quantity.HEAT,
    Quantity.GAS_LEL_PCT, Quantity.METHANE_PPM, Quantity.CO_PPM, Quantity.SMOKE_OBSCURATION_PCT_M,
    Quantity.FALL_STATE,
})  # fmt: skip
"""Quantities of which a single value can open an alert of the highest severity."""

Fact = tuple[Quantity, Value]
"""What a frame says, before it is given a source and a time."""

_INTERRUPTED = (Mark.UP, Mark.DOWN, Mark.LOST, Mark.BLIND)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a dialogue: the bytes, and the key under which its answer will arrive.

    ``answer`` None means that none is expected; then ``pause_s`` passes before the next step.
    """

    name: str
    data: bytes
    answer: object = None
    pause_s: float = 0.0


class Dialogue:
    """Which command should be sent now, and was it answered?

    Steps go out one at a time; the next waits for the answer of the last. A step without answer is
    sent again ``tries`` times, then the whole dialogue starts over after ``retry_s``. ``every_s``
    repeats a finished dialogue without its ``first`` steps (a poll). ``leave`` is sent when a
    dialogue is given up, so that no device is left in a mode in which it does not report.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        *,
        first: Sequence[Step] = (),
        timeout_s: float = 1.0,
        tries: int = 3,
        retry_s: float = 60.0,
        every_s: float | None = None,
        start_after_s: float = 0.0,
        leave: bytes = b"",
    ) -> None:
        self.first, self.steps = tuple(first), tuple(steps)
        self.timeout_ns, self.retry_ns = int(timeout_s * SECOND), int(retry_s * SECOND)
        self.every_ns = None if every_s is None else int(every_s * SECOND)
        self.start_after_ns = int(start_after_s * SECOND)
        self.tries, self.leave = tries, leave
        self.restart()

    def restart(self) -> None:
        """Begin again with the first step: the device may have been without power."""
        self._next: int | None = None  # when to act; None = as soon as asked
        self._begun = False
        self._begin()

    def _begin(self) -> None:
        self._now = [*self.first, *self.steps]
        self._index = 0
        self._sent = 0  # how often the present step was sent
        self._waiting = False

    @property
    def awaiting(self) -> Step | None:
        """Which step was sent and is not answered yet?"""
        return self._now[self._index] if self._waiting else None

    @property
    def done(self) -> bool:
        """Has every step been sent and answered?"""
        return self._index >= len(self._now)

    def insert(self, *steps: Step) -> None:
        """Do these next: what an answer showed to be needed. Forgotten again at :meth:`restart`."""
        self._now[self._index : self._index] = steps

    def due(self, t: int, health: Health) -> list[bytes]:
        """What should be sent by ``t``? At most one command (and a leave)."""
        if not self._begun:
            self._begun = True
            self._next = t + self.start_after_ns
        if self._next is not None and t < self._next:
            return []
        if self.done:
            if self.every_ns is None or not self.steps:
                return []
            self._begin()
            del self._now[: len(self.first)]
        step = self._now[self._index]
        if self._waiting and self._sent >= self.tries:
            health.refuse(f"no_answer_{step.name}")
            self._begin()
            self._next = t + self.retry_ns
            return [self.leave] if self.leave else []
        self._sent += 1
        if step.answer is None:
            self._advance(t, step.pause_s)
        else:
            self._waiting = True
            self._next = t + self.timeout_ns
        return [step.data]

    def heard(self, key: object, t: int, ok: bool, health: Health) -> bool:
        """An answer arrived. Is it the one awaited? A refusal by the device gives the dialogue up."""
        step = self.awaiting
        if step is None or step.answer != key:
            return False
        if ok:
            self._advance(t, step.pause_s)
        else:
            health.refuse(f"declined_{step.name}")
            self._sent = self.tries
            self._next = t  # the next due() gives up and leaves
        return True

    def _advance(self, t: int, pause_s: float) -> None:
        self._index += 1
        self._sent = 0
        self._waiting = False
        self._next = t + int(pause_s * SECOND)
        if self.done and self.every_ns is not None:
            self._next = t + self.every_ns


class PortDriver(ABC):
    """A driver for the device on one port. A family overrides :meth:`decode_frame` and :meth:`facts`.

    All sensors enrolled on the port under this device get every reading. With no sensor it still
    frames and counts, which is what a scan needs.
    """

    form: Format
    integrity = True

    def __init__(self, sensors: Sequence[Sensor], dialogue: Dialogue | None = None) -> None:
        self.sensors = tuple(sensors)
        self.options: Mapping[str, Any] = self.sensors[0].options if self.sensors else {}
        self.link = self.sensors[0].link if self.sensors else ""
        self._health = Health()
        self.framer = Framer(self.form, self._health)
        # without a sensor somebody is only listening: nothing is ever written
        self.dialogue = dialogue if dialogue and self.sensors else Dialogue(())
        self._up = True
        self._lost_at: int | None = None  # when a link that had worked went down
        self.outage_s = 0.0  # how long it was down before it came back last

    def topics(self) -> Sequence[str]:
        return ()

    def links(self) -> tuple[str, ...]:
        """Which links does it speak through? Its port, and a separate command port if there is one."""
        return (self.link,)

    def feed(self, packet: Packet) -> list[Reading]:
        mark = packet.mark
        if mark is Mark.DATA or mark is Mark.RETAINED:
            return self.feed_bytes(packet.data, packet.at)
        if mark in _INTERRUPTED:
            self.framer.reset()
            self.interrupted(packet)
        return []

    def feed_bytes(self, data: bytes, at: int) -> list[Reading]:
        """The readings of a piece of the stream."""
        readings: list[Reading] = []
        for frame in self.framer.feed(data, at):
            self._health.last_seen = at
            facts = self.facts(self.decode_frame(frame), at)
            self.give(facts, at, readings)
        return readings

    def give(self, facts: Iterable[Fact], at: int, readings: list[Reading]) -> None:
        """Turn facts into readings of every sensor on the port."""
        for quantity, value in facts:
            flags = 0 if self.integrity or quantity not in ALARM_CLASS else int(Flag.WEAK)
            readings.extend(Reading(s.id, quantity, at, value, flags) for s in self.sensors)

    def interrupted(self, packet: Packet) -> None:
        """The link came up, went down or was blind."""
        if packet.mark is Mark.DOWN:
            self._up = False
            if self._lost_at is None and self._health.last_seen is not None:
                self._lost_at = packet.at
        elif packet.mark is Mark.UP:
            self._up = True
            self.outage_s = 0.0 if self._lost_at is None else (packet.at - self._lost_at) / SECOND
            self._lost_at = None
            self.dialogue.restart()

    def due(self, t: int) -> list[Packet]:
        if not self._up:
            return []
        return [Packet(self.link, "", t, data) for data in self.dialogue.due(t, self._health) if data]

    def health(self) -> Health:
        return self._health

    @abstractmethod
    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        """What stands in this complete frame, in the words of the data sheet?"""

    def decode_command(self, frame: bytes) -> dict[str, Any]:
        """The same for what the host sends. {} if it is no command of this device."""
        frames = Framer(self.form, Health()).feed(frame, 0)
        return self.decode_frame(frames[0]) if len(frames) == 1 and frames[0] == frame else {}

    def claimed_length(self, data: bytes) -> int:
        """How long does the frame that begins here say it is? 0 if it does not say."""
        length = self.form.measure(data, 0)
        return length if isinstance(length, int) else 0

    @abstractmethod
    def facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        """Which readings follow from a decoded frame? May also note answers to commands."""


def option(sensor: Sensor, name: str, default: Any, check: Callable[[Any], bool]) -> Any:
    """An option of a sensor, or ValueError saying what is wrong with it."""
    value = sensor.options.get(name, default)
    if not check(value):
        raise ValueError(
            f"sensor {sensor.id}: option {name} cannot be {value!r}; leave it out for {default!r}"
        )
    return value


def by_time(readings: Sequence[Reading]) -> list[tuple[int, dict[Quantity, Any]]]:
    """Readings of one sensor as (t, {quantity: value}) in order of time; the last of a kind wins."""
    found: dict[int, dict[Quantity, Any]] = {}
    for reading in readings:
        found.setdefault(reading.t, {})[reading.quantity] = reading.value
    return sorted(found.items())


def rows_by_time(readings: Sequence[Reading]) -> list[tuple[int, dict[Quantity, list[Any]]]]:
    """The same where a quantity may occur several times at one instant (targets, tracks)."""
    found: dict[int, dict[Quantity, list[Any]]] = {}
    for reading in readings:
        found.setdefault(reading.t, {}).setdefault(reading.quantity, []).append(reading.value)
    return sorted(found.items())


def within(low: float, high: float) -> Callable[[Any], bool]:
    """A check for an option that is a number from ``low`` to ``high``, or left out."""

    def check(value: Any) -> bool:
        if value is None:
            return True
        return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high

    return check
