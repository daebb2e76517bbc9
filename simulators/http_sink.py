"""How do web services fail? An HTTP server that misbehaves to order, and keeps what it took.

Each request takes the next behaviour of ``plan``; when the plan is used up, ``usual``. ``bodies`` holds
what was really taken (answers of 2xx, and ``lose_answer``, which takes and then breaks off).
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal

from simulators.proxy import _break

Behaviour = int | Literal["hang", "drip", "reset", "lose_answer"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came, and what was done with it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    behaviour: Behaviour


class HttpSink:
    """A web service on loopback at ``url``.

    Behaviours: a status (200, 204, 400, 401, 429 with Retry-After 1, 500, 503, ...), ``hang`` (reads and
    never answers), ``drip`` (answers one byte a second), ``reset`` (breaks off while the body comes in),
    ``lose_answer`` (takes it, then breaks off). Hanging and dripping end when it is closed.
    """

    def __init__(self, plan: Iterable[Behaviour] = (), usual: Behaviour = 204, answer: bytes = b"") -> None:
        self.plan: deque[Behaviour] = deque(plan)
        self.usual: Behaviour = usual
        self.answer = answer
        self.requests: list[Request] = []
        self._closed = threading.Event()
        self._lock = threading.Lock()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                sink._serve(self)

            do_GET = do_PUT = do_POST

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    @property
    def bodies(self) -> list[bytes]:
        """What was taken, in order."""
        return [r.body for r in self.requests if _taken(r.behaviour)]

    def close(self) -> None:
        """Stop; ends hanging requests too. Safe twice."""
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        with self._lock:
            behaviour = self.plan.popleft() if self.plan else self.usual
        length = int(request.headers.get("Content-Length") or 0)
        if behaviour == "reset":
            body = request.rfile.read(length // 2)
        else:
            body = request.rfile.read(length)
        kept = Request(request.command, request.path, dict(request.headers), body, behaviour)
        with self._lock:
            self.requests.append(kept)
        request.close_connection = True
        with contextlib.suppress(OSError):
            self._answer(request, behaviour)

    def _answer(self, request: BaseHTTPRequestHandler, behaviour: Behaviour) -> None:
        if behaviour == "hang":
            self._closed.wait(60)
        elif behaviour in ("reset", "lose_answer"):
            _break(request.connection)
        elif behaviour == "drip":
            request.send_response(200)
            request.send_header("Content-Length", "60")
            request.end_headers()
            for _ in range(60):
                request.wfile.write(b" ")
                request.wfile.flush()
                if self._closed.wait(1):
                    return
        else:
            body = b"" if behaviour == 204 else self.answer
            request.send_response(int(behaviour))
            if behaviour == 429:
                request.send_header("Retry-After", "1")
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)

    def __enter__(self) -> HttpSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is what it is here for."""


def _taken(behaviour: Behaviour) -> bool:
    return behaviour == "lose_answer" or (isinstance(behaviour, int) and 200 <= behaviour < 300)
