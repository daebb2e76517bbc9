"""An alarm centre's receiver for tests: answers over TCP and UDP as told, and remembers what it saw."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from dataclasses import replace

from alerts.channels.cipher import Cipher
from alerts.channels.dc09 import Frame, FrameError, decode, encode


class Centre:
    """``behaviour(frame, n)`` gives the answer's token (ACK, NAK, DUH), raw bytes, or None for silence."""

    def __init__(
        self, transport: str = "tcp", aes: Cipher | None = None, clock: Callable[[], int] = lambda: 0
    ) -> None:
        self.seen: list[Frame] = []
        self.connections = 0
        self.behaviour: Callable[[Frame, int], str | bytes | None] = lambda frame, n: "ACK"
        self._aes, self._clock = aes, clock
        centre = self

        class Tcp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                centre.connections += 1
                while data := self.request.recv(8192):
                    answer = centre.answer(data)
                    if answer == b"hang up":
                        return
                    if answer is not None:
                        self.request.sendall(answer)

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                answer = centre.answer(self.request[0])
                if answer is not None:
                    self.request[1].sendto(answer, self.client_address)

        if transport == "tcp":
            self._server: socketserver.BaseServer = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tcp)
        else:
            self._server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Udp)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.where = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Centre:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(self, data: bytes) -> bytes | None:
        try:
            frame = decode(data, self._aes)
        except FrameError:
            return self._nak()
        self.seen.append(frame)
        said = self.behaviour(frame, len(self.seen))
        if said is None or isinstance(said, bytes):
            return said
        if said == "NAK":
            return self._nak()
        kept = replace(frame, token=said, data="", xdata="", time=self._clock() if self._aes else None)
        return encode(kept, self._aes)

    def _nak(self) -> bytes:
        return encode(Frame("NAK", 0, "A0", time=self._clock()))
