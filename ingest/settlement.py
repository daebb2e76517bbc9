"""Which messages does the broker still expect an acknowledgement for?

MQTT numbers its QoS 1 messages per session, and a number may only be acknowledged on a connection that
delivered it: sent later it would acknowledge some other message, which is then lost. The gateway settles
by count ("the oldest n packets are durable") and knows nothing of numbers or connections. This is the
book between the two; MQTT 3.1.1 section 4.4 is its law: after a reconnect of the same session the
broker sends every unacknowledged message again, with the same number and the DUP flag.

Not thread-safe: the source holds its lock around every call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class _Owed:
    __slots__ = ("connection", "mid", "payload", "seq", "settled", "topic")

    def __init__(self, seq: int, mid: int, connection: int, topic: str, payload: bytes) -> None:
        self.seq = seq
        self.mid = mid
        self.connection = connection
        self.topic = topic
        self.payload = payload
        self.settled = False


class Settlement:
    """Packets handed on and settled, by count; message numbers owed, by connection.

    >>> acked = []
    >>> book = Settlement()
    >>> book.opened(acked.extend)
    >>> book.handed += 1; book.owe(7, "door", b"open")   # a QoS 0 packet, then one of QoS 1
    >>> book.settle(1); acked
    []
    >>> book.settle(1); acked
    [7]
    """

    def __init__(self) -> None:
        self.handed = 0  # packets given to the inbox so far, of any kind
        self.settled = 0
        self._connection = 0
        self._send: Callable[[list[int]], object] | None = None
        self._owed: deque[_Owed] = deque()
        self._earlier: dict[int, _Owed] = {}  # by number: owed since an earlier connection

    def owe(self, mid: int, topic: str, payload: bytes) -> None:
        """One more packet was handed on, and number ``mid`` is owed once it is settled."""
        if self._earlier:
            self._earlier.pop(mid, None)  # the number was given to a new message
        self.handed += 1
        self._owed.append(_Owed(self.handed, mid, self._connection, topic, payload))

    def excuse(self, mid: int) -> None:
        """A message was refused for good: its number is owed when all before it is settled."""
        if self._earlier:
            self._earlier.pop(mid, None)
        self._owed.append(_Owed(self.handed, mid, self._connection, "", b""))
        self._release()

    def again(self, mid: int, topic: str, payload: bytes) -> bool:
        """A message with the DUP flag: is it one that was handed on already, before a reconnect?

        If so it must not be handed on again; from now on its number may be acknowledged here.
        """
        known = self._earlier.get(mid)
        if known is None or known.payload != payload or known.topic != topic:
            return False
        del self._earlier[mid]
        if known.settled:
            self._acknowledge([mid])
        else:
            known.connection = self._connection
        return True

    def opened(self, send: Callable[[list[int]], object]) -> None:
        """A connection is up; ``send`` acknowledges numbers on it, in their order."""
        self._connection += 1
        self._send = send

    def closed(self) -> None:
        """The connection is gone: nothing may be acknowledged until the broker repeats it."""
        self._connection += 1
        self._send = None
        for owed in self._owed:
            if owed.topic:
                self._earlier[owed.mid] = owed

    def forget(self) -> None:
        """The broker lost the session: no number handed on so far will ever be repeated.

        Call it before the first message of the new session.
        """
        self._earlier.clear()
        for owed in self._owed:
            owed.topic = ""

    def settle(self, count: int) -> None:
        """The oldest ``count`` packets handed on and not settled yet are durable.

        Raises ValueError if fewer are outstanding: somebody counts wrongly, and a message would be lost.
        """
        if count < 0 or self.settled + count > self.handed:
            raise ValueError(
                f"settle({count}): only {self.handed - self.settled} packets are handed on and not settled"
            )
        self.settled += count
        if self._owed:
            self._release()

    @property
    def outstanding(self) -> int:
        """How many numbers are owed and cannot be paid yet?"""
        return len(self._owed)

    def _release(self) -> None:
        owed, settled, connection = self._owed, self.settled, self._connection
        mids: list[int] = []
        while owed and owed[0].seq <= settled:
            one = owed.popleft()
            one.settled = True
            if one.connection == connection:
                mids.append(one.mid)
        if mids:
            self._acknowledge(mids)

    def _acknowledge(self, mids: list[int]) -> None:
        if self._send is not None:
            self._send(mids)
