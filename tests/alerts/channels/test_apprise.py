"""The apprise channel with real apprise against a local web service that misbehaves as told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("apprise", reason="apprise is not installed")

from alerts.channels import CHANNELS, ChannelContext
from alerts.channels import apprise as ours
from alerts.channels.apprise import OURS, AppriseChannel, AppriseParams, services
from alerts.channels.base import Later
from alerts.outbox import Outbox
from alerts.route import Route
from core.clock import ManualClock
from core.contracts import Refused
from core.model import SECOND, AlertState
from tests.alerts.making import HOME, alert, key
from tests.alerts.stub_http import StubServer, ok


def channel(folder: Path, *urls: str, timeout_s: float = 2.0) -> AppriseChannel:
    params = AppriseParams(address_file(folder, *urls), timeout_s)
    return AppriseChannel(params, ChannelContext(HOME, clock=ManualClock(1_700_000_000 * SECOND)))


def address_file(folder: Path, *urls: str) -> Path:
    file = folder / "urls"
    file.write_text("# family\n\n" + "\n".join(urls) + "\n")
    file.chmod(0o600)
    return file


def url(server: StubServer) -> str:
    return f"json://127.0.0.1:{server.port}/?rto=0.5&cto=0.5"


def test_taken_when_the_service_says_so(tmp_path: Path) -> None:
    with StubServer() as server:
        assert channel(tmp_path, url(server)).deliver([alert()]) == [key(alert())]
        sent = json.loads(server.requests[0].body)
        assert sent["title"] == "ALARM: smoke (厨房)"
        assert "王秀英" in sent["message"]
        assert sent["type"] == "failure"
        channel(tmp_path, url(server)).deliver(
            [alert(1, 2, state=AlertState.CLEARED, evidence={"why": "cleared"})]
        )
        assert json.loads(server.requests[1].body)["type"] == "success"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("400 x", Refused),
        ("401 x", Refused),
        ("404 x", Refused),
        ("429 x", OSError),
        ("500 x", OSError),
        ("503 x", OSError),
    ],
)
def test_the_status_decides_where_apprise_tells_it(
    status: str, error: type[Exception], tmp_path: Path
) -> None:
    with StubServer(always=ok(b"", status)) as server:
        made = channel(tmp_path, url(server))
        with pytest.raises(error, match=f"JSON answered {status[:3]}"):
            made.deliver([alert()])


@pytest.mark.parametrize("how", ["hang", "reset", "lost", "refuse"])
def test_no_answer_means_later(how: str, tmp_path: Path) -> None:
    with StubServer(always=how) as server, pytest.raises(OSError, match=r"cannot be reached|did not answer"):
        channel(tmp_path, url(server)).deliver([alert()])


def test_each_service_is_judged_by_itself(tmp_path: Path) -> None:
    with StubServer() as well, StubServer(always=ok(b"", "500 x")) as ill:
        made = channel(tmp_path, url(well), url(ill))
        with pytest.raises(OSError, match="500"):
            made.deliver([alert()])
        ill.always = ok()
        assert made.deliver([alert()])
        assert (len(well.requests), len(ill.requests)) == (1, 2)  # nobody gets it twice
        ill.always = ok(b"", "403 x")
        assert made.deliver([alert(2)])
        assert made.fault() == "JSON answered 403"
        ill.always = ok()
        made.deliver([alert(3)])
        assert made.fault() == ""


def test_mere_news_is_not_sent(tmp_path: Path) -> None:
    with StubServer() as server:
        quiet = alert(1, 2, evidence={"why": "news"})
        assert channel(tmp_path, url(server)).deliver([quiet]) == [key(quiet)]
        assert server.requests == []


@pytest.mark.parametrize("scheme", sorted(OURS))
def test_services_apprise_cannot_judge_are_not_accepted(scheme: str, tmp_path: Path) -> None:
    file = address_file(tmp_path, f"{scheme}://token/secret")
    with pytest.raises(ValueError, match=rf"line 3: .*type {OURS[scheme]}") as told:
        services(file)
    assert "secret" not in str(told.value).replace(str(file), "")


def test_an_address_nobody_knows_is_refused_without_telling_it(tmp_path: Path) -> None:
    file = address_file(tmp_path, "nonsense://user:hush@host")
    with pytest.raises(ValueError, match="line 3") as told:
        CHANNELS["apprise"].make(AppriseParams(file), ChannelContext(HOME))
    assert "hush" not in str(told.value)


def test_without_the_library_it_is_a_mistake_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "available", lambda: False)
    with pytest.raises(ValueError, match=r"hearthwatch\[apprise\]"):
        AppriseParams(Path("urls"))


def test_long_messages_fit_the_service(tmp_path: Path) -> None:
    with StubServer() as server:
        made = channel(tmp_path, url(server))
        plugin: Any = made._services[0][0]
        type(plugin).body_maxlen, kept = 120, type(plugin).body_maxlen
        try:
            made.deliver([alert(kind="fall")])
        finally:
            type(plugin).body_maxlen = kept
        sent = json.loads(server.requests[0].body)
        assert len(sent["message"].encode()) <= 120
        assert "王秀英" in sent["message"]
        assert len(server.requests) == 1


def test_at_most_twenty_a_minute(tmp_path: Path) -> None:
    with StubServer() as server:
        made = channel(tmp_path, url(server))
        for n in range(1, 21):
            made.deliver([alert(n)])
        with pytest.raises(Later):
            made.deliver([alert(21)])
        assert len(server.requests) == 20


def test_a_poisoned_message_is_parked_and_the_next_goes_out(tmp_path: Path) -> None:
    with StubServer(script=[ok(b"", "400 x")]) as server:
        outbox, clock = Outbox(tmp_path / "alerts.db"), ManualClock(1_700_000_000 * SECOND)
        outbox.register("rest")
        outbox.write([alert(1), alert(2, kind="gas")])
        route = Route("rest", channel(tmp_path, url(server)), outbox, clock)
        route.step()
        route.step()
        route.note()
        assert [(a.kind, why) for _, a, why in outbox.parked_list()] == [("smoke", "JSON answered 400")]
        assert outbox.backlog("rest") == 0
        outbox.close()
