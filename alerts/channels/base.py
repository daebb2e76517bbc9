"""What does a channel get, and what may it answer? The few words all channels share."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import SplitResult, urlsplit

from alerts.outbox import Order
from alerts.text import Message, render
from core.clock import Clock, SystemClock
from core.config import MqttLinkConfig, SerialLinkConfig
from core.model import Alert, Home

Link = MqttLinkConfig | SerialLinkConfig

FORBID: dict[str, str] = {"extra": "forbid"}
"""Pydantic configuration of every parameter class: an unknown key is refused."""


class Later(OSError):
    """The far end asks to be left alone for ``after_s`` seconds (429, 503 with Retry-After)."""

    def __init__(self, message: str, after_s: float) -> None:
        super().__init__(message)
        self.after_s = after_s


class Channel(Protocol):
    """A sink that can be let go of. ``deliver`` as in :class:`core.contracts.Sink`.

    A channel that knows by itself that its line is dead may say so: ``fault() -> str``, "" while well.
    """

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """What does a channel know of the world it speaks for?

    ``links``: the link sections of config.yaml by name. ``acknowledge(alert_id, by)`` may be called from
    any thread when a person answers through the channel. ``open_alerts()`` gives the latest revision of
    each open alert, for channels that show a state; without it they start as "unknown". ``asks(alert)``:
    is this revision only a question to the person at home? ``told(alert_id)``: the names of the people's
    channels that have taken it. ``answer_lines(alert, channel)``: links to answer by, a line each.
    ``discreet``: leave out what only helpers need.
    """

    home: Home
    language: str = "en"
    links: Mapping[str, Link] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    name: str = ""
    acknowledge: Callable[[str, str], None] | None = None
    open_alerts: Callable[[], Sequence[Alert]] | None = None
    asks: Callable[[Alert], bool] | None = None
    told: Callable[[str], Sequence[str]] | None = None
    answer_lines: Callable[[Alert, str], Sequence[str]] | None = None
    discreet: bool = False

    def message(self, alert: Alert, discreet: bool = False) -> Message:
        """The words of a revision, for this channel."""
        names = self.told(alert.id) if self.told is not None else ()
        lines = self.answer_lines(alert, self.name) if self.answer_lines is not None else ()
        offset = self.clock.wall_offset()
        hidden = self.discreet or discreet
        return render(alert, self.home, self.language, offset, names, hidden, () if hidden else lines)


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """One line of ``CHANNELS``: how to make a channel from its parameters.

    ``params`` is a frozen dataclass: the ``options`` of config.yaml. ``make`` raises ValueError or
    OSError with a sentence for people. ``batch`` revisions are given to ``deliver`` at once: 1 wherever
    a person reads each one, so that a refusal names its revision.
    """

    name: str
    title: str
    params: type[Any]
    make: Callable[[Any, ChannelContext], Channel]
    batch: int = 1
    people: bool = True  # does a person read it? (else a program)
    check: Callable[[Any], object] | None = None  # more that can be known without opening a port
    order: Order = "severity"
    from_start: bool = False


@dataclass(frozen=True, slots=True)
class NoParams:
    """A channel without settings."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID


def read_secret(path: Path) -> str:
    """Which secret stands in this file? Its first line; nobody but the owner may be able to read it.

    Raises ValueError with what to do.
    """
    return _secret_text(path).splitlines()[0].strip()


def read_secrets(path: Path) -> list[tuple[int, str]]:
    """Which secrets stand in this file, with their line numbers? Empty lines and # comments do not count."""
    lines = enumerate(_secret_text(path).splitlines(), 1)
    found = [(n, x.strip()) for n, x in lines if x.strip() and not x.strip().startswith("#")]
    if not found:
        raise ValueError(f"the secret file {path} is empty")
    return found


def _secret_text(path: Path) -> str:
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        text = path.read_text(encoding="utf-8").rstrip()
    except OSError as error:
        raise ValueError(f"the secret file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the secret file {path} is not text") from None
    if mode & 0o077:
        raise ValueError(f"others may read the secret file {path}; run: chmod 600 {path}")
    if not text:
        raise ValueError(f"the secret file {path} is empty")
    return text


def check_url(url: str, insecure: bool) -> SplitResult:
    """Is this a web address we may use? Plain http only on this machine or if ``insecure``.

    Raises ValueError with what to do.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not a web address; it must begin with https://")
    if parts.username or parts.password:
        raise ValueError("put no name or password into the address; use a secret file")
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme == "http" and not (local or insecure):
        raise ValueError(f"{parts.hostname} would be told in plain text; use https, or insecure: true")
    return parts
