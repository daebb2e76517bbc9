"""Who is told that a detector was never tested? A trouble, some days after it was enrolled, until it is.

The book repeats it weekly as it does every trouble. It follows from the proofs, not from packets, so it is
one of the gateway's own troubles: a replay neither has it nor misses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from core.model import DAY, SECOND, Alert, Event, Packet, Phase

if TYPE_CHECKING:
    from gateway.app import Gateway

KIND: Final = "unproven"
GRACE: Final = 3 * DAY  # time for the family to walk round with the test buttons
LOOK_EVERY: Final = 5 * SECOND


class ProofDuty:
    """Saves what was proven, and tells what was not."""

    name = "proof"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._next = 0
        self._told: dict[str, list[str]] = {}
        self._first = True

    def turn(self, now: int, packets: Sequence[Packet], alerts: Sequence[Alert]) -> None:
        """Now and then: save, and compare what is missing with what was told."""
        if now < self._next:
            return
        self._next = now + LOOK_EVERY
        proofs = self._gateway.proofs
        proofs.begin(now)
        proofs.save()
        if self._first:  # alerts of an earlier run that may be over by now
            self._first = False
            open_ = [a for a in self._gateway.pipeline.open_alerts() if a.kind == KIND]
            self._told = {a.source: [] for a in open_}
        due = {n: proofs.missing(n) for n in proofs.unproven() if now - (proofs.enrolled(n) or now) >= GRACE}
        for name, missing in due.items():
            if self._told.get(name) != missing:
                phase = Phase.UPDATE if name in self._told else Phase.ONSET
                self._tell(name, phase, {"missing": missing})
        for name in self._told.keys() - due.keys():
            self._tell(name, Phase.CLEAR, {})
        self._told = due

    def _tell(self, name: str, phase: Phase, evidence: dict[str, Any]) -> None:
        self._gateway.troubles.append(Event("gateway", KIND, name, 0, phase, evidence))

    def status(self) -> Mapping[str, Any]:
        """Who is unproven?"""
        return {"unproven": self._gateway.proofs.unproven()}

    def close(self) -> None:
        """Keep what was proven last."""
        self._gateway.proofs.save()
