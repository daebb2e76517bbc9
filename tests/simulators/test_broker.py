from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from simulators.broker import START_S
from tests.broker import Broker, BrokerError, Listener, find_mosquitto, free_port, publish, wait_for


@pytest.fixture(params=["mosquitto", "amqtt"])
def any_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    if request.param == "mosquitto" and not find_mosquitto():
        pytest.skip("mosquitto is not installed")
    if request.param == "amqtt":
        pytest.importorskip("amqtt", reason="amqtt is not installed")
    own = Broker(tmp_path, kind=request.param)
    own.start()
    yield own
    own.close()


def test_messages_pass(any_broker: Broker) -> None:
    with Listener(any_broker, "a/#") as heard:
        publish(any_broker, [("a/1", b"one"), ("b/1", b"other"), ("a/2", "客厅".encode())])
        wait_for(lambda: len(heard.messages) == 2)
    assert heard.messages == [("a/1", b"one", False), ("a/2", "客厅".encode(), False)]
    assert bool(any_broker.warning) == (any_broker.kind == "amqtt")


def test_it_comes_back_on_its_port_and_leaves_no_process(any_broker: Broker) -> None:
    port, first = any_broker.port, any_broker.pid
    any_broker.kill()
    assert any_broker.pid is None
    assert not any_broker.listening()
    any_broker.restart()
    assert any_broker.port == port
    publish(any_broker, [("a", b"x")])
    second = any_broker.pid
    any_broker.close()
    any_broker.close()
    assert first
    assert second
    assert not psutil.pid_exists(first)
    assert not psutil.pid_exists(second)


def test_queued_messages_survive_a_power_cut(mosquitto: Broker) -> None:
    def client() -> mqtt.Client:
        made = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="gateway", clean_session=False)
        made.connect(mosquitto.host, mosquitto.port)
        return made

    got: list[tuple[bytes, bool]] = []
    first = client()
    first.on_connect = lambda c, *_: c.subscribe("a/#", 1)
    ready: list[bool] = []
    first.on_subscribe = lambda *_: ready.append(True)
    first.loop_start()
    wait_for(lambda: ready)
    first.disconnect()
    first.loop_stop()
    publish(mosquitto, [("a/q0", b"%d" % i) for i in range(50)], qos=0)
    publish(mosquitto, [("a/q1", b"%d" % i) for i in range(50)], qos=1)
    saved = mosquitto.folder / "mosquitto.db"
    wait_for(saved.exists)
    before = saved.stat().st_mtime_ns  # a save later than this holds all of them
    publish(mosquitto, [("a/nudge", b"nudge")] * 3, qos=1)
    wait_for(lambda: saved.stat().st_mtime_ns > before)
    mosquitto.kill()
    mosquitto.restart()
    second = client()
    second.on_message = lambda _c, _u, m: got.append((m.payload, m.retain))
    second.loop_start()
    try:
        wait_for(lambda: len([p for p, _ in got if p != b"nudge"]) == 100)
    finally:
        second.disconnect()
        second.loop_stop()
    assert {retained for _, retained in got} == {False}


def test_frozen_it_does_not_answer_but_stays_connected(mosquitto: Broker) -> None:
    with Listener(mosquitto, "a") as heard:
        mosquitto.freeze()
        state = psutil.Process(mosquitto.pid)
        wait_for(lambda: state.status() == psutil.STATUS_STOPPED)
        mosquitto.thaw()
        publish(mosquitto, [("a", b"x")])
        wait_for(lambda: heard.messages)


def test_a_taken_port_is_said_in_time(tmp_path: Path, mosquitto: Broker) -> None:
    assert START_S <= 10
    with pytest.raises(BrokerError, match=str(mosquitto.port)):
        Broker(tmp_path / "broker", port=mosquitto.port, kind="mosquitto").start()


def test_a_folder_of_its_own_is_removed() -> None:
    own = Broker()
    with own:
        assert own.folder.is_dir()
    assert not own.folder.exists()


def test_free_ports_are_free() -> None:
    assert 1024 < free_port() < 65536
