"""Where does one MQTT packet end and the next begin, in bytes cut anywhere? Pure.

The client library reads a packet with three system calls and builds an object for each message; a
gateway that listens to everything spends most of its time there. This cuts a whole chunk at once. It
also throws the payload of a message that is too large away as it comes, instead of gathering it first.
"""

from __future__ import annotations

from typing import NamedTuple

PUBLISH = 0x30


class Malformed(ValueError):
    """Bytes that no MQTT 3.1.1 server may send; the connection is of no use any more."""


class Frame(NamedTuple):
    """One packet. Of a message (PUBLISH at QoS 0 or 1) ``body`` is the topic and ``payload`` is set;
    ``payload`` is None when it was larger than allowed and left out. Of others ``body`` is all of it.
    """

    first: int  # type and flags
    body: bytes
    payload: bytes | None
    mid: int  # 0 at QoS 0; -1: not a message of QoS 0 or 1


class Frames:
    """Cuts a stream into packets; holds at most ``limit`` bytes and a header between two calls.

    >>> frames = Frames(100)
    >>> frames.feed(bytes.fromhex("30050001 61"))
    []
    >>> frames.feed(b"xy" + bytes.fromhex("d000"))
    [Frame(first=48, body=b'a', payload=b'xy', mid=0), Frame(first=208, body=b'', payload=None, mid=-1)]
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit + 65535 + 4  # payload, topic, lengths
        self._max_payload = limit
        self._rest = b""
        self._skip = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """The packets these bytes complete. Raises Malformed."""
        if self._skip:
            skipped = min(self._skip, len(chunk))
            self._skip -= skipped
            chunk = chunk[skipped:]
        data = self._rest + chunk if self._rest else chunk
        out: list[Frame] = []
        at, end = 0, len(data)
        while end - at >= 2:
            first, length = data[at], data[at + 1]
            start = at + 2
            if length & 128:
                size = _length(data, at + 1, end)
                if size is None:
                    break
                length, start = size
            stop = start + length
            qos = (first >> 1) & 3
            if first & 0xF0 == PUBLISH and qos < 2:
                if stop > end and length <= self._limit:
                    break
                head = self._message(data, first, qos, start, min(stop, end), stop)
                if head is None:
                    break
                out.append(head)
                if stop > end:
                    self._skip = stop - end
                    at = end
                    break
            else:
                if qos == 3 and first & 0xF0 == PUBLISH:
                    raise Malformed("a message of QoS 3")
                if length > self._limit:
                    raise Malformed("a packet that is too long")
                if stop > end:
                    break
                out.append(Frame(first, data[start:stop], None, -1))
            at = stop
        self._rest = data[at:]
        return out

    def _message(self, data: bytes, first: int, qos: int, start: int, end: int, stop: int) -> Frame | None:
        """A message of which data up to ``end`` is there; None if not even its header is."""
        if end - start < 2:
            if end == stop:
                raise Malformed("a message without a topic")
            return None
        body = start + 2 + (data[start] << 8 | data[start + 1])
        mid = 0
        topic_end = body
        if qos:
            body += 2
        if body > stop:
            raise Malformed("a message shorter than its topic")
        if body > end:
            return None
        if qos:
            mid = data[body - 2] << 8 | data[body - 1]
        payload = None if stop - body > self._max_payload else data[body:stop]
        return Frame(first, data[start + 2 : topic_end], payload, mid)


def _length(data: bytes, at: int, end: int) -> tuple[int, int] | None:
    """Remaining length of two to four bytes and where it ends; None if they are not all there."""
    length = 0
    for i in range(4):
        if at + i >= end:
            return None
        byte = data[at + i]
        length |= (byte & 127) << (7 * i)
        if byte < 128:
            return length, at + i + 1
    raise Malformed("a length of more than four bytes")
