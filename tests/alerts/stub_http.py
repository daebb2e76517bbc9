"""A web service that misbehaves as told: one behaviour a request, then 200 for ever."""

from __future__ import annotations

import socket
import struct
import threading
from dataclasses import dataclass, field
from types import TracebackType


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


def ok(body: bytes = b"{}", status: str = "200 OK", headers: str = "") -> bytes:
    """A whole answer."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}Connection: close\r\n\r\n"
    ).encode() + body


@dataclass
class StubServer:
    """Behaviours: bytes to answer; ``hang`` (accept, never answer), ``drip`` (a byte at a time, for ever),
    ``reset`` (reset in the middle of the body), ``lost`` (take it, close without an answer),
    ``refuse`` (close before reading).
    """

    script: list[bytes | str] = field(default_factory=list)
    always: bytes | str = field(default_factory=ok)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._done = threading.Event()
        self._threads: list[threading.Thread] = []
        self._main = threading.Thread(target=self._accept, daemon=True)
        self._main.start()

    def __enter__(self) -> StubServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._done.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in (self._main, *self._threads):
            thread.join(5)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while not self._done.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            behaviour = self.script.pop(0) if self.script else self.always
            if behaviour == "refuse":
                return
            try:
                self.requests.append(self._read(connection))
                self._answer(connection, behaviour)
            except OSError:
                return

    def _answer(self, connection: socket.socket, behaviour: bytes | str) -> None:
        if isinstance(behaviour, bytes):
            connection.sendall(behaviour)
        elif behaviour == "hang":
            self._done.wait(30)
        elif behaviour == "drip":
            for byte in b"HTTP/1.1 200 OK\r\n" + b"X" * 100_000:
                connection.sendall(bytes([byte]))
                if self._done.wait(0.05):
                    return
        elif behaviour == "reset":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    @staticmethod
    def _read(connection: socket.socket) -> Request:
        connection.settimeout(10)
        file = connection.makefile("rb")
        line = file.readline().decode().strip()
        headers: dict[str, str] = {}
        while text := file.readline().decode().strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        return Request(line, headers, file.read(int(headers.get("content-length", 0))))
