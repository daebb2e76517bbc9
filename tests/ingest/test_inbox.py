"""Does the inbox keep order, bounds and marks, from many threads?"""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from core.model import Mark, Packet
from ingest.inbox import Inbox


def packet(at: int, mark: Mark = Mark.DATA) -> Packet:
    return Packet("link", "t", at, b"x", mark)


@given(
    limit=st.integers(1, 6),
    steps=st.lists(
        st.one_of(
            st.tuples(st.integers(0, 3), st.integers(0, 50), st.sampled_from(list(Mark))),
            st.integers(0, 4),
        )
    ),
)
def test_what_goes_in_comes_out_in_order_with_rising_stamps(limit, steps):
    inbox = Inbox(ManualClock(), limit)
    model: list[tuple[int, Packet]] = []
    dropped = 0
    out: list[tuple[int, Packet]] = []
    expected: list[tuple[int, Packet]] = []
    for step in steps:
        if isinstance(step, int):
            taken = inbox.drain(0, step)
            assert len(taken) == min(step, len(model))
            expected += model[: len(taken)]
            del model[: len(taken)]
            out += taken
            continue
        origin, at, mark = step
        fits = len(model) < limit or mark not in (Mark.DATA, Mark.RETAINED)
        assert inbox.put(origin, packet(at, mark)) is fits
        if fits:
            model.append((origin, packet(at, mark)))
        dropped += not fits
    out += inbox.drain(0, 1000)
    expected += model
    assert [(o, p.mark) for o, p in out] == [(o, p.mark) for o, p in expected]
    high = 0
    for (_, got), (_, put) in zip(out, expected, strict=True):
        high = max(high, put.at)
        assert got.at == high
    assert sum(inbox.counters()["dropped"].values()) == dropped
    assert inbox.counters()["taken"] == len(out)


def test_every_packet_of_every_thread_arrives_once_and_in_its_order():
    inbox = Inbox(ManualClock())
    each, threads = 5000, 4

    def work(origin: int) -> None:
        put = inbox.port(origin)
        for i in range(each):
            put(packet(i))

    workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    for worker in workers:
        worker.start()
    seen: dict[int, int] = dict.fromkeys(range(threads), 0)
    total = 0
    while total < each * threads:
        got = inbox.drain(10, 700)
        assert got, "a packet was lost or a wake-up was missed"
        for origin, _ in got:
            seen[origin] += 1
        total += len(got)
    for worker in workers:
        worker.join()
    assert seen == dict.fromkeys(range(threads), each)


def test_a_waiting_drain_ends_on_a_packet_and_on_wake():
    inbox = Inbox(ManualClock())
    results: list[int] = []
    waiter = threading.Thread(target=lambda: results.append(len(inbox.drain(60, 10))))
    waiter.start()
    inbox.put(0, packet(1))
    waiter.join(30)
    assert results == [1]
    waiter = threading.Thread(target=lambda: results.append(len(inbox.drain(60, 10))))
    waiter.start()
    while not inbox._asleep:
        pass
    inbox.wake()
    waiter.join(30)
    assert results == [1, 0]


def test_a_refused_packet_is_told_to_a_source_that_asks():
    inbox = Inbox(ManualClock(), limit=1)
    put = inbox.port(3)
    assert put(packet(0)) is not False
    assert put(packet(1)) is False
    assert put(packet(1, Mark.DOWN)) is not False


@given(st.lists(st.one_of(st.integers(0, 9000), st.just(-1)), max_size=60))
def test_bytes_are_bounded_too_and_come_free_again(sizes):
    inbox = Inbox(ManualClock(), limit=20, limit_bytes=30_000)
    model: list[int] = []
    for size in sizes:
        if size < 0:
            model = model[len(inbox.drain(0, 3)) :]
            continue
        fits = len(model) < 20 and (sum(model) + size <= 30_000 or (size <= 4096 and len(model) < 20))
        taken = inbox.put(0, Packet("l", "", 0, bytes(size)))
        if size > 4096:
            assert taken is (len(model) < 20 and sum(model) + size <= 30_000)
        assert taken <= fits
        if taken:
            model.append(size)
        assert inbox.counters()["waiting_bytes"] == sum(model)
        assert sum(model) <= 30_000 + 20 * 4096
    while inbox.drain(0, 7):
        pass
    assert inbox.counters()["waiting_bytes"] == 0
    assert inbox.put(1, Packet("l", "", 0, bytes(29_999))) is True


def test_a_flood_of_large_payloads_costs_bounded_memory():
    inbox = Inbox(ManualClock())
    big = Packet("l", "t", 0, bytes(1 << 20))
    assert sum(inbox.put(0, big) for _ in range(1000)) == 30
    assert inbox.put(0, Packet("l", "", 0, bytes(1 << 20), Mark.DOWN)) is True
