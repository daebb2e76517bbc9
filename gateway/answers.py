"""How does an answer by a signed link become an answer of the book? Links out, tokens in.

A token may come from the page this machine serves (see :mod:`gateway.answers_http`) or over MQTT from
whoever hosts it: ``{"link": "<token>", "word": "on_the_way", "name": "Li", "cause": ""}`` on the command
topic. It is verified here, at the edge; the pipeline, the journal and recordings only ever see the plain
answer, so that a replay needs neither secret nor clock.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from alerts.answers import allowed
from alerts.channels.base import read_secret
from alerts.links import MOST_CHARACTERS, Grant, LinkError, sign, url_of, verify
from alerts.outbox import Outbox, OutboxError
from alerts.text.message import catalogue
from core.clock import Clock
from core.config import AnswersConfig
from core.model import SECOND, Alert, AlertState, Home, Packet, Severity
from gateway.commands import LIMIT_BYTES, command_topic

log = logging.getLogger(__name__)

KEY_FILE = "answers.key"
_MAX_NAME = 40
Result = Literal["noted", "unchanged", "gone", "malformed", "forged", "expired", "word"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an answer. ``noted``: it goes to the book; everything else changes nothing."""

    result: Result
    grant: Grant | None = None
    alert: Alert | None = None
    command: Mapping[str, Any] | None = None


def secret_of(settings: AnswersConfig, state_dir: Path) -> bytes:
    """The key of this home's links: from its file, or made once and kept. Raises ValueError, OSError."""
    if settings.secret_file is not None:
        return read_secret(settings.secret_file).encode()
    path = state_dir / KEY_FILE
    if not path.exists():
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
    return read_secret(path).encode()


class Answers:
    """Makes links and takes answers by them. Safe from any thread."""

    def __init__(
        self, settings: AnswersConfig, secret: bytes, home: Home, clock: Clock, outbox: Outbox
    ) -> None:
        self._settings, self._secret, self.home = settings, secret, home
        self._clock, self._outbox = clock, outbox
        self._topic = command_topic(home.id)
        self.counts: Counter[str] = Counter()

    def lines(self, alert: Alert, channel: str) -> list[str]:
        """The line of a message by which whoever reads this channel can answer."""
        if alert.state is AlertState.CLEARED or alert.severity is Severity.INFO:
            return []
        until = int(self.now_s() + self._settings.valid_h * 3600)
        url = url_of(self._settings.base_url, sign(self._secret, Grant(alert.id, channel, until)))
        return [catalogue(self.home.language)["layout"]["answer"].format(url=url)]

    def look(self, token: str) -> Outcome:
        """What is this link about? Changes nothing."""
        try:
            grant = verify(self._secret, token[: MOST_CHARACTERS + 1], self.now_s())
        except LinkError as error:
            self.counts[error.why] += 1
            return Outcome(error.why)
        try:
            told = self._outbox.history(grant.alert, limit=1)
        except OutboxError:
            return Outcome("noted", grant)  # storage is away: the book itself will judge
        return Outcome("noted" if told else "gone", grant, told[-1] if told else None)

    def answer(self, token: str, word: str, name: str = "", cause: str = "") -> Outcome:
        """Take an answer; the command in the outcome is to be given to the pipeline."""
        found = self.look(token)
        if found.grant is None or found.result != "noted":
            return found
        if not found.grant.allows(word):
            self.counts["word"] += 1
            return Outcome("word", found.grant, found.alert)
        name = " ".join(name.split())[:_MAX_NAME]
        by = f"{name} ({found.grant.by})" if name else found.grant.by
        if found.alert is not None and not allowed(found.alert, word, by):
            self.counts["unchanged"] += 1
            return Outcome("unchanged", found.grant, found.alert)
        self.counts["noted"] += 1
        command = {
            "answer": found.grant.alert,
            "word": word,
            "by": by,
            "cause": " ".join(cause.split())[:100],
        }
        return Outcome("noted", found.grant, found.alert, command)

    def plain(self, packets: Sequence[Packet]) -> list[Packet]:
        """The same packets; answers by a link are plain answers now, those not verified say nothing."""
        return [self._plain(p) if p.channel == self._topic else p for p in packets]

    def _plain(self, packet: Packet) -> Packet:
        if len(packet.data) > LIMIT_BYTES or b'"link"' not in packet.data:
            return packet
        try:
            said: Any = json.loads(packet.data)
        except (ValueError, RecursionError):
            return packet
        if not isinstance(said, dict) or "link" not in said:
            return packet
        told = self.answer(*(_text(said.get(k)) for k in ("link", "word", "name", "cause")))
        if told.command is None:
            log.warning("an answer by a link on %s counts for nothing: %s", packet.channel, told.result)
        return packet._replace(data=json.dumps(told.command or {}, ensure_ascii=False).encode())

    def now_s(self) -> float:
        """Unix time by the wall clock."""
        return (self._clock.now() + self._clock.wall_offset()) / SECOND


def make_answers(
    settings: AnswersConfig, state_dir: Path, home: Home, clock: Clock, outbox: Outbox
) -> Answers | None:
    """The answers of a home, where links are configured. Raises ValueError, OSError."""
    if not settings.base_url:
        return None
    return Answers(settings, secret_of(settings, state_dir), home, clock, outbox)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
