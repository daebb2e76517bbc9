"""Which sensors speak around here? Brokers and ports listened to together, and what should be enrolled.

Everything is heard, nothing is said: no byte to a port (unless ``ask``), no message to a broker. What the
given configuration has already is recognised and left alone; its serial ports are not opened, for a running
gateway may be reading them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.clock import Clock
from core.config import Config, MqttLinkConfig, SerialLinkConfig
from core.model import SECOND, Home, Packet, Room, Sensor
from devices import DRIVERS
from devices.recognise import bauds
from gateway.scan_broker import BrokerEar
from gateway.scan_meaning import identifier
from gateway.scan_port import PortEar
from gateway.scan_stanza import RADARS, Link
from gateway.scan_survey import Finding, Survey, Unclear, survey

DWELL_LEAST_S, DWELL_MOST_S = 0.3, 2.5
TICK_S = 0.25


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker to listen to, under the name its link has or will get."""

    link: str
    settings: MqttLinkConfig
    configured: bool


@dataclass(slots=True)
class Result:
    """What a scan found. ``links`` are those the configuration lacks."""

    findings: list[Finding] = field(default_factory=list)
    unclear: list[Unclear] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    links: dict[str, Link] = field(default_factory=dict)


class Scan:
    """Listening, and what came of it. ``config`` None: nothing is enrolled yet."""

    def __init__(
        self,
        brokers: Sequence[Broker],
        ports: Sequence[str],
        config: Config | None,
        clock: Clock,
        seconds: float = 60.0,
        ask: bool = False,
    ) -> None:
        self.home = config.as_home() if config is not None else Home("scan")
        self.seconds = seconds
        self._config, self._clock = config, clock
        self._brokers = list(brokers)
        self.brokers = [BrokerEar(b.link, b.settings, clock) for b in brokers]
        self.held = self._held(config)
        speeds = {b for s in DRIVERS.values() if s.line is not None for b in bauds(s)}
        dwell = min(DWELL_MOST_S, max(DWELL_LEAST_S, seconds / (2.5 * len(speeds))))
        open_ = [p for p in ports if os.path.realpath(p) not in self.held]
        self.known_ports = [p for p in ports if os.path.realpath(p) in self.held]
        self.ports = [PortEar(p, DRIVERS.values(), clock, dwell, ask) for p in open_]

    @staticmethod
    def _held(config: Config | None) -> dict[str, list[str]]:
        """Ports with enrolled sensors: their real paths, and whose they are."""
        held: dict[str, list[str]] = {}
        for name, link in config.links.items() if config is not None else ():
            if isinstance(link, SerialLinkConfig) and config is not None:
                mine = [i for i, s in config.sensors.items() if s.link == name]
                if mine or any(s.options.get("command_link") == name for s in config.sensors.values()):
                    held[os.path.realpath(link.port)] = mine
        return held

    def run(self, tick: Callable[[float], bool]) -> None:
        """Listen for the time given. ``tick(seconds so far)`` is called often; False ends it early."""
        for ear in self.brokers:
            ear.start()
        for port in self.ports:
            port.start()
        begun = self._clock.now()
        try:
            while (passed := (self._clock.now() - begun) / SECOND) < self.seconds and tick(passed):
                self._clock.sleep(min(TICK_S, self.seconds - passed))
        finally:
            for port in self.ports:
                port.close()
            for ear in self.brokers:
                ear.close()

    @property
    def heard_anything(self) -> bool:
        """Could at least one broker or port be listened to?"""
        return any(b.up or b.heard.messages for b in self.brokers) or any(not p.problem for p in self.ports)

    def result(self) -> Result:
        """What was found so far."""
        out = Result(known=[s for port in self.known_ports for s in self.held[os.path.realpath(port)]])
        taken: set[str] = set(self.home.sensors)
        for broker, ear in zip(self._brokers, self.brokers, strict=True):
            with ear.lock:
                found = self._survey(broker, ear, taken)
            out.findings += found.findings
            out.unclear += found.unclear
            out.known += found.known
            taken |= {f.id for f in found.findings}
            if found.findings and not broker.configured:
                out.links[broker.link] = broker.settings
        for port in self.ports:
            self._port(port, out, taken)
        return out

    def _survey(self, broker: Broker, ear: BrokerEar, taken: set[str]) -> Survey:
        mine: list[Sensor] = []
        if broker.configured:
            mine = [s for s in self.home.sensors.values() if s.link == broker.link]
        return survey(ear.heard, broker.link, self.home.rooms, mine, taken)

    def _port(self, port: PortEar, out: Result, taken: set[str]) -> None:
        guess = port.guess
        if guess is None:
            heard = ", ".join(f"{n} B @ {b}" for b, n in port.heard.items() if n)
            why = port.problem or ("scan.port.noise" if port.total else "scan.port.silent")
            out.unclear.append(Unclear(port.path, why, heard, 0))
            return
        spec = DRIVERS[guess.device]
        name = identifier("", guess.device, taken | set(self._links()) | set(out.links))
        taken.add(name)
        usual = spec.line.baud if spec.line is not None else 0
        link = next((n for n, p in self._links().items() if p == os.path.realpath(port.path)), "")
        if not link:
            link = name
            baud = None if port.guess_baud == usual else port.guess_baud
            out.links[name] = SerialLinkConfig(type="serial", port=port.path, baud=baud)
        notes: list[tuple[str, str]] = []
        if guess.or_else:
            notes.append(("scan.note.or_else", ", ".join(guess.or_else)))
        if port.asked:
            notes.append(("scan.note.asked", ""))
        if guess.device.startswith(("ti_",)):
            notes.append(("scan.note.cfg", ""))
        sure = 2 if guess.or_else or not spec.integrity else 3
        if port.asked and guess.or_else:
            sure = 1  # an answer names no gas: which module it is only its print tells
        out.findings.append(
            Finding(
                id=name,
                device=guess.device,
                link=link,
                options=dict(guess.options),
                sure=sure,
                says=tuple(_says(port, spec.name)),
                messages=guess.frames,
                notes=tuple(notes),
                name=spec.title,
            )
        )

    def _links(self) -> dict[str, str]:
        links: Mapping[str, Any] = self._config.links if self._config is not None else {}
        return {n: os.path.realpath(x.port) for n, x in links.items() if isinstance(x, SerialLinkConfig)} | {
            n: "" for n, x in links.items() if isinstance(x, MqttLinkConfig)
        }


def _says(port: PortEar, device: str) -> list[str]:
    """The last values, as its driver reads them."""
    driver = DRIVERS[device].make([Sensor("scan", device, "scan")])
    last: dict[str, str] = {}
    for reading in driver.feed(Packet("scan", "", 1, port.data[-4000:])):
        plain = isinstance(reading.value, float | int)
        shown = f"{reading.value:g}" if plain else "..."
        last[reading.quantity.value] = f"{reading.quantity.value}={shown}{reading.quantity.unit}"
    return list(last.values())


__all__ = ["RADARS", "Broker", "Result", "Room", "Scan"]
