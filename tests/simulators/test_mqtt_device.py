"""One emulated device of every MQTT convention on a real broker, heard by the real source and driver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from core.clock import SystemClock
from core.config import MqttLinkConfig
from core.model import Flag, Mark, Packet, Reading, Sensor
from core.quantity import Quantity as Q
from devices import DRIVERS
from ingest import mqtt_client
from ingest.mqtt import MqttSource
from simulators.mqtt_device import CONVENTIONS, EmulatedSender, Message, MqttLine
from tests.broker import Broker, wait_for

MQTT = sorted(s.name for s in DRIVERS.values() if s.transport == "mqtt")


def sensor_of(name: str) -> Sensor:
    sensor = DRIVERS[name].example
    assert sensor is not None
    return replace(sensor, options=dict(sensor.options) | ({"sleeps": False} if "shelly" in name else {}))


class Gateway:
    """The part of a gateway that hears: source and driver."""

    def __init__(self, sensor: Sensor, port: int) -> None:
        self.driver = DRIVERS[sensor.device].make([sensor])
        self.packets: list[Packet] = []
        self.readings: list[Reading] = []
        settings = MqttLinkConfig(type="mqtt", port=port)
        self.source = MqttSource("broker", settings, self.driver.topics(), SystemClock(), "gateway")
        self.source.start(self._put)
        wait_for(lambda: any(p.mark is Mark.UP for p in self.packets))

    def _put(self, packet: Packet) -> None:
        self.packets.append(packet)
        self.readings += self.driver.feed(packet)

    def last(self, quantity: Q) -> Reading | None:
        return next((r for r in reversed(self.readings) if r.quantity is quantity), None)

    def says(self, quantity: Q, value: float, **flags: Any) -> None:
        def found() -> bool:
            reading = self.last(quantity)
            return reading is not None and reading.value == value

        wait_for(found)


@pytest.fixture
def hear(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(mqtt_client, "RECONNECT_FIRST_S", 0.05)
    made: list[Gateway] = []

    def make(sensor: Sensor) -> Gateway:
        made.append(Gateway(sensor, broker.port))
        return made[-1]

    yield make
    for gateway in made:
        gateway.source.close()


def probe(device: EmulatedSender) -> tuple[Q, dict[str, Any]]:
    if Q.CONTACT_OPEN in device.quantities:
        return Q.CONTACT_OPEN, {"door_open": True}
    return Q.SMOKE, {"smoke": True}


def test_every_convention_has_an_emulator() -> None:
    assert sorted(CONVENTIONS) == MQTT


@pytest.mark.parametrize("name", MQTT)
def test_a_device_lives_dies_and_comes_back(name: str, broker: Broker, hear: Any) -> None:
    device = EmulatedSender(sensor_of(name))
    quantity, change = probe(device)
    with MqttLine(device, broker.host, broker.port) as line:
        line.publish([Message("flush", b"", 1)])  # acknowledged: what went before is with the broker
        gateway = hear(device.sensor)
        found_at_connect = device.convention.retained
        if found_at_connect:
            gateway.says(quantity, 0.0)
            assert gateway.last(quantity).flags & Flag.RETAINED  # of unknown age: found, not heard
        line.say()
        wait_for(lambda: (r := gateway.last(quantity)) is not None and not r.flags & Flag.RETAINED)
        assert gateway.last(quantity).value == 0.0
        device.around.change(**change)
        line.say()
        gateway.says(quantity, 1.0)
        assert not gateway.last(quantity).flags & Flag.RETAINED
        if device.press():
            line.press()
            gateway.says(Q.SOS, 1.0)
        if device.will is not None:
            line.cut()
            gateway.says(Q.AVAILABLE, 0.0)
            line.open()
            gateway.says(Q.AVAILABLE, 1.0)
    unexplained = {"not_json", "bad_payload", "encoding"} & set(gateway.driver.health().refused)
    assert not unexplained
    assert gateway.driver.health().frames_good > 0


@pytest.mark.parametrize("name", MQTT)
def test_what_is_retained_is_found_after_the_device_has_gone(name: str, broker: Broker, hear: Any) -> None:
    device = EmulatedSender(sensor_of(name))
    quantity, change = probe(device)
    device.around.change(**change)
    line = MqttLine(device, broker.host, broker.port)
    line.open()
    line.publish([Message("flush", b"", 1)])
    line.cut()
    gateway = hear(device.sensor)
    if device.convention.retained:
        gateway.says(quantity, 1.0)
        assert all(r.flags & Flag.RETAINED for r in gateway.readings)
    will = device.will
    if will is not None and will.retain:
        wait_for(lambda: any(p.channel == will.topic and p.data == will.data for p in gateway.packets))
        gateway.says(Q.AVAILABLE, 0.0)


@pytest.mark.parametrize("name", MQTT)
def test_an_orderly_end_is_told_only_where_the_convention_does(name: str, broker: Broker, hear: Any) -> None:
    device = EmulatedSender(sensor_of(name))
    with MqttLine(device, broker.host, broker.port) as line:
        gateway = hear(device.sensor)
        line.say()
        wait_for(lambda: gateway.readings)
        line.close()
        line.close()  # safe twice
        if device.convention.says_goodbye:
            gateway.says(Q.AVAILABLE, 0.0)
        else:
            other = MqttLine(EmulatedSender(replace(device.sensor, id="other")), broker.host, broker.port)
            other.open()  # anything the broker had to say would have come before this
            wait_for(lambda: len(gateway.readings) > 1)
            other.close()
            last = gateway.last(Q.AVAILABLE)
            assert last is None or last.value == 1.0


def test_without_a_broker_it_says_so() -> None:
    with pytest.raises(OSError):
        MqttLine(EmulatedSender(sensor_of("tasmota")), "127.0.0.1", 1).open()
