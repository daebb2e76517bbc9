"""Which page opens when somebody follows a link in a message? A small one of our own, off by default.

GET shows what the alert is and one button for each answer; it changes nothing, because chat programs fetch
every link to draw a preview. POST answers. There is no session and no secret in the page: the token in
the link is all the right there is. The server binds to this machine unless told otherwise; a reverse
proxy with a certificate belongs in front of it. What a preview could read is no more than the alert's
title: no address, no health, no door code.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from alerts.links import LINK_WORDS
from alerts.text import render
from gateway.answers import Answers, Outcome
from gateway.words import word

Say = Callable[[Mapping[str, Any]], None]
"""Takes a command for the pipeline."""

MOST_BODY = 4096
MOST_AT_ONCE = 16
PATIENCE_S = 10.0

_STATUS = {
    "noted": HTTPStatus.OK, "unchanged": HTTPStatus.OK, "gone": HTTPStatus.GONE, "expired": HTTPStatus.GONE,
    "malformed": HTTPStatus.NOT_FOUND, "forged": HTTPStatus.FORBIDDEN, "word": HTTPStatus.FORBIDDEN,
}  # fmt: skip
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Connection": "close",
}
_STYLE = (
    "body{font:18px sans-serif;max-width:30em;margin:1em auto;padding:0 1em}"
    "button,input{font:inherit;width:100%;padding:.7em;margin:.3em 0;box-sizing:border-box}"
)


class AnswerServer:
    """Serves the page on ``host:port`` from threads of its own. Raises OSError if it cannot bind."""

    def __init__(self, where: tuple[str, int], answers: Answers, say: Say) -> None:
        self._server = _Server(where, answers, say)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="answers-http", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2.0)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 2 * MOST_AT_ONCE  # with the library's five, a small crowd waits a second

    def __init__(self, where: tuple[str, int], answers: Answers, say: Say) -> None:
        self.answers, self.say = answers, say
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)
        if ":" in where[0]:
            self.address_family = socket.AF_INET6
        super().__init__(where, _Page)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):  # a flood must not become a thread each
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        timer = threading.Timer(2 * PATIENCE_S, self._give_up, (request,))
        timer.daemon = True
        timer.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            timer.cancel()
            self._places.release()

    @staticmethod
    def _give_up(request: socket.socket) -> None:
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up in the middle is not worth a line in the log."""


class _Page(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "hearthwatch", ""
    timeout = PATIENCE_S

    def do_GET(self) -> None:
        """Show, and change nothing."""
        token = self._token()
        found = self.server.answers.look(token)
        self._send(found, self._choices(found, token) if found.result == "noted" else "")

    def do_HEAD(self) -> None:
        """The same without the page."""
        self._send(self.server.answers.look(self._token()), "")

    def do_POST(self) -> None:
        """Answer."""
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if not 0 <= length <= MOST_BODY:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        form = parse_qs(self.rfile.read(length).decode("utf-8", "replace"), max_num_fields=10)
        said = {k: form.get(k, [""])[0] for k in ("word", "name", "cause")}
        found = self.server.answers.answer(self._token(), said["word"], said["name"], said["cause"])
        if found.command is not None:
            self.server.say(found.command)
        self._send(found, self._done(found, said["word"]))

    def log_message(self, format: str, *args: Any) -> None:
        """Addresses of requests hold tokens; they are not logged."""

    # -- the page

    def _token(self) -> str:
        return parse_qs(urlsplit(self.path).query, max_num_fields=10).get("t", [""])[0]

    def _text(self, key: str) -> str:
        return word(f"answer.{key}", self.server.answers.home.language)

    def _choices(self, found: Outcome, token: str) -> str:
        assert found.grant is not None
        buttons = "".join(
            f'<button name="word" value="{w}">{escape(self._text(f"word.{w}"))}</button>'
            for w in LINK_WORDS
            if found.grant.allows(w)
        )
        return (
            f"<h1>{escape(self._title(found))}</h1>"
            f"<p>{escape(self._text('as').format(by=found.grant.by))}</p>"
            f'<form method="post" action="?t={escape(token)}">'
            f'<input name="name" maxlength="40" placeholder="{escape(self._text("name"))}">{buttons}'
            f'<input name="cause" maxlength="100" placeholder="{escape(self._text("cause"))}"></form>'
        )

    def _done(self, found: Outcome, answered: str) -> str:
        if found.result not in ("noted", "unchanged"):
            return ""
        said = self._text(f"word.{answered}") if answered in LINK_WORDS else ""
        told = self._text(found.result).format(word=said)
        return f"<h1>{escape(self._title(found))}</h1><p>{escape(told)}</p>"

    def _title(self, found: Outcome) -> str:
        home = self.server.answers.home
        return render(found.alert, home, home.language, discreet=True).title if found.alert else home.id

    def _send(self, found: Outcome, body: str) -> None:
        if not body:
            body = f"<h1>{escape(self._text('why.' + found.result))}</h1>"
        language = self.server.answers.home.language
        data = (
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><title>hearthwatch</title>'
            f"<style>{_STYLE}</style></head><body>{body}</body></html>"
        ).encode()
        self.send_response(_STATUS[found.result])
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def address(text: str) -> tuple[str, int]:
    """Host and port of ``host:port``; ``[::1]:8750`` for IPv6. Raises ValueError.

    >>> address("127.0.0.1:8750"), address("[::1]:8750")
    (('127.0.0.1', 8750), ('::1', 8750))
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError(f"{text!r} must be host:port, such as 127.0.0.1:8750")
    return host.strip("[]"), int(port)
