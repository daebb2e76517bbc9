from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.channels import ChannelContext, mqtt_client
from alerts.channels.mqtt import MqttChannel, MqttParams
from core.clock import ManualClock
from core.config import MqttLinkConfig
from core.model import AlertState
from tests.alerts.making import HOME, alert, key
from tests.broker import Broker, Listener, wait_for


def channel(broker: Broker, **options: Any) -> MqttChannel:
    link = MqttLinkConfig(type="mqtt", host=broker.host, port=broker.port)
    context = ChannelContext(HOME, "en", {"broker": link}, ManualClock(), name="out")
    return MqttChannel(MqttParams("broker", **{"timeout_s": 5.0, **options}), context)


@pytest.fixture
def made(mosquitto: Broker) -> Iterator[MqttChannel]:
    out = channel(mosquitto)
    yield out
    out.close()


def test_events_are_not_retained_states_are(mosquitto: Broker, made: MqttChannel) -> None:
    with Listener(mosquitto) as live:
        assert made.deliver([alert(1), alert(2)]) == [key(alert(1)), key(alert(2))]
        wait_for(lambda: len([m for m in live.messages if m[0] == "hearthwatch/h/alert"]) == 2)
        data = json.loads(next(p for t, p, _ in live.messages if t == "hearthwatch/h/alert"))
        assert (data["id"], data["title"]) == (alert(1).id, "ALARM: smoke (厨房)")
    cleared = alert(1, 2, state=AlertState.CLEARED)
    assert made.deliver([cleared]) == [key(cleared)]
    with Listener(mosquitto) as late:
        wait_for(lambda: len(late.messages) >= 2)
        topics = {t: p for t, p, retained in late.messages if retained}
    assert set(topics) == {"hearthwatch/h/status", f"hearthwatch/h/alerts/{alert(2).id}"}
    assert topics["hearthwatch/h/status"] == b"online"


def test_the_broker_says_offline_when_we_are_gone(mosquitto: Broker) -> None:
    out = channel(mosquitto)
    out.deliver([alert()])
    with Listener(mosquitto, "hearthwatch/h/status") as ear:
        wait_for(lambda: [p for _, p, _ in ear.messages] == [b"online"])
        sock = out._publisher.client.socket()
        assert sock is not None
        sock.shutdown(socket.SHUT_RDWR)  # no goodbye
        wait_for(lambda: [p for _, p, _ in ear.messages][:3] == [b"online", b"offline", b"online"])
        out.close()
        wait_for(lambda: ear.messages[-1][1] == b"offline")


def test_nothing_is_taken_while_the_broker_is_away_and_all_is_after_it_is_back(mosquitto: Broker) -> None:
    mosquitto.stop()
    out = channel(mosquitto, timeout_s=0.3)
    with pytest.raises(OSError, match="broker"):
        out.deliver([alert()])
    mosquitto.start()
    wait_for(lambda: out._publisher._connected, 20)
    out._publisher._timeout_s = 5.0  # it is there: give it time on a busy machine
    assert out.deliver([alert()]) == [key(alert())]
    mosquitto.kill()
    wait_for(lambda: not out._publisher._connected)
    out._publisher._timeout_s = 0.3
    with pytest.raises(OSError, match="broker"):
        out.deliver([alert(2)])
    mosquitto.start()
    wait_for(lambda: out._publisher._connected, 20)
    out._publisher._timeout_s = 5.0
    assert out.deliver([alert(2)]) == [key(alert(2))]
    out.close()


def test_a_frozen_broker_is_given_up_in_time(mosquitto: Broker) -> None:
    out = channel(mosquitto, timeout_s=1.0)
    out.deliver([alert()])
    mosquitto.freeze()
    with pytest.raises(OSError, match="in time"):
        out.deliver([alert(2)])
    mosquitto.thaw()
    assert out.deliver([alert(2)]) == [key(alert(2))]
    out.close()


def test_nagle_is_off(mosquitto: Broker, made: MqttChannel) -> None:
    made.deliver([alert()])
    sock = made._publisher.client.socket()
    assert sock is not None
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_prefix_must_be_a_topic() -> None:
    for bad in ("", "a/#", "/a", "a/"):
        with pytest.raises(ValueError, match="prefix"):
            MqttParams("broker", prefix=bad)


def test_a_link_that_is_no_broker_is_refused() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        MqttChannel(MqttParams("nowhere"), ChannelContext(HOME))


# -- a broker that does not speak MQTT 5


class OldBroker:
    """Refuses version 5 as told, hands everything else on to a real broker."""

    def __init__(self, broker: Broker, refusal: bytes) -> None:
        self.versions: list[int] = []
        self._broker, self._refusal = broker, refusal
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._socket.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            first = near.recv(4096)
            self.versions.append(first[first.index(b"MQTT") + 4])
            if self.versions[-1] == 5:
                near.sendall(self._refusal)
                near.close()
                continue
            far = socket.create_connection((self._broker.host, self._broker.port))
            far.sendall(first)
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(a, b), daemon=True).start()

    @staticmethod
    def _copy(a: socket.socket, b: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := a.recv(4096):
                b.sendall(data)
        with contextlib.suppress(OSError):
            b.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


@pytest.mark.parametrize("refusal", [b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00", b""])
def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(mosquitto: Broker, refusal: bytes) -> None:
    old = OldBroker(mosquitto, refusal)
    out = channel(old, timeout_s=15.0)  # type: ignore[arg-type]
    with Listener(mosquitto) as ear:
        assert out.deliver([alert()]) == [key(alert())]
        wait_for(lambda: "hearthwatch/h/alert" in {t for t, _, _ in ear.messages})
        out.close()
        wait_for(lambda: ear.messages[-1][:2] == ("hearthwatch/h/status", b"offline"))
    assert old.versions[-1] == 4
    assert out._publisher.version == 4
    old.close()


def test_amqtt_speaks_3_1_1_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_client, "_SILENCE_S", 0.7)
    pytest.importorskip("amqtt", reason="amqtt is not installed")
    broker = Broker(tmp_path, kind="amqtt")
    broker.start()
    out = channel(broker, timeout_s=15.0)
    try:
        assert out.deliver([alert()]) == [key(alert())]
        assert out._publisher.version == 4
    finally:
        out.close()
        broker.stop()
