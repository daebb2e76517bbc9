"""How does a DingTalk (钉钉) group hear of an alert? Through a custom robot.

Source: DingTalk open platform, custom robot: signature ``HMAC-SHA256(secret, "<ms>\\n<secret>")`` in
base64, 20 messages a minute, verdict in ``errcode`` (0 taken; -1 and 130101 later; 310000, a wrong
signature or a missing keyword, and the rest refused).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote_plus

from alerts.channels.base import FORBID, ChannelContext, ChannelSpec, read_secret
from alerts.channels.chat import ChatChannel, Pace, by_code, check_base, secret_of
from alerts.revision import rings
from alerts.text import Message
from core.model import Alert, Severity


@dataclass(frozen=True, slots=True)
class DingtalkParams:
    """``key_file`` holds the access token or the whole address, ``secret_file`` the signing secret
    (SEC...). ``keyword`` is put in front where the robot asks for one. ``mobiles`` are called by name
    in alarms.
    """

    key_file: Path
    secret_file: Path | None = None
    keyword: str = ""
    mobiles: tuple[str, ...] = ()
    base_url: str = "https://oapi.dingtalk.com/robot/send"
    insecure: bool = False

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        check_base(self.base_url, self.insecure)


def sign(secret: str, millis: int) -> str:
    """The signature of an instant, as it stands in the address.

    >>> sign("SEC1", 1_700_000_000_000)
    'ukR4%2BWoOOBTGaOauYqugxVrMSFyr92q4hPxJxuOkiio%3D'
    """
    digest = hmac.new(secret.encode(), f"{millis}\n{secret}".encode(), hashlib.sha256).digest()
    return quote_plus(base64.b64encode(digest))


class DingtalkChannel(ChatChannel):
    """Alerts as texts of a DingTalk robot."""

    who = "DingTalk"

    def __init__(self, params: DingtalkParams, context: ChannelContext) -> None:
        super().__init__(context)
        self._params = params
        self._key = secret_of(params.key_file, ("access_token",))
        self._secret = read_secret(params.secret_file) if params.secret_file else ""
        self.pace = Pace(20, 60)

    def request_of(self, alert: Alert, message: Message) -> tuple[str, Mapping[str, Any]]:
        url = f"{self._params.base_url}?access_token={self._key}"
        if self._secret:
            millis = int(self.wall_s() * 1000)
            url += f"&timestamp={millis}&sign={sign(self._secret, millis)}"
        called = list(self._params.mobiles) if alert.severity is Severity.ALARM and rings(alert) else []
        words = [self._params.keyword] if self._params.keyword else []
        more = [*words, *(f"@{m}" for m in called)]
        room = 18_000 - len("\n".join(more).encode()) - 2
        text = "\n".join([*words, message.fit(room), *(f"@{m}" for m in called)])
        return url, {"msgtype": "text", "text": {"content": text}, "at": {"atMobiles": called}}

    def verdict(self, answer: Mapping[str, Any]) -> None:
        by_code(self.who, answer, code="errcode", text="errmsg", later={-1: 5.0, 130101: 60.0})


SPEC = ChannelSpec(
    name="dingtalk", title="DingTalk custom robot", params=DingtalkParams, make=DingtalkChannel
)
