"""What does a receiver read when its speed is not the sender's? The same bits, sampled at another pace.

A byte is a start bit (0), eight data bits (lowest first) and a stop bit (1); bytes follow each other
without a gap. The receiver waits for a falling edge, samples in the middle of its own bits and, as Linux
does by default, passes on what it read even where the stop bit is missing. Nothing is drawn: the same bytes
give the same garbage.
"""

from __future__ import annotations

FRAME_BITS = 10


def received(data: bytes, sent_baud: int, read_baud: int) -> bytes:
    """The bytes a port at ``read_baud`` makes of ``data`` sent at ``sent_baud``.

    >>> received(b"hello", 9600, 9600)
    b'hello'
    >>> received(b"\\x55" * 4, 9600, 19200).hex()
    '666666666666e6'
    """
    if sent_baud == read_baud or not data:
        return data
    bits = [1]
    for byte in data:
        bits.append(0)
        bits += [byte >> i & 1 for i in range(8)]
        bits.append(1)
    ratio = sent_baud / read_baud  # sender's bits in one of the receiver's
    end = len(bits)
    out = bytearray()
    at = 1.0  # idle before the first start bit
    while True:
        edge = _falling(bits, at, end)
        if edge < 0:
            return bytes(out)
        value = 0
        for i in range(8):
            spot = int(edge + (1.5 + i) * ratio)
            value |= (bits[spot] if spot < end else 1) << i
        out.append(value)
        at = edge + (FRAME_BITS - 0.5) * ratio  # the middle of its stop bit: from here the next edge counts


def _falling(bits: list[int], at: float, end: int) -> int:
    """The first bit from ``at`` on that is 0 after a 1; -1 if none. A line held low is no new start."""
    spot = int(at)
    if spot >= end:
        return -1
    before = 1 if at == 1.0 else bits[spot]
    if before == 0:
        while spot < end and not bits[spot]:
            spot += 1
    while spot < end and bits[spot]:
        spot += 1
    return spot if spot < end else -1
