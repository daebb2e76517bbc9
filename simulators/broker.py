"""How does a real broker get onto this machine for a while? Mosquitto on a free loopback port.

The settings are the ones the product ships: everything is queued for a restarting gateway and kept
across a power cut. Without Mosquitto, amqtt stands in, in a process of its own, with a warning: it
forgets sessions and marks queued messages as retained. Both are stopped by process id.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

START_S = 10.0
STOP_S = 10.0

SETTINGS = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_on_changes true
autosave_interval 1
max_inflight_messages 200
max_queued_messages 0
max_queued_bytes 67108864
queue_qos0_messages true
set_tcp_nodelay true
persistent_client_expiration 30d
log_dest file {folder}/mosquitto.log
"""


class BrokerError(Exception):
    """The broker did not come up; the text says why and what to do."""


def find_mosquitto() -> str | None:
    """Where is the program? Looks on the PATH and where distributions put it."""
    return shutil.which("mosquitto") or next(
        (p for p in ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto") if os.access(p, os.X_OK)), None
    )


def free_port() -> int:
    """A loopback port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """A broker on 127.0.0.1, as a process that can be stopped, killed, frozen and brought back.

    ``kind`` is ``mosquitto`` where it is installed, else ``amqtt``; asking for one insists on it.
    ``extra`` are more lines of Mosquitto settings. State lies in ``folder``, which outlives a restart
    and is removed by :meth:`close` if it was made here.
    """

    def __init__(
        self,
        folder: Path | None = None,
        port: int | None = None,
        kind: Literal["auto", "mosquitto", "amqtt"] = "auto",
        extra: Sequence[str] = (),
    ) -> None:
        self.host = "127.0.0.1"
        self._made = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="hearthwatch-broker-"))
        if kind == "auto" and os.environ.get("HEARTHWATCH_BROKER") == "amqtt":
            kind = "amqtt"  # to try what happens where Mosquitto is not installed
        self._binary = None if kind == "amqtt" else find_mosquitto()
        if kind == "mosquitto" and not self._binary:
            raise BrokerError("mosquitto is not installed; install it (for example: apt install mosquitto)")
        if not self._binary and not importlib.util.find_spec("amqtt"):
            raise BrokerError(
                "neither mosquitto nor amqtt is installed; install one (apt install mosquitto, or "
                "pip install amqtt)"
            )
        self.kind: Literal["mosquitto", "amqtt"] = "mosquitto" if self._binary else "amqtt"
        self.warning = (
            ""
            if self._binary
            else "mosquitto is not installed: amqtt stands in on loopback. It loses sessions and queued "
            "messages; good for a look, not for a home"
        )
        self._fixed = port
        self.port = port or 0
        self._extra = list(extra)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start and wait until it takes connections. Raises BrokerError within some ten seconds."""
        for _attempt in range(5):  # a free port may be taken before the broker binds it
            if not self.port:
                self.port = free_port()
            if self._try_start():
                return
            if self._fixed:
                break
            self.port = 0
        raise BrokerError(
            f"{self.kind} does not listen on {self.host}:{self._fixed or 'any free port'}: {self._why()}"
        )

    def _try_start(self) -> bool:
        if self.listening():  # somebody else has the port: ours would die while theirs answers
            return False
        with (self.folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self.folder
            )
        end = time.monotonic() + START_S
        while time.monotonic() < end and self._process.poll() is None:
            if self.listening():
                return self._process.poll() is None
            time.sleep(0.01)
        self.kill()
        return False

    def _command(self) -> list[str]:
        if not self._binary:
            return [sys.executable, "-P", __file__, str(self.port)]
        text = SETTINGS.format(port=self.port, folder=self.folder) + "".join(f"{e}\n" for e in self._extra)
        if os.geteuid() == 0:
            text += "user root\n"  # else it gives up root and cannot write the folder
        settings = self.folder / "mosquitto.conf"
        settings.write_text(text, encoding="utf-8")
        command = [self._binary, "-c", str(settings)]
        if setpriv := shutil.which("setpriv"):  # if we are killed, it must not live on
            command = [setpriv, "--pdeathsig", "TERM", *command]
        return command

    def listening(self) -> bool:
        """Does somebody accept connections on its port?"""
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=0.5):
            return True
        return False

    def stop(self) -> None:
        """Ask it to end (it saves its state), wait, insist."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self._reap()

    def kill(self) -> None:
        """End it as a power cut would: nothing more is saved."""
        if self._process and self._process.poll() is None:
            self._process.kill()
        self._reap()

    def restart(self) -> None:
        """Stop if running, and come back on the same port with the same state."""
        self.stop()
        port, self._fixed = self.port, self.port
        self.start()
        self.port = port

    def freeze(self) -> None:
        """Stop answering without closing anything: a half-open connection."""
        if self._process:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after :meth:`freeze`."""
        if self._process:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop, and remove the folder if it was made here. Safe twice."""
        self.stop()
        if self._made:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _reap(self) -> None:
        if self._process:
            self._process.wait(STOP_S)
            if self._process.stdin:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()

    def _why(self) -> str:
        lines = [
            line
            for name in ("mosquitto.log", "output.log")
            if (self.folder / name).exists()
            for line in (self.folder / name).read_text(errors="replace").splitlines()[-3:]
        ]
        return " | ".join(lines) or "the port is taken; choose another"

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve_amqtt(port: int) -> None:
    """Be an amqtt broker on loopback until told to end or until our parent is gone."""
    from amqtt.broker import Broker as Amqtt

    settings: dict[str, Any] = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }

    async def run() -> None:
        broker = Amqtt(settings)
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, done.set)
        loop.add_reader(sys.stdin.fileno(), lambda: done.set() if not os.read(0, 64) else None)
        await broker.start()
        await done.wait()
        await broker.shutdown()

    asyncio.run(run())


if __name__ == "__main__":
    serve_amqtt(int(sys.argv[1]))
