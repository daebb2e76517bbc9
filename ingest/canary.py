"""Does the broker really still talk to us, or is the connection only half open?

A socket may look healthy for hours after the far end has gone, and a client may be connected and still
receive nothing. So a small message is published to a topic of our own and must come back. Pure: counts
ticks of its owner (real seconds of being awake, so that a suspend is not a silence) and is told what
was heard. Any message heard since is as good as the canary itself.

A broker whose access list swallows our canary must not cause reconnect loops: only a canary that has
come back once in this process is believed when it stays away. One that closes the connection over it
(Mosquitto 2.0.11 does) is not sent a third.
"""

from __future__ import annotations

from enum import Enum

MAX_STRIKES = 2


class Verdict(Enum):
    """What is to be done at this tick?"""

    NOTHING = "nothing"
    SEND = "send"  # publish the canary with :attr:`Canary.number`
    DEAD = "dead"  # nothing came back: drop the connection


class Canary:
    """One canary: sent every ``every`` ticks, missed after ``patience`` ticks without any message.

    >>> canary = Canary(every=2, patience=3)
    >>> canary.connected()
    >>> [canary.tick(heard=0).value for _ in range(2)]
    ['nothing', 'send']
    >>> canary.came_back(canary.number)
    True
    >>> [canary.tick(heard=1).value for _ in range(5)]
    ['nothing', 'send', 'nothing', 'nothing', 'dead']
    """

    def __init__(self, every: float, patience: float) -> None:
        self.every = every
        self.patience = patience
        self.number = 0
        self.proven = False  # did it ever come back?
        self.missed = 0
        self.strikes = 0  # connections lost while an unproven one was out
        self._up = False
        self._age = 0  # ticks since it was sent or the connection came up
        self._out = False
        self._heard = 0

    def connected(self) -> None:
        """A new connection: start counting from here."""
        self._up, self._out, self._age = True, False, 0

    def disconnected(self) -> None:
        """No connection, nothing to judge."""
        if self._out and not self.proven:
            self.strikes += 1
        self._up = self._out = False

    def came_back(self, number: int) -> bool:
        """Our topic brought this number: is it the one that is out?"""
        if not self._out or number != self.number:
            return False
        self._out, self._age, self.proven = False, 0, True
        return True

    @property
    def unwanted(self) -> bool:
        """Has it cost connections, and never come back?"""
        return self.strikes >= MAX_STRIKES and not self.proven

    def tick(self, heard: int) -> Verdict:
        """One tick went by; ``heard`` counts all messages ever received."""
        if not self._up or self.unwanted:
            return Verdict.NOTHING
        self._age += 1
        if not self._out:
            if self._age < self.every:
                return Verdict.NOTHING
            self._out, self._age, self._heard = True, 0, heard
            self.number += 1
            return Verdict.SEND
        if self._age < self.patience:
            return Verdict.NOTHING
        self._out, self._age = False, 0
        if heard > self._heard:
            return Verdict.NOTHING
        self.missed += 1
        return Verdict.DEAD if self.proven else Verdict.NOTHING
