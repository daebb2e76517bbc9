"""What goes wrong on a serial line, and in what order? Packets in, damaged packets out.

All damage is drawn from a given :class:`Prng`, so a failing test fails again. The functions work on any
iterable of packets and keep their order; only data packets of the named link (or of all) are touched.
For the network's share see ``simulators.proxy`` and ``simulators.http_sink``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from core.model import SECOND, Mark, Packet
from simulators.prng import Prng


@dataclass(slots=True)
class Damage:
    """What was done so far: counts, and how many packets came through as they were."""

    flipped: int = 0  # bits
    lost: int = 0  # bytes
    doubled: int = 0  # bytes
    untouched: int = 0  # packets
    touched: int = 0  # packets
    whole: list[bytes] = field(default_factory=list)  # data of the untouched packets, if kept


def noisy(
    packets: Iterable[Packet],
    chance: Prng,
    damage: Damage | None = None,
    *,
    flip_per_bit: float = 1e-4,
    lose_per_byte: float = 0.0,
    double_per_byte: float = 0.0,
    link: str = "",
) -> Iterator[Packet]:
    """Flip bits, lose bytes, double bytes, each with its own probability.

    >>> damage = Damage()
    >>> clean = [Packet("p", "", i, bytes(100)) for i in range(100)]
    >>> sum(p.data != bytes(100) for p in noisy(clean, Prng(1), damage)) == damage.touched > 0
    True
    """
    done = damage if damage is not None else Damage()
    for packet in packets:
        if packet.mark is not Mark.DATA or (link and packet.link != link):
            yield packet
            continue
        data = bytearray()
        draws = chance.uniforms(3 * len(packet.data)).tolist()
        for i, byte in enumerate(packet.data):
            flip, lose, double = draws[3 * i : 3 * i + 3]
            if lose < lose_per_byte:
                done.lost += 1
                continue
            if flip < 8 * flip_per_bit:
                byte ^= 1 << chance.below(8)
                done.flipped += 1
            data.append(byte)
            if double < double_per_byte:
                data.append(byte)
                done.doubled += 1
        if bytes(data) == packet.data:
            done.untouched += 1
            done.whole.append(packet.data)
        else:
            done.touched += 1
        yield packet._replace(data=bytes(data))


def wrong_baud(packets: Iterable[Packet], chance: Prng, ratio: float = 0.5) -> Iterator[Packet]:
    """What a port set to ``ratio`` of the device's baud rate reads: fewer (or more) senseless bytes."""
    for packet in packets:
        if packet.mark is not Mark.DATA:
            yield packet
            continue
        count = max(1, round(len(packet.data) * ratio))
        # long levels read as 00, FF and their neighbours far more often than anything else
        data = bytes((0x00, 0xFF, 0x80, 0xF8)[chance.below(4)] ^ chance.below(2) for _ in range(count))
        yield packet._replace(data=data)


def cut(packets: Iterable[Packet], chance: Prng, at_most: int = 32) -> Iterator[Packet]:
    """The same bytes in pieces of 1 to ``at_most``, as reads from a port come; times stay."""
    for packet in packets:
        if packet.mark is not Mark.DATA or packet.channel:
            yield packet
            continue
        at = 0
        while at < len(packet.data):
            size = 1 + chance.below(at_most)
            yield packet._replace(data=packet.data[at : at + size])
            at += size


def stalled(packets: Iterable[Packet], start: int, seconds: float, link: str) -> Iterator[Packet]:
    """Hold back this link from ``start`` (ns) on, then let everything arrive at once."""
    until = start + round(seconds * SECOND)
    held: list[Packet] = []
    for packet in packets:
        if held and packet.at >= until:
            yield from (p._replace(at=until) for p in held)
            held = []
        if packet.link == link and start <= packet.at < until and packet.mark is Mark.DATA:
            held.append(packet)
        else:
            yield packet
    yield from (p._replace(at=until) for p in held)


def unplugged(packets: Iterable[Packet], start: int, seconds: float, link: str) -> Iterator[Packet]:
    """Pull this link's cable in the middle of the first packet after ``start``, and put it back later.

    Half of that packet arrives; what the device sends meanwhile is gone. Marks say down and up.
    """
    until = start + round(seconds * SECOND)
    down = up = False
    for packet in packets:
        if down and not up and packet.at >= until:
            up = True
            yield Packet(link, "", until, b"", Mark.UP)
        if packet.link != link or packet.mark is not Mark.DATA or not start <= packet.at < until:
            yield packet
        elif not down:
            down = True
            yield packet._replace(data=packet.data[: len(packet.data) // 2])
            yield Packet(link, "", packet.at, b"unplugged", Mark.DOWN)
    if down and not up:
        yield Packet(link, "", until, b"", Mark.UP)


def redelivered(packets: Iterable[Packet], chance: Prng, p: float = 0.2, later: int = 5) -> Iterator[Packet]:
    """Some messages of brokers come again, up to ``later`` messages late, as QoS 1 allows."""
    waiting: list[tuple[int, Packet]] = []
    for packet in packets:
        yield packet
        ready = [q for n, q in waiting if n <= 0]
        waiting = [(n - 1, q) for n, q in waiting if n > 0]
        yield from (q._replace(at=packet.at) for q in ready)
        if packet.mark is Mark.DATA and packet.channel and chance.chance(p):
            waiting.append((chance.below(later), packet))
