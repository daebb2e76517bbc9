"""What is there to look after in this home today? The facts of the daily summary, from the running gateway.

Lists of ``{"kind", "source"}`` or of sensor names; the words come from ``alerts.text.summary``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.model import Alert, Severity

if TYPE_CHECKING:
    from gateway.app import Gateway

_GROUPS = {
    "battery": frozenset({"battery_low"}),
    "life": frozenset({"end_of_life", "replace_due"}),
    "fault": frozenset({"fault", "device_fault", "measuring_fault", "detector_fault"}),
    "silent": frozenset({"sensor_silent", "link_down"}),
    "unproven": frozenset({"unproven"}),
}
_MOST = 40


def gather(gateway: Gateway, last_test: Mapping[str, Any]) -> dict[str, Any]:
    """Evidence of today's summary."""
    found = group(gateway.pipeline.open_alerts())
    unproven = getattr(gateway, "unproven", None)  # sensors that were never tested as a whole
    if callable(unproven):
        found["unproven"] = sorted({*found["unproven"], *unproven()})[:_MOST]
    said: dict[str, Any] = {key: rows for key, rows in found.items() if rows}
    if last_test:
        said["last_test"] = {"at": last_test["at"], "missed": list(last_test["missed"])[:_MOST]}
    return said


def group(alerts: list[Alert]) -> dict[str, list[Any]]:
    """Open alerts by what they ask of a person. Drills and notes are left out."""
    out: dict[str, list[Any]] = {"open": [], "troubles": [], **{key: [] for key in _GROUPS}}
    for alert in alerts:
        if alert.evidence.get("test") is True:
            continue
        key = next((k for k, kinds in _GROUPS.items() if alert.kind in kinds), None)
        if key is not None:
            out[key].append(alert.source)
        elif alert.severity in (Severity.ALARM, Severity.WARNING):
            out["open"].append({"kind": alert.kind, "source": alert.source})
        elif alert.severity is Severity.TROUBLE:
            out["troubles"].append({"kind": alert.kind, "source": alert.source})
    return {key: rows[:_MOST] for key, rows in out.items()}
