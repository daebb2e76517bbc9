"""In which stage is a fall: suspected, confirmed, long lie, or is the person up again?

One :class:`FallCase` holds the life cycle of one source. Two rules feed it: what the detector sees in
the point cloud, and the sensor's own verdict (``fall_state``). Each rule that said "fall" holds the
case open; it closes when none does any more. The stages follow the clinical words: a long lie is more
than an hour on the floor in the literature (Fleming and Brayne, BMJ 2008), but help that waits an hour
is late, so ours is told after minutes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from core.model import SECOND, Event, Flag, Phase
from detectors.fall_around import TO_REST

DETECTOR = KIND = "fall"
MOTION_GRACE = 3  # motion on the floor may postpone `confirmed` up to this many times the waiting time
AGAIN = 10 * SECOND  # a drop this soon after another is the same one
SETTLED = 4 * SECOND  # after which a closed case's drop has left the window the rule looks at
UP_GAP = 10 * SECOND  # not seen upright for this long: what was seen before was a glimpse, perhaps a ghost
UP_LOOKS = 8  # quarter seconds seen upright, none of them low in between, until somebody is up
RISING = 1 * SECOND  # the next stage waits this long after a look upright
LEFT = (
    "opened", "stage", "cloud", "sensor", "connect", "weak", "test", "up_since", "up_last", "up_looks",
    "confirm", "dropped",
)  # fmt: skip


class Look(NamedTuple):
    """What did the last second show of the person who fell? ``drop``: the rule fired, with numbers."""

    height_m: float | None = None  # above the floor, or above the sensor if its height is unknown
    upright: bool = False
    low: bool = False  # neither: not seen
    moving: bool = False
    drop: Mapping[str, Any] | None = None


class Waits(NamedTuple):
    """How long is waited for each stage, ns."""

    confirm: int
    long_lie: int
    recover: int


class FallCase:
    """The life cycle of one source; pure state, all of it JSON."""

    def __init__(self, source: str, waits: Waits) -> None:
        self._source = source
        self._waits = waits
        self.opened: int | None = None
        self.stage = ""
        self.cloud = False  # the cloud rule holds it open
        self.sensor = 0  # the sensor's last verdict
        self.connect = False  # only a retained verdict so far
        self.weak = False
        self.test = False
        self.dropped: int | None = None  # the last drop that counted
        self.up_since: int | None = None
        self.up_last: int | None = None  # when last seen upright
        self.up_looks = 0  # how often since then
        self.confirm: int | None = None  # deadline
        self.facts: dict[str, Any] = {}

    # -- deadlines ---------------------------------------------------------------------------------
    def deadline(self) -> int | None:
        """At which instant does the next stage begin if nothing is seen before?"""
        if self.opened is None:
            return None
        if self.stage == "suspected":
            due = self.confirm
        elif self.stage == "confirmed":
            due = max(self.confirm or self.opened, self.opened + self._waits.long_lie)
        else:
            return None
        if due is not None and self.cloud and self.up_since is not None and self.up_last is not None:
            return max(due, self.up_last + RISING)  # perhaps just getting up; `look` bounds the wait
        return due

    def expire(self) -> Event:
        """The deadline passed: the next stage."""
        due = self.deadline()
        assert due is not None
        self.stage = "confirmed" if self.stage == "suspected" else "long_lie"
        return self._event(due, Phase.UPDATE)

    def _postpone(self, t: int) -> None:
        if self.opened is not None and self.stage == "suspected":
            latest = self.opened + MOTION_GRACE * self._waits.confirm
            self.confirm = min(t + self._waits.confirm, latest)

    # -- the cloud rule ----------------------------------------------------------------------------
    def look(self, t: int, look: Look) -> list[Event]:
        """A quarter second of radar: a drop opens, rising for a while closes."""
        if look.drop is not None and not self._same(t):
            return [self._drop(t, look.drop)]
        if self.opened is None or not self.cloud:
            return []
        if look.low:
            self.up_since = None
            if look.moving:
                self._postpone(t)
        if not look.upright:
            return []
        if self.up_since is None or self.up_last is None or t - self.up_last > UP_GAP:
            self.up_since, self.up_looks = t, 0
        self.up_last, self.up_looks = t, self.up_looks + 1
        if t - self.up_since < self._waits.recover or self.up_looks < UP_LOOKS:
            return []
        self.cloud, self.up_since = False, None
        self.facts["height_after_m"] = look.height_m
        return [] if self.sensor else [self._close(t, "up")]

    def rested(self, t: int) -> list[Event]:
        """A bed or seat was occupied: a drop just before was somebody going to rest."""
        if not self.cloud or self.stage != "suspected" or self.dropped is None:
            return []
        if t - self.dropped > TO_REST:
            return []
        self.cloud, self.up_since = False, None
        return [] if self.sensor else [self._close(t, "rest")]

    def _same(self, t: int) -> bool:
        again = AGAIN if self.opened is not None and self.cloud else SETTLED
        return self.dropped is not None and t - self.dropped < again

    def _drop(self, t: int, facts: Mapping[str, Any]) -> Event:
        first = self.opened is None
        self.facts = {**self.facts, **facts, "drops": int(self.facts.get("drops", 0)) + 1}
        self.cloud, self.dropped, self.up_since = True, t, None
        self.connect = self.weak = self.test = False  # the cloud needs no excuse
        return self._open(t, "suspected") if first else self._event(t, Phase.UPDATE)

    # -- the sensor's own verdict ------------------------------------------------------------------
    def verdict(self, t: int, value: float, flags: int) -> list[Event]:
        """What follows from one ``fall_state`` (0 none, 1 suspected, 2 confirmed)?"""
        if not math.isfinite(value):
            return []
        state = 0 if value < 0.5 else 1 if value < 1.5 else 2
        before, self.sensor = self.sensor, state
        if state == 0:
            if before and self.opened is not None and not self.cloud:
                return [self._close(t, "sensor")]
            return []
        stage = "confirmed" if state == 2 else "suspected"
        retained, weak, test = (bool(flags & f) for f in (Flag.RETAINED, Flag.WEAK, Flag.TEST))
        if self.opened is None:
            self.connect, self.weak, self.test = retained, weak, test
            return [self._open(t, stage)]
        news = self.stage == "suspected" and stage == "confirmed"
        if self.connect and not retained:
            self.connect, news = False, True
        if self.weak and not weak:
            self.weak, news = False, True
        if self.test and not test and not retained:
            self.test, news = False, True
        if not before and not news:
            news = True
        if self.stage == "suspected":
            self.stage = stage
        return [self._event(t, Phase.UPDATE)] if news else []

    # -- events ------------------------------------------------------------------------------------
    def _open(self, t: int, stage: str) -> Event:
        self.opened, self.stage, self.confirm = t, stage, t + self._waits.confirm
        return self._event(t, Phase.ONSET)

    def _close(self, t: int, reason: str) -> Event:
        self.stage = "recovered"
        event = self._event(t, Phase.CLEAR, reason=reason)
        self.opened, self.stage, self.confirm, self.up_since = None, "", None, None
        self.cloud = self.connect = self.weak = self.test = False
        self.facts = {}
        return event

    def _event(self, t: int, phase: Phase, **more: Any) -> Event:
        assert self.opened is not None
        rules = [name for name, on in (("cloud", self.cloud), ("sensor", self.sensor > 0)) if on]
        evidence: dict[str, Any] = {
            "stage": self.stage,
            "verdict": "+".join(rules),
            "duration_s": round((t - self.opened) / SECOND, 3),
            **self.facts,
            **more,
        }
        for key, on in (("found_at_connect", self.connect), ("weak", self.weak), ("test", self.test)):
            if on:
                evidence[key] = True
        return Event(DETECTOR, KIND, self._source, t, phase, evidence)

    # -- state -------------------------------------------------------------------------------------
    def snapshot(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {**{name: getattr(self, name) for name in LEFT}, "facts": dict(self.facts)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a snapshot. Raises KeyError, TypeError or ValueError if it is not one of ours."""
        for name in LEFT:
            setattr(self, name, state[name])
        self.facts = dict(state["facts"])
        if self.stage not in ("", "suspected", "confirmed", "long_lie"):
            raise ValueError(f"unknown stage {self.stage!r}")
