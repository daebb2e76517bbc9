"""Did somebody press a call button? Every press is an onset; a press never clears by itself.

Rules: presses of one button within ``merge_s`` of the one before are the same press (radio repeats,
bounce, a nervous thumb). A message marked as repeated is one too, unless nothing was heard of the
button for ``repeat_s`` before it: then the first copy was lost. There is no clear: only a person who
looked ends a call, and the alert book holds it open until then; a press while it is open is told
again, so nobody has to know whether the first was noticed. A press found retained at connect is told
once, and only if nothing was ever heard from the button: at a later reconnect it is old news.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.contracts import Detector, DetectorSpec
from core.model import SECOND, Block, Event, Home, Phase
from core.quantity import Quantity
from detectors.marks import REPEAT, RETAINED, STALE, TEST, WEAK
from detectors.sources import Sources

Q = Quantity
RANK = (Q.TEST, Q.SOS)


@dataclass(frozen=True)
class Params:
    """Settings of the call button detector."""

    merge_s: float = 5.0
    repeat_s: float = 30.0
    test_near_s: float = 10.0

    def __post_init__(self) -> None:
        if min(self.merge_s, self.repeat_s, self.test_near_s) < 0:
            raise ValueError("times must not be negative")


class _Button:
    """One call button."""

    def __init__(self, params: Params, source: str) -> None:
        self._source = source
        self._merge = int(params.merge_s * SECOND)
        self._repeat = int(params.repeat_s * SECOND)
        self._near = int(params.test_near_s * SECOND)
        self._heard: int | None = None  # anything live
        self._press: int | None = None  # the last press, repeats included
        self._test: int | None = None  # the last test sign
        self._known = False  # anything at all, retained included

    def take(self, source: str, t: int, quantity: Quantity, value: float, flags: int) -> list[Event]:
        if quantity is Q.TEST:
            if value > 0 and not flags & STALE:
                self._test = t
            return []
        known, self._known = self._known, True
        if flags & RETAINED:
            return [self._told(t, flags, found=True)] if value > 0 and not known else []
        echo = flags & REPEAT and self._heard is not None and t - self._heard <= self._repeat
        if echo:
            return []
        self._heard = t
        if value <= 0:
            return []
        same = self._press is not None and t - self._press <= self._merge
        self._press = t
        return [] if same else [self._told(t, flags, found=False)]

    def _told(self, t: int, flags: int, found: bool) -> Event:
        evidence: dict[str, Any] = {"stage": "alarm"}
        if found:
            evidence["found_at_connect"] = True
        if flags & WEAK:
            evidence["weak"] = True
        if flags & TEST or (self._test is not None and t - self._test <= self._near):
            evidence["test"] = True
        return Event("call", "sos", self._source, t, Phase.ONSET, evidence)

    def idle(self, block: Block) -> int:
        return 0

    def due(self) -> int | None:
        return None

    def fire(self, due: int) -> list[Event]:
        return []

    def state(self) -> dict[str, Any]:
        return {"heard": self._heard, "press": self._press, "test": self._test, "known": self._known}

    def load(self, state: Mapping[str, Any]) -> None:
        for key in ("heard", "press", "test"):
            value = state[key]
            setattr(self, "_" + key, None if value is None else int(value))
        self._known = bool(state["known"])


def make(params: Params, home: Home) -> Detector:
    """The call button detector of a home."""
    return Sources("call", RANK, lambda source: _Button(params, source))


SPEC = DetectorSpec(
    name="call",
    question="Did somebody press a call button?",
    params=Params,
    make=make,
    kinds=("sos",),
    prompt=True,
)
