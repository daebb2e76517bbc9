"""What is a SIA DC-09 frame, byte by byte? Both directions, pure.

``LF CRC LLLL "token"seq Rr Lp #account[data][xdata]_HH:MM:SS,MM-DD-YYYY CR``; the CRC (CRC-16, polynomial
A001 reflected, start 0) and the length (hex) run from the first quote to before CR. Enciphered frames
carry ``*`` in the token and, after ``[``, upper-case hex of AES-CBC (zero IV) over
``pad|data][xdata]_time``, padded in front to whole blocks.

Source: ANSI/SIA DC-09; frames verified against a receiver implementation (see the tests).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from alerts.channels.cipher import BLOCK, Cipher

_FRAME = re.compile(
    rb"\n(?P<crc>[0-9A-Fa-f]{4})(?P<length>[0-9A-Fa-f]{4})"
    rb'(?P<body>"(?P<token>\*?[A-Z0-9-]{1,20})"(?P<seq>[0-9]{4})'
    rb"(?:R(?P<receiver>[0-9A-Fa-f]{1,6}))?(?:L(?P<prefix>[0-9A-Fa-f]{1,6}))?"
    rb"#?(?P<account>[0-9A-Fa-f]{1,16})?\[(?P<rest>[^\r]{0,4096}))\r",
    re.DOTALL,
)
_TIME = re.compile(r"_(\d\d):(\d\d):(\d\d),(\d\d)-(\d\d)-(\d{4})$")

MAX_FRAME = 4200


class FrameError(ValueError):
    """These bytes are no frame of ours; says why."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame. ``data`` is what stood in the first brackets, ``time`` UTC seconds or None."""

    token: str  # without the asterisk
    seq: int
    account: str
    data: str = ""
    xdata: str = ""
    receiver: str = ""
    prefix: str = ""
    time: int | None = None
    enciphered: bool = False


def crc16(data: bytes) -> int:
    """The check number of a span.

    >>> f"{crc16(b'123456789'):04X}"
    'BB3D'
    """
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def encode(frame: Frame, aes: Cipher | None = None, pad: Callable[[int], str] = lambda n: "X" * n) -> bytes:
    """The bytes of a frame, enciphered if there is a key.

    ``pad(n)`` gives ``n`` characters, none of ``[ ] |``; chance there keeps equal alarms from looking
    equal on the wire.
    """
    stamp = (
        "" if frame.time is None else datetime.fromtimestamp(frame.time, UTC).strftime("_%H:%M:%S,%m-%d-%Y")
    )
    inner = f"{frame.data}]{frame.xdata}{stamp}"
    token = frame.token
    if aes is not None:
        token = f"*{token}"
        plain = f"|{inner}".encode("ascii", "replace")
        plain = pad(-len(plain) % BLOCK).encode("ascii") + plain
        inner = aes.encrypt_cbc(plain).hex().upper()
    head = f'"{token}"{frame.seq:04d}R{frame.receiver or 0}L{frame.prefix or 0}#{frame.account}['
    body = (head + inner).encode("ascii", "replace")
    return b"\n" + f"{crc16(body):04X}{len(body):04X}".encode() + body + b"\r"


def decode(data: bytes, aes: Cipher | None = None) -> Frame:
    """The frame in these bytes. Raises FrameError."""
    found = _FRAME.search(data)
    if found is None:
        raise FrameError("no frame")
    body = found["body"]
    if int(found["crc"], 16) != crc16(body):
        raise FrameError("wrong check number")
    if int(found["length"], 16) != len(body):
        raise FrameError("wrong length")
    token, rest = found["token"].decode(), found["rest"].decode("ascii", "replace")
    enciphered = token.startswith("*")
    if enciphered:
        rest = _decipher(rest, aes)
    inside, closed, after = rest.partition("]")
    if not closed:
        raise FrameError("no closing bracket")
    time = _TIME.search(after)
    return Frame(
        token=token.removeprefix("*"),
        seq=int(found["seq"]),
        account=(found["account"] or b"").decode().upper(),
        data=inside,
        xdata=after[: time.start()] if time else after,
        receiver=(found["receiver"] or b"").decode(),
        prefix=(found["prefix"] or b"").decode(),
        time=_seconds(time) if time else None,
        enciphered=enciphered,
    )


def _decipher(text: str, aes: Cipher | None) -> str:
    if aes is None:
        raise FrameError("enciphered, and there is no key")
    try:
        plain = aes.decrypt_cbc(bytes.fromhex(text)).decode("ascii")
    except ValueError:  # no hex, no whole blocks, or another key gave no text
        raise FrameError("cannot be deciphered") from None
    _, bar, inner = plain.partition("|")
    if bar:
        return inner
    _, closed, after = plain.partition("]")  # receivers are seen that put no bar behind the pad of an answer
    if not (closed and _TIME.fullmatch(after)):
        raise FrameError("cannot be deciphered")
    return closed + after


def _seconds(found: re.Match[str]) -> int | None:
    hour, minute, second, month, day, year = (int(x) for x in found.groups())
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        return None
