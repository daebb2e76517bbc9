"""How does a bad network between two programs look? A small TCP proxy that delays, swallows and resets.

Stands in for kernel network shaping, which needs modules that are not everywhere. Loopback only.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType

_PIECE = 65536
_TURN_S = 0.02
_MOST_HELD = 8 << 20


@dataclass(slots=True, eq=False)
class _Way:
    """One direction of one connection: what was read and may be written from when on."""

    source: socket.socket
    target: socket.socket
    held: list[tuple[float, bytes]] = field(default_factory=list)
    size: int = 0
    open: bool = True


class TcpProxy:
    """Passes TCP connections on to a target; ``port`` is where to connect instead.

    ``delay_s`` holds every piece so long. ``swallow`` reads and forgets in both directions while the
    connections stay open: a half-open link. :meth:`reset` breaks all connections with RST.
    :meth:`refuse` stops taking new ones. All may change while it runs.
    """

    def __init__(self, host: str, port: int) -> None:
        self.delay_s = 0.0
        self.swallow = False
        self.connections = 0
        self._target = (host, port)
        self._server: socket.socket | None = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = "127.0.0.1", int(self._server.getsockname()[1])
        self._ways: list[_Way] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tcp-proxy", daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """Break every connection now."""
        with self._lock:
            for way in self._ways:
                _break(way.source)
            self._ways.clear()

    def refuse(self) -> None:
        """Take no new connections: the host is there, the service is not."""
        with self._lock:
            if self._server:
                self._server.close()
                self._server = None

    def accept(self) -> None:
        """Take connections again, on the same port."""
        with self._lock:
            if self._server is None:
                self._server = socket.create_server(("127.0.0.1", self.port))

    def close(self) -> None:
        """Stop and break everything. Safe twice."""
        self._stop.set()
        self._thread.join(5)
        self.refuse()
        self.reset()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                server, ways = self._server, list(self._ways)
            with selectors.DefaultSelector() as ready:
                with contextlib.suppress(ValueError, OSError):
                    if server:
                        ready.register(server, selectors.EVENT_READ)
                    for way in ways:
                        if way.open and way.size < _MOST_HELD:
                            ready.register(way.source, selectors.EVENT_READ, way)
                for key, _ in ready.select(_TURN_S if self._waiting(ways) else 5 * _TURN_S):
                    if key.fileobj is server:
                        self._take(server)
                    else:
                        self._read(key.data)
            for way in ways:
                self._write(way)

    def _waiting(self, ways: list[_Way]) -> bool:
        return any(w.held for w in ways)

    def _take(self, server: socket.socket | None) -> None:
        try:
            near = server.accept()[0] if server else None
        except OSError:
            return
        if near is None:
            return
        try:
            far = socket.create_connection(self._target, timeout=5)
        except OSError:
            _break(near)
            return
        for end in (near, far):
            end.settimeout(5)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self.connections += 1
            self._ways += [_Way(near, far), _Way(far, near)]

    def _read(self, way: _Way) -> None:
        try:
            data = way.source.recv(_PIECE)
        except OSError:
            data = b""
        if not data:
            way.open = False
        elif not self.swallow:
            way.held.append((time.monotonic() + self.delay_s, data))
            way.size += len(data)

    def _write(self, way: _Way) -> None:
        now = time.monotonic()
        try:
            while way.held and way.held[0][0] <= now:
                data = way.held.pop(0)[1]
                way.size -= len(data)
                way.target.sendall(data)
        except OSError:
            way.open = False
            way.held.clear()
        if not way.open and not way.held:
            self._end(way)

    def _end(self, way: _Way) -> None:
        with self._lock:
            both = [w for w in self._ways if w.source in (way.source, way.target)]
            self._ways = [w for w in self._ways if w not in both]
        for end in (way.source, way.target):
            with contextlib.suppress(OSError):
                end.close()

    def __enter__(self) -> TcpProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _break(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        end.close()
