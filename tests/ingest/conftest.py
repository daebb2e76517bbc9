"""A gatherer of packets, and a source on a broker that is closed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from core.clock import SystemClock
from core.config import MqttLinkConfig
from core.model import Mark, Packet
from ingest import mqtt_client
from ingest.mqtt import MqttSource


class Gatherer:
    """Keeps what a source puts; ``full`` makes it refuse like a full inbox."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.full = False

    def __call__(self, packet: Packet) -> bool:
        if self.full and packet.mark in (Mark.DATA, Mark.RETAINED):
            return False
        self.packets.append(packet)
        return True

    def data(self) -> list[tuple[str, bytes]]:
        return [(p.channel, p.data) for p in self.packets if p.mark in (Mark.DATA, Mark.RETAINED)]

    def payloads(self) -> list[bytes]:
        return [p.data for p in self.packets if p.mark in (Mark.DATA, Mark.RETAINED)]

    def marks(self) -> list[Mark]:
        return [p.mark for p in self.packets if p.mark not in (Mark.DATA, Mark.RETAINED)]

    def up(self) -> bool:
        return bool(self.marks()) and self.marks()[-1] in (Mark.UP, Mark.LOST)


@pytest.fixture
def gathered() -> Gatherer:
    return Gatherer()


@pytest.fixture
def source_on(monkeypatch) -> Iterator[Callable[..., MqttSource]]:
    """Makes sources of a port, which reconnect at once; closes them all in the end."""
    monkeypatch.setattr(mqtt_client, "RECONNECT_FIRST_S", 0.05)
    made: list[MqttSource] = []

    def make(port: int, topics: tuple[str, ...] = ("home/#",), **more: object) -> MqttSource:
        settings = MqttLinkConfig(type="mqtt", port=port, **more.pop("settings", {}))  # type: ignore[arg-type]
        client_id = str(more.pop("client_id", "hearthwatch-test"))
        source = MqttSource("broker", settings, topics, SystemClock(), client_id, **more)  # type: ignore[arg-type]
        made.append(source)
        return source

    yield make
    for source in made:
        source.close()
