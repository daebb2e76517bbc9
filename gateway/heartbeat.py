"""Who notices when the gateway itself falls silent? A heartbeat to the broker and to a dead-man address.

Fed by the pipeline thread after a whole turn, so a hang is silence. On each broker the retained topic
``hearthwatch/<home>/gateway`` says ``alive`` with the time and the head of the alert chain, ``stopped`` after
an orderly end, and ``lost`` (the broker's last will) when we are gone. The dead-man address is called
from a thread of its own: its failures are counted and told after some, and never delay anything.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alerts.channels.base import check_url, read_secret
from alerts.outbox import OutboxError
from core.config_duties import HeartbeatConfig
from core.model import SECOND, Alert, Event, Packet, Phase

if TYPE_CHECKING:
    from gateway.app import Gateway

log = logging.getLogger("hearthwatch.heartbeat")


def beat_topic(home: str) -> str:
    """Where does a broker show whether this home is watched?"""
    return f"hearthwatch/{home}/gateway"


class Heartbeat:
    """The beat itself."""

    name = "heartbeat"

    def __init__(self, gateway: Gateway) -> None:
        settings: HeartbeatConfig = gateway.plan.config.heartbeat
        self._gateway = gateway
        self._every = round(settings.every_s * SECOND)
        self._fail_after = settings.fail_after
        self._due = 0
        self._told = False
        self.beats = 0
        url = address_of(settings)
        self.far = FarWatch(url, settings.method, settings.timeout_s) if url else None

    def turn(self, now: int, packets: Sequence[Packet], alerts: Sequence[Alert]) -> None:
        """Beat when it is time, and tell when the far end has not answered for too long."""
        if self.far is not None:
            lost = self.far.failed_in_a_row >= self._fail_after
            if lost != self._told:
                self._told = lost
                phase = Phase.ONSET if lost else Phase.CLEAR
                evidence = {"reason": self.far.reason, "count": self.far.failed_in_a_row} if lost else {}
                self._gateway.troubles.append(
                    Event("gateway", "heartbeat_fault", "gateway", 0, phase, evidence)
                )
        if now < self._due:
            return
        self._due = now + self._every
        self.beats += 1
        payload = self._payload(now)
        for source in self._gateway.sources.values():
            beat = getattr(source, "beat", None)
            if beat is not None:
                beat(payload)
        if self.far is not None:
            self.far.beat()

    def status(self) -> Mapping[str, Any]:
        """Beats so far, and how the far end answers."""
        return {"beats": self.beats, "far": None if self.far is None else self.far.status()}

    def close(self) -> None:
        """Stop calling the far end: it shall notice."""
        if self.far is not None:
            self.far.close()

    def _payload(self, now: int) -> bytes:
        gateway = self._gateway
        try:
            seq, head = gateway.outbox.head()
        except OutboxError:
            seq, head = -1, ""
        worst = gateway.pipeline.open_alerts()
        said = {
            "state": "alive",
            "at": (now + gateway.clock.wall_offset()) // SECOND,
            "every_s": self._every / SECOND,
            "beat": self.beats,
            "open": len(worst),
            "seq": seq,
            "head": head,
        }
        return json.dumps(said, separators=(",", ":")).encode()


def address_of(settings: HeartbeatConfig) -> str:
    """The dead-man address, from the configuration or its file. Raises ValueError with what to do."""
    if settings.url_file is not None:
        url = read_secret(settings.url_file)
    else:
        url = settings.url
    if url:
        check_url(url, settings.insecure)
    return url


class FarWatch:
    """The dead-man address and what it answered. ``beat`` never waits."""

    def __init__(self, url: str, method: str, timeout_s: float) -> None:
        self._url, self._method, self._timeout_s = url, method, timeout_s
        self._wanted, self._stop = threading.Event(), threading.Event()
        self.answered = self.failed = self.failed_in_a_row = self.skipped = 0
        self.reason = ""
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def beat(self) -> None:
        """Call it, unless the last call is still under way; that counts as one more failure, because a
        name server that never answers keeps no time-out.
        """
        if self._wanted.is_set():
            self.skipped += 1
            self.failed_in_a_row += 1
            self.reason = self.reason or "no answer yet"
        self._wanted.set()

    def status(self) -> dict[str, Any]:
        """Counts; never the address, which is a secret with most services."""
        return {
            "answered": self.answered,
            "failed": self.failed,
            "failed_in_a_row": self.failed_in_a_row,
            "skipped": self.skipped,
            "reason": self.reason,
        }

    def close(self) -> None:
        """No more calls."""
        self._stop.set()
        self._wanted.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        import urllib3

        pool = urllib3.PoolManager(
            num_pools=1,
            retries=False,
            timeout=urllib3.Timeout(connect=self._timeout_s, read=self._timeout_s),
        )
        while True:
            self._wanted.wait()
            if self._stop.is_set():
                return
            reason = self._call(pool)
            self._wanted.clear()
            if reason:
                self.failed += 1
                self.reason = reason
                self.failed_in_a_row += 1
            else:
                self.answered += 1
                self.failed_in_a_row, self.reason = 0, ""

    def _call(self, pool: Any) -> str:
        import urllib3

        try:
            answer = pool.request(self._method, self._url, redirect=False, preload_content=False)
            answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return type(error).__name__  # its text would hold the address
        return "" if 200 <= answer.status < 300 else f"HTTP {answer.status}"
