"""Events, alerts and homes for the tests of alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.model import (
    SECOND,
    Alert,
    AlertState,
    Event,
    Home,
    Phase,
    Resident,
    Room,
    Sensor,
    Severity,
    alert_id,
)

HOME = Home(
    id="h",
    zone="Asia/Shanghai",
    language="en",
    residents=(Resident("wang", "王秀英"),),
    rooms={"kitchen": Room("kitchen", "kitchen", "厨房"), "bath": Room("bath", "bathroom")},
    sensors={"s1": Sensor("s1", "d", "l", "kitchen"), "s2": Sensor("s2", "d", "l", "bath")},
)


def s(seconds: float) -> int:
    """Seconds of event time in ns."""
    return round(seconds * SECOND)


def event(
    t: float,
    kind: str = "smoke",
    phase: Phase | str = Phase.ONSET,
    source: str = "s1",
    detector: str = "d",
    known: float | None = None,
    **evidence: Any,
) -> Event:
    """An event at ``t`` seconds."""
    noticed = None if known is None else s(known)
    return Event(detector, kind, source, s(t), Phase(phase), evidence, noticed)


def alert(
    n: int = 1,
    revision: int = 1,
    severity: Severity = Severity.ALARM,
    state: AlertState = AlertState.OPEN,
    kind: str = "smoke",
    source: str = "s1",
    changed: float | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> Alert:
    """Revision ``revision`` of the ``n``-th alert of a source."""
    return Alert(
        id=alert_id("h", kind, source, n),
        kind=kind,
        severity=severity,
        source=source,
        room="kitchen",
        resident="wang",
        opened=n,
        changed=s(changed) if changed is not None else n + revision,
        state=state,
        revision=revision,
        evidence={"why": "opened", **(evidence or {})},
    )


def key(a: Alert) -> tuple[str, int]:
    return (a.id, a.revision)
