"""How does a scan hear a broker without leaving a trace? A clean session that subscribes to everything.

Nothing is published, no will is left, the session ends with the connection; QoS 0, so that the broker queues
nothing for us.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from core.clock import Clock
from core.config import MqttLinkConfig
from gateway.scan_heard import Heard
from ingest.mqtt_client import CONNECT_TIMEOUT_S, password, tls_context


class BrokerEar:
    """One broker being listened to; ``heard`` is guarded by ``lock``."""

    def __init__(self, link: str, settings: MqttLinkConfig, clock: Clock) -> None:
        self.link, self.settings = link, settings
        self.heard = Heard(link)
        self.lock = threading.Lock()
        self.up = False
        self.problem = ""
        self._clock = clock
        self._client: paho.Client | None = None
        self.answered = threading.Event()  # connected and subscribed, or refused

    @property
    def where(self) -> str:
        """Host and port."""
        return f"{self.settings.host}:{self.settings.port}"

    def start(self) -> None:
        """Begin. Raises ``ingest.errors.SourceError`` for a password or certificate file that is no use."""
        settings = self.settings
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"hearthwatch-scan-{os.urandom(4).hex()}",
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        if settings.username is not None:
            client.username_pw_set(settings.username, password(self.link, settings))
        if settings.tls:
            client.tls_set_context(tls_context(self.link, settings))
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.reconnect_delay_set(1, 4)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        self._client = client
        client.connect_async(settings.host, settings.port, settings.keep_alive_s)
        client.loop_start()

    def close(self) -> None:
        """Say goodbye; the broker forgets us."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(OSError):
                client.disconnect()
            stopper = threading.Thread(target=client.loop_stop, daemon=True)  # it may wait for a connect
            stopper.start()
            stopper.join(5)

    # -- in the client's thread; none may raise

    def _on_connect(self, client: paho.Client, _u: Any, _flags: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            self.problem = "scan.broker.refused"
            self.answered.set()
        else:
            client.subscribe("#", 0)

    def _on_subscribe(self, _c: Any, _u: Any, _mid: int, codes: Any, _p: Any) -> None:
        self.up = not any(code.is_failure for code in codes)
        self.problem = "" if self.up else "scan.broker.forbidden"
        self.answered.set()

    def _on_connect_fail(self, _c: Any, _u: Any) -> None:
        error = sys.exc_info()[1]  # the client calls this while it handles the error
        absent = isinstance(error, (ConnectionRefusedError, socket.gaierror))
        self.problem = "scan.broker.tls" if self.settings.tls and not absent else "scan.broker.none"
        self.answered.set()

    def _on_disconnect(self, _c: Any, _u: Any, _f: Any, _code: Any, _p: Any) -> None:
        self.up = False

    def _on_message(self, _c: Any, _u: Any, message: Any) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        with self.lock:
            self.heard.take(topic, bytes(message.payload), bool(message.retain), self._clock.now())
