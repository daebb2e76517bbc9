"""Does the Modbus driver speak as pymodbus does? Frame by frame, and with its server on a real port.

Why the driver has its own framing: docs/decisions/0008-modbus-framing.md.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import SystemClock
from core.config import SerialLinkConfig
from core.contracts import Line
from core.model import SECOND, Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices import DRIVERS
from devices.modbus_frame import decode, seal
from devices.modbus_rtu import Entry
from devices.port import PortDriver
from ingest.serial_port import SerialSource
from simulators.pty import PseudoPort
from tests.broker import wait_for

pytest.importorskip("pymodbus", reason="pymodbus is not installed")

from pymodbus.datastore import (
    ModbusDeviceContext,
    ModbusSequentialDataBlock,
    ModbusServerContext,
)
from pymodbus.framer import FramerRTU, FramerType
from pymodbus.pdu import DecodePDU, ExceptionResponse
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
)
from pymodbus.server import ModbusSerialServer

ASKS: dict[int, Any] = {
    1: ReadCoilsRequest, 2: ReadDiscreteInputsRequest,
    3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest,
}  # fmt: skip
TELLS: dict[int, Any] = {
    1: ReadCoilsResponse, 2: ReadDiscreteInputsResponse,
    3: ReadHoldingRegistersResponse, 4: ReadInputRegistersResponse,
}  # fmt: skip
FRAMER = FramerRTU(DecodePDU(False))
STATIONS = st.integers(1, 247)
WORDS = st.integers(0, 0xFFFF)


@given(STATIONS, st.sampled_from((1, 2, 3, 4)), WORDS, st.integers(1, 125))
def test_our_questions_are_byte_for_byte_theirs(
    station: int, function: int, register: int, count: int
) -> None:
    entry = Entry(Q.CO_PPM, function=function, register=register, count=count)
    theirs = FRAMER.buildFrame(ASKS[function](address=register, count=count, dev_id=station))
    assert entry.request(station) == theirs


@given(STATIONS, st.sampled_from((3, 4)), st.lists(WORDS, min_size=1, max_size=125))
def test_registers_of_their_answers_are_read_as_they_were_set(
    station: int, function: int, words: list[int]
) -> None:
    frame = FRAMER.buildFrame(TELLS[function](registers=words, dev_id=station))
    view = decode(frame, asks=False)
    assert (view["address"], view["function"], view["registers"]) == (station, function, words)
    assert FRAMER.handleFrame(seal(frame[:-2]), station, 0)[1].registers == words  # type: ignore[union-attr]


@given(STATIONS, st.sampled_from((1, 2)), st.lists(st.booleans(), min_size=1, max_size=125), st.data())
def test_bits_of_their_answers_are_read_as_they_were_set(
    station: int, function: int, bits: list[bool], data: st.DataObject
) -> None:
    spot = data.draw(st.integers(0, len(bits) - 1))
    frame = FRAMER.buildFrame(TELLS[function](bits=bits, dev_id=station))
    entry = Entry(Q.SMOKE, function=function, count=len(bits), bit=spot)
    assert entry.value(frame[3:-2]) == float(bits[spot])


@given(STATIONS, st.sampled_from((1, 2, 3, 4)), st.integers(1, 11))
def test_their_refusals_are_refusals(station: int, function: int, code: int) -> None:
    response = ExceptionResponse(function, code)
    response.dev_id = station
    view = decode(FRAMER.buildFrame(response))
    assert (view["address"], view["exception"]) == (station, code)


@given(st.integers(1, 20), st.floats(-1e6, 1e6, width=32), st.integers(-(2**31), 2**31 - 1))
def test_two_register_values_stand_as_pymodbus_packs_them(register: int, number: float, whole: int) -> None:
    kinds = ReadHoldingRegistersResponse
    from pymodbus.client.mixin import ModbusClientMixin

    client = ModbusClientMixin
    for kind, value in (("f32", number), ("i32", whole), ("u32", whole & 0xFFFFFFFF)):
        theirs = {"f32": client.DATATYPE.FLOAT32, "i32": client.DATATYPE.INT32, "u32": client.DATATYPE.UINT32}
        for swap, order in ((False, "big"), (True, "little")):
            words = client.convert_to_registers(value, theirs[kind], word_order=order)  # type: ignore[arg-type]
            frame = FRAMER.buildFrame(kinds(registers=words, dev_id=1))
            entry = Entry(Q.TEMPERATURE_C, register=register, type=kind, count=2, swap=swap)
            found = entry.value(frame[3:-2])
            assert found == pytest.approx(value, abs=1e-9)
            assert entry.data(value) == b"".join(struct.pack(">H", word) for word in words)


def test_a_good_answer_behind_a_damaged_one_is_found_by_us_and_not_by_them() -> None:
    """Why the driver does not use their framer."""
    good = FRAMER.buildFrame(ReadInputRegistersResponse(registers=[800], dev_id=1))
    damaged = good[:4] + bytes([good[4] ^ 1]) + good[5:]
    assert FRAMER.handleFrame(damaged + good, 1, 0) == (14, None)
    driver = DRIVERS["modbus_rtu"].make([DRIVERS["modbus_rtu"].example])  # type: ignore[list-item]
    assert [r.value for r in driver.feed(Packet("port", "", 0, damaged + good))] == [80.0]
    assert (driver.health().bytes_discarded, driver.health().bytes_good) == (7, 7)


# -- their server, our source and driver, a real port between them


class NullModem:
    """Two pseudo-terminals, each hearing what the other says."""

    def __init__(self, folder: Path) -> None:
        self.near, self.far = PseudoPort(folder / "near", 9600), PseudoPort(folder / "far", 9600)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.001):
            self.near.write(self.far.read())
            self.far.write(self.near.read())

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self.near.close()
        self.far.close()


class Server:
    """pymodbus's own serial server for stations 1 and 17, in a thread of its own."""

    def __init__(self, port: str) -> None:
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None
        self._port = port
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(20)

    async def _serve(self) -> None:
        def block(*values: int) -> ModbusSequentialDataBlock:
            return ModbusSequentialDataBlock(1, list(values))

        one = ModbusDeviceContext(
            ir=block(0, 0, 0, 0, 0, 0, 805, 65535), hr=block(0, 0xFFD8, 0x41AC, 0x0000), di=block(0, 0, 1, 0, 0, 0, 0, 0, 1),
            co=block(0, 0),
        )  # fmt: skip
        seventeen = ModbusDeviceContext(ir=block(0, 123), hr=block(0, 7), di=block(0, 0), co=block(0, 1))
        server = ModbusSerialServer(
            ModbusServerContext(devices={1: one, 17: seventeen}, single=False),
            framer=FramerType.RTU, port=self._port, baudrate=9600,
        )  # fmt: skip
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        await server.serve_forever(background=True)
        self._ready.set()
        await self._done.wait()
        await server.shutdown()

    def close(self) -> None:
        assert self._loop is not None
        assert self._done is not None
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(20)


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[str]:
    modem = NullModem(tmp_path)
    server = Server(modem.far.path)
    yield modem.near.path
    server.close()
    modem.close()


REGISTERS = [
    {"quantity": "co_ppm", "function": 4, "register": 6, "scale": 0.1, "missing": [65535]},
    {"quantity": "methane_ppm", "function": 4, "register": 7, "missing": [65535]},
    {"quantity": "temperature_c", "function": 3, "register": 1, "type": "i16", "scale": 0.1},
    {"quantity": "humidity_pct", "function": 3, "register": 2, "type": "f32"},
    {"quantity": "smoke", "function": 2, "register": 0, "count": 8, "bit": 0, "alarm_when": 0},
    {"quantity": "heat", "function": 2, "register": 0, "count": 8, "bit": 2},
]


def test_a_driver_reads_a_pymodbus_server_over_a_port(bus: str) -> None:
    clock = SystemClock()
    one = Sensor("one", "modbus_rtu", "bus", options={"poll_s": 0.2, "registers": REGISTERS})
    other = [{"quantity": "co2_ppm", "function": 4, "register": 1}]
    far = Sensor("far", "modbus_rtu", "bus", options={"address": 17, "poll_s": 0.2, "registers": other})
    driver = DRIVERS["modbus_rtu"].make([one, far])
    assert isinstance(driver, PortDriver)
    arrived: list[Packet] = []
    source = SerialSource("bus", SerialLinkConfig(type="serial", port=bus), Line(9600), clock)
    source.start(arrived.append)
    wait_for(lambda: arrived)  # the port is open: what is asked from here on is asked once
    driver.feed(arrived.pop(0))
    found: dict[tuple[str, Q], Any] = {}
    rounds, end = 0, clock.now() + 60 * SECOND
    try:
        while (len(found) < 6 or rounds < 3) and clock.now() < end:
            for packet in driver.due(clock.now()):
                source.send(packet)
            threading.Event().wait(0.01)
            while arrived:
                readings: list[Reading] = driver.feed(arrived.pop(0))
                found |= {(r.source, r.quantity): r.value for r in readings}
            rounds = driver.health().refused.get("missing", 0)
    finally:
        source.close()
    assert found == {
        ("one", Q.CO_PPM): 80.5,
        ("one", Q.TEMPERATURE_C): -4.0,
        ("one", Q.HUMIDITY_PCT): 21.5,
        ("one", Q.SMOKE): 1.0,
        ("one", Q.HEAT): 1.0,
        ("far", Q.CO2_PPM): 123.0,
    }
    h = driver.health()
    assert set(h.refused) == {"missing"}  # register 7 holds the value that means none
    assert h.bytes_discarded == 0
