"""A mail server that misbehaves as told: answers by command, speaks STARTTLS and TLS, keeps what it took."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class MailServer:
    """``say(line)`` gives the answer to a command line, or None for the ordinary one; ``""`` = silence,
    ``"drip"`` = a byte now and then, for ever, ``"hang up"``. ``after_data`` answers the message.
    """

    security: str = "none"
    cert: tuple[Path, Path] | None = None
    say: Callable[[str], str | None] = lambda line: None
    after_data: str = "250 taken"
    lines: list[str] = field(default_factory=list)
    letters: list[tuple[list[str], str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._done = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> MailServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._socket.close()

    def _context(self) -> ssl.SSLContext:
        assert self.cert is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.cert)
        return context

    def _accept(self) -> None:
        while not self._done.is_set():
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._guarded, args=(near,), daemon=True).start()

    def _guarded(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._serve(near)
        with contextlib.suppress(OSError):
            near.close()

    def _serve(self, near: socket.socket) -> None:
        if self.security == "tls":
            near = self._context().wrap_socket(near, server_side=True)
        hello = self.say("greeting")
        if not self._answer(near, "220 here" if hello is None else hello):
            return
        file = near.makefile("rb")
        to: list[str] = []
        while line := file.readline().decode("utf-8", "replace").strip():
            word = line.split()[0].upper()
            line = word + line[len(word) :]
            self.lines.append(line)
            said = self.say(line)
            if said is None:
                said = {
                    "EHLO": "250-here\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME",
                    "STARTTLS": "220 go",
                    "AUTH": "235 in",
                    "DATA": "354 go",
                    "QUIT": "221 bye",
                }.get(word, "250 ok")
            if word == "MAIL":
                to = []
            if word == "RCPT" and said.startswith("2"):
                to.append(line.split("<")[1].split(">")[0])
            if not self._answer(near, said):
                return
            if word == "STARTTLS" and said.startswith("2"):
                near = self._context().wrap_socket(near, server_side=True)
                file = near.makefile("rb")
            if word == "DATA" and said.startswith("3"):
                text = ""
                while (piece := file.readline().decode("utf-8", "replace")) not in (".\r\n", ""):
                    text += piece
                if self.after_data.startswith("2"):
                    self.letters.append((to, text))
                if not self._answer(near, self.after_data):
                    return
            if word == "QUIT":
                return

    def _answer(self, near: socket.socket, said: str) -> bool:
        if said == "drip":
            while not self._done.wait(0.02):
                near.sendall(b"2")
            return False
        if said == "":
            self._done.wait(30)
            return False
        if said == "hang up":
            return False
        near.sendall(f"{said}\r\n".encode())
        return True


def certificate(folder: Path, name: str = "127.0.0.1") -> tuple[Path, Path]:
    """A self-signed certificate for this address, and its key."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "cert.key"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert, secret
