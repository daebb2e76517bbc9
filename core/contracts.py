"""What must a source, driver, detector and sink be able to do? One page; nothing else couples them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from core.model import Alert, Block, Event, Health, Home, Packet, Reading, Sensor
from core.quantity import Quantity


class Log(Protocol):
    """Packets that were kept: a recording, a foreign log, a simulated home. Pulled, never waited for."""

    def packets(self) -> Iterator[Packet]:
        """What it holds, in order of arrival (``at`` never decreases)."""


class Source(Protocol):
    """Where live packets come from: a broker or a port. Pushes from a thread of its own."""

    def start(self, put: Callable[[Packet], None]) -> None:
        """Begin; every packet goes to ``put``, which is quick and safe from any thread."""

    def send(self, packet: Packet) -> None:
        """Write bytes to the port, or publish to the broker. Drops (and counts) while not connected."""

    def settle(self, count: int) -> None:
        """The oldest ``count`` packets put and not settled yet are durable: acknowledge them upstream."""

    def status(self) -> Mapping[str, Any]:
        """Is it up, since when, and its counters, as JSON."""

    def close(self) -> None:
        """Stop and let go of the port or session. Safe from any thread, twice."""


class Driver(Protocol):
    """Bytes to readings for the sensors of one device kind on one port or broker. Pure.

    One instance serves all sensors of its device on one link (a serial port holds one, or a bus of
    several), so that shared topics (``bridge/state``) are parsed once.
    """

    def topics(self) -> Sequence[str]:
        """Which MQTT topic filters does it need? Empty for a port."""

    def feed(self, packet: Packet) -> list[Reading]:
        """What does this packet say? Never raises; what it refuses it counts in ``health``."""

    def due(self, t: int) -> list[Packet]:
        """What should be sent by now (set-up commands, polls)? ``channel`` is a topic or ""."""

    def health(self) -> Health:
        """How is it doing? A live object; read it, do not write it."""


class Detector(Protocol):
    """Blocks to events, for one question. Pure; cut-invariant (see tests/laws)."""

    @property
    def wants(self) -> frozenset[Quantity]:
        """Which quantities should it be given?"""

    def process(self, blocks: Sequence[Block]) -> list[Event]:
        """What does this slice [a, b) of event time tell? All sources; the cut is arbitrary."""

    def advance(self, t: int) -> list[Event]:
        """All readings with time < t have been given: which deadlines before t passed?"""

    def snapshot(self) -> dict[str, Any]:
        """All state, as JSON."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a snapshot. Raises ValueError if it is not one of ours."""


class Sink(Protocol):
    """A way out for alerts: a channel or a store."""

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
        """Which (id, revision) were really taken? The same alert twice = no change.

        Raises ``Refused`` for what will never be taken, any OSError for what may be later.
        """


class Refused(Exception):
    """The far end understood and said no; repeating the same will not help."""


@dataclass(frozen=True, slots=True)
class Line:
    """How must a serial port be set?"""

    baud: int
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: int = 1


@dataclass(frozen=True, slots=True)
class Span:
    """Which values of a quantity can the wire carry exactly: low, low + step, ... high?

    For flags low 0, high 1, step 1. Vectors give one (low, high, step) a column in ``columns``.
    """

    quantity: Quantity
    low: float = 0.0
    high: float = 1.0
    step: float = 1.0
    columns: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class DriverSpec:
    """One line of ``devices.DRIVERS``: how to make a driver, and how to imitate its device.

    ``encode(sensor, readings)`` is the inverse of ``feed``: readings of one instant of one sensor to
    the packets its device would send (times are the readings' times); this is what simulators use and
    what the law ``decode(encode(x)) == x`` checks for every group of ``spans``: each group is one
    message's worth of quantities that can be carried together.
    """

    name: str
    title: str
    transport: Literal["serial", "mqtt"]
    make: Callable[[Sequence[Sensor]], Driver]
    encode: Callable[[Sensor, Sequence[Reading]], list[Packet]]
    spans: tuple[tuple[Span, ...], ...]
    line: Line | None = None
    integrity: bool = True  # does the format carry a checksum (or ride on MQTT/TCP)?
    evidence: str = ""  # how well is the format evidenced; what is unconfirmed
    options: Mapping[str, Any] = field(default_factory=dict)  # option name -> default
    example: Sensor | None = None  # an enrolled sensor the laws may use


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """One line of ``detectors.DETECTORS``: how to make a detector from its parameters and the home.

    ``params`` is a frozen dataclass type whose fields are the settings of ``config.yaml``, with
    units in their names and safe defaults.
    """

    name: str
    question: str
    params: type[Any]
    make: Callable[[Any, Home], Detector]
    kinds: tuple[str, ...]  # event kinds it may raise
    prompt: bool = False  # works on arrival times with no lateness allowance (smoke, gas, CO, ...)
