from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import Packet, Sensor
from devices import DRIVERS
from simulators import bench
from tests.broker import Broker, Listener, wait_for


@given(st.integers(0, 9999), st.integers(0, 100), st.integers(200, 400))
def test_payloads_have_their_size_and_are_understood(sensor: int, turn: int, size: int) -> None:
    data = bench.payload(sensor, turn, size)
    assert len(data) == size
    enrolled = Sensor("s", "zigbee2mqtt", "broker", address=bench.topic(sensor))
    driver = DRIVERS["zigbee2mqtt"].make([enrolled])
    readings = driver.feed(Packet("broker", bench.topic(sensor), 0, data))
    assert len(readings) >= 4
    assert not driver.health().refused
    danger = {"smoke", "gas", "co", "water", "sos"}
    assert not [r for r in readings if r.quantity.value in danger and r.value]


def test_a_size_too_small_is_said() -> None:
    with pytest.raises(ValueError, match="at least"):
        bench.payload(0, 0, 20)


@pytest.mark.parametrize("qos", [0, 1])
def test_everything_arrives_in_order(mosquitto: Broker, qos: int) -> None:
    broker = mosquitto  # amqtt drops what a client sent that has gone meanwhile
    with Listener(broker, "zigbee2mqtt/+", qos) as heard:
        report = bench.load(broker.host, broker.port, 800, sensors=20, qos=qos)
        wait_for(lambda: len(heard.messages) == 800)
    assert report.messages == 800
    assert [(t, p) for t, p, _ in heard.messages] == list(bench.messages(800, 20))


def test_a_rate_is_kept_as_a_bound(broker: Broker) -> None:
    report = bench.load(broker.host, broker.port, 300, sensors=5, rate_per_s=1000)
    assert report.seconds >= 0.298


def test_the_command_prints_json(broker: Broker, root: Path) -> None:
    command = [sys.executable, "-m", "simulators.bench", "--port", str(broker.port), "--messages", "200"]
    said = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(said.stdout)["messages"] == 200


def test_nobody_there_is_an_error(broker: Broker) -> None:
    broker.stop()
    with pytest.raises(OSError):
        bench.load(broker.host, broker.port, 10)
