from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from alerts.channels import CHANNELS, ChannelContext
from alerts.channels.base import Later
from alerts.channels.webhook import WebhookChannel, WebhookParams
from alerts.outbox import Outbox
from alerts.route import Route
from core.clock import ManualClock
from core.contracts import Refused
from core.model import SECOND, Alert
from tests.alerts.making import HOME, alert, key
from tests.alerts.stub_http import StubServer, ok
from tests.alerts.test_delivery import pump


@pytest.fixture
def server() -> Iterator[StubServer]:
    with StubServer() as made:
        yield made


def channel(url: str, **options: Any) -> WebhookChannel:
    params = WebhookParams(url=url, **{"timeout_s": 1.0, **options})
    return WebhookChannel(params, ChannelContext(HOME, "zh-CN", clock=ManualClock(1_700_000_000 * SECOND)))


def test_it_posts_the_whole_alert_signed(server: StubServer, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key of ours\n")
    secret.chmod(0o600)
    sent = alert(evidence={"co_ppm": 120.5})
    made = channel(server.url, secret_file=secret, headers={"X-Site": "7"})
    assert made.deliver([sent]) == [key(sent)]
    (request,) = server.requests
    assert request.line == "POST /hook HTTP/1.1"
    assert request.headers["idempotency-key"] == f"{sent.id}-1"
    assert request.headers["x-site"] == "7"
    stamp = request.headers["x-hearthwatch-timestamp"]
    assert stamp == "1700000000"
    expected = hmac.new(b"key of ours", stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-hearthwatch-signature"] == f"sha256={expected}"
    data = json.loads(request.body)
    assert (data["id"], data["kind"], data["evidence"]["co_ppm"]) == (sent.id, "smoke", 120.5)
    assert data["home"] == "h"
    assert data["opened_at"].endswith("+08:00")
    assert "厨房" in data["title"]


def test_without_a_secret_nothing_is_signed(server: StubServer) -> None:
    channel(server.url).deliver([alert()])
    assert "x-hearthwatch-signature" not in server.requests[0].headers


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content"])
def test_taken(server: StubServer, status: str) -> None:
    server.always = ok(b"", status)
    assert channel(server.url).deliver([alert()])


@pytest.mark.parametrize(
    "status", ["400 Bad", "401 Unauthorized", "403 No", "404 Gone", "410 Gone", "422 What", "301 Moved"]
)
def test_refused(server: StubServer, status: str) -> None:
    server.always = ok(b'{"why": "because"}', status)
    with pytest.raises(Refused, match="because"):
        channel(server.url).deliver([alert()])


@pytest.mark.parametrize(
    "status", ["500 Oops", "502 Bad", "503 Busy", "504 Late", "408 Slow", "425 Early", "429 Many"]
)
def test_later(server: StubServer, status: str) -> None:
    server.always = ok(b"", status)
    with pytest.raises(OSError, match=status[:3]):
        channel(server.url).deliver([alert()])


@pytest.mark.parametrize("status", ["429 Many", "503 Busy"])
def test_later_with_a_time(server: StubServer, status: str) -> None:
    server.always = ok(b"", status, "Retry-After: 120\r\n")
    with pytest.raises(Later) as told:
        channel(server.url).deliver([alert()])
    assert told.value.after_s == 120


@pytest.mark.parametrize(
    "behaviour", ["hang", "drip", "reset", "lost", "refuse", b"not http at all\r\n\r\n", b""]
)
def test_no_answer_is_an_oserror_within_the_time(server: StubServer, behaviour: bytes | str) -> None:
    server.always = behaviour
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        channel(server.url, timeout_s=0.5).deliver([alert()])


def test_nobody_listens(server: StubServer) -> None:
    url = server.url
    with StubServer() as other:
        gone = other.url
    assert gone != url
    with pytest.raises(OSError, match="127"):
        channel(gone).deliver([alert()])


def test_an_endless_body_is_not_read_to_its_end(server: StubServer) -> None:
    server.always = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000_000
    assert channel(server.url, timeout_s=5.0).deliver([alert()])


def test_a_whole_day_of_misbehaviour_each_alert_is_taken_or_parked(
    server: StubServer, tmp_path: Path
) -> None:
    """The route and the channel together: one behaviour after another, then all is well."""
    server.script = [
        "refuse", ok(b"", "500 x"), ok(b"", "429 x", "Retry-After: 9\r\n"), "lost", "reset", b"junk",
        ok(),  # 1
        ok(b"", "400 x"),  # 2: poisoned
        ok(), "hang", ok(),  # 3, 4
    ]  # fmt: skip
    outbox, clock = Outbox(tmp_path / "alerts.db"), ManualClock()
    route = Route("hook", channel(server.url, timeout_s=0.3), outbox, clock, order="written")
    outbox.register("hook", from_start=True)
    batch: list[Alert] = [alert(n) for n in (1, 2, 3, 4)]
    outbox.write(batch)
    pump(route, clock, 300 * SECOND)
    assert outbox.pending("hook") == []
    assert [key(a) for _, a, _ in outbox.parked_list("hook")] == [key(batch[1])]
    ids = [r.headers["idempotency-key"] for r in server.requests]
    # Taken at least once each; where the answer was lost, again with the same key.
    assert ids == [f"{batch[0].id}-1"] * 6 + [f"{batch[n].id}-1" for n in (1, 2, 3, 3)]
    outbox.close()


def test_a_lost_answer_gives_one_point(server: StubServer, tmp_path: Path) -> None:
    server.script = ["lost", "lost"]
    outbox, clock = Outbox(tmp_path / "alerts.db"), ManualClock()
    route = Route("hook", channel(server.url), outbox, clock)
    outbox.register("hook", from_start=True)
    outbox.write([alert()])
    pump(route, clock, 60 * SECOND)
    assert len(server.requests) == 3
    assert len({r.headers["idempotency-key"] for r in server.requests}) == 1
    assert outbox.backlog("hook") == 0
    outbox.close()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"url": "ftp://x"}, "https"),
        ({"url": "http://example.org/x"}, "plain text"),
        ({"url": "https://me:pw@example.org/"}, "secret file"),
        ({"url": "https://example.org", "timeout_s": 0}, "timeout_s"),
        ({"url": "https://example.org", "timeout": 5}, "timeout"),
        ({}, "url"),
    ],
)
def test_wrong_options_are_refused_in_words(options: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        TypeAdapter(CHANNELS["webhook"].params).validate_python(options)


def test_right_options() -> None:
    adapter = TypeAdapter(CHANNELS["webhook"].params)
    made = adapter.validate_python({"url": "http://example.org/x", "insecure": True, "secret_file": "/run/s"})
    assert made.secret_file == Path("/run/s")


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    secret.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        channel("https://example.org", secret_file=secret)
    with pytest.raises(ValueError, match="cannot be read"):
        channel("https://example.org", secret_file=tmp_path / "none")
    secret.chmod(0o600)
    secret.write_text(" \n")
    with pytest.raises(ValueError, match="empty"):
        channel("https://example.org", secret_file=secret)
