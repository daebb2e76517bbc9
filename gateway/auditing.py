"""Where does the record of alerts break, and what was erased from it on request?"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from alerts.archive import Archive
from alerts.audit import Verdict, verify
from core.localtime import LocalTime
from core.model import Home
from gateway.words import word


@dataclass(frozen=True, slots=True)
class Audit:
    """The verdict on the chain, the records of erasures in it, and whether a head told elsewhere is in it."""

    verdict: Verdict
    erasures: list[dict[str, Any]] = field(default_factory=list)
    asked: str = ""  # a head told elsewhere, whole or its beginning; "" = nobody asked
    known: bool = True  # does it stand in the chain?

    @property
    def whole(self) -> bool:
        return self.verdict.whole and self.known

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        v = self.verdict
        return {
            "whole": self.whole,
            "rows": v.rows,
            "head": v.head,
            "broken_at": v.broken_at,
            "why": v.why,
            "erased": v.erased,
            "erasures": self.erasures,
            "head_known": self.known if self.asked else None,
        }


def audit(archive: Archive, head: str = "") -> Audit:
    """Walk the whole chain once. ``head``: a chain value told elsewhere (at least 8 of its digits)."""
    erased = archive.erased()
    records = {e.record for e in erased}
    erasures: list[dict[str, Any]] = []
    known = not head

    def watched() -> Any:
        nonlocal known
        for seq, body, chain in archive.chain():
            known = known or (len(head) >= 8 and str(chain).startswith(head))
            if seq in records:
                erasures.append(_record(int(seq), body))
            yield seq, body, chain

    return Audit(verify(watched(), erased), erasures, head, known)


def _record(seq: int, body: str) -> dict[str, Any]:
    try:
        said = json.loads(body)
        facts = said["evidence"]
        return {"row": seq, "at": int(said["changed"]), **{k: facts.get(k) for k in ("scope", "rows", "by")}}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"row": seq, "at": None, "scope": None, "rows": None, "by": None}


def tell(found: Audit, home: Home) -> list[str]:
    """The same for people, the verdict first."""
    v, zone = found.verdict, LocalTime(home.zone)
    if v.whole:
        lines = [word("audit.whole").format(rows=v.rows, head=v.head)]
    else:
        lines = [word("audit.broken").format(row=v.broken_at, rows=v.rows, why=v.why)]
    if not found.known:
        lines.append(word("audit.unknown_head").format(head=found.asked))
    for erasure in found.erasures:
        at = erasure["at"]
        when = f"{zone.at(at):%Y-%m-%d %H:%M}" if at is not None else "?"
        lines.append(
            word("audit.erasure").format(
                row=erasure["row"], when=when, rows=erasure["rows"], scope=erasure["scope"], by=erasure["by"]
            )
        )
    return lines
