"""When does a thing with several causes begin, change and end? One life cycle per (kind, source).

A smoke alarm's own verdict and the smoke its number shows are two causes of one alert. Each cause
says, in time order, what it holds (its evidence) or that it ceased; the life cycle turns that into
one onset, updates when the merged evidence changes, and one clear when the last cause is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.model import Event, Phase

Evidence = Mapping[str, Any]

STAGES = ("suspected", "warning", "alarm")
"""Words for ``stage``, mildest first; the worst stage of all causes is the stage of the whole."""

# Excuses hold for the whole only if they hold for every cause.
EXCUSES = ("found_at_connect", "weak", "test")


def merge(causes: Mapping[str, Evidence]) -> dict[str, Any]:
    """What do several causes say together? The worst stage leads; an excuse counts only if all share it.

    >>> merge({"own": {"stage": "alarm"}, "dose": {"stage": "warning", "co_ppm": 60.0, "weak": True}})
    {'stage': 'alarm', 'co_ppm': 60.0, 'causes': ['dose', 'own']}
    """
    out: dict[str, Any] = {}
    order = sorted(causes, key=lambda c: (-_rank(causes[c]), c))
    for cause in order:
        for key, value in causes[cause].items():
            if key not in EXCUSES:
                out.setdefault(key, value)
    for excuse in EXCUSES:
        if all(e.get(excuse) is True for e in causes.values()):
            out[excuse] = True
    out["causes"] = sorted(causes)
    return out


def _rank(evidence: Evidence) -> int:
    stage = evidence.get("stage")
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


class LifeCycle:
    """Causes of one (kind, source) to events, in time order."""

    def __init__(self, detector: str, kind: str, source: str) -> None:
        self._made = (detector, kind, source)
        self._causes: dict[str, dict[str, Any]] = {}
        self._opened: int | None = None

    @property
    def opened(self) -> int | None:
        """Since when is it open? None while it is not."""
        return self._opened

    def set(self, t: int, cause: str, evidence: Evidence | None) -> list[Event]:
        """At ``t`` this cause holds with this evidence, or (None) ceased: what is there to tell?"""
        if evidence is None:
            if self._causes.pop(cause, None) is None:
                return []
        elif self._causes.get(cause) == evidence:
            return []
        else:
            self._causes[cause] = dict(evidence)
        detector, kind, source = self._made
        if not self._causes:
            opened, self._opened = self._opened, None
            lasted = (t - opened) / 1e9 if opened is not None else 0.0
            return [Event(detector, kind, source, t, Phase.CLEAR, {"lasted_s": lasted})]
        phase = Phase.UPDATE
        if self._opened is None:
            self._opened, phase = t, Phase.ONSET
        return [Event(detector, kind, source, t, phase, merge(self._causes))]

    def state(self) -> dict[str, Any]:
        """Its state as JSON."""
        return {"opened": self._opened, "causes": {c: dict(e) for c, e in sorted(self._causes.items())}}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`. Raises KeyError, TypeError or ValueError if it is not one."""
        opened = state["opened"]
        self._opened = None if opened is None else int(opened)
        self._causes = {str(c): dict(e) for c, e in dict(state["causes"]).items()}
        if bool(self._causes) != (self._opened is not None):
            raise ValueError("a life cycle is open exactly while it has causes")
