"""A real broker for tests: Mosquitto on a free loopback port, else amqtt.

``Broker`` starts, stops, restarts, is killed as by a power cut, frozen and thawed; see
``simulators.broker``. The fixtures ``broker`` and ``mosquitto`` of ``tests/conftest.py`` hand it out.
``wait_for`` is the bounded wait that tests use instead of sleeping.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from simulators.broker import Broker, BrokerError, find_mosquitto, free_port

__all__ = ["Broker", "BrokerError", "Listener", "find_mosquitto", "free_port", "publish", "wait_for"]


def wait_for(what: Callable[[], object], timeout_s: float = 10.0, every_s: float = 0.01) -> None:
    """Return once ``what()`` is true; fail after ``timeout_s``."""
    end = time.monotonic() + timeout_s
    while not what():
        if time.monotonic() > end:
            raise AssertionError(f"did not become true within {timeout_s} s: {what}")
        threading.Event().wait(every_s)


def publish(
    broker: Broker,
    messages: list[tuple[str, bytes]],
    qos: int = 1,
    retain: bool = False,
    timeout_s: float = 10.0,
) -> None:
    """Publish these (topic, payload) pairs in order, and wait until the broker has them all."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    up = threading.Event()
    client.on_connect = lambda *_: up.set()
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        assert up.wait(timeout_s), "the broker did not answer"
        sent = [client.publish(topic, payload, qos, retain) for topic, payload in messages]
        for info in sent:
            info.wait_for_publish(timeout_s)
            assert info.is_published()
    finally:
        client.disconnect()
        client.loop_stop()


class Listener:
    """Hears what is published; ``messages`` are (topic, payload, retained), in order."""

    def __init__(self, broker: Broker, topic: str = "#", qos: int = 1) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self._ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda *_: self._client.subscribe(topic, qos)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _c, _u, m: self.messages.append((m.topic, m.payload, m.retain))
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        assert self._ready.wait(10), "the broker did not answer"

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
