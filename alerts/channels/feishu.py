"""How does a Feishu (飞书) group hear of an alert? Through a custom bot.

Source: Feishu open platform, custom bot: signature ``HMAC-SHA256(key="<s>\\n<secret>", "")`` in base64,
5 messages a second and 100 a minute, at most 20 KB, verdict in ``code`` (0 taken; 11232 and a 9499 that
says "too many" later; 19001, 19021, 19022, 19024 and the rest refused).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from alerts.channels.base import FORBID, ChannelContext, ChannelSpec, read_secret
from alerts.channels.chat import ChatChannel, Pace, by_code, check_base, secret_of
from alerts.text import Message
from core.model import Alert


@dataclass(frozen=True, slots=True)
class FeishuParams:
    """``key_file`` holds the token at the end of the bot's address, or the whole address;
    ``secret_file`` the signing secret. ``keyword`` is put in front where the bot asks for one.
    """

    key_file: Path
    secret_file: Path | None = None
    keyword: str = ""
    base_url: str = "https://open.feishu.cn/open-apis/bot/v2/hook"
    insecure: bool = False

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        check_base(self.base_url, self.insecure)


def sign(secret: str, seconds: int) -> str:
    """The signature of an instant: the text is the key, the message is empty.

    >>> sign("demo", 1_700_000_000)
    '8oT2n3SMKFfEnDoiwer8BUM/SjKLwe9SqoEIHlhDTKo='
    """
    digest = hmac.new(f"{seconds}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class FeishuChannel(ChatChannel):
    """Alerts as texts of a Feishu bot."""

    who = "Feishu"

    def __init__(self, params: FeishuParams, context: ChannelContext) -> None:
        super().__init__(context)
        self._params = params
        self._key = secret_of(params.key_file)
        self._secret = read_secret(params.secret_file) if params.secret_file else ""
        self.pace = Pace(100, 60)

    def request_of(self, alert: Alert, message: Message) -> tuple[str, Mapping[str, Any]]:
        words = [self._params.keyword] if self._params.keyword else []
        text = "\n".join([*words, message.fit(18_000 - len("\n".join(words).encode()) - 1)])
        body: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
        if self._secret:
            seconds = int(self.wall_s())
            body = {"timestamp": str(seconds), "sign": sign(self._secret, seconds), **body}
        return f"{self._params.base_url}/{self._key}", body

    def verdict(self, answer: Mapping[str, Any]) -> None:
        if "code" not in answer and "StatusCode" in answer:  # the older form of the answer
            answer = {"code": answer["StatusCode"], "msg": answer.get("StatusMessage", "")}
        by_code(
            self.who, answer, code="code", text="msg", later={11232: 60.0, 99991400: 60.0},
            later_if=lambda number, said: number == 9499 and "too many" in said.lower(),
        )  # fmt: skip


SPEC = ChannelSpec(name="feishu", title="Feishu custom bot", params=FeishuParams, make=FeishuChannel)
