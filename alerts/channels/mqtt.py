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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from alerts.channels.base import FORBID, ChannelContext, ChannelSpec
from alerts.channels.mqtt_client import REFUSING, MqttPublisher
from alerts.channels.payload import as_bytes
from core.config import MqttLinkConfig
from core.contracts import Refused
from core.model import Alert, AlertState


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
            elif worst in REFUSING:
                refused = worst
        if refused >= 0 and not taken:
            raise Refused(f"the broker refuses topics under {self._root} (MQTT reason 0x{refused:02x})")
        return taken

    def fault(self) -> str:
        """Why is the broker away? "" while it is there."""
        return self._publisher.fault()

    def close(self) -> None:
        """Say goodbye to the broker."""
        self._publisher.close()


SPEC = ChannelSpec(
    name="mqtt", title="JSON topics on a broker", params=MqttParams, make=MqttChannel, batch=50, people=False
)
