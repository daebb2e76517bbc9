"""How does an alarm centre hear of an alert? By SIA DC-09 over TCP or UDP, to one of two receivers.

Only what a centre acts on is sent: a new alarm, one that got worse or was called again, and its end as a
restoral. ACK with our number is taken; NAK tells the receiver's time, which is used from then on; DUH
means it does not understand: the other receiver is tried, and if it says the same a person is told.
No answer: tried again with the same number, then on the other receiver. NULL messages prove the line.
"""

from __future__ import annotations

import re
import socket
import string
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from alerts.channels.base import FORBID, ChannelContext, ChannelSpec, read_secret
from alerts.channels.centre_codes import CODES, MEDICAL, TEST, TROUBLE, Code
from alerts.channels.cipher import MISSING, Cipher, available
from alerts.channels.dc09 import MAX_FRAME, Frame, FrameError, decode, encode
from alerts.revision import RINGING
from core.contracts import Refused
from core.model import SECOND, Alert, Severity

_PAD = string.ascii_letters + string.digits
_SENT = (RINGING - {"again"}) | {"cleared"}
_TRIES = 2
_BARE = re.compile(rb'"(?:NAK|DUH)"')  # what receivers say to an account they do not know; nothing follows
_AFTER_FAIL = 300 * SECOND  # so long a receiver that failed is asked second


@dataclass(frozen=True, slots=True)
class SiaDc09Params:
    """Which centre, and how?

    ``receivers``: one or two ``host:port``. ``account``: 3 to 16 hex digits. ``key_file``: the AES key as
    32, 48 or 64 hex digits, or as 16, 24 or 32 characters (32 hex digits are an AES-128 key; write
    ``text:`` in front where the centre means 32 characters by them). ``zones``: source -> zone number
    (1 to 999); without it sensors are numbered by name. ``codes``: kind -> "CID/SIA/SIA restoral".
    ``supervise_s``: how often a NULL message is sent, as agreed with the centre; 0 = never.
    ``timeout_s``: for each try.
    """

    receivers: tuple[str, ...]
    account: str
    format: Literal["ADM-CID", "SIA-DCS"] = "ADM-CID"
    transport: Literal["tcp", "udp"] = "tcp"
    key_file: Path | None = None
    receiver: str = "0"
    prefix: str = "0"
    zones: Mapping[str, int] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    supervise_s: float = 0.0
    timeout_s: float = 5.0
    insecure: bool = False

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        if not 1 <= len(self.receivers) <= 2:
            raise ValueError("receivers must name one or two host:port")
        for text in self.receivers:
            address(text)
        if not 3 <= len(self.account) <= 16 or set(self.account.upper()) - set("0123456789ABCDEF"):
            raise ValueError("account must be 3 to 16 hex digits")
        local = all(address(r)[0] in ("localhost", "127.0.0.1", "::1") for r in self.receivers)
        if self.key_file is None and not (local or self.insecure):
            raise ValueError("alarms would go out in plain text; give a key_file, or insecure: true")
        if self.key_file is not None and not available():
            raise ValueError(MISSING)
        for name, zone in self.zones.items():
            if not 1 <= zone <= 999:
                raise ValueError(f"the zone of {name} must be 1 to 999")
        for kind, text in self.codes.items():
            parse_code(kind, text)
        if self.supervise_s and not 1 <= self.supervise_s <= 86_400:
            raise ValueError("supervise_s must be 0 (never) or 1 to 86400 seconds")
        if not 0.1 <= self.timeout_s <= 60:
            raise ValueError("timeout_s must be between 0.1 and 60 seconds")


def address(text: str) -> tuple[str, int]:
    """Host and port of ``host:port``. Raises ValueError.

    >>> address("[::1]:9000"), address("centre.example:5000")
    (('::1', 9000), ('centre.example', 5000))
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not host:port")
    return host.strip("[]"), int(port)


def parse_code(kind: str, text: str) -> Code:
    """A code as written in the options. Raises ValueError.

    >>> parse_code("fall", "100/MA/MH")
    Code(cid='100', sia='MA', sia_restore='MH')
    """
    cid, _, sia = text.partition("/")
    new, _, restore = sia.partition("/")
    fits = cid.isascii() and cid.isdigit() and len(cid) == 3 and len(new) == 2 and len(restore) in (0, 2)
    if not fits:
        raise ValueError(f"the code of {kind} must look like 100/MA/MH, not {text!r}")
    return Code(cid, new, restore)


class SiaDc09Channel:
    """Alerts as messages to an alarm centre."""

    def __init__(self, params: SiaDc09Params, context: ChannelContext) -> None:
        self._params, self._context = params, context
        self._aes = Cipher(_key(read_secret(params.key_file))) if params.key_file else None
        self._zones = dict(params.zones) or {n: i for i, n in enumerate(sorted(context.home.sensors), 1)}
        self._codes = {**CODES, **{k: parse_code(k, v) for k, v in params.codes.items()}}
        self._lines = [_Line(address(r), params.transport, params.timeout_s) for r in params.receivers]
        self._failed_at: list[int | None] = [None] * len(self._lines)
        self._seq = 0
        self._offset_s = 0  # receiver's clock minus ours, once it has told us
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._silent = ""
        self._supervisor: threading.Thread | None = None
        if params.supervise_s:
            self._supervisor = threading.Thread(target=self._supervise, name="alerts-dc09-null", daemon=True)
            self._supervisor.start()

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
        """Send them one by one; those acknowledged, or of no concern to a centre."""
        taken = []
        for alert in alerts:
            data = self.data_of(alert)
            if data is not None:
                self._send(self._params.format, data)
            taken.append((alert.id, alert.revision))
        return taken

    def data_of(self, alert: Alert) -> str | None:
        """What stands between the brackets; None if a centre need not know."""
        why = alert.evidence.get("why")
        if why not in _SENT:
            return None
        restore = why == "cleared"
        code = self._code(alert)
        if restore and code is TEST:
            return None  # a test has no end a centre could file
        zone = self._zones.get(alert.source, 0)
        if self._params.format == "ADM-CID":
            return f"#{self._params.account}|{'3' if restore else '1'}{code.cid} 00 {zone:03d}"
        letters = code.sia_restore if restore else code.sia
        if not letters:
            return None
        words = f"{alert.kind} {alert.room or alert.source}".upper()
        text = "".join(c for c in words if c.isascii() and (c.isalnum() or c in " _-"))[:40]
        return f"#{self._params.account}|Nri1/{letters}{zone:03d}*{text}"

    def fault(self) -> str:
        """Why does the line look dead although nothing had to be sent? "" if it does not."""
        return self._silent

    def close(self) -> None:
        """Stop supervising and hang up."""
        self._stop.set()
        if self._supervisor is not None:
            self._supervisor.join(self._params.timeout_s)
        for line in self._lines:
            line.close()

    # -- inside

    def _code(self, alert: Alert) -> Code:
        if alert.evidence.get("test") is True:
            return TEST
        known = self._codes.get(alert.kind)
        if known is not None:
            return known
        return TROUBLE if alert.severity in (Severity.TROUBLE, Severity.INFO) else MEDICAL

    def _send(self, token: str, data: str) -> None:
        """One message, to whichever receiver takes it. Raises OSError or Refused."""
        with self._lock:
            seq = 0
            if token != "NULL":
                self._seq = seq = self._seq % 9999 + 1
            frame = Frame(
                token, seq, self._params.account.upper(), data,
                receiver=self._params.receiver, prefix=self._params.prefix,
            )  # fmt: skip
            refused: list[str] = []
            failed: list[str] = []
            for index in self._order():
                try:
                    if self._converse(self._lines[index], frame):
                        self._failed_at[index] = None
                        self._silent = ""
                        return
                    refused.append(self._lines[index].name)
                except OSError as error:
                    failed.append(f"{self._lines[index].name}: {error}")
                self._failed_at[index] = self._context.clock.now()
            if failed:
                raise OSError("; ".join(failed))
            raise Refused(f"{' and '.join(refused)} cannot process {data or token}")

    def _order(self) -> list[int]:
        """Which receiver first? The first named, unless it failed a short while ago."""
        now = self._context.clock.now()

        def doubt(index: int) -> bool:
            at = self._failed_at[index]
            return at is not None and now - at < _AFTER_FAIL

        return sorted(range(len(self._lines)), key=doubt)

    def _converse(self, line: _Line, frame: Frame) -> bool:
        """Was it acknowledged? False for DUH. Raises OSError for silence or nonsense."""
        trouble = "no answer"
        tries, corrected = _TRIES, False
        while tries:
            tries -= 1
            data = encode(replace(frame, time=self._now_s()), self._aes, _pad)
            try:
                answer = decode(line.exchange(data), self._aes)
            except FrameError as error:
                trouble = f"an answer that is none ({error})"
                continue
            except OSError as error:
                trouble = str(error) or "no answer"
                continue
            if answer.token == "NAK":
                trouble = "NAK"
                if answer.time is not None and not corrected:
                    self._offset_s += answer.time - self._now_s()
                    corrected, tries = True, max(tries, 1)
                continue
            if answer.token == "DUH":
                return False
            ours = answer.seq == frame.seq and answer.account in ("", frame.account)
            if answer.token == "ACK" and ours and (self._aes is None or answer.enciphered):
                return True
            trouble = f"an answer to something else ({answer.token} {answer.seq:04d})"
        line.close()
        raise OSError(trouble)

    def _now_s(self) -> int:
        clock = self._context.clock
        return (clock.now() + clock.wall_offset()) // SECOND + self._offset_s

    def _supervise(self) -> None:
        while not self._stop.wait(self._params.supervise_s):
            try:
                self._send("NULL", "")
            except (OSError, Refused) as error:
                self._silent = f"supervision: {error}"


class _Line:
    """One receiver's address and, over TCP, the connection that is kept open."""

    def __init__(self, where: tuple[str, int], transport: str, timeout_s: float) -> None:
        self.name = f"{where[0]}:{where[1]}"
        self._where, self._transport, self._timeout_s = where, transport, timeout_s
        self._socket: socket.socket | None = None

    def exchange(self, data: bytes) -> bytes:
        """Send one frame in one piece and wait for one answer. Raises OSError."""
        kept = self._socket is not None
        try:
            return self._once(data)
        except TimeoutError:
            self.close()
            raise
        except OSError:
            self.close()
            if not kept:
                raise
        return self._once(data)  # the kept connection had died; a fresh one may work

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _once(self, data: bytes) -> bytes:
        if self._socket is None:
            if self._transport == "tcp":
                self._socket = socket.create_connection(self._where, self._timeout_s)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            else:
                family = socket.getaddrinfo(*self._where, type=socket.SOCK_DGRAM)[0][0]
                self._socket = socket.socket(family, socket.SOCK_DGRAM)
                self._socket.connect(self._where)
        self._socket.settimeout(self._timeout_s)
        self._socket.sendall(data)
        got = b""
        while b"\r" not in got and not _BARE.fullmatch(got) and len(got) < MAX_FRAME:
            piece = self._socket.recv(MAX_FRAME)
            if not piece:
                raise ConnectionResetError("the receiver hung up")
            got += piece
            if self._transport == "udp":
                break  # a datagram is all there will be
        return got


def _key(text: str) -> bytes:
    """An AES key from its file. ``text:`` in front settles what 32 hex digits mean. Raises ValueError."""
    if text.startswith("text:"):
        return text.removeprefix("text:").encode()
    if len(text) in (32, 48, 64):
        try:
            return bytes.fromhex(text)
        except ValueError:
            if len(text) != 32:
                raise ValueError("the key file must hold hex digits or 16, 24 or 32 characters") from None
    return text.encode()


def _pad(count: int) -> str:
    import secrets

    return "".join(secrets.choice(_PAD) for _ in range(count))


SPEC = ChannelSpec(
    name="sia_dc09", title="alarm centre by SIA DC-09", params=SiaDc09Params, make=SiaDc09Channel
)
