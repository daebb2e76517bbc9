"""How is something posted to a web service that may misbehave in every way?

One connection for each request and one deadline for all of it: name, connect, send, answer. A far end
that drips a byte a second meets that deadline too, which time-outs for each read alone would not do.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from alerts.channels.base import Later
from core.contracts import Refused

_MAX_ANSWER = 64 * 1024
_LATER = (408, 421, 425, 429)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, the first 64 KiB of the body, headers with lower-case names."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def request(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 10.0,
    context: ssl.SSLContext | None = None,
) -> Answer:
    """One request, finished or given up within ``timeout_s``. Raises OSError if there was no answer."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = context or ssl.create_default_context()
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=timeout_s, context=context
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    late = threading.Event()

    def give_up() -> None:
        late.set()
        if connection.sock is not None:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    timer = threading.Timer(timeout_s, give_up)
    timer.daemon = True
    timer.start()
    try:
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.request(method, path, body=body, headers={"Connection": "close", **(headers or {})})
        response = connection.getresponse()
        text = response.read(_MAX_ANSWER)
        if late.is_set():
            raise TimeoutError(f"{parts.hostname} gave no whole answer within {timeout_s:g} s")
        return Answer(response.status, text, {k.lower(): v for k, v in response.getheaders()})
    except (http.client.HTTPException, ValueError) as error:
        if late.is_set():
            raise TimeoutError(f"{parts.hostname} gave no whole answer within {timeout_s:g} s") from None
        raise OSError(f"{parts.hostname} answered something that is not HTTP: {error!r}") from error
    except OSError as error:
        if late.is_set():
            raise TimeoutError(f"{parts.hostname} gave no whole answer within {timeout_s:g} s") from None
        raise OSError(f"{parts.hostname}: {error}") from error
    finally:
        timer.cancel()
        connection.close()


def judge(answer: Answer, who: str, now_s: float) -> None:
    """Was it taken? Returns for 2xx; raises Later, OSError or Refused by the status.

    ``now_s`` is the wall time, for a Retry-After that names a date.
    """
    status = answer.status
    if 200 <= status < 300:
        return
    said = answer.body[:200].decode("utf-8", "replace").strip()
    what = f"{who} answered {status}" + (f": {said}" if said else "")
    after_s = retry_after(answer.headers.get("retry-after"), now_s)
    if after_s is not None and (status in _LATER or status >= 500):
        raise Later(what, after_s)
    if status in _LATER or status >= 500:
        raise OSError(what)
    raise Refused(what)


def retry_after(value: str | None, now_s: float) -> float | None:
    """How many seconds does a Retry-After header ask for? None without a usable one.

    >>> retry_after("30", 0.0), retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 10.0), retry_after("soon", 0.0)
    (30.0, 50.0, None)
    """
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, at.timestamp() - now_s)
