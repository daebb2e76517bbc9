"""How is one revision of an alert written, and what may stand in its evidence?

The JSON of :func:`to_json` is the only written form of an alert: in the outbox, on the wire, in snapshots.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from alerts.severity import MARKS
from core.model import Alert, AlertState, Severity, alert_id

NOTES = (
    "why", "repeat", "detector", "escalation", "reminder", "reopened", "calls",
    "acknowledged_by", "acknowledged_at", "closed", "answers",
    "done",
)  # fmt: skip
"""Evidence keys that are the book's business; everything else comes from the detectors."""

RINGING = frozenset({"opened", "worse", "again", "called", "released"})
"""Values of ``evidence["why"]`` that ask for a person's attention; the others only keep people informed."""

_SEVERITIES = frozenset(str(s) for s in Severity)
_MAX_KEYS, _MAX_TEXT, _MAX_ITEMS, _MAX_DEPTH = 48, 500, 64, 4


def first(
    home: str, kind: str, source: str, room: str, resident: str, opened: int, known: int,
    severity: Severity, evidence: Mapping[str, Any],
) -> Alert:  # fmt: skip
    """The first revision of an alert. Where its source is in no room, it is where a person was last seen."""
    seen = evidence.get("room")
    place = room or (seen if isinstance(seen, str) else "")
    name = alert_id(home, kind, source, opened)
    return Alert(
        name, kind, severity, source, place, resident, opened, known, AlertState.OPEN, 1, evidence
    )  # fmt: skip


def rings(alert: Alert) -> bool:
    """Does this revision ask for a person's attention?"""
    return alert.state is AlertState.OPEN and alert.evidence.get("why") in RINGING


def weight(alert: Alert) -> Severity:
    """How bad is it on its way out? A drill travels as the severity it rehearses, whatever it is.

    >>> drill = {"test": True, "drill": "alarm"}
    >>> weight(Alert("1", "fall", Severity.INFO, "drill", "", "", 0, 0, AlertState.OPEN, 1, drill))
    <Severity.ALARM: 'alarm'>
    """
    said = alert.evidence.get("drill")
    if alert.evidence.get("test") is True and isinstance(said, str) and said in _SEVERITIES:
        return Severity(said)
    return alert.severity


def to_json(alert: Alert) -> dict[str, Any]:
    """One revision as plain data; the only written form of an alert."""
    return {
        "id": alert.id,
        "revision": alert.revision,
        "kind": alert.kind,
        "severity": str(alert.severity),
        "state": str(alert.state),
        "source": alert.source,
        "room": alert.room,
        "resident": alert.resident,
        "opened": alert.opened,
        "changed": alert.changed,
        "evidence": dict(alert.evidence),
    }


def from_json(data: Mapping[str, Any]) -> Alert:
    """The revision back. Raises KeyError or ValueError if it is not one."""
    return Alert(
        id=str(data["id"]),
        kind=str(data["kind"]),
        severity=Severity(data["severity"]),
        source=str(data["source"]),
        room=str(data["room"]),
        resident=str(data["resident"]),
        opened=int(data["opened"]),
        changed=int(data["changed"]),
        state=AlertState(data["state"]),
        revision=int(data["revision"]),
        evidence=dict(data["evidence"]),
    )


def plain(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Evidence as bounded JSON that survives a round trip; the book's own words are left out.

    >>> plain({"x": float("nan"), 3: (1, 2), "why": "?"})
    {'x': None, '3': [1, 2]}
    """
    return bounded({str(k): _plain(v, 0) for k, v in evidence.items() if str(k) not in NOTES})


def bounded(facts: dict[str, Any]) -> dict[str, Any]:
    """At most so many keys; the marks and the stage go first, then the oldest stay."""
    if len(facts) <= _MAX_KEYS:
        return facts
    first = [k for k in ("stage", *MARKS) if k in facts]
    rest = [k for k in facts if k not in first]
    return {k: facts[k] for k in (*first, *rest[: _MAX_KEYS - len(first)])}


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return str(value)[:_MAX_TEXT]
    if depth < _MAX_DEPTH:
        if isinstance(value, Mapping):
            pairs = list(value.items())[:_MAX_ITEMS]
            return {str(k)[:_MAX_TEXT]: _plain(v, depth + 1) for k, v in pairs}
        if isinstance(value, (list, tuple)):
            return [_plain(v, depth + 1) for v in value[:_MAX_ITEMS]]
        if callable(tolist := getattr(value, "tolist", None)):
            return _plain(tolist(), depth + 1)
    return str(value)[:_MAX_TEXT]
