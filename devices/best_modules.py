"""What do Best Modules' UART detectors say: BM22S2021-1 smoke, BM22S3031-1 and -3021-1 gas, BM22S3221-1 CO?

Line 9600 8N1. Everything here comes from one source, the vendor's own library. Command, 4 bytes: ``cmd |
address | data | two's complement of their sum``. Reply and automatic report::

    AA | total length | class | 01 | cmd | ... | two's complement of the sum of all before

Information packages (cmd AC), by class and length:

* smoke, class 11, 41 bytes: smoke channels A at 16, B at 18, **low byte first**; every 8 s. The short
  form (21 bytes) has no documented layout: it counts as a sign of life only.
* catalytic gas, class 01, 34 bytes: AD 5, ppm 9, alarm threshold 23, high byte first; once a second.
* CO, class 21, 32 bytes: AD 5, ppm 9, threshold 21, high byte first; once a second.
* semiconductor gas, 18 bytes, class unconfirmed (any is taken): AD at 6, alarm point at 7.

The meaning of the status bits is **unconfirmed**, so they are not used: smoke is told when a channel
reaches its threshold (options ``threshold_a`` 350, ``threshold_b`` 150, the module's defaults), gas of the
semiconductor module when AD reaches its alarm point. Wire the STATUS pin as well. Sensors that were
without power get no value while they settle (``warm_up_s`` 180, CO 120). Calibration (AB), reset (AF)
and factory restore (A0) are never sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.contracts import DriverSpec, Line, Span
from core.model import SECOND, Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices.framing import Format, Measure, hexed, negated_sum8
from devices.port import Dialogue, Fact, PortDriver, Step, by_time, option, within

INFO = 0xAC
SMOKE, GAS, CO = 0x11, 0x01, 0x21
LONGEST = 64


def command(word: int, address: int = 0, data: int = 0) -> bytes:
    """A command to the module.

    >>> command(0xAC).hex(" ")
    'ac 00 00 54'
    """
    body = bytes([word, address, data])
    return body + bytes([negated_sum8(body)])


def decode_command(frame: bytes) -> dict[str, Any]:
    """What the host sends; {} if it is no command."""
    if len(frame) != 4 or negated_sum8(frame[:3]) != frame[3]:
        return {}
    return {
        "kind_of_frame": "command",
        "command": f"0x{frame[0]:02X}",
        "address": f"0x{frame[1]:02X}",
        "data": frame[2],
    }


def _measure(classes: frozenset[int] | None) -> Measure:
    def measure(buffer: bytes, start: int) -> int | str:
        if len(buffer) - start < 4:
            return 0
        total = buffer[start + 1]
        if not 6 <= total <= LONGEST:
            return "length"
        known = classes is None or buffer[start + 2] in classes
        return total if known and buffer[start + 3] == 1 else "unknown_type"

    return measure


def _check(frame: bytes) -> str:
    return "" if negated_sum8(frame[:-1]) == frame[-1] else "checksum"


def form(*classes: int) -> Format:
    """The format of a module of these classes (none = any)."""
    return Format((b"\xaa",), _measure(frozenset(classes) or None), _check, max_length=LONGEST)


class BestModule(PortDriver):
    """The part the modules share: framing, settling, and asking once when nothing comes by itself."""

    settle_s = 180.0

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        if sensors:
            self.settle_s = option(sensors[0], "warm_up_s", self.settle_s, within(0, 3600)) or 0.0
        ask = Step("info", command(INFO), answer=INFO)
        super().__init__(sensors, Dialogue((ask,), start_after_s=2.0, timeout_s=2.0, retry_s=300.0))
        self._settled_at: int | None = None

    def interrupted(self, packet: Packet) -> None:
        super().interrupted(packet)
        if self.outage_s > 0 and self._up:
            self._settled_at = packet.at + int(min(self.settle_s, self.outage_s) * SECOND)
            self.outage_s = 0.0

    def decode_command(self, frame: bytes) -> dict[str, Any]:
        return decode_command(frame)

    def decode_frame(self, frame: bytes) -> dict[str, Any]:
        view: dict[str, Any] = {
            "kind_of_frame": "reply",
            "device_class": f"0x{frame[2]:02X} 0x{frame[3]:02X}",
            "command": f"0x{frame[4]:02X}",
            "data_hex": hexed(frame[5:-1]),
        }
        if frame[4] == INFO:
            view.update(self.info(frame))
        return view

    def info(self, frame: bytes) -> dict[str, Any]:
        """What an information package says."""
        if frame[2] == SMOKE and len(frame) == 41:
            return {
                "smoke_a": int.from_bytes(frame[16:18], "little"),
                "smoke_b": int.from_bytes(frame[18:20], "little"),
            }
        for kind, length, name, threshold in (
            (GAS, 34, "gas_ppm", 23),
            (CO, 32, "co_ppm", 21),
        ):
            if frame[2] == kind and len(frame) == length:
                return {
                    "ad_value": int.from_bytes(frame[5:7], "big"),
                    name: int.from_bytes(frame[9:11], "big"),
                    "alarm_threshold_ppm": int.from_bytes(frame[threshold : threshold + 2], "big"),
                }
        return {}

    def facts(self, view: Mapping[str, Any], at: int) -> Iterable[Fact]:
        if int(view["command"], 16) != INFO:
            return ()
        self.dialogue.heard(INFO, at, True, self._health)
        warming = self._settled_at is not None and at < self._settled_at
        state: list[Fact] = [(Q.WARMING_UP, 1.0 if warming else 0.0)]
        return state if warming else [*state, *self.value_facts(view)]

    def value_facts(self, view: Mapping[str, Any]) -> Iterable[Fact]:
        """The readings of a package from a settled module."""
        out: list[Fact] = []
        for key, quantity in (("gas_ppm", Q.METHANE_PPM), ("co_ppm", Q.CO_PPM)):
            if key in view:
                full = view[key] == 0xFFFF
                out.append((Q.FAULT, 1.0 if full else 0.0))
                if not full:
                    out.append((quantity, float(view[key])))
        return out


class Gas(BestModule):
    """Catalytic combustible gas, BM22S3031-1."""

    form = form(GAS)


class CarbonMonoxide(BestModule):
    """Carbon monoxide, BM22S3221-1."""

    form = form(CO)
    settle_s = 120.0


class Smoke(BestModule):
    """Optical smoke, BM22S2021-1."""

    form = form(SMOKE)
    settle_s = 0.0

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        super().__init__(sensors)
        self._a, self._b = 350, 150
        if sensors:
            self._a = option(sensors[0], "threshold_a", 350, within(1, 65535))
            self._b = option(sensors[0], "threshold_b", 150, within(1, 65535))

    def value_facts(self, view: Mapping[str, Any]) -> Iterable[Fact]:
        if "smoke_a" not in view:
            return ()
        return [(Q.SMOKE, 1.0 if view["smoke_a"] >= self._a or view["smoke_b"] >= self._b else 0.0)]


class SemiconductorGas(BestModule):
    """Semiconductor gas, BM22S3021-1."""

    form = form()

    def info(self, frame: bytes) -> dict[str, Any]:
        return {"ad_value": frame[6], "alarm_point": frame[7]} if len(frame) == 18 else {}

    def value_facts(self, view: Mapping[str, Any]) -> Iterable[Fact]:
        if not view.get("alarm_point"):
            return ()
        return [(Q.GAS, 1.0 if view["ad_value"] >= view["alarm_point"] else 0.0)]


def package(kind: int, length: int, fields: Mapping[int, bytes]) -> bytes:
    """An information package with these bytes at these offsets."""
    frame = bytearray(length - 1)
    frame[:5] = bytes([0xAA, length, kind, 0x01, INFO])
    for at, data in fields.items():
        frame[at : at + len(data)] = data
    return bytes(frame) + bytes([negated_sum8(bytes(frame))])


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """The packages a module would send for these readings."""
    packets = []
    for t, values in by_time(readings):
        frame = _package(sensor, values)
        if frame:
            packets.append(Packet(sensor.link, "", t, frame))
    return packets


def _package(sensor: Sensor, values: Mapping[Q, Any]) -> bytes:
    if sensor.device == "bm22s2021" and Q.SMOKE in values:
        a = sensor.options.get("threshold_a", 350) if values[Q.SMOKE] else 42
        return package(SMOKE, 41, {16: int(a).to_bytes(2, "little"), 18: b"\x1e\x00"})
    if sensor.device == "bm22s3021" and Q.GAS in values:
        return package(GAS, 18, {6: bytes([120 if values[Q.GAS] else 20, 100])})
    for device, quantity, kind, length, at, threshold in (
        ("bm22s3031", Q.METHANE_PPM, GAS, 34, 23, 4500),
        ("bm22s3221", Q.CO_PPM, CO, 32, 21, 180),
    ):
        if sensor.device == device and (quantity in values or values.get(Q.FAULT)):
            ppm = 0xFFFF if values.get(Q.FAULT) else min(0xFFFE, max(0, round(values[quantity])))
            return package(kind, length, {9: ppm.to_bytes(2, "big"), at: threshold.to_bytes(2, "big")})
    return b""


def _spec(
    name: str, title: str, make: type[BestModule], *spans: tuple[Span, ...], **options: Any
) -> DriverSpec:
    return DriverSpec(
        name=name,
        title=title,
        transport="serial",
        make=make,
        encode=encode,
        spans=spans,
        line=Line(9600),
        evidence="One source: the vendor's library. Status bits unconfirmed and not used.",
        options={"warm_up_s": make.settle_s, **options},
        example=Sensor("detector", name, "port"),
    )


BM22S2021 = _spec(
    "bm22s2021", "Best Modules BM22S2021-1 smoke detector", Smoke, (Span(Q.SMOKE),),
    threshold_a=350, threshold_b=150,
)  # fmt: skip
BM22S3031 = _spec(
    "bm22s3031", "Best Modules BM22S3031-1 combustible gas detector", Gas,
    (Span(Q.METHANE_PPM, 0, 50_000),), (Span(Q.FAULT, 1, 1),),
)  # fmt: skip
BM22S3221 = _spec(
    "bm22s3221", "Best Modules BM22S3221-1 carbon monoxide detector", CarbonMonoxide,
    (Span(Q.CO_PPM, 0, 2000),), (Span(Q.FAULT, 1, 1),),
)  # fmt: skip
BM22S3021 = _spec(
    "bm22s3021", "Best Modules BM22S3021-1 semiconductor gas detector", SemiconductorGas, (Span(Q.GAS),)
)
