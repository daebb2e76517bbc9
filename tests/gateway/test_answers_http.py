"""Answers by signed links: over a real HTTP server, over MQTT, and through a running gateway."""

from __future__ import annotations

import http.client
import json
import re
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from alerts.answers import noted
from alerts.links import LINK_WORDS, Grant, sign
from alerts.outbox import Outbox
from core.clock import ManualClock
from core.config import AnswersConfig, ConfigError
from core.model import SECOND, AlertState, Packet, Severity
from gateway.answers import Answers, make_answers, secret_of
from gateway.answers_http import MOST_AT_ONCE, AnswerServer, address
from gateway.build import plan
from gateway.commands import command_topic, parse_command
from tests.alerts.making import HOME, alert
from tests.broker import wait_for
from tests.gateway.kept import home_at

NOW = 1_700_000_000
SECRET = b"0123456789abcdef0123456789abcdef"


class World:
    """A home with one open alert, and a server for answers."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(NOW * SECOND)
        self.outbox = Outbox(folder / "alerts.db")
        self.alert = alert(1, kind="fall")
        self.outbox.write([self.alert])
        settings = AnswersConfig(base_url="https://home.example/a", valid_h=2)
        self.answers = Answers(settings, SECRET, HOME, self.clock, self.outbox)
        self.said: list[Mapping[str, Any]] = []
        self.server = AnswerServer(("127.0.0.1", 0), self.answers, self.said.append)

    def token(self, by: str = "daughter", word: str = "", alert_id: str = "", seconds: int = 60) -> str:
        return sign(SECRET, Grant(alert_id or self.alert.id, by, NOW + seconds, word))

    def ask(self, method: str, token: str, form: Mapping[str, str] | None = None) -> tuple[int, str]:
        link = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        body = urlencode(form) if form is not None else None
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        link.request(method, f"/a?t={token}", body, headers)
        answer = link.getresponse()
        text = answer.read().decode()
        link.close()
        return answer.status, text


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.server.close()
    made.outbox.close()


def test_looking_changes_nothing_however_often(world: World) -> None:
    for method in ("GET", "HEAD", "GET"):  # a chat program draws its preview
        status, page = world.ask(method, world.token())
        assert status == 200
    assert "ALARM: fall" in page
    assert "daughter" in page
    assert page.count("<button") == len(LINK_WORDS)
    assert world.said == []


def test_a_preview_shows_no_more_than_the_title(world: World) -> None:
    object.__setattr__(HOME, "entry", "code 1234")
    try:
        _, page = world.ask("GET", world.token())
    finally:
        object.__setattr__(HOME, "entry", "")
    assert "1234" not in page
    assert "王秀英" not in page
    assert "http" not in page.replace("doctype", "")  # nothing is loaded from anywhere


def test_a_button_answers_in_the_name_of_the_link(world: World) -> None:
    status, page = world.ask("POST", world.token(), {"word": "on_the_way", "name": " Li \n Hua "})
    assert status == 200
    assert "Noted: I am on the way" in page
    expected = {"answer": world.alert.id, "word": "on_the_way", "by": "Li Hua (daughter)", "cause": ""}
    assert world.said == [expected]
    command = parse_command(Packet("", "t", 7, json.dumps(world.said[0]).encode()))
    assert command is not None
    assert (command.word, command.by) == ("on_the_way", "Li Hua (daughter)")


def test_a_false_alarm_has_its_cause(world: World) -> None:
    world.ask("POST", world.token(), {"word": "false_alarm", "cause": "toast"})
    assert world.said[0]["cause"] == "toast"


def test_the_same_link_twice_changes_nothing(world: World) -> None:
    world.ask("POST", world.token(), {"word": "take"})
    given = [noted("take", "daughter", 2)]
    world.outbox.write(
        [
            alert(
                1,
                2,
                kind="fall",
                state=AlertState.ACKNOWLEDGED,
                evidence={"why": "acknowledged", "answers": given},
            )
        ]
    )
    status, page = world.ask("POST", world.token(), {"word": "take"})
    assert status == 200
    assert "Nothing changes" in page
    assert len(world.said) == 1
    world.outbox.write([alert(1, 3, kind="fall", state=AlertState.CLEARED, evidence={"why": "cleared"})])
    assert "Nothing changes" in world.ask("POST", world.token(), {"word": "take"})[1]
    assert world.ask("POST", world.token(), {"word": "false_alarm"})[0] == 200  # it may still be called false
    assert [c["word"] for c in world.said] == ["take", "false_alarm"]


def test_forged_old_foreign_and_wrong_links_open_nothing(world: World) -> None:
    good = world.token()
    other = sign(b"another secret of 32 bytes......", Grant(world.alert.id, "daughter", NOW + 60))
    cases = [
        (good[:-2] + ("AA" if not good.endswith("AA") else "BB"), 403), (other, 403), ("", 404), ("nonsense", 404),
        (world.token(seconds=-1), 410), (world.token(alert_id="f" * 16), 410), ("v1." + "A" * 3000 + ".x", 404),
    ]  # fmt: skip
    for token, expected in cases:
        for method, form in (("GET", None), ("POST", {"word": "resolved"})):
            assert world.ask(method, token, form)[0] == expected, (token[:40], method)
    assert world.ask("POST", good, {"word": "dance"})[0] == 403
    assert world.ask("POST", world.token(word="take"), {"word": "resolved"})[0] == 403
    assert world.ask("POST", good, {})[0] == 403
    assert world.said == []
    assert world.answers.counts["forged"] == 4


def test_a_link_for_one_answer_shows_one_button(world: World) -> None:
    _, page = world.ask("GET", world.token(word="take"))
    assert page.count("<button") == 1


def test_what_people_type_cannot_become_markup(world: World) -> None:
    _, page = world.ask("GET", world.token(by="<script>x</script>"))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_sizes_are_bounded(world: World) -> None:
    link = http.client.HTTPConnection("127.0.0.1", world.server.port, timeout=10)
    link.request("POST", f"/a?t={world.token()}", "word=take&name=" + "x" * 5000)
    assert link.getresponse().status == 413
    link.close()
    world.ask("POST", world.token(), {"word": "take", "name": "x" * 500, "cause": "y" * 500})
    assert len(world.said[0]["by"]) <= 60
    assert len(world.said[0]["cause"]) == 100


def test_whoever_never_finishes_delays_nobody_and_a_flood_is_bounded(world: World) -> None:
    with crowd(world.server.port, MOST_AT_ONCE - 1):
        assert world.ask("GET", world.token())[0] == 200
    with crowd(world.server.port, MOST_AT_ONCE):
        wait_for(lambda: refused(world.server.port))
    wait_for(lambda: not refused(world.server.port))


@contextmanager
def crowd(port: int, count: int) -> Iterator[None]:
    made = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    for one in made:
        one.sendall(b"GET /a HTTP/1.1\r\nX: ")
    try:
        yield
    finally:
        for one in made:
            one.close()


def refused(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
            one.sendall(b"GET /a?t=x HTTP/1.0\r\n\r\n")
            return one.recv(10) == b""
    except ConnectionError:
        return True


# -- links out, tokens in


def test_lines_of_messages(world: World) -> None:
    (line,) = world.answers.lines(world.alert, "daughter")
    url = re.search(r"https://\S+", line)
    assert url is not None
    token = url.group().partition("t=")[2]
    found = world.answers.look(token)
    assert found.grant is not None
    assert (found.grant.by, found.grant.until_s) == ("daughter", NOW + 7200)
    assert world.answers.lines(alert(1, state=AlertState.CLEARED), "x") == []
    assert world.answers.lines(alert(severity=Severity.INFO), "x") == []


def test_over_mqtt_a_token_becomes_a_plain_answer(world: World) -> None:
    def through(data: Any) -> bytes:
        raw = data if isinstance(data, bytes) else json.dumps(data).encode()
        (packet,) = world.answers.plain([Packet("b", command_topic("h"), 5, raw)])
        assert world.answers.plain([Packet("b", "other", 5, raw)])[0].data == raw
        return packet.data

    good = through({"link": world.token(), "word": "arrived", "name": "Li"})
    assert json.loads(good) == {
        "answer": world.alert.id,
        "word": "arrived",
        "by": "Li (daughter)",
        "cause": "",
    }
    for bad in (
        {"link": world.token()[:-1], "word": "take"}, {"link": world.token(), "word": "x"}, {"link": 7, "word": []},
        {"link": world.token(seconds=-5), "word": "take", "answer": world.alert.id, "by": "me"},
    ):  # fmt: skip
        assert through(bad) == b"{}"
        assert parse_command(Packet("b", "c", 5, through(bad))) is None
    for other in (b'{"acknowledge": "0a"}', b"\xff", b'["link"]', b'{"link"', b"x" * 5000):
        assert through(other) == other


def test_the_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    first = secret_of(AnswersConfig(), tmp_path / "state")
    assert secret_of(AnswersConfig(), tmp_path / "state") == first
    file = tmp_path / "state" / "answers.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(first) >= 32
    file.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        secret_of(AnswersConfig(), tmp_path / "state")


def test_without_an_address_there_are_no_links(tmp_path: Path) -> None:
    assert make_answers(AnswersConfig(), tmp_path, HOME, ManualClock(), Outbox(tmp_path / "a.db")) is None
    assert not (tmp_path / "answers.key").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{listen: '127.0.0.1:8750'}", "answers.listen: needs base_url"),
        ("{base_url: 'http://home.example/a'}", "answers.base_url: home.example would be told in plain text"),
        ("{base_url: 'https://h.example', listen: '8750'}", "answers.listen: '8750' must be host:port"),
        ("{base_url: 'https://h.example', listen: '0.0.0.0:8750'}", "answers.listen: 0.0.0.0 can be reached"),
        ("{base_url: 'https://h.example', valid_h: 0}", "answers.valid_h"),
    ],
)
def test_impossible_settings_are_refused(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        plan(home_at(tmp_path, f"answers: {text}\n"))
    assert plan(home_at(tmp_path, "answers: {base_url: 'https://h.example', listen: '127.0.0.1:0'}\n"))
    assert address("[::1]:80") == ("::1", 80)
    assert urlsplit("https://h.example").scheme == "https"
