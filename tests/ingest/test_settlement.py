"""Is a number acknowledged only where it may be, and everything that is durable in the end?"""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from ingest.settlement import Settlement


def test_an_old_number_is_never_acknowledged_on_a_new_connection():
    acked: list[int] = []
    book = Settlement()
    book.opened(acked.extend)
    book.owe(1, "a", b"x")
    book.closed()
    book.opened(acked.extend)
    book.settle(1)
    assert acked == []
    assert book.again(1, "a", b"x")
    assert acked == [1]


def test_a_reused_number_is_a_new_message():
    acked: list[int] = []
    book = Settlement()
    book.opened(acked.extend)
    book.owe(1, "a", b"x")
    book.closed()
    book.opened(acked.extend)
    book.owe(1, "b", b"y")
    assert not book.again(1, "a", b"x")
    book.settle(2)
    assert acked == [1]


def test_settling_more_than_was_handed_on_is_refused():
    book = Settlement()
    book.handed += 1
    with pytest.raises(ValueError, match="only 1"):
        book.settle(2)
    book.settle(1)


class Session(RuleBasedStateMachine):
    """A broker by the standard's rules against the book, with drops at any moment.

    The hardest case for confusion: all messages look alike, and the broker numbers them with the lowest
    free number. ``handed`` holds which message each packet of the pipeline really was.
    """

    def __init__(self) -> None:
        super().__init__()
        self.book = Settlement()
        self.inflight: dict[int, int] = {}  # number -> message
        self.wire: list[int] = []  # acknowledgements on their way
        self.up = False
        self.sent = 0
        self.forgotten: set[int] = set()
        self.handed: list[int] = []
        self.durable = 0

    def _open(self) -> None:
        self.up = True
        self.book.opened(self.wire.extend)

    def _deliver(self, mid: int, dup: bool) -> None:
        if dup and self.book.again(mid, "t", b"x"):
            assert self.inflight[mid] in self.handed, "taken for a repetition, but it was never handed on"
            return
        self.book.owe(mid, "t", b"x")
        self.handed.append(self.inflight[mid])

    @precondition(lambda self: not self.up)
    @rule()
    def connect(self) -> None:
        self._open()
        for mid in sorted(self.inflight):
            self._deliver(mid, dup=True)

    @precondition(lambda self: not self.up)
    @rule()
    def connect_and_the_broker_forgot(self) -> None:
        self.forgotten |= set(self.inflight.values())
        self.inflight.clear()
        self._open()
        self.book.forget()

    @precondition(lambda self: self.up)
    @rule(acks_arrive=st.booleans())
    def drop(self, acks_arrive: bool) -> None:
        if acks_arrive:
            self.read_acks()
        self.wire.clear()
        self.up = False
        self.book.closed()

    @precondition(lambda self: self.up and len(self.inflight) < 5)
    @rule(arrives=st.booleans())
    def publish(self, arrives: bool) -> None:
        self.sent += 1
        mid = next(n for n in range(1, 10) if n not in self.inflight)
        self.inflight[mid] = self.sent
        if arrives:
            self._deliver(mid, dup=False)
        else:  # it is on the line when the connection breaks, and with it all that came behind
            self.drop(acks_arrive=False)

    @precondition(lambda self: self.up)
    @rule()
    def packet_that_needs_no_acknowledgement(self) -> None:
        self.book.handed += 1
        self.handed.append(0)

    @precondition(lambda self: self.durable < len(self.handed))
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, len(self.handed) - self.durable))
        self.durable += count
        self.book.settle(count)

    @rule()
    def read_acks(self) -> None:
        durable = set(self.handed[: self.durable])
        for mid in self.wire:
            assert mid in self.inflight, "acknowledged a number the broker does not wait for"
            assert self.inflight.pop(mid) in durable, "acknowledged before it was durable"
        self.wire.clear()

    def teardown(self) -> None:
        # in the end, with a steady connection, everything was handed on and is acknowledged
        if not self.up:
            self.connect()
        self.book.settle(len(self.handed) - self.durable)
        self.durable = len(self.handed)
        self.read_acks()
        assert not self.inflight
        assert self.book.outstanding == 0
        assert set(range(1, self.sent + 1)) - self.forgotten <= set(self.handed)


TestSession = Session.TestCase
TestSession.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
