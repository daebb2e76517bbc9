"""How does a test body reach a device? The same few verbs for an emulated one and for one on a cable.

Both rigs run the gateway's own serial source and the device's own driver. :class:`EmulatedRig` goes in
lock-step with a clock of its own, so that a loaded machine changes nothing; only while a port is away does
it wait in real time. :class:`HardwareRig` waits, and asks the person at the bench.
"""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.clock import Clock, ManualClock, SystemClock
from core.config import SerialLinkConfig
from core.contracts import Line as LineSettings
from core.model import SECOND, Health, Mark, Packet, Reading, Sensor
from devices import DRIVERS
from devices.port import PortDriver
from ingest.serial_port import SerialSource
from simulators.device import EmulatedDevice
from simulators.line import Line
from simulators.sheets import SHEETS, Sheet
from tests.hardware.bench_file import BenchDevice

STEP_S = 0.25
SETTLE_S = 20.0  # the kernel hands bytes over within milliseconds; a busy machine may need longer
FINISH_S = 10.0
COMMAND_LINE = LineSettings(115200)
Ask = Callable[[str], bool]


class Rig(ABC):
    """One device, its source and driver. Times are seconds; ``readings`` and ``marks`` grow."""

    real = False
    open_s = SETTLE_S
    may_unplug = True
    may_ask = True

    def __init__(self, sensor: Sensor, clock: Clock, settings: dict[str, SerialLinkConfig]) -> None:
        self.sensor, self.clock = sensor, clock
        self.spec = DRIVERS[sensor.device]
        self.sheet: Sheet = SHEETS[sensor.device]
        self.frames_per_s = self.sheet.frames_per_s
        self.refused_share = 0.01
        driver = self.spec.make([sensor])
        assert isinstance(driver, PortDriver)
        self.driver = driver
        self.readings: list[Reading] = []
        self.marks: list[tuple[int, Mark, str]] = []
        self.asked = 0  # bytes the driver wanted to send
        self._put: queue.SimpleQueue[Packet] = queue.SimpleQueue()
        self.sources: dict[str, SerialSource] = {}
        for link, setting in settings.items():
            assert self.spec.line is not None
            line = self.spec.line if link == sensor.link else COMMAND_LINE
            self.sources[link] = SerialSource(link, setting, line, clock)

    @property
    def source(self) -> SerialSource:
        """The source of the data port."""
        return self.sources[self.sensor.link]

    @property
    def health(self) -> Health:
        """The driver's counters."""
        return self.driver.health()

    @property
    def up(self) -> bool:
        """Are all its ports open?"""
        return all(s.status()["up"] for s in self.sources.values())

    def now_s(self) -> float:
        """Event time in seconds."""
        return self.clock.now() / SECOND

    def start(self) -> None:
        """Open the ports; the driver begins to talk."""
        for source in self.sources.values():
            source.start(self._put.put)
        self.wait_up(self.open_s)

    def take(self) -> None:
        """Give the driver what has arrived."""
        while True:
            try:
                packet = self._put.get_nowait()
            except queue.Empty:
                return
            if packet.mark is not Mark.DATA:
                self.marks.append((packet.at, packet.mark, packet.data.decode(errors="replace")))
            self.readings += self.driver.feed(packet)

    def say(self) -> int:
        """Send what the driver wants to send by now; how many bytes went to a port that is open?"""
        sent = 0
        for packet in self.driver.due(self.clock.now()):
            self.asked += len(packet.data)
            source = self.sources[packet.link]
            before = source.status()["send_dropped"]
            source.send(packet)
            sent += len(packet.data) if source.status()["send_dropped"] == before else 0
        return sent

    def until(self, what: Callable[[], object], within_s: float) -> float:
        """After how many seconds does ``what()`` become true? Fails after ``within_s``."""
        begun = self.now_s()
        while not what():
            if self.now_s() - begun > within_s:
                raise AssertionError(f"not within {within_s} s; {self.explain()}")
            self.step()
        return self.now_s() - begun

    def run(self, seconds: float) -> None:
        """Let it go on for a while."""
        end = self.now_s() + seconds
        while self.now_s() < end:
            self.step()

    def explain(self) -> str:
        """What a person needs to see when something is not as it should be."""
        ports = [s.status() for s in self.sources.values()]
        told = "; ".join(f"{p['where']}: {'up' if p['up'] else p['reason']}" for p in ports)
        h = self.health
        return (
            f"{self.sensor.device} on {told}; {h.bytes_in} bytes in, {h.frames_good} good frames, "
            f"refused {h.refused or 'nothing'}"
        )

    def wait_up(self, within_s: float) -> None:
        """Wait in real time until the ports are open."""
        end = time.monotonic() + within_s
        while not self.up:
            if time.monotonic() > end:
                raise AssertionError(f"the port did not open within {within_s} s; {self.explain()}")
            threading.Event().wait(0.01)

    @abstractmethod
    def step(self) -> None:
        """A little time passes."""

    @abstractmethod
    def unplug(self) -> bool:
        """The plug is pulled; False if nobody could."""

    @abstractmethod
    def replug(self) -> bool:
        """It is put back."""

    @abstractmethod
    def stimulus(self, kind: str, on: bool) -> bool:
        """Something happens in front of the sensor: walk, test_gas, test_smoke, test_button."""

    def close(self) -> None:
        """Let go of the ports."""
        for source in self.sources.values():
            source.close()


STIMULI: dict[str, dict[str, Any]] = {
    "walk": {"present": True, "moving": True},
    "test_gas": {"co_ppm": 80.0, "methane_lel_pct": 15.0, "co2_ppm": 3000.0, "formaldehyde_ppm": 0.4},
    "test_smoke": {"smoke": True},
    "test_button": {"test": True, "smoke": False},
}
AT_REST: dict[str, dict[str, Any]] = {
    "walk": {"present": False},
    "test_gas": {"co_ppm": 0.4, "methane_lel_pct": 0.0, "co2_ppm": 600.0, "formaldehyde_ppm": 0.02},
    "test_smoke": {"smoke": False},
    "test_button": {"test": False},
}
REQUESTS = {
    ("walk", True): "walk up and down in front of {name} until this goes on",
    ("walk", False): "leave the place so that {name} sees nobody (it may need a minute)",
    ("test_gas", True): "give {name} test gas (or breathe on a CO2 sensor)",
    ("test_gas", False): "let fresh air come to {name}",
    ("test_smoke", True): "give {name} test smoke",
    ("test_smoke", False): "let fresh air come to {name}",
    ("test_button", True): "press and hold the test button of {name}",
    ("test_button", False): "let the test button of {name} go",
}


class EmulatedRig(Rig):
    """An emulated device on a pseudo-terminal, in lock-step."""

    def __init__(self, sensor: Sensor, folder: Path, baud: int | None = None) -> None:
        self.line = Line(EmulatedDevice(sensor), folder / "port")
        self.virtual = ManualClock(1_700_000_000 * SECOND)
        self.line.device.power(self.virtual.now())
        ports = {sensor.link: SerialLinkConfig(type="serial", port=self.line.port.path, baud=baud)}
        if self.line.command is not None:
            link = sensor.options["command_link"]
            ports[link] = SerialLinkConfig(type="serial", port=self.line.command.path)
        super().__init__(sensor, self.virtual, ports)
        self._base = 0  # bytes sent before the port was opened last

    def start(self) -> None:
        super().start()
        self._mark()
        self.take()

    def step(self) -> None:
        self.virtual.advance(round(STEP_S * SECOND))
        now = self.virtual.now()
        if not (self.line.port.plugged and self.up):
            self._outage(now)
            return
        wanted = self.line.heard + self.say()
        self.line.turn(now)
        self._settle(lambda: self.line.turn(now) or self.line.heard >= wanted)
        self._settle(lambda: not self.up or self._arrived() >= self._sent() - self._base)
        self.take()

    def _sent(self) -> int:
        return sum(port.sent for port in self.line.ports)

    def _arrived(self) -> int:
        return sum(int(s.status()["bytes"]) for s in self.sources.values()) - self._seen

    def _mark(self) -> None:
        self._seen = 0
        self._base, self._seen = self._sent(), self._arrived()

    def _outage(self, now: int) -> None:
        """While a port is away the source's own clock counts: wait as long as the step says."""
        threading.Event().wait(STEP_S if self.real_outage else 0.02)
        self.take()
        if self.line.port.plugged and self.up:
            self._mark()

    real_outage = False

    def _settle(self, done: Callable[[], object]) -> None:
        end = time.monotonic() + SETTLE_S
        while not done():
            if time.monotonic() > end:
                raise AssertionError(f"bytes did not arrive within {SETTLE_S} s; {self.explain()}")
            threading.Event().wait(0.0005)

    def unplug(self) -> bool:
        self.line.unplug(self.virtual.now())
        return True

    def replug(self) -> bool:
        self.line.replug(self.virtual.now())
        return True

    def stimulus(self, kind: str, on: bool) -> bool:
        self.line.device.around.change(**(STIMULI if on else AT_REST)[kind])
        return True

    def close(self) -> None:
        super().close()
        self.line.close()


class HardwareRig(Rig):
    """A real device; what only a person can do is asked for."""

    real = True
    open_s = 5.0

    def __init__(self, name: str, entry: BenchDevice, ask: Ask, baud: int | None = None) -> None:
        sensor = entry.sensor(name)
        ports = {name: SerialLinkConfig(type="serial", port=entry.port, baud=baud or entry.baud)}
        if entry.command_port:
            ports[f"{name}-command"] = SerialLinkConfig(type="serial", port=entry.command_port)
        super().__init__(sensor, SystemClock(), ports)
        self._ask, self.may_unplug, self.may_ask = ask, entry.unplug, entry.stimuli
        self._understood = baud is None
        self.frames_per_s = entry.frames_per_s or self.sheet.frames_per_s
        self.refused_share = entry.refused_share

    def step(self) -> None:
        self.say()
        threading.Event().wait(0.02)
        self.take()

    def unplug(self) -> bool:
        return self._ask(f"pull the plug of {self.sensor.id}")

    def replug(self) -> bool:
        return self._ask(f"put the plug of {self.sensor.id} back")

    def stimulus(self, kind: str, on: bool) -> bool:
        return self._ask(REQUESTS[kind, on].format(name=self.sensor.id))

    def close(self) -> None:
        """A radar that is left in its configuration mode is silent for whoever comes next: finish first."""
        dialogue, end = self.driver.dialogue, self.now_s() + FINISH_S
        while self._understood and self.up and not dialogue.done and self.now_s() < end:
            self.step()
        if self._understood and not dialogue.done and dialogue.leave:
            self.source.send(Packet(self.sensor.link, "", self.clock.now(), dialogue.leave))
            self.step()
        super().close()
