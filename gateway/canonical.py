"""How are alerts written down so that the same run gives the same bytes? One JSON line a revision.

Ordered by (time of change, id, revision), keys sorted: the live run, a replay in any chunking, another
process and another hash seed all give the same text or a difference worth reading.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import asdict

from core.model import Alert

OWN_KINDS = frozenset({
    "storage_fault", "channel_fault", "channel_refused", "cold_start", "test", "summary", "valve_fault",
    "heartbeat_fault", "unproven", "inventory_change", "replace_due",
})  # fmt: skip
"""Troubles of the machine the gateway runs on: they do not follow from packets and are not replayed."""


def from_packets(alerts: Iterable[Alert]) -> list[Alert]:
    """Those that follow from packets alone."""
    return [a for a in alerts if a.kind not in OWN_KINDS]


def lines(alerts: Iterable[Alert]) -> list[str]:
    """The canonical lines of these revisions; each (id, revision) once."""
    unique = {(a.id, a.revision): a for a in alerts}
    ordered = sorted(unique.values(), key=lambda a: (a.changed, a.id, a.revision))
    return [
        json.dumps({**asdict(a), "evidence": dict(a.evidence)}, sort_keys=True, ensure_ascii=False)
        for a in ordered
    ]


def difference(expected: Iterable[str], got: Iterable[str]) -> list[str]:
    """What differs, as a unified diff; empty where nothing does."""
    return list(difflib.unified_diff(list(expected), list(got), "expected", "replayed", lineterm="", n=1))
