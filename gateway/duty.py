"""What does the gateway do beside turning packets into alerts? Duties: heartbeat, valves, the daily test.

A duty is called by the pipeline thread after each turn, must be quick and may not raise; one that does is
counted, logged once and left out for a minute. Duties live in the daemon only: a replay has none, so a
replay never acts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from core.model import MINUTE, Alert, Packet

if TYPE_CHECKING:
    from gateway.app import Gateway

log = logging.getLogger("hearthwatch.duty")


class Duty(Protocol):
    """Something to be done now and then."""

    name: str

    def turn(self, now: int, packets: Sequence[Packet], alerts: Sequence[Alert]) -> None:
        """A turn is over: this came, these revisions are written."""

    def status(self) -> Mapping[str, Any]:
        """How is it, as JSON?"""

    def close(self) -> None:
        """The gateway ends."""


class Duties:
    """All of them, behind a fence."""

    def __init__(self, duties: Sequence[Duty]) -> None:
        self._duties = tuple(duties)
        self._rest: dict[str, int] = {}
        self.failures: dict[str, int] = {}

    def turn(self, now: int, packets: Sequence[Packet], alerts: Sequence[Alert]) -> None:
        """Each has its turn."""
        for duty in self._duties:
            if now < self._rest.get(duty.name, 0):
                continue
            try:
                duty.turn(now, packets, alerts)
            except Exception:
                self.failures[duty.name] = self.failures.get(duty.name, 0) + 1
                self._rest[duty.name] = now + MINUTE
                log.exception("%s failed; it is tried again in a minute", duty.name)

    def status(self) -> dict[str, Any]:
        """How is each, as JSON?"""
        said: dict[str, Any] = {d.name: dict(d.status()) for d in self._duties}
        return {**said, "failures": dict(self.failures)} if self.failures else said

    def close(self) -> None:
        """Let go of everything."""
        for duty in self._duties:
            try:
                duty.close()
            except Exception:
                log.exception("%s could not be closed", duty.name)


def make_duties(gateway: Gateway) -> Duties:
    """The duties this configuration asks for."""
    from gateway.daily import Daily
    from gateway.day_keeper import DayKeeper
    from gateway.following import Following
    from gateway.heartbeat import Heartbeat
    from gateway.lifetime import Lifetime
    from gateway.proof_duty import ProofDuty
    from gateway.valve import Valves

    plan = gateway.plan
    duties: list[Duty] = [Heartbeat(gateway), DayKeeper(gateway), ProofDuty(gateway), Following(gateway)]
    duties.append(Lifetime(gateway))
    if plan.config.valves:
        duties.append(Valves(gateway))
    if plan.book.daily is not None:
        duties.append(Daily(gateway))
    return Duties(duties)
