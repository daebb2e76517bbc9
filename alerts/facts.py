"""What is known about a cause, how bad is that, and how sure are we? Evidence folded event by event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.revision import NOTES, bounded, plain
from alerts.severity import MARKS, judge, marked, worse
from core.model import Severity


class Facts:
    """The newest evidence of one life of a cause. ``severity`` is what it means, told or not."""

    def __init__(self, kind: str, values: Mapping[str, Any] | None = None) -> None:
        self._kind = kind
        self.values: dict[str, Any] = plain(values or {})
        self.severity = judge(kind, self.values)
        self._sure = not self._marks(self.values)  # an unmarked event has been seen

    @property
    def drill(self) -> bool:
        """Is it only a test?"""
        return marked(self.values, "test")

    def take(self, evidence: Mapping[str, Any]) -> None:
        """Fold in one more event. A doubtful one may raise what is sure as far as it may, never soften it."""
        news = plain(evidence)
        known = {k: v for k, v in self.values.items() if k not in MARKS}
        marks = self._marks(news)
        if marks and (self._sure or ("test" in marks and not self.drill)):
            doubtful = worse(self.severity, judge(self._kind, {**known, **news}))
            if doubtful is self.severity:
                news.pop("stage", None)
            kept = {k: v for k, v in self.values.items() if k in MARKS}
            news = {k: v for k, v in news.items() if k not in MARKS}
            self.values, self.severity = bounded({**known, **news, **kept}), doubtful
            return
        self._sure = self._sure or not marks
        self.values = bounded({**known, **news})
        self.severity = judge(self._kind, self.values)

    def end(self, evidence: Mapping[str, Any]) -> None:
        """Fold in the numbers of a clear; they change neither stage nor severity."""
        news = {k: v for k, v in plain(evidence).items() if k not in MARKS and k != "stage"}
        self.values = bounded({**self.values, **news})

    def snapshot(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {"values": self.values, "severity": str(self.severity), "sure": self._sure}

    @classmethod
    def restored(cls, kind: str, state: Mapping[str, Any]) -> Facts:
        """The same from a snapshot. Raises KeyError, TypeError or ValueError if it is not one."""
        facts = cls(kind)
        facts.values = dict(state["values"])
        facts.severity, facts._sure = Severity(state["severity"]), bool(state["sure"])
        return facts

    @classmethod
    def adopted(cls, kind: str, evidence: Mapping[str, Any], severity: Severity) -> Facts:
        """As good as one written revision tells."""
        facts = cls(kind, {k: v for k, v in evidence.items() if k not in NOTES})
        facts.severity = severity
        return facts

    @staticmethod
    def _marks(values: Mapping[str, Any]) -> list[str]:
        return [m for m in MARKS if marked(values, m)]
