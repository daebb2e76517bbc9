"""How does a WeCom (企业微信) group hear of an alert? Through its group robot.

Source: WeCom developer documentation, group robot: text of at most 2048 bytes, 20 messages a minute,
verdict in ``errcode`` (0 taken; -1, 45009, 45033 later; 93000 and the rest refused).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from alerts.channels.base import FORBID, ChannelContext, ChannelSpec
from alerts.channels.chat import ChatChannel, Pace, by_code, check_base, secret_of
from alerts.revision import rings
from alerts.text import Message
from core.model import Alert, Severity


@dataclass(frozen=True, slots=True)
class WecomParams:
    """``key_file`` holds the robot's key or its whole address. ``mobiles`` are called by name in alarms."""

    key_file: Path
    mobiles: tuple[str, ...] = ()
    base_url: str = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
    insecure: bool = False

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        check_base(self.base_url, self.insecure)


class WecomChannel(ChatChannel):
    """Alerts as texts of a WeCom group robot."""

    who = "WeCom"

    def __init__(self, params: WecomParams, context: ChannelContext) -> None:
        super().__init__(context)
        self._params = params
        self._key = secret_of(params.key_file, ("key",))
        self.pace = Pace(20, 60)

    def request_of(self, alert: Alert, message: Message) -> tuple[str, Mapping[str, Any]]:
        text: dict[str, Any] = {"content": message.fit(2048)}
        if self._params.mobiles and rings(alert) and alert.severity is Severity.ALARM:
            text["mentioned_mobile_list"] = list(self._params.mobiles)
        return f"{self._params.base_url}?key={self._key}", {"msgtype": "text", "text": text}

    def verdict(self, answer: Mapping[str, Any]) -> None:
        by_code(self.who, answer, code="errcode", text="errmsg", later={-1: 5.0, 45009: 60.0, 45033: 5.0})


SPEC = ChannelSpec(name="wecom", title="WeCom group robot", params=WecomParams, make=WecomChannel)
