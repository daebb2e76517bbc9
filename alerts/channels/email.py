"""How does an alert become an e-mail, and is it known whether the server took it?

SMTP (RFC 5321) with STARTTLS or TLS from the start. What counts is the server's answer to each recipient
and to the message: 2xx taken, 4xx later, 5xx no. Of several recipients some may be refused: the others
get it, those who may take it later get it later, and a lasting refusal is told as a fault of the channel.
All revisions of an alert are one thread in the reader's mail program.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import ClassVar, Literal

from alerts.channels.base import FORBID, ChannelContext, ChannelSpec, Later, read_secret
from alerts.channels.chat import Pace, one_by_one
from alerts.revision import rings, weight
from core.contracts import Refused
from core.localtime import LocalTime
from core.model import Alert, Severity

_ADDRESS = re.compile(r"[^\s@<>(),;:\"\[\]\\]+@[A-Za-z0-9][A-Za-z0-9.-]*")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_MAX_HALF_DONE = 200
_LOGIN_WAIT_S = 300.0  # servers lock accounts that try too often


@dataclass(frozen=True, slots=True)
class EmailParams:
    """Which server, and to whom?

    ``security``: ``starttls``, ``tls`` (from the first byte) or ``none`` (this machine, or ``insecure``).
    ``port``: 587, 465 or 25 unless given. ``password_file`` belongs to ``username``. ``to``: one or more
    addresses; each is judged by itself. ``timeout_s``: for the whole conversation.
    """

    host: str
    sender: str
    to: tuple[str, ...]
    port: int | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    timeout_s: float = 20.0
    insecure: bool = False

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        if not self.to or len(self.to) > 50:
            raise ValueError("to must name 1 to 50 addresses")
        for text in (self.sender, *self.to):
            if not _ADDRESS.fullmatch(text) or not text.isascii() or len(text) > 254:
                raise ValueError(f"{text!r} is not an e-mail address such as li@example.org")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise ValueError("port must be between 1 and 65535")
        if bool(self.username) != (self.password_file is not None):
            raise ValueError("username and password_file belong together; give both or none")
        local = self.host in ("localhost", "127.0.0.1", "::1")
        if self.security == "none" and not (local or self.insecure):
            raise ValueError("alerts would go out in plain text; use starttls or tls, or insecure: true")
        if not 0.1 <= self.timeout_s <= 120:
            raise ValueError("timeout_s must be between 0.1 and 120 seconds")


class EmailChannel:
    """Alerts as e-mails."""

    def __init__(self, params: EmailParams, context: ChannelContext) -> None:
        self._params, self._context = params, context
        self._password = read_secret(params.password_file) if params.password_file else ""
        self._tls = ssl.create_default_context(cafile=str(params.ca_file) if params.ca_file else None)
        self._pace = Pace(30, 60)
        self._half: dict[tuple[str, int], set[str]] = {}  # who has this revision already
        self._refused: dict[str, str] = {}  # recipients the server does not want, and its words

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
        """Send them one by one; those the server took for everybody it will ever take them for."""
        return one_by_one(alerts, self._deliver)

    def fault(self) -> str:
        """Which recipients does the server refuse? "" while it takes all."""
        if not self._refused:
            return ""
        return "; ".join(f"{who} is refused: {said}" for who, said in sorted(self._refused.items()))[:400]

    def close(self) -> None:
        """Nothing stays open between alerts."""

    def letter(self, alert: Alert) -> EmailMessage:
        """The whole e-mail."""
        said = self._context.message(alert)
        home, clock = self._context.home, self._context.clock
        local = LocalTime(home.zone)
        local.offset = clock.wall_offset()
        letter = EmailMessage()
        letter["Subject"] = said.title
        letter["From"] = self._params.sender
        letter["To"] = ", ".join(self._params.to)
        letter["Date"] = format_datetime(local.at(clock.now()))
        letter["Message-ID"] = _message_id(alert.id, alert.revision, home.id)
        if alert.revision > 1:
            first = _message_id(alert.id, 1, home.id)
            letter["In-Reply-To"] = first
            letter["References"] = first
        letter["Auto-Submitted"] = "auto-generated"
        if rings(alert) and weight(alert) is Severity.ALARM:
            letter["X-Priority"] = "1"
            letter["Importance"] = "high"
        letter.set_content("\n\n".join(p for p in (said.body, said.advice, "\n".join(said.links)) if p))
        return letter

    # -- inside

    def _deliver(self, alert: Alert) -> None:
        key = (alert.id, alert.revision)
        has = self._half.get(key, set())
        missing = [x for x in self._params.to if x not in has]
        self._pace.take(self._context.clock.now())
        letter = self.letter(alert)
        with self._server() as server:
            answers = self._send(server, letter, missing)
        later = {who: said for who, (code, said) in answers.items() if code < 500}
        never = {who: said for who, (code, said) in answers.items() if code >= 500}
        got = [x for x in missing if x not in answers]
        for who in got:
            self._refused.pop(who, None)
        self._refused.update(never)
        if later:
            self._half[key] = has | set(got) | set(never)
            while len(self._half) > _MAX_HALF_DONE:
                self._half.pop(next(iter(self._half)))
            raise OSError("; ".join(f"{who}: {said}" for who, said in sorted(later.items()))[:400])
        self._half.pop(key, None)
        if never and not got and not has:
            raise Refused("; ".join(f"{who}: {said}" for who, said in sorted(never.items()))[:400])

    def _send(
        self, server: smtplib.SMTP, letter: EmailMessage, to: Sequence[str]
    ) -> dict[str, tuple[int, str]]:
        """Who was refused, with code and words? Raises OSError (later) or Refused (the message itself)."""
        try:
            refused = server.send_message(letter, self._params.sender, list(to))
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except smtplib.SMTPResponseException as error:
            what = f"{self._params.host} answered {error.smtp_code} {_words(error.smtp_error)}"
            if error.smtp_code >= 500:
                raise Refused(what) from None
            raise OSError(what) from None
        return {who: (code, f"{code} {_words(said)}") for who, (code, said) in refused.items()}

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        """A connection that is greeted, secured and logged in; all of it within the time allowed."""
        params = self._params
        port = params.port or _PORTS[params.security]
        name = "[127.0.0.1]"  # our own name would be asked of a name server, which may take its time
        server: smtplib.SMTP
        if params.security == "tls":
            server = smtplib.SMTP_SSL(timeout=params.timeout_s, local_hostname=name, context=self._tls)
        else:
            server = smtplib.SMTP(timeout=params.timeout_s, local_hostname=name)
        with _deadline(params.timeout_s, lambda: server.sock, params.host):
            try:
                server._host = params.host  # type: ignore[attr-defined]  # the name TLS checks
                code, said = server.connect(params.host, port)
                if code != 220:
                    raise OSError(f"{params.host} greets with {code} {_words(said)}")
                if params.security == "starttls":
                    server.starttls(context=self._tls)
                if params.username:
                    self._login(server)
                yield server
                with suppress(OSError):  # it has the message; a goodbye that fails must not send it again
                    server.quit()
            finally:
                server.close()

    def _login(self, server: smtplib.SMTP) -> None:
        try:
            server.login(self._params.username, self._password)
        except smtplib.SMTPAuthenticationError as error:
            said = _words(error.smtp_error)
            raise Later(
                f"{self._params.host} does not let {self._params.username} in: {error.smtp_code} {said}",
                _LOGIN_WAIT_S,
            ) from None


@contextmanager
def _deadline(seconds: float, sock: Callable[[], socket.socket | None], who: str) -> Iterator[None]:
    """One time for all of it: a server that drips a byte a second would never meet a time for each read."""
    late = threading.Event()

    def give_up() -> None:
        late.set()
        held = sock()
        if held is not None:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (Later, Refused):
        raise
    except (OSError, ValueError, EOFError) as error:
        if late.is_set():
            raise TimeoutError(f"{who} did not finish within {seconds:g} s") from None
        raise OSError(f"{who}: {error}") from error
    finally:
        timer.cancel()


def _message_id(alert: str, revision: int, home: str) -> str:
    return f"<{alert}.{revision}@{home}.hearthwatch.invalid>"


def _words(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:200]


SPEC = ChannelSpec(name="email", title="e-mail through an SMTP server", params=EmailParams, make=EmailChannel)
