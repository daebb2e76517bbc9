"""How does a WeChat account hear of an alert? Through ServerChan (Server酱).

Source: ServerChan documentation (sct.ftqq.com): title of at most 32 characters, verdict in ``code`` and in
``data.errno`` (both 0 when taken).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from alerts.channels.base import FORBID, ChannelContext, ChannelSpec
from alerts.channels.chat import ChatChannel, by_code, check_base, secret_of
from alerts.text import Message
from core.model import Alert


@dataclass(frozen=True, slots=True)
class ServerchanParams:
    """``key_file`` holds the SendKey."""

    key_file: Path
    base_url: str = "https://sctapi.ftqq.com"
    insecure: bool = False

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        check_base(self.base_url, self.insecure)


class ServerchanChannel(ChatChannel):
    """Alerts as ServerChan messages."""

    who = "ServerChan"

    def __init__(self, params: ServerchanParams, context: ChannelContext) -> None:
        super().__init__(context)
        self._params = params
        self._key = secret_of(params.key_file).removesuffix(".send")

    def request_of(self, alert: Alert, message: Message) -> tuple[str, Mapping[str, Any]]:
        title = message.title if len(message.title) <= 32 else message.title[:31] + "…"
        text = "\n\n".join(message.fit(29_000).splitlines())
        return f"{self._params.base_url}/{self._key}.send", {"title": title, "desp": text}

    def verdict(self, answer: Mapping[str, Any]) -> None:
        by_code(self.who, answer, code="code", text="message", later={-1: 5.0})
        data = answer.get("data")
        if isinstance(data, dict) and "errno" in data:
            by_code(self.who, data, code="errno", text="error", later={-1: 5.0})


SPEC = ChannelSpec(
    name="serverchan", title="ServerChan to WeChat", params=ServerchanParams, make=ServerchanChannel
)
