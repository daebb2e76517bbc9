"""E-mail against a mail server that misbehaves as told, and against aiosmtpd where it is installed."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from alerts.channels import CHANNELS, ChannelContext
from alerts.channels.base import Later
from alerts.channels.email import EmailChannel, EmailParams
from alerts.delivery import Delivery
from alerts.outbox import Outbox
from alerts.route import Route, RouteSettings
from core.clock import ManualClock, SystemClock
from core.contracts import Refused
from core.model import SECOND, Alert, AlertState, Phase, Severity
from tests.alerts.channels.mail_server import MailServer, certificate
from tests.alerts.making import HOME, alert, key
from tests.broker import free_port, wait_for

LI, AN = "li@example.org", "an@example.org"


def channel(server: MailServer | None, to: tuple[str, ...] = (LI,), **options: Any) -> EmailChannel:
    params = EmailParams(
        "127.0.0.1",
        "home@example.org",
        to,
        **{"port": server.port if server else 0, "security": "none", "timeout_s": 5.0, **options},
    )
    return EmailChannel(params, ChannelContext(HOME, clock=ManualClock(1_700_000_000 * SECOND)))


def test_what_is_sent() -> None:
    with MailServer() as server:
        a = alert(1, 2, kind="fall")
        assert channel(server, (LI, AN)).deliver([a]) == [key(a)]
        ((to, text),) = server.letters
        assert to == [LI, AN]
        letter = email.message_from_string(text, policy=email.policy.default)
        assert letter["Subject"] == "ALARM: fall (厨房)"
        assert letter["To"] == f"{LI}, {AN}"
        assert letter["Importance"] == "high"
        assert letter["Auto-Submitted"] == "auto-generated"
        assert letter["Message-ID"] == f"<{a.id}.2@h.hearthwatch.invalid>"
        assert letter["References"] == f"<{a.id}.1@h.hearthwatch.invalid>"
        assert letter["Date"] == "Wed, 15 Nov 2023 06:13:20 +0800"
        body = letter.get_content()
        assert "王秀英" in body
        assert "Call them" in body


def test_mere_news_and_the_end_do_not_shout() -> None:
    with MailServer() as server:
        made = channel(server)
        quiet = alert(1, 2, evidence={"why": "news"})
        over = alert(1, 3, state=AlertState.CLEARED, evidence={"why": "cleared"})
        assert made.deliver([quiet, over]) == [key(quiet), key(over)]
        assert len(server.letters) == 1
        assert "Importance" not in server.letters[0][1]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_secured_and_logged_in(security: str, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="certificates for the test need cryptography")
    cert = certificate(tmp_path)
    word = tmp_path / "word"
    word.write_text("secret word\n")
    word.chmod(0o600)
    with MailServer(security, cert) as server:
        options = {"security": security, "username": "home", "password_file": word}
        assert channel(server, ca_file=cert[0], **options).deliver([alert()])
        assert any(x.startswith("AUTH") for x in server.lines)
        with pytest.raises(OSError, match="certificate"):
            channel(server, **options).deliver([alert()])  # nobody vouches for it
        assert len(server.letters) == 1
        server.say = lambda line: "535 wrong" if line.startswith("AUTH") else None
        with pytest.raises(Later, match=r"does not let home in: 535 wrong") as told:
            channel(server, ca_file=cert[0], **options).deliver([alert()])
        assert told.value.after_s >= 60
        assert "secret" not in str(told.value)


def test_a_server_without_starttls_gets_nothing() -> None:
    with MailServer() as server:
        server.say = lambda line: "250 here" if line.startswith("EHLO") else None
        with pytest.raises(OSError, match="STARTTLS"):
            channel(server, security="starttls").deliver([alert()])
        assert server.letters == []


@pytest.mark.parametrize(
    ("word", "code", "error"),
    [("MAIL", "550 no", Refused), ("MAIL", "451 later", OSError), ("RCPT", "550 no", Refused),
     ("RCPT", "450 busy", OSError), ("DATA", "554 no", Refused), ("DATA", "452 full", OSError)],
)  # fmt: skip
def test_the_code_decides(word: str, code: str, error: type[Exception]) -> None:
    with MailServer() as server:
        server.say = lambda line: code if line.startswith(word) else None
        with pytest.raises(error, match=code[:3]) as told:
            channel(server).deliver([alert()])
        assert isinstance(told.value, Refused) == (error is Refused)


@pytest.mark.parametrize(("code", "error"), [("554 spam", Refused), ("451 later", OSError)])
def test_the_answer_to_the_message_decides(code: str, error: type[Exception]) -> None:
    with MailServer(after_data=code) as server, pytest.raises(error, match=code[:3]):
        channel(server).deliver([alert()])


@pytest.mark.parametrize("where", ["greeting", "EHLO", "RCPT", "DATA"])
@pytest.mark.parametrize("how", ["", "drip", "hang up", "500 what"])
def test_a_broken_server_means_later_within_the_time(where: str, how: str) -> None:
    with MailServer() as server:
        server.say = lambda line: how if line.startswith((where, "HELO")) else None
        made = channel(server, timeout_s=0.4)
        with pytest.raises((OSError, Refused)):
            made.deliver([alert()])
        assert server.letters == []


def test_a_goodbye_that_fails_does_not_send_it_again() -> None:
    with MailServer() as server:
        server.say = lambda line: "" if line.startswith("QUIT") else None
        assert channel(server, timeout_s=0.4).deliver([alert()])
        assert len(server.letters) == 1


def test_each_recipient_is_judged_by_itself() -> None:
    with MailServer() as server:
        made = channel(server, (LI, AN))
        server.say = lambda line: "450 busy" if AN in line else None
        with pytest.raises(OSError, match=r"an@example\.org: 450"):
            made.deliver([alert()])
        server.say = lambda line: None
        assert made.deliver([alert()])
        assert [to for to, _ in server.letters] == [[LI], [AN]]  # nobody gets it twice
        server.say = lambda line: "550 unknown" if AN in line else None
        assert made.deliver([alert(2)])  # whom the server will never take must not hold up the others
        assert made.fault() == "an@example.org is refused: 550 unknown"
        server.say = lambda line: None
        made.deliver([alert(3)])
        assert made.fault() == ""


def test_a_poisoned_letter_is_parked_and_told_and_the_next_goes_out(tmp_path: Path) -> None:
    with MailServer() as server:
        made = channel(server)
        outbox, clock, told = Outbox(tmp_path / "alerts.db"), ManualClock(), []
        outbox.register("mail")
        outbox.write([alert(1), alert(2, kind="gas")])
        route = Route("mail", made, outbox, clock, settings=RouteSettings(fault_after_s=0))
        delivery = Delivery(outbox, [route], clock, told.append)
        server.say = lambda line: None
        server.after_data = "554 spam"
        route.step()
        server.after_data = "250 taken"
        route.step()
        route.note()
        assert [(sink, a.kind, why[-8:]) for sink, a, why in outbox.parked_list()] == [
            ("mail", "smoke", "554 spam")
        ]
        assert [e.kind for e in delivery.check() if e.phase is Phase.ONSET] == ["channel_refused"]
        assert len(server.letters) == 1
        outbox.close()


def test_a_real_server_takes_it(tmp_path: Path) -> None:
    controller = pytest.importorskip("aiosmtpd.controller", reason="aiosmtpd is not installed")
    got: list[Any] = []

    class Handler:
        async def handle_RCPT(
            self, server: Any, session: Any, envelope: Any, address: str, options: Any
        ) -> str:
            if address == AN:
                return "550 no such person"
            envelope.rcpt_tos.append(address)
            return "250 ok"

        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            got.append(envelope)
            return "250 taken"

    running = controller.Controller(Handler(), hostname="127.0.0.1", port=free_port())
    running.start()
    try:
        made = channel(None, (LI, AN), port=running.port)
        assert made.deliver([alert()])
        wait_for(lambda: got)
        assert got[0].rcpt_tos == [LI]
        assert b"Subject: ALARM: smoke =?utf-8?" in got[0].content
        assert "550" in made.fault()
    finally:
        running.stop()


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ({"to": []}, "1 to 50"),
        ({"to": ["nobody"]}, "address"),
        ({"to": ["a@b.org\nBcc: x@y.org"]}, "address"),
        ({"sender": "a b@c.org"}, "address"),
        ({"security": "none"}, "plain text"),
        ({"username": "me"}, "belong together"),
        ({"port": 0}, "port"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"security": "ssl"}, "starttls"),
    ],
)
def test_impossible_options_are_refused(bad: dict[str, Any], word: str) -> None:
    options = {"host": "smtp.example.org", "sender": "home@example.org", "to": [LI], **bad}
    with pytest.raises(ValidationError, match=word):
        TypeAdapter(CHANNELS["email"].params).validate_python(options)


def test_a_warning_is_not_of_high_importance() -> None:
    with MailServer() as server:
        channel(server).deliver([alert(severity=Severity.WARNING)])
        assert "Importance" not in server.letters[0][1]


def test_at_most_thirty_a_minute() -> None:
    with MailServer() as server:
        made = channel(server)
        for n in range(1, 31):
            made.deliver([alert(n)])
        with pytest.raises(Later) as told:
            made.deliver([alert(31)])
        assert told.value.after_s == 60
        assert len(server.letters) == 30


def test_a_stuck_mail_server_delays_nobody_else_and_is_told(tmp_path: Path) -> None:
    class Quick:
        def __init__(self) -> None:
            self.got: list[str] = []

        def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
            self.got += [a.id for a in alerts]
            return [key(a) for a in alerts]

    quick, clock, told = Quick(), SystemClock(), []
    outbox = Outbox(tmp_path / "alerts.db")
    with MailServer() as server:
        server.say = lambda line: "drip" if line.startswith("DATA") else None
        patient = RouteSettings(fault_after_s=0.2)
        routes = [
            Route("mail", channel(server, timeout_s=30.0), outbox, clock, settings=patient),
            Route("quick", quick, outbox, clock),
        ]
        delivery = Delivery(outbox, routes, clock, told.append)
        delivery.start()
        outbox.write([alert(n) for n in range(1, 6)])
        delivery.wake()
        wait_for(lambda: len(quick.got) == 5)
        wait_for(lambda: [e.kind for e in told] == ["channel_fault"])
        assert server.letters == []
    delivery.close()
    outbox.close()
