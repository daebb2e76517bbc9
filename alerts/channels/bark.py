"""How does an iPhone ring at an alarm even when silenced? Through Bark with a critical level.

Source: bark-server API V2 (POST /push): ``level`` critical, timeSensitive, active, passive; ``call`` "1"
rings for 30 s; verdict in ``code`` (200 taken, 400 refused, 5xx later).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from alerts.channels.base import FORBID, ChannelContext, ChannelSpec, Later
from alerts.channels.chat import ChatChannel, by_code, check_base, secret_of
from alerts.revision import rings
from alerts.text import Message
from alerts.text.message import cut
from core.model import Alert, Severity

_LEVEL = {Severity.ALARM: "critical", Severity.WARNING: "timeSensitive", Severity.TROUBLE: "active"}


@dataclass(frozen=True, slots=True)
class BarkParams:
    """``key_file`` holds the device key. ``base_url`` names a server of your own."""

    key_file: Path
    base_url: str = "https://api.day.app"
    insecure: bool = False

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        check_base(self.base_url, self.insecure)


class BarkChannel(ChatChannel):
    """Alerts as Bark pushes."""

    who = "Bark"

    def __init__(self, params: BarkParams, context: ChannelContext) -> None:
        super().__init__(context)
        self._params = params
        self._key = secret_of(params.key_file)

    def request_of(self, alert: Alert, message: Message) -> tuple[str, Mapping[str, Any]]:
        body = {
            "device_key": self._key,
            "title": cut(message.title, 400),
            "body": message.fit(2500, title=False),
            "level": _LEVEL.get(alert.severity, "passive") if rings(alert) else "passive",
            "group": self.context.home.id,
            "id": alert.id,  # a later revision replaces the earlier one on the screen
        }
        if body["level"] == "critical":
            body |= {"volume": "10", "call": "1"}
        return f"{self._params.base_url.rstrip('/')}/push", body

    def verdict(self, answer: Mapping[str, Any]) -> None:
        code = answer.get("code")
        if isinstance(code, int) and (code == 429 or 500 <= code < 600):
            raise Later(f"{self.who} answered code {code}", 10.0)
        by_code(self.who, answer, code="code", text="message", good=200, later={})


SPEC = ChannelSpec(name="bark", title="Bark push to iPhones", params=BarkParams, make=BarkChannel)
