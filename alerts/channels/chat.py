"""How does a text reach a chat robot whose refusals arrive in HTTP 200? What the senders share.

WeCom, DingTalk, Feishu, ServerChan and Bark answer 200 and put the verdict into a code of the JSON
body; whoever looks only at the status reports a wrong key as delivered. Here the code decides.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from alerts.channels.base import ChannelContext, Later, check_url, read_secret
from alerts.revision import RINGING
from alerts.text import Message
from core.contracts import Refused
from core.model import SECOND, Alert

TOLD = RINGING | {"acknowledged", "answered", "better", "cleared", "reminder"}
"""News worth a person's time: not every changed number, not every flap."""

_TIMEOUT_S = 10.0


def one_by_one(alerts: Sequence[Alert], send: Callable[[Alert], None]) -> list[tuple[str, int]]:
    """Which revisions are done with? Those sent, in order, and those not worth telling.

    What ``send`` raises ends it.
    """
    done: list[tuple[str, int]] = []
    for alert in alerts:
        if alert.evidence.get("why") in TOLD:
            send(alert)
        done.append((alert.id, alert.revision))
    return done


class Pace:
    """At most ``count`` messages in any ``per_s`` seconds: what a robot allows, kept by us."""

    def __init__(self, count: int, per_s: float) -> None:
        self._count, self._per = count, round(per_s * SECOND)
        self._sent: deque[int] = deque(maxlen=count)

    def take(self, now: int) -> None:
        """One more message at ``now``. Raises Later if that would be too many."""
        if len(self._sent) == self._count and now - self._sent[0] < self._per:
            wait_s = (self._per - (now - self._sent[0])) / SECOND
            raise Later(f"{self._count} messages in {self._per // SECOND} s are all it allows", wait_s)
        self._sent.append(now)


class ChatChannel(ABC):
    """A channel that sends one text for each revision worth telling.

    A subclass says in ``request_of`` what to send where, and in ``verdict`` what the answer means.
    """

    who = "the service"
    pace: Pace | None = None

    def __init__(self, context: ChannelContext) -> None:
        self.context = context

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
        """Send them one by one; those taken, or not worth telling. Stops at the first that is not taken."""
        return one_by_one(alerts, lambda alert: self._send(alert, self.context.message(alert)))

    def close(self) -> None:
        """Nothing stays open between messages."""
        return

    @abstractmethod
    def request_of(self, alert: Alert, message: Message) -> tuple[str, Mapping[str, Any]]:
        """The address and the JSON body."""

    @abstractmethod
    def verdict(self, answer: Mapping[str, Any]) -> None:
        """Return if it was taken, else raise Later, OSError or Refused."""

    def wall_s(self) -> float:
        """Seconds of wall time, for signatures."""
        clock = self.context.clock
        return (clock.now() + clock.wall_offset()) / SECOND

    def _send(self, alert: Alert, message: Message) -> None:
        from alerts.channels.http import judge, request

        if self.pace is not None:
            self.pace.take(self.context.clock.now())
        url, body = self.request_of(alert, message)
        data = json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "hearthwatch"}
        answer = request("POST", url, data, headers, _TIMEOUT_S)
        try:
            said = json.loads(answer.body)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            judge(answer, self.who, self.wall_s())
            raise OSError(f"{self.who} answered {answer.status} without a verdict")
        if answer.status in (408, 425, 429) or answer.status >= 500:
            judge(answer, self.who, self.wall_s())
        self.verdict(said)
        judge(answer, self.who, self.wall_s())  # a code of success in an answer that is none


def by_code(
    who: str,
    answer: Mapping[str, Any],
    *,
    code: str,
    text: str,
    good: int = 0,
    later: Mapping[int, float],
    later_if: Callable[[int, str], bool] | None = None,
) -> None:
    """Judge an answer by a number in it: ``good`` is taken, ``later`` maps codes to a pause in seconds,
    anything else is a refusal. No number at all is no verdict: try again.
    """
    number, said = answer.get(code), str(answer.get(text, ""))[:200]
    if isinstance(number, bool) or not isinstance(number, int):
        raise OSError(f"{who} answered without a {code}")
    if number == good:
        return
    what = f"{who} answered {code} {number}: {said}"
    if number in later:
        raise Later(what, later[number])
    if later_if is not None and later_if(number, said):
        raise Later(what, 60.0)
    raise Refused(what)


def secret_of(key_file: Path, allowed: Collection[str] = ()) -> str:
    """The key or token in a secret file; a whole webhook address is understood too.

    ``allowed``: the query names under which the key may stand in an address.
    """
    from urllib.parse import parse_qs, urlsplit

    text = read_secret(key_file)
    if "://" not in text:
        return text
    parts = urlsplit(text)
    query = parse_qs(parts.query)
    for name in allowed:
        if name in query:
            return query[name][0]
    return parts.path.rstrip("/").rsplit("/", 1)[-1]


def check_base(base_url: str, insecure: bool) -> None:
    """Is this the address of a service? Raises ValueError."""
    if check_url(base_url, insecure).query:
        raise ValueError("base_url must not hold a key; put it into key_file")
