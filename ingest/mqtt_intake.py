"""What becomes of a message that arrived: handed on, held back, or refused by name?

All of it runs under one lock, in the client's network thread; the pipeline's ``settle`` comes from
another. Nothing here raises, because the network thread would die of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import paho.mqtt.client as paho

from core.clock import Clock
from core.model import Mark, Packet
from ingest.mqtt_frames import Frame
from ingest.settlement import Settlement

NAMES_KEPT = 4096
_RETAIN, _DUP = 1, 8  # flags of the first byte on the wire


class Intake:
    """Messages in, packets out through ``put``, acknowledgements owed in :attr:`book`.

    ``current`` is the client whose messages count; those of one that was replaced are ignored.
    """

    def __init__(
        self, link: str, clock: Clock, own_topic: str, on_own: Callable[[bytes], bool], max_payload: int
    ) -> None:
        self._link = link
        self._clock = clock
        self._own_topic = own_topic
        self._on_own = on_own  # our canary came back; False: it is not ours
        self._max_payload = max_payload
        self._names: dict[bytes, str] = {}  # topics seen, decoded
        self.lock = threading.RLock()  # a callback may run inside a call of ours
        self.book = Settlement()
        self.put: Callable[[Packet], object] | None = None
        self.current: paho.Client | None = None
        self.received = 0
        self.bytes = 0
        self.known_again = 0
        self.errors = 0
        self.refused: dict[str, int] = {}
        self._held_back = False  # a QoS 1 message was refused: the broker must repeat from there
        self._backlog = 0  # packets not settled when that happened

    def refuse(self, reason: str) -> None:
        """Count one more refusal under its name."""
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def frames(self, client: paho.Client, frames: Sequence[Frame]) -> None:
        """Messages that came together, from the fast client."""
        at = self._clock.now()
        names = self._names
        with self.lock:
            if self.put is None or client is not self.current:
                return
            for first, name, payload, mid in frames:
                try:
                    self.received += 1
                    topic = names.get(name)
                    if topic is None:
                        topic = self._name(name)
                    if payload is None or topic is None:
                        self._turn_down("topic_not_utf8" if topic is None else "payload_too_large", mid)
                    else:
                        self._take(topic, payload, at, mid, first)
                except Exception:
                    self.errors += 1

    def message(self, client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        """One message, from the library's own reading (its ``on_message``)."""
        try:
            at = self._clock.now()
            mid = message.mid if message.qos == 1 else 0
            flags = (_DUP if message.dup else 0) | (_RETAIN if message.retain else 0)
            with self.lock:
                if self.put is None or client is not self.current:
                    return
                self.received += 1
                try:
                    topic = message.topic
                except UnicodeDecodeError:
                    self._turn_down("topic_not_utf8", mid)
                    return
                if len(message.payload) > self._max_payload:
                    self._turn_down("payload_too_large", mid)
                    return
                self._take(topic, bytes(message.payload), at, mid, flags)
        except Exception:
            self.errors += 1

    def mark(self, mark: Mark, text: str) -> None:
        """A packet of our own about the link."""
        if self.put is not None:
            packet = Packet(self._link, "", self._clock.now(), text.encode(), mark)
            if self.put(packet) is not False:
                self.book.handed += 1

    def connected(self, send: Callable[[list[int]], object]) -> None:
        """A new connection: the broker repeats what it is owed, also what was held back."""
        self._held_back = False
        self.book.opened(send)

    @property
    def wants_repeat(self) -> bool:
        """Was something held back, and is there room for it by now?"""
        book = self.book
        waiting = book.handed - book.settled
        return self._held_back and book.outstanding == 0 and 2 * waiting <= self._backlog

    def counts(self) -> Mapping[str, Any]:
        """Counters, as JSON."""
        return {
            "received": self.received,
            "bytes": self.bytes,
            "handed": self.book.handed,
            "unsettled": self.book.handed - self.book.settled,
            "unacknowledged": self.book.outstanding,
            "known_again": self.known_again,
            "refused": dict(self.refused),
        }

    def _name(self, raw: bytes) -> str | None:
        try:
            topic = raw.decode()
        except UnicodeDecodeError:
            return None
        if len(self._names) >= NAMES_KEPT:
            self._names.clear()
        self._names[raw] = topic
        return topic

    def _take(self, topic: str, payload: bytes, at: int, mid: int, flags: int) -> None:
        """Hand one message on. ``mid`` is 0 at QoS 0; flags as on the wire."""
        if topic == self._own_topic:
            if not self._on_own(payload):
                self.refuse("canary_of_somebody_else")
            return
        put, book = self.put, self.book
        assert put is not None
        self.bytes += len(payload)
        packet = Packet(self._link, topic, at, payload, Mark.RETAINED if flags & _RETAIN else Mark.DATA)
        if not mid:
            if put(packet) is not False:
                book.handed += 1
            return
        if flags & _DUP and book.again(mid, topic, payload):
            self.known_again += 1
            return
        # after one refusal everything later must wait too, or states would arrive in wrong order
        if self._held_back or put(packet) is False:
            if not self._held_back:
                self._held_back = True
                self._backlog = book.handed - book.settled
            self.refuse("inbox_full")
            return
        book.owe(mid, topic, payload)

    def _turn_down(self, reason: str, mid: int) -> None:
        """Refuse for good; at QoS 1 it is acknowledged in its turn, or it would come for ever."""
        self.refuse(reason)
        if mid:
            self.book.excuse(mid)
