"""What do a Modbus-RTU transmitter's registers say, given the map from its paper manual?

Frame [specification]: ``address | function | data | CRC-16, low byte first``; 9600 8N1 is usual. No register
map is shipped, because none could be confirmed for the smoke and gas transmitters on the market: the
installer copies it from the manual into the sensor's options::

    options:
      address: 1            # 1..247, or 255
      poll_s: 1
      registers:
        - {quantity: co_ppm, function: 4, register: 6, type: u16, scale: 0.1, missing: [65535]}
        - {quantity: smoke, function: 2, register: 0, count: 8, bit: 0, alarm_when: 0}

``type``: u16, i16, u32, i32, f32 (first register is the high word; ``swap: true`` for the other order).
``value = raw * scale + offset``; raw values under ``missing`` are no value. For functions 1 and 2, and for
status words, ``bit`` picks one bit. ``alarm_when`` turns the raw number into a flag: 1 when it is equal.
A normally closed alarm loop therefore has ``alarm_when: 0`` and also alarms when its wire is cut.

Several sensors with different addresses may share a port; they are asked in turn. An answer does not
name its register, so it is taken for the request that is open, or, if none is, for the only entry with
that address, function and size. RS-485 adapters that echo requests are understood; exceptions and
silence are refusals, never values.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

from core.contracts import DriverSpec, Line, Span
from core.model import Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices.modbus_frame import WRITES, decode, form, seal, sealed
from devices.port import Dialogue, Fact, PortDriver, Step, by_time, option, within

TYPES = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "f32": ">f"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of the map: where it stands and what it means."""

    quantity: Q
    function: int = 3
    register: int = 0
    type: str = "u16"
    count: int = 0
    scale: float = 1.0
    offset: float = 0.0
    bit: int | None = None
    alarm_when: float | None = None
    missing: tuple[float, ...] = ()
    swap: bool = False

    @property
    def size(self) -> int:
        """How many data bytes does the answer have?"""
        return (self.count + 7) // 8 if self.function < 3 else self.count * 2

    def request(self, address: int) -> bytes:
        """The question for it."""
        return seal(struct.pack(">BBHH", address, self.function, self.register, self.count))

    def raw(self, data: bytes) -> float | None:
        """The number in an answer, None if it is none."""
        if self.function < 3:
            bit = self.bit or 0
            return float(data[bit // 8] >> bit % 8 & 1)
        layout = TYPES[self.type]
        chunk = data[: struct.calcsize(layout)]
        if self.swap and len(chunk) == 4:
            chunk = chunk[2:] + chunk[:2]
        value = float(struct.unpack(layout, chunk)[0])
        if value in self.missing or value != value or abs(value) == float("inf"):
            return None
        return float(int(value) >> self.bit & 1) if self.bit is not None else value

    def value(self, data: bytes) -> float | None:
        """The reading in an answer, None if it is none."""
        raw = self.raw(data)
        if raw is None:
            return None
        if self.alarm_when is not None:
            return 1.0 if raw == self.alarm_when else 0.0
        value = raw * self.scale + self.offset
        return (1.0 if value else 0.0) if self.quantity.shape == "flag" else round(value, 9)

    def data(self, value: float) -> bytes:
        """The inverse of :meth:`value`."""
        if self.alarm_when is not None:
            raw = self.alarm_when if value else (0.0 if self.alarm_when else 1.0)
        else:
            raw = (value - self.offset) / self.scale
        if self.function < 3 or self.bit is not None:
            bits = int(raw) << (self.bit or 0)
            return bits.to_bytes(self.size, "little" if self.function < 3 else "big")
        chunk = struct.pack(TYPES[self.type], raw if self.type == "f32" else round(raw))
        if self.swap and len(chunk) == 4:
            chunk = chunk[2:] + chunk[:2]
        return chunk.ljust(self.size, b"\0")


_KEYS = {f.name for f in fields(Entry)}


def entries(sensor: Sensor) -> tuple[Entry, ...]:
    """The register map of a sensor's options. Raises ValueError with a sentence for people."""
    listed = sensor.options.get("registers")
    where = f"sensor {sensor.id}: option registers"
    if not isinstance(listed, list | tuple) or not listed:
        raise ValueError(f"{where} must list at least one register; copy it from the manual")
    return tuple(_entry(item, f"{where}[{i}]") for i, item in enumerate(listed))


def _entry(item: Any, where: str) -> Entry:
    if not isinstance(item, Mapping) or not item.keys() <= _KEYS:
        raise ValueError(f"{where} may only have the keys {', '.join(sorted(_KEYS))}")
    try:
        quantity = Q(str(item.get("quantity")))
    except ValueError:
        raise ValueError(f"{where}: {item.get('quantity')!r} is not a quantity; see docs/reference") from None
    missing = item.get("missing", ())
    if not isinstance(missing, list | tuple) or not all(isinstance(v, int | float) for v in missing):
        raise ValueError(f"{where}: missing must list the raw numbers that mean no value, not {missing!r}")
    if not isinstance(item.get("swap", False), bool):
        raise ValueError(f"{where}: swap must be true or false, not {item['swap']!r}")
    known = dict(item) | {"quantity": quantity, "missing": tuple(missing)}
    kind = known.get("type", "u16")
    if kind not in TYPES or quantity.shape not in ("flag", "scalar"):
        raise ValueError(f"{where}: type must be one of {', '.join(TYPES)}, the quantity a single value")
    function = known.get("function", 3)
    known.setdefault("count", 8 if function in (1, 2) else struct.calcsize(TYPES[kind]) // 2)
    ranges = {"function": (1, 4), "register": (0, 0xFFFF), "count": (1, 125), "bit": (0, 124)}
    for key, (low, high) in ranges.items():
        value = known.get(key, low)
        if not (isinstance(value, int) and not isinstance(value, bool) and low <= value <= high):
            raise ValueError(f"{where}: {key} must be a whole number from {low} to {high}, not {value!r}")
    for key in ("scale", "offset", "alarm_when"):
        value = known.get(key, 1)
        if not isinstance(value, int | float) or (key == "scale" and not value):
            raise ValueError(f"{where}: {key} must be a number (scale not 0), not {value!r}")
    if known.get("bit", 0) >= (known["count"] if function < 3 else 16):
        raise ValueError(f"{where}: bit {known['bit']} lies outside what is read")
    if function >= 3 and known["count"] * 2 < struct.calcsize(TYPES[kind]):
        raise ValueError(f"{where}: {kind} needs more than {known['count']} register")
    return Entry(**cast("dict[str, Any]", known))


def address_of(sensor: Sensor) -> int:
    """The station address of a sensor, 1 if it names none."""
    return int(option(sensor, "address", 1, lambda v: v == 255 or within(1, 247)(v)))


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a station, and the entries its answer holds."""

    sensor: Sensor
    address: int
    entries: tuple[Entry, ...]

    @property
    def key(self) -> tuple[int, int]:
        """Under which address and function does the answer arrive?"""
        return self.address, self.entries[0].function

    @property
    def size(self) -> int:
        """How many data bytes must it have?"""
        return self.entries[0].size


class ModbusRtu(PortDriver):
    """The stations of one bus: asks in turn, and reads what answers."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        self._requests: dict[str, Request] = {}
        taken: dict[int, str] = {}
        poll_s = 3600.0
        for sensor in sensors:
            address = address_of(sensor)
            if address in taken:
                raise ValueError(f"sensor {sensor.id}: {taken[address]} has address {address} too")
            taken[address] = sensor.id
            poll_s = min(poll_s, option(sensor, "poll_s", 1.0, within(0.2, 3600)) or 1.0)
            asked: dict[tuple[int, int, int], list[Entry]] = {}
            for entry in entries(sensor):
                asked.setdefault((entry.function, entry.register, entry.count), []).append(entry)
            for (function, register, count), held in asked.items():
                name = f"{address}_{function}_{register}_{count}"
                self._requests[name] = Request(sensor, address, tuple(held))
        self.form = form(taken or (1,))
        steps = [
            Step(name, request.entries[0].request(request.address), request.key, 0.05)
            for name, request in self._requests.items()
        ]
        super().__init__(sensors, Dialogue(steps, timeout_s=0.5, tries=2, retry_s=5.0, every_s=poll_s))

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        return decode(frame)

    def decode_command(self, frame: bytes) -> dict[str, Any]:
        return decode(frame, asks=True) if len(frame) >= 8 and sealed(frame) else {}

    def feed_bytes(self, data: bytes, at: int) -> list[Reading]:
        readings: list[Reading] = []
        for frame in self.framer.feed(data, at):
            if decode(frame)["kind_of_frame"] == "modbus request":
                continue  # our own question, echoed by the adapter
            self._health.last_seen = at
            request = self._match(frame, at)
            for entry in request.entries if request else ():
                value = entry.value(frame[3:-2])
                if value is None:
                    self._health.refuse("missing")
                elif request:
                    readings.append(Reading(request.sensor.id, entry.quantity, at, value))
        return readings

    def due(self, t: int) -> list[Packet]:
        out = super().due(t)
        if out:  # what has not become an answer by now must not become one to the next question
            self.framer.reset("stale")
        return out

    def facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        return ()  # readings need the bytes and the open request; see feed_bytes

    def _match(self, frame: bytes, at: int) -> Request | None:
        """Which request does this answer?"""
        key = frame[0], frame[1] & 0x7F
        step = self.dialogue.awaiting
        awaited = step is not None and self.dialogue.heard(key, at, True, self._health)
        if frame[1] & 0x80:
            self._health.refuse(f"exception_{frame[2]}")
            return None
        if frame[1] in WRITES:
            return None
        if awaited and step is not None:
            request = self._requests[step.name]
            if request.size == frame[2]:
                return request
            self._health.refuse("size")
            return None
        fitting = [r for r in self._requests.values() if r.key == key and r.size == frame[2]]
        if len(fitting) != 1:
            self._health.refuse("unasked")
            return None
        return fitting[0]


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The answers the transmitter would give, at the times of the readings."""
    address, packets = address_of(sensor), []
    for t, values in by_time(readings):
        answers: dict[tuple[int, int, int], int] = {}
        for entry in entries(sensor):
            if entry.quantity in values:
                held = answers.get((entry.function, entry.register, entry.count), 0)
                held |= int.from_bytes(entry.data(values[entry.quantity]), "big")
                answers[entry.function, entry.register, entry.count] = held
        for (function, _, count), held in answers.items():
            size = (count + 7) // 8 if function < 3 else count * 2
            body = bytes([address, function, size]) + held.to_bytes(size, "big")
            packets.append(Packet(sensor.link, "", t, seal(body)))
    return packets


EXAMPLE_REGISTERS = (
    {"quantity": "co_ppm", "function": 4, "register": 6, "type": "u16", "scale": 0.1, "missing": [65535]},
    {"quantity": "smoke", "function": 2, "register": 0, "count": 8, "bit": 0, "alarm_when": 0},
)

MODBUS_RTU = DriverSpec(
    name="modbus_rtu",
    title="Modbus-RTU transmitter or input module (register map in the options)",
    transport="serial",
    make=ModbusRtu,
    encode=encode,
    spans=((Span(Q.CO_PPM, 0, 1000, 0.1),), (Span(Q.SMOKE),)),
    line=Line(9600),
    evidence="Frame: specification and printed frames. Register maps: from the installer, none is shipped.",
    options={"address": 1, "poll_s": 1.0, "registers": []},
    example=Sensor("transmitter", "modbus_rtu", "port", options={"registers": EXAMPLE_REGISTERS}),
)
