"""May whoever follows this link answer this alert? Signed links that name alert, person and last moment.

A link carries all it needs: ``v1.<facts>.<mark>``, the facts as base64url of a small JSON list, the mark
the first 128 bits of HMAC-SHA256 over version and facts. Whoever hosts the page needs no secret: it hands
the token on, and the gateway of the home verifies it. A link can only answer the one alert it names, in the
name of the person it was sent to; following it twice changes nothing the second time (see alerts/answers).

Sources: RFC 2104 (HMAC), RFC 4648 section 5 (base64url).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

VERSION = "v1"
MOST_CHARACTERS = 1000
LINK_WORDS = ("acknowledge", "take", "on_the_way", "arrived", "resolved", "false_alarm", "release")
"""What may be answered by a link."""

_MARK_BYTES = 16
_MIN_SECRET = 16
Why = Literal["malformed", "forged", "expired"]


class LinkError(ValueError):
    """This token opens nothing. ``why``: malformed, forged or expired."""

    def __init__(self, why: Why) -> None:
        super().__init__({"malformed": "this is no link of ours", "forged": "the signature does not fit",
                          "expired": "the link is too old"}[why])  # fmt: skip
        self.why = why


@dataclass(frozen=True, slots=True)
class Grant:
    """What a link allows: to answer ``alert`` in the name of ``by`` until ``until_s`` (Unix time).

    ``word``: this answer only; "" = any of :data:`LINK_WORDS`.
    """

    alert: str
    by: str
    until_s: int
    word: str = ""

    def allows(self, word: str) -> bool:
        """May this be answered?"""
        return word in LINK_WORDS and self.word in ("", word)


def sign(secret: bytes, grant: Grant) -> str:
    """The token of a grant. Raises ValueError for a secret too short to be one, or a word that is none.

    >>> t = sign(b"0123456789abcdef", Grant("0a", "son", 1_700_000_000))
    >>> verify(b"0123456789abcdef", t, 1_699_999_999).by
    'son'
    """
    if len(secret) < _MIN_SECRET:
        raise ValueError(f"the secret for links has {len(secret)} bytes; it needs at least {_MIN_SECRET}")
    if grant.word and grant.word not in LINK_WORDS:
        raise ValueError(f"{grant.word!r} cannot be answered by a link")
    facts = [grant.alert, grant.by, grant.until_s, grant.word]
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
    head = f"{VERSION}.{_encode(text)}"
    return f"{head}.{_encode(_mark(secret, head))}"


def verify(secret: bytes, token: str, now_s: float) -> Grant:
    """What does this token allow at Unix time ``now_s``? Raises :class:`LinkError`.

    The mark is looked at before anything inside is believed, in constant time.
    """
    if len(token) > MOST_CHARACTERS or not token.isascii():
        raise LinkError("malformed")
    version, _, rest = token.partition(".")
    facts, _, mark = rest.partition(".")
    if version != VERSION or not facts or not mark:
        raise LinkError("malformed")
    if not hmac.compare_digest(_encode(_mark(secret, f"{version}.{facts}")), mark):
        raise LinkError("forged")
    try:
        alert, by, until_s, word = json.loads(base64.urlsafe_b64decode(facts + "=" * (-len(facts) % 4)))
        grant = Grant(str(alert), str(by), int(until_s), str(word))
    except (ValueError, TypeError):
        raise LinkError("malformed") from None
    if now_s >= grant.until_s:
        raise LinkError("expired")
    return grant


def url_of(base_url: str, token: str) -> str:
    """The address that stands in a message.

    >>> url_of("https://h.example/a", "v1.x.y"), url_of("https://h.example/a?home=1", "v1.x.y")
    ('https://h.example/a?t=v1.x.y', 'https://h.example/a?home=1&t=v1.x.y')
    """
    parts = urlsplit(base_url)
    query = f"{parts.query}&t={token}" if parts.query else f"t={token}"
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _mark(secret: bytes, head: str) -> bytes:
    return hmac.new(secret, head.encode(), hashlib.sha256).digest()[:_MARK_BYTES]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
