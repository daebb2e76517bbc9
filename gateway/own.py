"""What does the gateway say about itself? Events of its own, as a detector would raise them."""

from __future__ import annotations

from typing import Any

from core.model import Event, Phase


def own(kind: str, source: str, t: int, evidence: dict[str, Any], phase: Phase = Phase.ONSET) -> Event:
    """An event about the gateway or one of its parts."""
    return Event("gateway", kind, source, t, phase, evidence)


def heard_at(event: Event, now: int) -> Event:
    """Troubles are told by threads that know no event time; they count from when they are heard."""
    return Event(event.detector, event.kind, event.source, event.t or now, event.phase, event.evidence)
