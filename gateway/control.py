"""How does a person on this machine ask the running gateway? A Unix socket in its state folder.

One JSON object a connection: request in, answer out. Only the owner may connect (folder 0700, socket
0600). There is no network listener.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

NAME = "control.sock"
LIMIT = 1 << 20
TIMEOUT_S = 2.0

Handler = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class ControlServer:
    """Answers requests with ``handle`` from a thread of its own."""

    def __init__(self, folder: Path, handle: Handler) -> None:
        self.path = folder / NAME
        self._handle = handle
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _short(self.path) as address:
            self._socket.bind(address)
        os.chmod(self.path, 0o600)
        self._socket.listen(4)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(TIMEOUT_S)
                try:
                    answer = dict(self._handle(json.loads(_read(connection))))
                except (ValueError, OSError, RecursionError) as error:
                    answer = {"error": str(error)}
                except Exception as error:  # a bad question must not end the thread that answers
                    answer = {"error": f"{type(error).__name__}: {error}"}
                with contextlib.suppress(OSError):
                    connection.sendall(json.dumps(answer, default=str).encode() + b"\n")

    def close(self) -> None:
        """Stop answering."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()


def ask(folder: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the gateway that uses this state folder. Raises OSError when none answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(5 * TIMEOUT_S)
        with _short(folder / NAME) as address:
            sock.connect(address)
        sock.sendall(json.dumps(dict(request)).encode() + b"\n")
        answer: dict[str, Any] = json.loads(_read(sock, 64 * LIMIT))
        return answer


def _read(sock: socket.socket, limit: int = LIMIT) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        piece = sock.recv(65536)
        if not piece:
            break
        data += piece
        if len(data) > limit:
            raise ValueError("the request is too long")
    return data


@contextlib.contextmanager
def _short(path: Path) -> Any:
    """The path as a socket address; Unix allows 107 bytes, so long ones go through /proc."""
    if len(os.fsencode(path)) < 100:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
