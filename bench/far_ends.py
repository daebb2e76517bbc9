"""Where do alerts arrive in a bench? Loopback receivers of every channel kind, each noting when.

Every alert of the bench names its room (``room-0007``) in its title; the alarm centre gets a zone number.
"""

from __future__ import annotations

import json
import re
import socketserver
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from alerts.channels.dc09 import Frame, FrameError, decode, encode

ROOM = re.compile(rb"room-(\d{4})")
ZONE = re.compile(r"\|1\d{3} 00 (\d{3})$")
TOPICS = {
    "hearthwatch/bench/alert": "mqtt",
    "hearthwatch/bench/ha/event": "home_assistant",
    "bench/home": "in_home",
}
ROBOTS: dict[str, dict[str, Any]] = {
    "wecom": {"errcode": 0, "errmsg": "ok"},
    "dingtalk": {"errcode": 0, "errmsg": "ok"},
    "feishu": {"code": 0, "msg": "success", "data": {}},
    "serverchan": {"code": 0, "message": "", "data": {"errno": 0}},
    "bark": {"code": 200, "message": "success"},
}


class FarEnds:
    """All of them, while a bench runs. ``arrived[kind][n]``: when alarm ``n`` first got there, in seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.arrived: dict[str, dict[int, float]] = defaultdict(dict)
        self._servers: list[socketserver.BaseServer] = []
        far = self

        class Web(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                kind = self.path.split("?")[0].split("/")[1]
                far.note(kind, body)
                answer = json.dumps(ROBOTS.get(kind, {})).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        class Centre(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                while data := self.request.recv(8192):
                    try:
                        frame = decode(data, None)
                    except FrameError:
                        return
                    found = ZONE.search(frame.data.split("]")[0])
                    if found and found[1] != "000":
                        far.arrive("sia_dc09", int(found[1]) - 1)
                    ack = Frame("ACK", frame.seq, frame.account, receiver=frame.receiver, prefix=frame.prefix)
                    self.request.sendall(encode(ack, None))

        class Post(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 bench")
                while line := self.rfile.readline():
                    word = line[:4].upper().strip()
                    if word == b"DATA":
                        self._say("354 go on")
                        lines = iter(self.rfile.readline, b".\r\n")
                        far.note("email", b"".join(lines))
                    self._say("221 bye" if word == b"QUIT" else "250 ok")
                    if word == b"QUIT":
                        return

            def _say(self, text: str) -> None:
                self.wfile.write(text.encode() + b"\r\n")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        web = ThreadingHTTPServer(("127.0.0.1", 0), Web)
        web.daemon_threads = True
        self.web = f"http://127.0.0.1:{web.server_port}"
        centre, post = Server(("127.0.0.1", 0), Centre), Server(("127.0.0.1", 0), Post)
        self.centre, self.post = centre.server_address[1], post.server_address[1]
        self._servers = [web, centre, post]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def note(self, kind: str, body: bytes) -> None:
        """A message arrived there."""
        if found := ROOM.search(body):
            self.arrive(kind, int(found[1]))

    def arrive(self, kind: str, number: int) -> None:
        """Alarm ``number`` is there."""
        self.arrived[kind].setdefault(number, time.monotonic())

    def listen(self, port: int) -> mqtt.Client:
        """Hear what the broker's subscribers hear."""
        ready = threading.Event()
        # a session: what is published before it is back after a restart is kept for it
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench-ear", clean_session=False)

        def on_connect(*_: Any) -> None:
            client.subscribe([(topic, 1) for topic in TOPICS])

        client.on_connect = on_connect
        client.on_subscribe = lambda *_: ready.set()
        client.on_message = lambda _c, _u, m: self.note(TOPICS[m.topic], bytes(m.payload))
        client.reconnect_delay_set(0.1, 1)  # type: ignore[arg-type]
        client.connect("127.0.0.1", port)
        client.loop_start()
        ready.wait(10)
        return client

    def channels(self) -> str:
        """The channels section of a configuration that sends to all of them."""
        key = self.folder / "key"
        key.write_text("bench-key\n")
        key.chmod(0o600)
        urls = self.folder / "urls"
        urls.write_text(f"json://{self.web.removeprefix('http://')}/apprise\n")
        urls.chmod(0o600)
        lines = [
            "mqtt: {type: mqtt, options: {link: broker}}",
            "home_assistant: {type: home_assistant, options: {link: broker}}",
            "in_home: {type: in_home, options: {link: broker, topic: bench/home}}",
            f"webhook: {{type: webhook, options: {{url: '{self.web}/webhook'}}}}",
            f"sia_dc09: {{type: sia_dc09, options: {{receivers: ['127.0.0.1:{self.centre}'], "
            "account: '1234'}}",
            f"email: {{type: email, options: {{host: 127.0.0.1, port: {self.post}, security: none, "
            "sender: a@example.org, to: [b@example.org]}}",
        ]
        lines += [
            f"{name}: {{type: {name}, options: {{key_file: {key}, base_url: '{self.web}/{name}'}}}}"
            for name in ROBOTS
        ]
        if find_spec("apprise"):
            lines.append(f"apprise: {{type: apprise, options: {{urls_file: {urls}}}}}")
        return "channels:\n" + "".join(f"  {line}\n" for line in lines)

    def kinds(self) -> list[str]:
        """Which kinds are there?"""
        names = [*TOPICS.values(), "webhook", "sia_dc09", "email", *ROBOTS]
        return [*names, "apprise"] if find_spec("apprise") else names

    def close(self) -> None:
        """Let go of the ports."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
