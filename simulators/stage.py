"""How is a scenario played to a real gateway? Brokers, pseudo-terminals, and a clock that may run fast.

:class:`Stage` puts up one broker for each MQTT link and one pseudo-terminal for each serial link,
writes the configuration that points to them, and plays packets at their times. What the devices hear on
their ports they answer. One thread does it all, beside those of the MQTT clients.
"""

from __future__ import annotations

import contextlib
import selectors
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from core.config import Config, MqttLinkConfig
from core.model import SECOND, Home, Mark, Packet
from simulators.broker import Broker, BrokerError
from simulators.echo import Echo
from simulators.home import played
from simulators.pty import PseudoPort
from simulators.rewrite import Endpoint, write_config
from simulators.scenario import Scenario

RETAINED_TOPICS = ("/availability", "/bridge/state")
FLUSH_S = 5.0


class Stage:
    """Everything a gateway connects to while a scenario plays. Use as a context."""

    def __init__(self, scenario: Scenario, config: Config, config_file: Path, out: Path) -> None:
        self.scenario, self.config, self.source, self.out = scenario, config, config_file, out
        self.home: Home = played(scenario, config.as_home())
        self.config_file = out / "config.yaml"
        self.brokers: dict[str, Broker] = {}
        self.ports: dict[str, PseudoPort] = {}
        self.packets = 0
        self._ears: dict[str, Echo] = {}
        self._clients: dict[str, mqtt.Client] = {}
        self._stop = threading.Event()
        self._select = selectors.DefaultSelector()

    # -- putting up and taking down

    def open(self) -> None:
        """Start brokers and ports and write the configuration. Raises BrokerError."""
        self.out.mkdir(parents=True, exist_ok=True)
        ports = self.out / "ports"
        ports.mkdir(exist_ok=True)
        endpoints: dict[str, Endpoint] = {}
        try:
            for name in sorted({s.link for s in self.home.sensors.values()}):
                if isinstance(self.config.links[name], MqttLinkConfig):
                    endpoints[name] = self._open_broker(name)
                else:
                    port = self.ports[name] = PseudoPort(ports / name)
                    on_it = [s for s in self.home.sensors.values() if s.link == name]
                    self._ears[name] = Echo(on_it)
                    self._select.register(port.fileno(), selectors.EVENT_READ, name)
                    endpoints[name] = port.path
        except BaseException:
            self.close()
            raise
        write_config(self.source, self.config_file, self.scenario, self.home, endpoints)

    def _open_broker(self, link: str) -> tuple[str, int]:
        broker = self.brokers[link] = Broker()
        broker.start()
        client = self._clients[link] = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"hearthwatch-sim-{link}"
        )
        up = threading.Event()
        client.on_connect = lambda *_: up.set()
        client.reconnect_delay_set(1, 2)
        client.connect(broker.host, broker.port)
        client.loop_start()
        if not up.wait(10):
            raise BrokerError(f"{broker.kind} on port {broker.port} takes connections but does not answer")
        return broker.host, broker.port

    def close(self) -> None:
        """Take everything down. Safe twice, and after a failed :meth:`open`."""
        self._stop.set()
        for client in self._clients.values():
            with contextlib.suppress(OSError):
                client.disconnect()
            client.loop_stop()
        self._clients.clear()
        for port in self.ports.values():
            self._forget(port)
            port.close()
        self.ports.clear()
        for broker in self.brokers.values():
            broker.close()
        self.brokers.clear()

    def stop(self) -> None:
        """Let :meth:`play` return soon. Safe from signal handlers and other threads."""
        self._stop.set()

    # -- playing

    def watch(self, handle: int, ready: Callable[[], None]) -> None:
        """Call ``ready`` while playing when this descriptor can be read (standard input, signals)."""
        self._select.register(handle, selectors.EVENT_READ, ready)

    def unwatch(self, handle: int) -> None:
        """No longer."""
        with contextlib.suppress(KeyError):
            self._select.unregister(handle)

    def remember(self, packets: Iterable[Packet]) -> None:
        """Publish what a gateway is to find when it connects."""
        sent = [self._clients[p.link].publish(p.channel, p.data, qos=1, retain=True) for p in packets]
        for info in sent:
            info.wait_for_publish(FLUSH_S)

    def play(
        self, packets: Iterable[Packet], start: int, speed: float, told: Callable[[int], None] | None = None
    ) -> bool:
        """Send each packet when its time has come; event time ``start`` is now. Did it reach the end?

        ``told`` is called with the event time reached, before each packet. Late packets go at once.
        """
        begun = time.monotonic()
        for packet in packets:
            due = begun + (packet.at - start) / SECOND / speed
            self._wait(due)
            if self._stop.is_set():
                return False
            if told:
                told(packet.at)
            self._send(packet)
        return True

    def idle(self, until: Callable[[], bool]) -> None:
        """Answer on the ports until then or until stopped."""
        while not until() and not self._stop.is_set():
            self._wait(time.monotonic() + 0.2)

    def _wait(self, due: float) -> None:
        while not self._stop.is_set():
            left = due - time.monotonic()
            for key, _ in self._select.select(max(0.0, min(left, 0.5))):
                if callable(key.data):
                    key.data()
                else:
                    self._listen(key.data)
            if left <= 0:
                return

    def _listen(self, link: str) -> None:
        port, ear = self.ports[link], self._ears[link]
        if answer := ear.hear(port.read()):
            port.write(answer)

    def _send(self, packet: Packet) -> None:
        if packet.mark is Mark.DOWN:
            self._pull(packet.link)
        elif packet.mark is Mark.UP:
            self._push(packet.link)
        elif packet.mark is not Mark.DATA:
            return
        elif port := self.ports.get(packet.link):
            self.packets += 1
            port.write(self._ears[packet.link].passes(packet))
        else:
            self.packets += 1
            lasting = packet.channel.endswith(RETAINED_TOPICS)
            self._clients[packet.link].publish(
                packet.channel, packet.data, qos=1 if lasting else 0, retain=lasting
            )

    def _pull(self, link: str) -> None:
        if port := self.ports.get(link):
            self._forget(port)
            port.unplug()
        else:
            self.brokers[link].stop()

    def _push(self, link: str) -> None:
        if port := self.ports.get(link):
            if not port.plugged:
                port.plug()
                self._select.register(port.fileno(), selectors.EVENT_READ, link)
        elif self.brokers[link].pid is None:
            self.brokers[link].restart()

    def _forget(self, port: PseudoPort) -> None:
        if port.plugged:
            self.unwatch(port.fileno())

    def __enter__(self) -> Stage:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
