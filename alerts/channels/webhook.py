"""How does another program hear of an alert? A signed POST of its JSON to an address of its choice.

2xx means taken; 408, 421, 425, 429 and 5xx mean later; everything else means no. The receiver may get a
revision again (its answer was lost): ``Idempotency-Key`` is the same then.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from alerts.channels.base import FORBID, ChannelContext, ChannelSpec, check_url, read_secret
from alerts.channels.payload import as_bytes
from core.model import SECOND, Alert


@dataclass(frozen=True, slots=True)
class WebhookParams:
    """Where to, and how is it shown that it is us?

    ``secret_file``: the key of ``X-Hearthwatch-Signature: sha256=<hex>``, the HMAC-SHA256 of the header
    ``X-Hearthwatch-Timestamp``, a full stop and the body. ``headers``: sent as they stand.
    """

    url: str
    secret_file: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 10.0
    ca_file: Path | None = None
    insecure: bool = False

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        check_url(self.url, self.insecure)
        if not 0.1 <= self.timeout_s <= 60:
            raise ValueError("timeout_s must be between 0.1 and 60 seconds")


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Which signature belongs to a body?

    >>> sign("k", "1", b"{}")[:14]
    'sha256=3dd49b2'
    """
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


class WebhookChannel:
    """Alerts as signed POST requests."""

    def __init__(self, params: WebhookParams, context: ChannelContext) -> None:
        self._params, self._context = params, context
        self._secret = read_secret(params.secret_file) if params.secret_file else None
        import ssl  # here, because a home without web channels should start without it

        self._tls = ssl.create_default_context(cafile=str(params.ca_file) if params.ca_file else None)

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
        """Post them one by one; those taken. Stops at the first that is not."""
        taken: list[tuple[str, int]] = []
        for alert in alerts:
            self._post(alert)
            taken.append((alert.id, alert.revision))
        return taken

    def _post(self, alert: Alert) -> None:
        from alerts.channels.http import judge, request

        clock = self._context.clock
        now_s = (clock.now() + clock.wall_offset()) / SECOND
        body = as_bytes(alert, self._context)
        headers = {
            **self._params.headers,
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "hearthwatch",
            "Idempotency-Key": f"{alert.id}-{alert.revision}",
        }
        if self._secret is not None:
            stamp = str(int(now_s))
            headers["X-Hearthwatch-Timestamp"] = stamp
            headers["X-Hearthwatch-Signature"] = sign(self._secret, stamp, body)
        answer = request("POST", self._params.url, body, headers, self._params.timeout_s, self._tls)
        judge(answer, "the webhook", now_s)

    def close(self) -> None:
        """Nothing stays open between alerts."""


SPEC = ChannelSpec(
    name="webhook",
    title="signed POST to a web address",
    params=WebhookParams,
    make=WebhookChannel,
    people=False,
)
