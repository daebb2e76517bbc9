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
    """Walk the whole chain once. ``head``: a chain value told elsewhere (at least 8 of its digits), with its
    row in front where that was told too: ``123:0a1b2c3d...``. In the middle of what was erased since, a
    head cannot be looked for; with its row that can be told from a record cut off at its end.
    """
    erased = archive.erased()
    records = {e.record for e in erased}
    erasures: list[dict[str, Any]] = []
    number, colon, value = head.rpartition(":")
    row = int(number) if colon and number.isdigit() else None
    known = not head or any(e.first <= (row or -1) < e.last for e in erased)

    def fits(seq: int, chain: str) -> bool:
        return len(value) >= 8 and chain.startswith(value) and row in (None, seq)

    def watched() -> Any:
        nonlocal known
        for seq, body, chain in archive.chain():
            known = known or fits(seq, chain)
            if seq in records:
                erasures.append(_record(seq, body))
            yield seq, body, chain

    verdict = verify(watched(), erased)
    known = known or any(fits(e.last, e.chain) for e in erased)
    return Audit(verdict, erasures, head, known)


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
