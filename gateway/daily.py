"""Does the whole chain still work today, and what is there to look after? Once a day each, by itself.

The test is an info alert of kind ``test`` that goes through every channel; a channel that has not taken it
in time is told as ``channel_fault`` until a later test gets through. The summary is one info message. When
they were last done lies in the alerts database, so a restart neither repeats nor forgets one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alerts.daily import Daily as Settings
from alerts.outbox import OutboxError
from core.localtime import LocalTime
from core.model import SECOND, Alert, Event, Packet, Phase, alert_id
from gateway.summary import gather

if TYPE_CHECKING:
    from gateway.app import Gateway

log = logging.getLogger("hearthwatch.daily")

_FACT = "daily"
_LOOK_EVERY = SECOND
_SOURCE = "gateway"


class Daily:
    """The test and the summary of each day."""

    name = "daily"

    def __init__(self, gateway: Gateway) -> None:
        settings = gateway.plan.book.daily
        assert settings is not None
        self._settings: Settings = settings
        self._gateway = gateway
        self._local = LocalTime(gateway.plan.home.zone)
        self._channels = settings.channels or tuple(c.name for c in gateway.plan.channels)
        self._done: dict[str, int] = {}
        self._awaited: dict[str, Any] | None = None
        self.last: dict[str, Any] = {}  # when the last test was, and which channels it missed
        self._faulty: list[str] = []
        self._loaded = False
        self._looked_at = 0

    def turn(self, now: int, packets: Sequence[Packet], alerts: Sequence[Alert]) -> None:
        """Is one of them due?"""
        if now - self._looked_at < _LOOK_EVERY or not self._load(now):
            return
        self._looked_at = now
        self._local.offset = self._gateway.clock.wall_offset()
        if self._awaited is not None and now - self._awaited["at"] >= self._settings.patience_s * SECOND:
            self._judge(self._awaited)
        for what in ("test", "summary"):
            due = self._settings.due(what, self._done[what], self._local)
            if due is not None and now >= due:
                self._done[what] = now
                self._test(now) if what == "test" else self._summarise(now)
                self._save()

    def status(self) -> Mapping[str, Any]:
        """When was each last done, and which channels did the last test miss?"""
        return {"done": dict(self._done), "last_test": dict(self.last), "awaited": self._awaited is not None}

    def close(self) -> None:
        """Everything is written down already."""

    # -- inside

    def _load(self, now: int) -> bool:
        if self._loaded:
            return True
        try:
            kept = self._gateway.outbox.get_fact(_FACT, {})
        except OutboxError:
            return False
        self._done = {what: int(kept.get(what, now)) for what in ("test", "summary")}
        self._awaited, self.last = kept.get("awaited"), dict(kept.get("last", {}))
        self._faulty = [str(name) for name in kept.get("faulty", [])]
        self._loaded = True
        if not kept:
            self._save()
        return True

    def _save(self) -> None:
        kept = {**self._done, "awaited": self._awaited, "last": self.last, "faulty": self._faulty}
        try:
            self._gateway.outbox.put_fact(_FACT, kept)
        except OutboxError as error:
            log.warning("the daily test could not be noted: %s", error)

    def _test(self, now: int) -> None:
        said: dict[str, Any] = {"test": True}
        if self._settings.channels:
            said["channels"] = list(self._settings.channels)
        self._gateway.troubles.append(Event("gateway", "test", _SOURCE, now, Phase.ONSET, said))
        name = alert_id(self._gateway.plan.home.id, "test", _SOURCE, now)
        self._awaited = {"alert": name, "at": now}

    def _judge(self, awaited: Mapping[str, Any]) -> None:
        missed = [c for c in self._channels if not self._got(c, str(awaited["alert"]))]
        self._awaited = None
        self.last = {"at": awaited["at"], "missed": missed}
        for name in missed:
            if name not in self._faulty:
                self._tell(name, Phase.ONSET, {"reason": "test_missed"})
        for name in self._faulty:
            if name not in missed:
                self._tell(name, Phase.CLEAR, {})
        self._faulty = missed
        self._save()
        log.info("daily test: %s", f"not reached: {', '.join(missed)}" if missed else "every channel reached")

    def _got(self, channel: str, alert: str) -> bool:
        """Has the channel taken the test? What the outbox does not know of was never written."""
        outbox = self._gateway.outbox
        try:
            if not outbox.history(alert, limit=1):
                return False
            waiting = outbox.pending(channel, 10, "written", alert)
            refused = [a.id for _, a, _ in outbox.parked_list(channel)]
        except OutboxError:
            return False
        return not any(a.revision == 1 for a in waiting) and alert not in refused

    def _tell(self, channel: str, phase: Phase, evidence: dict[str, Any]) -> None:
        event = Event("gateway", "channel_fault", f"channel:{channel}", 0, phase, evidence)
        self._gateway.troubles.append(event)

    def _summarise(self, now: int) -> None:
        said = gather(self._gateway, self.last)
        self._gateway.troubles.append(Event("gateway", "summary", _SOURCE, now, Phase.ONSET, said))
