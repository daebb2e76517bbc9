"""Is a number acknowledged only where it may be, and everything that is durable in the end?"""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

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

    The broker numbers messages with the lowest free number, the hardest case for confusion.
    """

    def __init__(self) -> None:
        super().__init__()
        self.book = Settlement()
        self.inflight: dict[int, tuple[bytes, bool]] = {}  # number -> message, delivered before?
        self.wire: list[int] = []  # acknowledgements on their way
        self.up = False
        self.serial = 0
        self.handed: list[bytes] = []  # what the pipeline was given
        self.durable = 0
        self.finished: set[bytes] = set()

    def _connect(self) -> None:
        self.up = True
        self.book.opened(self.wire.extend)
        for mid in sorted(self.inflight):
            self._deliver(mid, dup=True)

    def _deliver(self, mid: int, dup: bool) -> None:
        body, _ = self.inflight[mid]
        self.inflight[mid] = (body, True)
        if dup and self.book.again(mid, "t", body):
            return
        self.book.owe(mid, "t", body)
        self.handed.append(body)

    @precondition(lambda self: not self.up)
    @rule()
    def connect(self) -> None:
        self._connect()

    @precondition(lambda self: self.up)
    @rule(lost=st.booleans())
    def drop(self, lost: bool) -> None:
        if not lost:
            self.read_acks()
        self.wire.clear()
        self.up = False
        self.book.closed()

    @precondition(lambda self: self.up and len(self.inflight) < 5)
    @rule()
    def publish(self) -> None:
        self.serial += 1
        mid = next(n for n in range(1, 10) if n not in self.inflight)
        body = f"{self.serial}".encode()
        self.inflight[mid] = (body, False)
        self._deliver(mid, dup=False)

    @precondition(lambda self: self.up)
    @rule()
    def qos0(self) -> None:
        self.book.handed += 1
        self.handed.append(b"")

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
            body, _ = self.inflight.pop(mid)
            assert body in durable, "acknowledged before it was durable"
            self.finished.add(body)
        self.wire.clear()

    @invariant()
    def nothing_is_lost(self) -> None:
        for body, delivered in self.inflight.values():
            if delivered:
                assert body in self.handed

    def teardown(self) -> None:
        # in the end, with a steady connection, everything is acknowledged and was handed on
        if not self.up:
            self._connect()
        self.book.settle(len(self.handed) - self.durable)
        self.durable = len(self.handed)
        self.read_acks()
        assert not self.inflight
        assert self.book.outstanding == 0
        assert {f"{n}".encode() for n in range(1, self.serial + 1)} <= set(self.handed)


TestSession = Session.TestCase
TestSession.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
