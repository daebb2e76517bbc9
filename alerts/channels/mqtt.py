"""How do other programs on the broker hear of alerts? As JSON on topics of our own.

==============================  ========  =======================================================
topic                           retained  content
==============================  ========  =======================================================
hearthwatch/<home>/alert        no        every revision, as it happens
hearthwatch/<home>/alerts/<id>  yes       latest revision of each open alert; empty once cleared
hearthwatch/<home>/status       yes       ``online`` or, by the broker at our loss, ``offline``
==============================  ========  =======================================================

Events are never retained: whoever subscribes later must not take an old one for news. A revision counts
as taken when the broker has acknowledged both messages (QoS 1, MQTT 5, so that a refusal by its access
list is told). Nothing is queued in memory while the broker is away: the outbox is the queue.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from alerts.channels.base import FORBID, ChannelContext, ChannelSpec, read_secret
from alerts.channels.payload import as_bytes
from core.config import MqttLinkConfig
from core.contracts import Refused
from core.model import Alert, AlertState

_REFUSING = frozenset({0x87, 0x90, 0x95, 0x99, 0x9B})
"""Reason codes that repeating will not change: not authorized, topic name invalid, packet too large,
payload format invalid, QoS not supported."""


@dataclass(frozen=True, slots=True)
class MqttParams:
    """Which broker (a link of config.yaml), and how long may it take?"""

    link: str
    prefix: str = "hearthwatch"
    timeout_s: float = 10.0

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        if not self.prefix or any(c in self.prefix for c in "+#\0") or self.prefix.strip("/") != self.prefix:
            raise ValueError("prefix must be a topic without +, # and outer slashes")
        if not 0.1 <= self.timeout_s <= 60:
            raise ValueError("timeout_s must be between 0.1 and 60 seconds")


class MqttPublisher:
    """A connection that publishes and knows what was acknowledged. Connects by itself, again and again."""

    def __init__(self, link: MqttLinkConfig, client_id: str, status_topic: str, timeout_s: float) -> None:
        import ssl

        import paho.mqtt.client as paho
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        self._timeout_s = timeout_s
        self._status = status_topic
        self._changed = threading.Condition()
        self._connected = False
        self._why = "not connected yet"
        self._answers: dict[int, int] = {}
        client = paho.Client(
            callback_api_version=CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        if link.username is not None:
            password = read_secret(link.password_file) if link.password_file else None
            client.username_pw_set(link.username, password)
        if link.tls:
            context = ssl.create_default_context(cafile=str(link.ca_file) if link.ca_file else None)
            client.tls_set_context(context)
        client.will_set(status_topic, "offline", qos=1, retain=True)
        client.reconnect_delay_set(1, 30)
        client.on_socket_open = _no_delay
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        self.client = client
        client.connect_async(link.host, link.port, keepalive=link.keep_alive_s, clean_start=True)
        client.loop_start()

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

    def close(self) -> None:
        """Say goodbye: offline, then disconnect."""
        if self._connected:
            self.client.publish(self._status, "offline", qos=1, retain=True).wait_for_publish(1.0)
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(self, client: Any, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        with self._changed:
            self._connected = not code.is_failure
            self._why = "" if self._connected else str(code)
            self._changed.notify_all()
        if not code.is_failure:
            client.publish(self._status, "online", qos=1, retain=True)

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        with self._changed:
            self._connected, self._why = False, str(code)
            self._changed.notify_all()

    def _on_publish(self, client: Any, userdata: Any, mid: int, code: Any, properties: Any) -> None:
        with self._changed:
            self._answers[mid] = int(code.value) if code.is_failure else 0
            self._changed.notify_all()


def _no_delay(client: Any, userdata: Any, sock: Any) -> None:
    """Nagle would hold an alert back by 5 to 45 ms."""
    import socket

    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class MqttChannel:
    """Alerts as MQTT messages."""

    def __init__(self, params: MqttParams, context: ChannelContext) -> None:
        link = context.links.get(params.link)
        if not isinstance(link, MqttLinkConfig):
            raise ValueError(f"there is no broker called {params.link!r} under links")
        self._context = context
        self._root = f"{params.prefix}/{context.home.id}"
        client_id = f"hearthwatch-{context.home.id}-{context.name or 'alerts'}"
        self._publisher = MqttPublisher(link, client_id, f"{self._root}/status", params.timeout_s)

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
        """Publish them together; those the broker has acknowledged."""
        messages: list[tuple[str, bytes, bool]] = []
        for alert in alerts:
            body = as_bytes(alert, self._context)
            kept = b"" if alert.state is AlertState.CLEARED else body
            messages += [
                (f"{self._root}/alert", body, False),
                (f"{self._root}/alerts/{alert.id}", kept, True),
            ]
        codes = self._publisher.publish(messages)
        taken = []
        refused = -1
        for i, alert in enumerate(alerts):
            worst = max(codes[2 * i : 2 * i + 2])
            if worst == 0:
                taken.append((alert.id, alert.revision))
            elif worst in _REFUSING:
                refused = worst
        if refused >= 0 and not taken:
            raise Refused(f"the broker refuses topics under {self._root} (MQTT reason 0x{refused:02x})")
        return taken

    def close(self) -> None:
        """Say goodbye to the broker."""
        self._publisher.close()


SPEC = ChannelSpec(
    name="mqtt", title="JSON topics on a broker", params=MqttParams, make=MqttChannel, batch=50
)
