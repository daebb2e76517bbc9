"""Playing: at the right time, faults included."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from core.config import Config, MqttLinkConfig, SerialLinkConfig
from core.config import load as load_config
from core.model import SECOND, Mark, Packet
from simulators import scenario
from simulators.broker import Broker, BrokerError
from simulators.stage import Stage
from tests.broker import Listener, wait_for


@pytest.fixture
def stage(root: Path, tmp_path: Path) -> Iterator[Stage]:
    config, _ = load_config(root / "config.yaml")
    made = Stage(scenario.load("call_button"), config, root / "config.yaml", tmp_path / "out")
    with made:
        yield made


def test_the_written_config_points_to_what_is_there(stage: Stage) -> None:
    config, _ = load_config(stage.config_file)
    broker, port = config.links["broker"], config.links["radar_bedroom"]
    assert isinstance(broker, MqttLinkConfig)
    assert broker.port == stage.brokers["broker"].port
    assert isinstance(port, SerialLinkConfig)
    assert os.path.exists(port.port)
    assert set(config.links) == {"broker", "radar_bedroom"}
    assert set(config.sensors) == {"button_bedroom", "radar_bedroom", "motion_hall"}


def test_commands_are_answered_while_playing(stage: Stage) -> None:
    packets = [Packet("radar_bedroom", "", i * SECOND // 10, b"report") for i in range(100)]
    player = threading.Thread(target=stage.play, args=(packets, 0, 5.0))
    with serial.Serial(stage.ports["radar_bedroom"].path, 256000, timeout=10) as port:
        player.start()
        assert port.read(6) == b"report"
        port.write(bytes.fromhex("FDFCFBFA0400FF00010004030201"))
        got = b""
        while not got.endswith(bytes.fromhex("FDFCFBFA0800FF0100000100400004030201")):
            got += port.read(1)
        port.timeout = 0.2
        assert port.read(1) == b""  # no reports until it leaves the configuration
        port.timeout = 10
        port.write(bytes.fromhex("FDFCFBFA0200FE0004030201"))
        got = b""
        while not got.endswith(b"report"):
            got += port.read(1)
        stage.stop()
        player.join()


def test_cables_are_pulled_and_put_back(stage: Stage) -> None:
    name = stage.ports["radar_bedroom"].path
    first = os.readlink(name)
    broker = stage.brokers["broker"]
    stage.play(
        [Packet("radar_bedroom", "", 0, b"", Mark.DOWN), Packet("broker", "", 0, b"", Mark.DOWN)], 0, 1.0
    )
    assert not os.path.lexists(name)
    assert broker.pid is None
    stage.play([Packet("radar_bedroom", "", 0, b"", Mark.UP), Packet("broker", "", 0, b"", Mark.UP)], 0, 1.0)
    assert os.readlink(name) != "" != first
    assert broker.pid is not None
    with serial.Serial(name, 256000, timeout=10) as port:
        stage.play([Packet("radar_bedroom", "", 0, b"abc")], 0, 1.0)
        assert port.read(3) == b"abc"


def test_retained_and_passing_messages(stage: Stage) -> None:
    topic = "zigbee2mqtt/motion_hall"
    stage.remember([Packet("broker", "zigbee2mqtt/bridge/state", 0, b"online", Mark.RETAINED)])
    broker = stage.brokers["broker"]
    with Listener(broker) as heard:
        stage.play(
            [Packet("broker", topic, 0, b"{}"), Packet("broker", f"{topic}/availability", 0, b"off")], 0, 1
        )
        wait_for(lambda: len(set(heard.messages)) == 3)
    assert (topic, b"{}", False) in heard.messages
    with Listener(broker) as later:
        wait_for(lambda: len(set(later.messages)) == 2)
    assert sorted(set(later.messages)) == [  # amqtt sends them twice
        ("zigbee2mqtt/bridge/state", b"online", True),
        (f"{topic}/availability", b"off", True),
    ]


def test_time_runs_at_the_given_speed(stage: Stage) -> None:
    reached: list[int] = []
    packets = [Packet("radar_bedroom", "", i * SECOND, b"x") for i in range(20)]
    assert stage.play(packets, 0, 100.0, reached.append)
    assert reached == [p.at for p in packets]


def test_stopped_it_returns_at_once_and_says_so(stage: Stage) -> None:
    threading.Timer(0.2, stage.stop).start()
    assert not stage.play([Packet("radar_bedroom", "", 10**6 * SECOND, b"x")], 0, 1.0)


def test_a_failing_broker_leaves_nothing_behind(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config: Config = load_config(root / "config.yaml")[0]
    made = Stage(scenario.load("fall_in_hall"), config, root / "config.yaml", tmp_path)

    def broken(self: Broker) -> None:
        raise BrokerError("no")

    monkeypatch.setattr(Broker, "start", broken)
    with pytest.raises(BrokerError):
        made.open()
    assert made.ports == {}
    assert list((tmp_path / "ports").iterdir()) == []
