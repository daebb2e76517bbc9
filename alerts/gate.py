"""May this revision go out through this channel now, later or not at all? The policy, with a memory.

The memory is small: which alerts this channel was told of, and when it last rang for which cause. It is
kept in the outbox, so that a restart neither calls twice nor forgets to tell how it ended.
"""

from __future__ import annotations

import logging
from typing import Any

from alerts.outbox import Outbox, OutboxError
from alerts.policy import Policy
from alerts.revision import rings, weight
from core.clock import Clock
from core.localtime import LocalTime
from core.model import SECOND, Alert, Home

_log = logging.getLogger(__name__)
_MAX_TOLD, _MAX_CALLS = 500, 500

NOW = 0
"""The answer "send it"."""


class Gate:
    """One channel's door. Belongs to the thread of its route."""

    def __init__(self, channel: str, policy: Policy, outbox: Outbox, home: Home, clock: Clock) -> None:
        self._channel, self._policy, self._outbox, self._clock = channel, policy, outbox, clock
        self._governed = channel in policy.channels()
        self._local = LocalTime(home.zone)
        self._gap = round(policy.call_gap_s * SECOND)
        self._told: dict[str, int] = {}  # alert -> revision
        self._calls: dict[str, tuple[int, int]] = {}  # cause -> (time, rank of severity)
        self._fact = f"gate:{channel}"
        self._loaded = False

    def ask(self, alert: Alert, now: int) -> int | None:
        """:data:`NOW` (send it), the event time until which it must wait, or None (not for this channel)."""
        self._load()
        self._local.offset = self._clock.wall_offset()
        if not self._governed:
            return NOW
        if alert.kind == "test":  # the daily test is for every channel, but its end is no news
            return NOW if rings(alert) else None
        told = alert.id in self._told
        if rings(alert):
            if not self._policy.told_at(alert, self._channel):
                return None
            quiet = self._policy.quiet_until(alert, now, self._local)
            return quiet if quiet is not None else self._gap_until(alert, now)
        if not told:
            return None  # whoever did not hear that it began need not hear how it goes on
        quiet = self._policy.quiet_until(alert, now, self._local)
        return NOW if quiet is None else quiet

    def sent(self, alert: Alert, now: int) -> None:
        """It was taken."""
        if not self._governed:
            return
        self._told.pop(alert.id, None)
        self._told[alert.id] = alert.revision
        if rings(alert):
            cause = _cause(alert)
            self._calls.pop(cause, None)
            self._calls[cause] = (now, weight(alert).rank)
        for memory, limit in ((self._told, _MAX_TOLD), (self._calls, _MAX_CALLS)):
            while len(memory) > limit:
                memory.pop(next(iter(memory)))
        try:
            kept = {"told": self._told, "calls": self._calls}
            self._outbox.put_fact(self._fact, kept, durable=False)
        except OutboxError as error:
            _log.warning("channel %s: what it was told could not be noted: %s", self._channel, error)

    def _gap_until(self, alert: Alert, now: int) -> int:
        last = self._calls.get(_cause(alert))
        if last is None or alert.evidence.get("why") in ("called", "released"):
            return NOW
        at, rank = last
        free = at + self._gap
        return NOW if now >= free or weight(alert).rank < rank else free

    def _load(self) -> None:
        if self._loaded:
            return
        try:
            kept: Any = self._outbox.get_fact(self._fact, {})
        except OutboxError:
            return  # tried again with the next alert
        self._loaded = True
        if isinstance(kept, dict):
            self._told = {**{str(k): int(v) for k, v in kept.get("told", {}).items()}, **self._told}
            calls = {str(k): (int(t), int(r)) for k, (t, r) in kept.get("calls", {}).items()}
            self._calls = {**calls, **self._calls}


def _cause(alert: Alert) -> str:
    return f"{alert.kind}\n{alert.source}"
