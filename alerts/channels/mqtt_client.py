"""How is something published so that we know it arrived? One MQTT connection that mends itself.

A publish counts when the broker has acknowledged it (QoS 1), with its reason code: only MQTT 5 tells
that an access list refused it. A broker that does not speak MQTT 5 (it says so, hangs up on us twice, or
says nothing at all) is spoken to in MQTT 3.1.1; there an acknowledgement is all it can say. Nothing waits
in memory while the broker is away.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from alerts.channels.base import read_secret
from core.config import MqttLinkConfig

_log = logging.getLogger(__name__)

REFUSING = frozenset({0x87, 0x90, 0x95, 0x99, 0x9B})
"""Reason codes that repeating will not change: not authorized, topic name invalid, packet too large,
payload format invalid, QoS not supported."""

_HANG_UPS = 2
_SILENCE_S = 3.0


class MqttPublisher:
    """A connection that publishes and knows what was acknowledged. Connects by itself, again and again.

    ``status_topic`` says ``online``, or ``offline`` once we are lost. ``on_message(topic, payload,
    retained)`` and ``on_up()`` are called from the network thread and must be quick.
    """

    def __init__(
        self,
        link: MqttLinkConfig,
        client_id: str,
        status_topic: str,
        timeout_s: float,
        *,
        topics: Sequence[str] = (),
        on_message: Callable[[str, bytes, bool], None] | None = None,
        on_up: Callable[[], None] | None = None,
    ) -> None:
        self._link, self._client_id = link, client_id
        self._where = (link.host, link.port)
        self._timeout_s = timeout_s
        self._topics, self._on_message, self._on_up = list(topics), on_message, on_up
        self._status = status_topic
        self._changed = threading.Condition()
        self._connected = False
        self._why = "not connected yet"
        self._answers: dict[int, int] = {}
        self._hung_up = 0  # times in a row the broker hung up before it answered
        self._speaks = False  # has it ever taken a connection in this version?
        self._closed = False
        self._patience: threading.Timer | None = None
        self.version = 5  # of MQTT; 4 is 3.1.1
        self.client = self._make()
        self._begin(self.client)

    def _make(self) -> Any:
        """A client of the version in use; not connected."""
        import ssl

        import paho.mqtt.client as paho
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        link = self._link
        client = paho.Client(
            callback_api_version=CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=MQTTProtocolVersion(self.version),
            clean_session=True if self.version == 4 else None,
        )
        if link.username is not None:
            password = read_secret(link.password_file) if link.password_file else None
            client.username_pw_set(link.username, password)
        if link.tls:
            context = ssl.create_default_context(cafile=str(link.ca_file) if link.ca_file else None)
            client.tls_set_context(context)
        client.will_set(self._status, "offline", qos=1, retain=True)
        # annotated as whole seconds, but only ever waited for
        client.reconnect_delay_set(0.1, 30)  # type: ignore[arg-type]
        client.on_socket_open = self._on_socket
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_packet
        return client

    def _begin(self, client: Any) -> None:
        more = {"clean_start": True} if self.version == 5 else {}
        client.connect_async(self._link.host, self._link.port, keepalive=self._link.keep_alive_s, **more)
        client.loop_start()

    def _other_version(self, client: Any, why: str) -> None:
        """This client ends and a new one speaks the other version; unless this one has worked before."""
        with self._changed:
            if client is not self.client or self._speaks or self._closed:
                return
            self.version, self._hung_up, self._why = 9 - self.version, 0, why
            self.client = self._make()
        _log.warning("the broker at %s:%d %s; trying another version of MQTT", *self._where, why)
        client.disconnect()
        client.loop_stop()
        self._begin(self.client)

    def publish(self, messages: Sequence[tuple[str, bytes, bool]]) -> list[int]:
        """Send (topic, payload, retain) and wait: the broker's reason code for each, 0 = taken.

        Raises OSError if the broker is away or does not answer in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._connected, self._timeout_s):
                raise OSError(f"the broker is away: {self._why}")
            self._answers.clear()  # late answers to earlier tries would only fill it
        mids: list[int] = []
        for topic, payload, retain in messages:
            info = self.client.publish(topic, payload, qos=1, retain=retain)
            if info.rc != 0:
                raise OSError(f"the broker went away: {self._why}")
            mids.append(info.mid)
        with self._changed:
            done = self._changed.wait_for(
                lambda: not self._connected or all(m in self._answers for m in mids), self._timeout_s
            )
            answered = all(m in self._answers for m in mids)
            answers = [self._answers.get(m, -1) for m in mids]
        if not answered:
            raise OSError(
                f"the broker went away: {self._why}" if done else "the broker gave no answer in time"
            )
        return answers

    def fault(self) -> str:
        """Why is the broker away? "" while it is there."""
        with self._changed:
            return "" if self._connected else f"the broker is away: {self._why}"

    def tell(self, topic: str, payload: bytes, retain: bool) -> None:
        """Send without waiting, if the broker is there; for what is repeated anyway."""
        if self._connected:
            self.client.publish(topic, payload, qos=1, retain=retain)

    def close(self) -> None:
        """Say goodbye: offline, then disconnect."""
        self._closed = True
        self._lose_patience()
        if self._connected:
            self.client.publish(self._status, "offline", qos=1, retain=True).wait_for_publish(1.0)
        self.client.disconnect()
        self.client.loop_stop()

    def _on_socket(self, client: Any, userdata: Any, sock: Any) -> None:
        """Nagle would hold an alert back by 5 to 45 ms; and a broker that never answers must not hold us."""
        import socket

        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._speaks:
            self._patience = threading.Timer(_SILENCE_S, self._other_version, (client, "does not answer"))
            self._patience.daemon = True
            self._patience.start()

    def _on_connect(self, client: Any, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        self._lose_patience()
        with self._changed:
            if client is not self.client:
                return
            self._connected = not code.is_failure
            self._speaks = self._speaks or self._connected
            self._why = "" if self._connected else str(code)
            self._hung_up = -1  # it answered
            self._changed.notify_all()
        if code.is_failure:
            if code.getName() == "Unsupported protocol version":
                self._other_version(client, "does not speak this version of MQTT")
            return
        client.publish(self._status, "online", qos=1, retain=True)
        if self._topics:
            client.subscribe([(topic, 1) for topic in self._topics])
        if self._on_up is not None:
            self._on_up()

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        self._lose_patience()
        with self._changed:
            if client is not self.client:
                return
            self._connected, self._why = False, str(code)
            self._hung_up += 1
            mute = self._hung_up >= _HANG_UPS
            self._changed.notify_all()
        if mute:
            self._other_version(client, "hangs up before it answers")

    def _lose_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()

    def _on_packet(self, client: Any, userdata: Any, message: Any) -> None:
        if self._on_message is not None:
            try:
                self._on_message(message.topic, message.payload, bool(message.retain))
            except Exception:  # an error in here would end the network thread without a word
                _log.exception("a message on %s could not be taken", message.topic)

    def _on_publish(self, client: Any, userdata: Any, mid: int, code: Any, properties: Any) -> None:
        with self._changed:
            self._answers[mid] = int(code.value) if code.is_failure else 0
            self._changed.notify_all()
