"""How are packets kept, so that corrected drivers and detectors can be run over them again?

JSON lines, one packet a line, plain (``.jsonl``) or compressed (``.jsonl.zst``); people can grep them.
The first line is a header; ``Mark.END`` as the last one says that the file was closed in good order.
A file that was not (a crash, a power cut) is read up to its last whole line. See
``docs/reference/recordings.md``.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any, BinaryIO

import zstandard
from pydantic_core import from_json

from core.model import Mark, Packet
from ingest.errors import LogError

VERSION = 1
SUFFIXES = (".jsonl", ".jsonl.zst")
MAX_LINE = 64 << 20

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_MARKS = {str(m): m for m in Mark}


@dataclass(frozen=True, slots=True)
class Header:
    """What does the first line say? ``started`` is event time, ns; ``after`` names the file before."""

    home: str = ""
    started: int = 0
    config_hash: str = ""
    after: str = ""

    def line(self) -> str:
        """The line, without its end."""
        told: dict[str, Any] = {"hearthwatch": VERSION, "home": self.home, "started": self.started}
        told["config_hash"] = self.config_hash
        if self.after:
            told["after"] = self.after
        return json.dumps(told, ensure_ascii=False)


def line_of(packet: Packet) -> str:
    """One packet as its line, without its end.

    >>> line_of(Packet("broker", "a/b", 5, b'{"x":1}'))
    '{"at":5,"link":"broker","channel":"a/b","text":"{\\\\"x\\\\":1}"}'
    >>> line_of(Packet("port", "", 7, b"\\xaa\\xff", Mark.DATA))
    '{"at":7,"link":"port","channel":"","hex":"aaff"}'
    """
    link, channel, at, data, mark = packet
    text: str | None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = None
    if text is None or _CONTROL.search(text):
        body = f'"hex":"{data.hex()}"}}'
    else:
        body = f'"text":{encode_basestring(text)}}}'
    told = f'"mark":"{mark}",' if mark else ""
    return f'{{"at":{at},"link":{_quoted(link)},"channel":{_quoted(channel)},{told}{body}'


def _quoted(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:  # a lone surrogate is no text; JSON escapes keep it
        return json.dumps(name)
    return encode_basestring(name)


class Refusal(ValueError):
    """A line that is no packet; its text is the short reason it is counted under."""


def packet_of(line: str | bytes) -> Packet:
    """The packet of a line. Raises Refusal.

    >>> packet_of('{"at":5,"link":"l","channel":"","hex":"aaff","later_key":1}')
    Packet(link='l', channel='', at=5, data=b'\\xaa\\xff', mark=<Mark.DATA: ''>)
    """
    return _packet(_parse(line))


def _parse(line: str | bytes) -> dict[str, Any]:
    try:
        told = from_json(line)  # four times as fast as json
    except ValueError:
        try:
            told = json.loads(line)  # takes lone surrogates, which names may hold
        except (ValueError, RecursionError):
            raise Refusal("not_json") from None
    if not isinstance(told, dict):
        raise Refusal("not_a_packet")
    return told


def _packet(told: Mapping[str, Any]) -> Packet:
    at, link, channel = told.get("at"), told.get("link"), told.get("channel", "")
    # bool is an int in Python; a time must be a plain one and fit 64 bits
    if type(at) is not int or not 0 <= at < 1 << 63:
        raise Refusal("time")
    if not isinstance(link, str) or not isinstance(channel, str):
        raise Refusal("not_a_packet")
    mark = _MARKS.get(told.get("mark", ""))
    if mark is None:
        raise Refusal("mark_unknown")
    text, digits = told.get("text"), told.get("hex")
    if isinstance(text, str) and digits is None:
        try:
            return Packet(link, channel, at, text.encode(), mark)
        except UnicodeEncodeError:
            raise Refusal("text") from None
    if isinstance(digits, str) and text is None:
        try:
            return Packet(link, channel, at, bytes.fromhex(digits), mark)
        except ValueError:
            raise Refusal("hex") from None
    raise Refusal("not_a_packet")


def is_recording(first_line: str | bytes) -> bool:
    """Is this the header of one of our recordings?"""
    try:
        told = _parse(first_line)
    except Refusal:
        return False
    return "hearthwatch" in told


@dataclass(slots=True)
class ReadCounts:
    """How did reading go? ``refused`` counts lines by reason; ``torn`` files ended within a line."""

    files: int = 0
    lines: int = 0
    packets: int = 0
    torn: int = 0
    open_ends: int = 0  # files without their END: the writer was killed
    moved: int = 0  # stamps that went backwards and were moved up
    refused: dict[str, int] = field(default_factory=dict)


class RecordingReader:
    """A recording (files or folders of them) as a ``core.contracts.Log``.

    Files are read in the order given, a folder's by name, which is by time. ``counts`` and ``headers``
    are of the latest pass. Raises LogError for a path that is missing or no recording.
    """

    def __init__(self, paths: Path | str | Sequence[Path | str]) -> None:
        given = [paths] if isinstance(paths, (str, Path)) else list(paths)
        self.paths: list[Path] = []
        for path in map(Path, given):
            if path.is_dir():
                inside = sorted(p for p in path.iterdir() if p.name.endswith(SUFFIXES))
                if not inside:
                    raise LogError(f"{path}: holds no recording (*.jsonl, *.jsonl.zst)")
                self.paths.extend(inside)
            elif path.is_file():
                self.paths.append(path)
            else:
                raise LogError(f"{path}: no such file or folder; name a recording")
        self.counts = ReadCounts()
        self.headers: list[Header] = []

    def packets(self) -> Iterator[Packet]:
        """All packets, ``at`` never decreasing; lines that are none are counted, not raised."""
        self.counts, self.headers = ReadCounts(), []
        last = 0
        for path in self.paths:
            for packet in self._of(path):
                if packet.at < last:
                    self.counts.moved += 1
                    packet = packet._replace(at=last)
                last = packet.at
                self.counts.packets += 1
                yield packet

    def _of(self, path: Path) -> Iterator[Packet]:
        counts, refused = self.counts, self.counts.refused
        counts.files += 1
        ended = continued = False
        for number, line in enumerate(lines(path)):
            counts.lines += 1
            if not line.endswith(b"\n"):
                counts.torn += 1
                break
            try:
                told = _parse(line)
                if "hearthwatch" in told:
                    self.headers.append(_header(path, told))
                    continue
                packet = _packet(told)
            except Refusal as refusal:
                if number == 0:
                    raise LogError(f"{path}: is not one of our recordings (first line)") from None
                reason = str(refusal)
                refused[reason] = refused.get(reason, 0) + 1
                continue
            ended = packet.mark is Mark.END
            continued = ended and packet.channel == CONTINUED
            if not continued:  # the recording goes on in the next file
                yield packet
        if not ended:
            counts.open_ends += 1


CONTINUED = "continued"
"""Channel of the END mark of a file that another one follows; readers pass over it."""


def _header(path: Path, told: Mapping[str, Any]) -> Header:
    if told["hearthwatch"] != VERSION:
        raise LogError(
            f"{path}: is a recording of version {told['hearthwatch']!r}; this program reads version {VERSION}"
        )
    started = told.get("started")
    return Header(
        home=str(told.get("home", "")),
        started=started if type(started) is int else 0,
        config_hash=str(told.get("config_hash", "")),
        after=str(told.get("after", "")),
    )


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a plain or zstd file with their ends; a torn end comes as it is. Raises LogError."""
    try:
        with path.open("rb") as raw:
            stream: BinaryIO = raw
            if path.name.endswith(".zst"):
                stream = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
            with io.BufferedReader(_Tolerant(stream), 1 << 17) as buffered:
                while line := buffered.readline(MAX_LINE):
                    yield line
    except OSError as error:
        raise LogError(f"{path}: cannot be read: {error.strerror or error}") from None


class _Tolerant(io.RawIOBase):
    """A damaged compressed stream ends where the damage begins, like a torn line."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except zstandard.ZstdError:
            return 0
        buffer[: len(data)] = data
        return len(data)


def write_all(path: Path, packets: Iterable[Packet], header: Header | None = None) -> int:
    """Write a whole recording to one file, plain or compressed by its suffix; how many packets?"""
    from ingest.recorder import RecordingWriter  # reading must not need the writing half

    count = 0
    first: list[Packet] = []
    with RecordingWriter(path, header=header or Header()) as writer:
        for packet in packets:
            count += 1
            first.append(packet)
            if len(first) >= 1000:
                writer.write(first)
                first = []
        writer.write(first)
    return count
