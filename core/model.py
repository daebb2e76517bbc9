"""Which words does everybody here use? Packet, Reading, Block, Event, Alert, Health, Sensor, Home.

All times are integer nanoseconds of *event time* (see ``core/clock.py``). ``Packet`` and ``Reading``
are named tuples because a busy hub makes tens of thousands a second and a frozen dataclass costs
three times as much to build; the rest are frozen, slotted dataclasses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntFlag, StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from core.quantity import VECTOR_WIDTH, Quantity
from core.watch import Watch

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Value = float | str | tuple[float, ...] | npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Mark(StrEnum):
    """What kind of packet is it, besides ordinary data?"""

    DATA = ""
    RETAINED = "retained"  # the broker's memory: a value of unknown age, found at connect
    UP = "up"  # the link works from here on
    DOWN = "down"  # the link is lost; data holds the reason as text
    LOST = "lost"  # the broker forgot our session: messages may be missing; data says what
    CLOCK = "clock"  # wall clock minus event time, in ns as decimal text, from here on
    BLIND = "blind"  # nothing was received for data (decimal seconds), ending here
    END = "end"  # the recording or session ends here; only moves time on


class Packet(NamedTuple):
    """What arrived, untouched: a topic and payload, or bytes of a port.

    >>> Packet("broker", "zigbee2mqtt/door", 5, b"{}").mark
    <Mark.DATA: ''>
    """

    link: str
    channel: str  # topic of a broker; "" for a port
    at: int  # arrival, ns of event time
    data: bytes
    mark: Mark = Mark.DATA


class Flag(IntFlag):
    """Why should a reading be trusted less than a plain one?"""

    NONE = 0
    RETAINED = 1  # of unknown age; sets state, must not by itself raise a new alarm
    WEAK = 2  # from a format without integrity check; cannot alone open a top-severity alert
    TEST = 4  # a test press or test gas
    REPEAT = 8  # the same message again (QoS 1 redelivery, radio repeat)


class Reading(NamedTuple):
    """One value from one source; its quantity names kind and unit."""

    source: str
    quantity: Quantity
    t: int
    value: Value
    flags: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Readings of one source and quantity over a stretch of time, as read-only arrays.

    ``t`` int64[n], never decreasing. ``value``: float64[n] (flag, scalar), float64[n,k] (vector),
    float64[p,5] with ``offsets`` int64[n+1] (points: row i is ``value[offsets[i]:offsets[i+1]]``),
    or a str array [n] (text). ``flags`` uint8[n] of :class:`Flag`.

    >>> b = Block.of([Reading("gas", Quantity.CO_PPM, 0, 1.5), Reading("gas", Quantity.CO_PPM, 9, 2.0)])
    >>> b.t.tolist(), b.value.tolist(), len(b)
    ([0, 9], [1.5, 2.0], 2)
    """

    source: str
    quantity: Quantity
    t: Ints
    value: npt.NDArray[Any]
    flags: npt.NDArray[np.uint8]
    offsets: Ints | None = None

    def __len__(self) -> int:
        return int(self.t.shape[0])

    @staticmethod
    def of(readings: list[Reading]) -> Block:
        """How do readings of one source and quantity become a block? They must be in time order.

        Raises ValueError on an empty list.
        """
        if not readings:
            raise ValueError("a block needs at least one reading")
        source, quantity, *_ = readings[0]
        return Block.build(
            source,
            quantity,
            [r.t for r in readings],
            [r.value for r in readings],
            [r.flags for r in readings],
        )

    @staticmethod
    def build(source: str, quantity: Quantity, t: list[int], values: list[Any], flags: list[int]) -> Block:
        """The same from columns, for the hot path."""
        times = np.array(t, dtype=np.int64)
        marks = np.array(flags, dtype=np.uint8)
        offsets: Ints | None = None
        value: npt.NDArray[Any]
        shape = quantity.shape
        if shape == "points":
            width = VECTOR_WIDTH[quantity]
            rows = [np.asarray(v, dtype=np.float64).reshape(-1, width) for v in values]
            offsets = np.zeros(len(rows) + 1, dtype=np.int64)
            np.cumsum([len(r) for r in rows], out=offsets[1:])
            value = np.concatenate(rows) if rows else np.zeros((0, width))
            offsets.flags.writeable = False
        elif shape == "vector":
            value = np.array(values, dtype=np.float64).reshape(-1, VECTOR_WIDTH[quantity])
        elif shape == "text":
            value = np.array(values, dtype=np.str_)
        else:
            value = np.array(values, dtype=np.float64)
        for array in (times, marks, value):
            array.flags.writeable = False
        return Block(source, quantity, times, value, marks, offsets)

    def cut(self, start: int, stop: int) -> Block:
        """Which rows lie in [start, stop) by index, as a block of views?"""
        t, flags = self.t[start:stop], self.flags[start:stop]
        if self.offsets is None:
            return Block(self.source, self.quantity, t, self.value[start:stop], flags)
        bounds = self.offsets[start : stop + 1]
        return Block(
            self.source,
            self.quantity,
            t,
            self.value[bounds[0] : bounds[-1]],
            flags,
            bounds - bounds[0],
        )

    def points(self, row: int) -> Floats:
        """Which points belong to this row of a cloud? float64[m,5]."""
        assert self.offsets is not None
        cloud: Floats = self.value[self.offsets[row] : self.offsets[row + 1]]
        return cloud

    def readings(self) -> Iterator[Reading]:
        """Which readings made it? (text and numbers; for stores, replays and tests)"""
        for i in range(len(self)):
            value: Any
            if self.offsets is not None:
                value = self.points(i)
            elif self.value.ndim == 2:
                value = tuple(self.value[i].tolist())
            else:
                value = self.value[i].item()
            yield Reading(self.source, self.quantity, int(self.t[i]), value, int(self.flags[i]))


class Phase(StrEnum):
    """Does the event begin, go on with news, or end?"""

    ONSET = "onset"
    UPDATE = "update"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class Event:
    """What did a detector find, and when did it *become true* (not: when was it noticed)?

    ``evidence`` is JSON: numbers, text, lists, plain dicts. Keys the book understands: ``stage``
    (a word that may raise or lower the severity), ``found_at_connect`` (true only from a retained
    value), ``weak`` (only formats without integrity check saw it), ``test`` (a drill or test press).
    ``noticed`` is the time of the reading or deadline by which it could be known, where that is later
    than ``t``: the book takes events in this order, whatever the cut.
    """

    detector: str
    kind: str
    source: str
    t: int
    phase: Phase
    evidence: Mapping[str, Any] = field(default_factory=dict)
    noticed: int | None = None

    @property
    def known(self) -> int:
        """From which instant on could anybody know?"""
        return self.t if self.noticed is None else self.noticed


class Severity(StrEnum):
    """How bad is it? Ordered by :attr:`rank`, 0 is worst.

    >>> sorted([Severity.INFO, Severity.ALARM], key=lambda s: s.rank)[0]
    <Severity.ALARM: 'alarm'>
    """

    ALARM = "alarm"  # fall, fire, gas, CO, call button
    WARNING = "warning"  # unusual stillness, door left open
    TROUBLE = "trouble"  # sensor silent, battery, link
    INFO = "info"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class AlertState(StrEnum):
    """Where is an alert in its life?"""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Alert:
    """What does a person see? One revision of one life cycle.

    ``id`` is :func:`alert_id` of (home, kind, source, opened): writing it again is the same alert.
    ``revision`` counts from 1; ``changed`` is the event time of this revision.
    """

    id: str
    kind: str
    severity: Severity
    source: str
    room: str
    resident: str
    opened: int
    changed: int
    state: AlertState
    revision: int
    evidence: Mapping[str, Any] = field(default_factory=dict)


def alert_id(home: str, kind: str, source: str, opened: int) -> str:
    """Which id does an alert get? The same four facts always give the same 16 hex digits.

    >>> alert_id("h", "fall", "radar", 7) == alert_id("h", "fall", "radar", 7)
    True
    """
    text = "\x1f".join((home, kind, source, str(opened)))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(slots=True)
class Health:
    """How is a driver doing? Counters only grow.

    For byte streams ``bytes_in == bytes_good + bytes_discarded + bytes_pending`` at any moment. For
    message formats each message is good or refused, nothing is pending. ``refused`` counts by a short
    reason word (``checksum``, ``length``, ``not_json``, ...).
    """

    bytes_in: int = 0
    bytes_good: int = 0
    bytes_discarded: int = 0
    bytes_pending: int = 0
    frames_good: int = 0
    resyncs: int = 0
    last_seen: int | None = None
    refused: dict[str, int] = field(default_factory=dict)

    def refuse(self, reason: str, count: int = 1) -> None:
        """Count one more refusal under its name."""
        self.refused[reason] = self.refused.get(reason, 0) + count


@dataclass(frozen=True, slots=True)
class Mounting:
    """How does a radar hang? Lengths in metres, angles in degrees, tilt positive = looking down."""

    height_m: float | None = None
    tilt_deg: float = 0.0
    vertical_axis: str = "z"  # which sensor axis points up: x, y, z, -x, -y, -z or "learn"


@dataclass(frozen=True, slots=True)
class Sensor:
    """One enrolled sensor: the source of readings. ``address`` is its topic, or "" on a port."""

    id: str
    device: str  # a key of devices.DRIVERS
    link: str
    room: str = ""
    kind: str = ""  # what it is used as, where the format does not say (door, bed, tap, ...)
    address: str = ""
    mounting: Mounting = field(default_factory=Mounting)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Room:
    """One room. ``kind``: hall, living, bedroom, bathroom, kitchen, outdoors, other."""

    id: str
    kind: str = "other"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Resident:
    """Who lives here?"""

    id: str
    name: str = ""
    born: int | None = None  # year
    conditions: tuple[str, ...] = ()  # what the family chose to share with helpers
    phone: str = ""
    watch: Watch = field(default_factory=Watch)  # how closely the family wants them watched


@dataclass(frozen=True, slots=True)
class Responder:
    """Who can go there? ``minutes``: how long it takes them, None = unknown. No residents = all."""

    id: str
    name: str
    role: str = ""
    phone: str = ""
    minutes: float | None = None
    residents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Home:
    """What do detectors and the book know of the home? Plain facts, no handles.

    ``entry``: how a helper gets in. Only messages for people carry it, never a log.
    """

    id: str
    zone: str = "UTC"
    language: str = "en"
    residents: tuple[Resident, ...] = ()
    rooms: Mapping[str, Room] = field(default_factory=dict)
    sensors: Mapping[str, Sensor] = field(default_factory=dict)
    address: str = ""
    floor: str = ""
    entry: str = ""
    responders: tuple[Responder, ...] = ()

    def room_of(self, source: str) -> str:
        """In which room is this source? "" if nobody said."""
        sensor = self.sensors.get(source)
        return sensor.room if sensor else ""

    def room_kind_of(self, source: str) -> str:
        """What kind of room is it in? "other" if nobody said."""
        room = self.rooms.get(self.room_of(source))
        return room.kind if room else "other"

    def living(self, resident: str) -> tuple[Resident, ...]:
        """Whom does it concern: this resident, or all where nobody is named?"""
        return tuple(r for r in self.residents if r.id == resident) or self.residents

    def nearest(self, resident: str) -> tuple[Responder, ...]:
        """Who can go to this resident, the quickest first?"""
        able = [r for r in self.responders if not r.residents or not resident or resident in r.residents]
        return tuple(sorted(able, key=lambda r: (r.minutes is None, r.minutes or 0.0)))

    def sources_on(self, link: str) -> tuple[str, ...]:
        """Which sources speak through this link?"""
        return tuple(s.id for s in self.sensors.values() if s.link == link)
