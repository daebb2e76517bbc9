"""The chat robots against a local stub: what is sent, and that the code in the answer decides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from alerts.channels import CHANNELS, ChannelContext, bark, dingtalk, feishu, serverchan, wecom
from alerts.channels.base import Later
from alerts.channels.chat import Pace
from alerts.text.message import LANGUAGES, cut
from core.clock import ManualClock
from core.contracts import Refused
from core.model import SECOND, AlertState, Severity
from tests.alerts.making import HOME, alert, key
from tests.alerts.stub_http import StubServer, ok

NAMES = ("wecom", "dingtalk", "feishu", "serverchan", "bark")
GOOD: dict[str, Any] = {
    "wecom": {"errcode": 0, "errmsg": "ok"},
    "dingtalk": {"errcode": 0, "errmsg": "ok"},
    "feishu": {"code": 0, "msg": "success", "data": {}},
    "serverchan": {"code": 0, "message": "", "data": {"pushid": "1", "error": "SUCCESS", "errno": 0}},
    "bark": {"code": 200, "message": "success", "timestamp": 1},
}
REFUSALS = [
    ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}),
    ("wecom", {"errcode": 40058, "errmsg": "content exceeds limit"}),
    ("dingtalk", {"errcode": 310000, "errmsg": "sign not match"}),
    ("dingtalk", {"errcode": 300001, "errmsg": "token is not exist"}),
    ("feishu", {"code": 19021, "msg": "sign match fail or timestamp is not within one hour"}),
    ("feishu", {"code": 9499, "msg": "Bad Request"}),
    ("feishu", {"StatusCode": 19001, "StatusMessage": "param invalid"}),
    ("serverchan", {"code": 40001, "message": "bad pushtoken"}),
    ("serverchan", {"code": 0, "message": "", "data": {"errno": 1024, "error": "no"}}),
    ("bark", {"code": 400, "message": "failed to get device token"}),
]
LATERS = [
    ("wecom", {"errcode": 45009, "errmsg": "api freq out of limit"}),
    ("wecom", {"errcode": -1, "errmsg": "system error"}),
    ("dingtalk", {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}),
    ("feishu", {"code": 11232, "msg": "frequency limited"}),
    ("feishu", {"code": 9499, "msg": "too many request"}),
    ("bark", {"code": 500, "message": "push failed"}),
]
NO_VERDICT = [
    b"",
    b"ok",
    b"[]",
    b"null",
    b"{}",
    b'{"errcode": "0"}',
    b'{"errcode": true, "code": false}',
    b"\xff",
]


@pytest.fixture
def server() -> Iterator[StubServer]:
    with StubServer() as made:
        yield made


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_text("the-key\n")
    file.chmod(0o600)
    return file


def channel(
    name: str, server: StubServer, secret: Path, clock: ManualClock | None = None, **options: Any
) -> Any:
    spec = CHANNELS[name]
    params = spec.params(key_file=secret, base_url=f"http://127.0.0.1:{server.port}/api", **options)
    return spec.make(
        params, ChannelContext(HOME, "zh-CN", clock=clock or ManualClock(1_700_000_000 * SECOND))
    )


def answer(body: Any, status: str = "200 OK") -> bytes:
    return ok(body if isinstance(body, bytes) else json.dumps(body).encode(), status)


@pytest.mark.parametrize("name", NAMES)
def test_taken_when_the_code_says_so(name: str, server: StubServer, secret: Path) -> None:
    server.always = answer(GOOD[name])
    assert channel(name, server, secret).deliver([alert()]) == [key(alert())]
    assert "烟雾报警" in server.requests[0].body.decode()


@pytest.mark.parametrize(("name", "body"), REFUSALS)
def test_a_refusal_inside_http_200_is_a_refusal(
    name: str, body: Any, server: StubServer, secret: Path
) -> None:
    server.always = answer(body)
    with pytest.raises(Refused):
        channel(name, server, secret).deliver([alert()])


@pytest.mark.parametrize(("name", "body"), LATERS)
def test_too_often_and_busy_mean_later(name: str, body: Any, server: StubServer, secret: Path) -> None:
    server.always = answer(body)
    with pytest.raises(Later) as told:
        channel(name, server, secret).deliver([alert()])
    assert told.value.after_s > 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", NO_VERDICT)
def test_no_verdict_is_never_success(name: str, body: bytes, server: StubServer, secret: Path) -> None:
    server.always = answer(body)
    with pytest.raises(OSError, match=r"verdict|without"):
        channel(name, server, secret).deliver([alert()])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("status", ["500 x", "502 x", "429 x"])
def test_trouble_in_the_status_means_later(name: str, status: str, server: StubServer, secret: Path) -> None:
    server.always = answer(b"<html>", status)
    with pytest.raises(OSError, match=status[:3]):
        channel(name, server, secret).deliver([alert()])


@pytest.mark.parametrize("name", NAMES)
def test_a_403_page_is_a_refusal(name: str, server: StubServer, secret: Path) -> None:
    server.always = answer(b"<html>", "403 x")
    with pytest.raises(Refused):
        channel(name, server, secret).deliver([alert()])


@pytest.mark.parametrize("name", NAMES)
def test_changed_numbers_are_not_worth_a_message(name: str, server: StubServer, secret: Path) -> None:
    news = [alert(1, r, evidence={"why": why}) for r, why in enumerate(("news", "reopened"), 2)]
    assert channel(name, server, secret).deliver(news) == [key(a) for a in news]
    assert server.requests == []


def test_wecom_request(server: StubServer, secret: Path) -> None:
    server.always = answer(GOOD["wecom"])
    made = channel("wecom", server, secret, mobiles=("13800000000",))
    made.deliver([alert(), alert(2, severity=Severity.WARNING)])
    first, second = (json.loads(r.body) for r in server.requests)
    assert server.requests[0].line == "POST /api?key=the-key HTTP/1.1"
    assert first["msgtype"] == "text"
    assert first["text"]["mentioned_mobile_list"] == ["13800000000"]
    assert "mentioned_mobile_list" not in second["text"]


def test_dingtalk_request_is_signed(server: StubServer, secret: Path) -> None:
    server.always = answer(GOOD["dingtalk"])
    channel("dingtalk", server, secret, secret_file=secret, keyword="家").deliver([alert()])
    query = parse_qs(urlsplit(server.requests[0].line.split()[1]).query)
    assert query["access_token"] == ["the-key"]
    assert query["timestamp"] == ["1700000000000"]
    signed = parse_qs("sign=" + dingtalk.sign("the-key", 1_700_000_000_000))
    assert query["sign"] == signed["sign"]
    assert json.loads(server.requests[0].body)["text"]["content"].startswith("家\n")


def test_feishu_request_is_signed(server: StubServer, secret: Path) -> None:
    server.always = answer(GOOD["feishu"])
    channel("feishu", server, secret, secret_file=secret).deliver([alert()])
    body = json.loads(server.requests[0].body)
    assert server.requests[0].line.startswith("POST /api/the-key ")
    assert (body["timestamp"], body["sign"]) == ("1700000000", feishu.sign("the-key", 1_700_000_000))


def test_serverchan_title_fits(server: StubServer, secret: Path) -> None:
    server.always = answer(GOOD["serverchan"])
    long = alert(kind="something very long that nobody has described before")
    channel("serverchan", server, secret).deliver([long])
    body = json.loads(server.requests[0].body)
    assert server.requests[0].line.startswith("POST /api/the-key.send ")
    assert len(body["title"]) == 32
    assert body["title"].endswith("…")


@pytest.mark.parametrize(
    ("severity", "state", "level"),
    [
        (Severity.ALARM, AlertState.OPEN, "critical"),
        (Severity.WARNING, AlertState.OPEN, "timeSensitive"),
        (Severity.TROUBLE, AlertState.OPEN, "active"),
        (Severity.INFO, AlertState.OPEN, "passive"),
        (Severity.ALARM, AlertState.CLEARED, "passive"),
        (Severity.ALARM, AlertState.ACKNOWLEDGED, "passive"),
    ],
)
def test_bark_rings_only_for_what_rings(
    severity: Severity, state: AlertState, level: str, server: StubServer, secret: Path
) -> None:
    server.always = answer(GOOD["bark"])
    channel("bark", server, secret).deliver([alert(1, 1, severity, state)])
    body = json.loads(server.requests[0].body)
    assert (body["device_key"], body["level"], body["id"]) == ("the-key", level, alert().id)
    assert ("call" in body) == (level == "critical")


def test_a_whole_address_in_the_key_file_is_understood(server: StubServer, tmp_path: Path) -> None:
    file = tmp_path / "address"
    for name, address, expected in (
        ("wecom", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=K1", "key=K1"),
        ("dingtalk", "https://oapi.dingtalk.com/robot/send?access_token=K2", "access_token=K2"),
        ("feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/K3", "/K3 "),
        ("serverchan", "https://sctapi.ftqq.com/K4.send", "/K4.send "),
    ):
        file.write_text(address)
        file.chmod(0o600)
        server.always = answer(GOOD[name])
        channel(name, server, file).deliver([alert()])
        assert expected in server.requests[-1].line + " "


def test_our_own_pace_is_kept_before_theirs(server: StubServer, secret: Path) -> None:
    server.always = answer(GOOD["wecom"])
    clock = ManualClock(1_700_000_000 * SECOND)
    made = channel("wecom", server, secret, clock)
    for n in range(1, 21):
        made.deliver([alert(n)])
    with pytest.raises(Later) as told:
        made.deliver([alert(21)])
    assert told.value.after_s == 60
    clock.advance(60 * SECOND)
    assert made.deliver([alert(21)])
    assert len(server.requests) == 21


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 8), st.integers(1, 60))
def test_law_pace_never_lets_through_too_many(pauses: list[int], count: int, per_s: int) -> None:
    pace, t = Pace(count, per_s), 0
    sent: list[int] = []
    for pause in pauses:
        t += pause * SECOND
        waits: list[float] = []
        try:
            pace.take(t)
            sent.append(t)
        except Later as later:
            waits.append(later.after_s)
        assert all(0 < w <= per_s for w in waits)
    for i in range(len(sent)):
        assert sum(sent[i] <= x < sent[i] + per_s * SECOND for x in sent) <= count


@given(st.text(), st.integers(3, 60))
def test_law_fit_fits_and_is_text(text: str, size: int) -> None:
    assert len(cut(text.encode(errors="ignore").decode(), size).encode()) <= size


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_fits_a_wecom_robot(language: str) -> None:
    from alerts.severity import RULES
    from alerts.text import render

    for kind in RULES:
        said = render(alert(kind=kind, evidence={"reason": "r" * 300}), HOME, language)
        assert len(said.text.encode()) <= 2048, kind


@pytest.mark.parametrize("name", NAMES)
def test_options_are_checked(name: str) -> None:
    adapter = TypeAdapter(CHANNELS[name].params)
    with pytest.raises(ValidationError, match="key_file"):
        adapter.validate_python({})
    with pytest.raises(ValidationError, match="keyfile"):
        adapter.validate_python({"key_file": "/x", "keyfile": "/x"})
    with pytest.raises(ValidationError, match="plain text"):
        adapter.validate_python({"key_file": "/x", "base_url": "http://example.org"})
    made = adapter.validate_python({"key_file": "/run/secrets/key"})
    assert made.base_url.startswith("https://")


def test_modules_are_the_ones_in_the_table() -> None:
    for module in (wecom, dingtalk, feishu, serverchan, bark):
        assert CHANNELS[module.SPEC.name] is module.SPEC
