"""The proxy and the web service fail as they were told to, and end when they are closed."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest

from simulators.http_sink import HttpSink
from simulators.proxy import TcpProxy
from tests.broker import Broker, Listener, publish, wait_for


class Echo:
    """A TCP service that sends back what it gets."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.server.getsockname()[1])
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                line = self.server.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with line:
            try:
                while data := line.recv(65536):
                    line.sendall(data)
            except OSError:
                return


@pytest.fixture
def proxy() -> Iterator[TcpProxy]:
    echo = Echo()
    with TcpProxy("127.0.0.1", echo.port) as made:
        yield made
    echo.server.close()


def test_bytes_pass_both_ways(proxy: TcpProxy) -> None:
    data = bytes(range(256)) * 4000
    with socket.create_connection((proxy.host, proxy.port), timeout=10) as line:
        sender = threading.Thread(target=line.sendall, args=(data,))
        sender.start()
        got = b""
        while len(got) < len(data):
            got += line.recv(65536)
        sender.join()
    assert got == data


def test_a_reset_breaks_connections_and_new_ones_work(proxy: TcpProxy) -> None:
    with socket.create_connection((proxy.host, proxy.port), timeout=10) as line:
        line.sendall(b"x")
        assert line.recv(1) == b"x"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            line.recv(1)
    with socket.create_connection((proxy.host, proxy.port), timeout=10) as line:
        line.sendall(b"y")
        assert line.recv(1) == b"y"
    assert proxy.connections == 2


def test_swallowed_bytes_never_arrive_though_the_line_is_open(proxy: TcpProxy) -> None:
    with socket.create_connection((proxy.host, proxy.port), timeout=10) as line:
        line.sendall(b"a")
        assert line.recv(1) == b"a"
        proxy.swallow = True
        line.sendall(b"b")
        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            line.recv(1)
        proxy.swallow = False
        line.settimeout(10)
        line.sendall(b"c")
        assert line.recv(1) == b"c"


def test_refused_then_accepted_on_the_same_port(proxy: TcpProxy) -> None:
    proxy.refuse()
    with pytest.raises(OSError):
        socket.create_connection((proxy.host, proxy.port), timeout=10).close()
    proxy.accept()
    with socket.create_connection((proxy.host, proxy.port), timeout=10) as line:
        line.sendall(b"z")
        assert line.recv(1) == b"z"


def test_an_mqtt_client_lives_through_the_proxy(broker: Broker) -> None:
    with TcpProxy(broker.host, broker.port) as between:
        near = Broker(broker.folder, port=between.port)
        with Listener(near, "a/#") as heard:
            publish(broker, [("a/1", b"x")])
            wait_for(lambda: heard.messages)


def ask(sink: HttpSink, body: bytes = b"{}", timeout: float = 10) -> tuple[int, str]:
    line = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=timeout)
    try:
        line.request("POST", "/alert", body, {"Content-Type": "application/json"})
        answer = line.getresponse()
        answer.read()
        return answer.status, answer.headers.get("Retry-After", "")
    finally:
        line.close()


def test_answers_follow_the_plan_and_only_what_was_taken_is_kept() -> None:
    with HttpSink([500, 429, 400, 401, 200], answer=b'{"errcode":0}') as sink:
        statuses = [ask(sink, b"%d" % i) for i in range(6)]
    assert statuses == [(500, ""), (429, "1"), (400, ""), (401, ""), (200, ""), (204, "")]
    assert sink.bodies == [b"4", b"5"]
    assert [r.path for r in sink.requests] == ["/alert"] * 6


def test_broken_off_answers() -> None:
    with HttpSink(["reset", "lose_answer"]) as sink:
        for body in (b"x" * 1000, b"y" * 1000):
            with pytest.raises((ConnectionError, http.client.HTTPException)):
                ask(sink, body)
        wait_for(lambda: len(sink.requests) == 2)
        assert sink.bodies == [b"y" * 1000]
        assert ask(sink) == (204, "")


@pytest.mark.parametrize("behaviour", ["hang", "drip"])
def test_endless_answers_end_for_the_client_and_with_the_service(behaviour: str) -> None:
    with HttpSink([behaviour]) as sink:  # type: ignore[list-item]
        with pytest.raises((TimeoutError, http.client.IncompleteRead)):
            ask(sink, timeout=0.3 if behaviour == "hang" else 0.9)
        assert ask(sink) == (204, "")
