"""Are packets replayed when they are due?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from core.model import SECOND, Packet
from ingest.replay import chunks, paced


class Kept:
    def __init__(self, times: list[int]) -> None:
        self.times = times

    def packets(self) -> Iterator[Packet]:
        return iter([Packet("l", "", at, b"") for at in self.times])


@given(st.lists(st.integers(0, 10**12), max_size=30).map(sorted), st.sampled_from([1.0, 60.0, 0.5]))
def test_each_packet_comes_when_it_is_due_at_any_speed(times, speed):
    clock = ManualClock(5)
    for packet in paced(Kept(times), clock, speed):
        due = 5 + (packet.at - times[0]) / speed
        assert clock.now() == pytest.approx(due, abs=1000 + due * 1e-9)


def test_as_fast_as_possible_never_waits():
    clock = ManualClock(0)
    assert len(list(paced(Kept([0, 10**15]), clock, math.inf))) == 2
    assert clock.now() == 0


def test_a_consumer_that_is_slow_is_not_made_slower():
    clock = ManualClock(0)
    arrived = []
    for packet in paced(Kept([0, SECOND, 2 * SECOND, 30 * SECOND]), clock):
        arrived.append((packet.at, clock.now()))
        clock.advance(10 * SECOND)
    assert arrived == [(0, 0), (SECOND, 10 * SECOND), (2 * SECOND, 20 * SECOND), (30 * SECOND, 30 * SECOND)]


@pytest.mark.parametrize("speed", [0, -1, math.nan])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(ValueError, match="above 0"):
        next(paced(Kept([1]), ManualClock(), speed))


@given(st.integers(0, 20), st.integers(0, 7))
def test_chunks_hold_everything_in_order(count, size):
    packets = [Packet("l", "", n, b"") for n in range(count)]
    parts = list(chunks(packets, size))
    assert [p for part in parts for p in part] == packets
    assert all(parts)
    if size:
        assert all(len(part) == size for part in parts[:-1])
    else:
        assert len(parts) == (1 if count else 0)
