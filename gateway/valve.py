"""Is the gas shut off when it leaks? A valve over MQTT, closed once per alarm, and only where configured.

Only a real alarm acts: severity ``alarm``, not a test, not weak, not found at connect. What is to be done is
written down durably before it is sent, so a crash in between does not forget it; it is sent once the
broker is there, and its state topic must confirm it within ``within_s``, else that is a trouble. Every step
stands in the alert as a revision (``evidence["done"]``). A valve is never opened again by us: that is for
the person who has found the leak. A replay has no duties, so it never acts.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alerts.outbox import OutboxError
from alerts.severity import MARKS, marked
from core.config_duties import ValveConfig
from core.model import SECOND, Alert, AlertState, Event, Mark, Packet, Phase, Severity

if TYPE_CHECKING:
    from gateway.app import Gateway

log = logging.getLogger("hearthwatch.valve")

_FACT = "valves"
_KEEP = 50  # alarms remembered per valve
_LOOK_EVERY = SECOND // 5


class Valves:
    """All configured valves."""

    name = "valves"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._valves: dict[str, ValveConfig] = dict(gateway.plan.config.valves)
        self._acts: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in self._valves}
        self._loaded = False
        self._faulty: set[str] = set()
        self._looked_at = 0

    def turn(self, now: int, packets: Sequence[Packet], alerts: Sequence[Alert]) -> None:
        """New alarms, confirmations that came, times that ran out."""
        self._load()
        for alert in alerts:
            self._consider(alert, now)
        for packet in packets:
            self._confirmed(packet)
        if now - self._looked_at >= _LOOK_EVERY:
            self._looked_at = now
            for name, acts in self._acts.items():
                for alert_id, act in acts.items():
                    self._drive(name, alert_id, act, now)

    def status(self) -> Mapping[str, Any]:
        """What was done, newest last."""
        return {
            name: {"faulty": name in self._faulty, "acts": dict(acts)} for name, acts in self._acts.items()
        }

    def close(self) -> None:
        """What is not sent stays written down for the next start."""

    # -- inside

    def _load(self) -> None:
        if self._loaded:
            return
        try:
            kept = self._gateway.outbox.get_fact(_FACT, {})
        except OutboxError:
            return
        self._loaded = True
        for name in self._valves:
            self._acts[name] = {**dict(kept.get(name, {})), **self._acts[name]}
        # an alarm found open after a crash is acted on like a new one; a known one is not again
        for alert in self._gateway.pipeline.open_alerts():
            self._consider(alert, self._gateway.clock.now())

    def _save(self) -> None:
        for acts in self._acts.values():
            while len(acts) > _KEEP:
                acts.pop(next(iter(acts)))
        try:
            self._gateway.outbox.put_fact(_FACT, self._acts)
        except OutboxError as error:
            log.error(
                "what the valves did could not be written down: %s; they are closed all the same", error
            )

    def _consider(self, alert: Alert, now: int) -> None:
        for name, valve in self._valves.items():
            if alert.id in self._acts[name] or not calls_for(valve, alert):
                continue
            self._acts[name][alert.id] = {"state": "wanted", "at": now}
            self._save()
            self._drive(name, alert.id, self._acts[name][alert.id], now)

    def _drive(self, name: str, alert_id: str, act: dict[str, Any], now: int) -> None:
        valve = self._valves[name]
        if act["state"] == "wanted":
            source = self._gateway.sources.get(valve.link)
            if source is not None and source.status().get("up"):
                source.send(Packet(valve.link, valve.topic, now, valve.payload.encode()))
                act.update(state="sent", at=now)
                self._save()
                self._note(alert_id, "valve_closing", name)
                log.warning("valve %s: told to close for alert %s", name, alert_id)
            elif now - act["at"] > valve.within_s * SECOND:
                self._fault(name, alert_id, act, now, "its broker is away")
        elif act["state"] == "sent" and now - act["at"] > valve.within_s * SECOND:
            act["state"] = "unconfirmed"
            self._save()
            self._fault(name, alert_id, act, now, "no confirmation")

    def _confirmed(self, packet: Packet) -> None:
        if packet.mark not in (Mark.DATA, Mark.RETAINED) or not packet.link:
            return
        for name, valve in self._valves.items():
            if packet.link != valve.link or packet.channel != valve.confirm_topic:
                continue
            if packet.mark is Mark.RETAINED or not confirms(valve, packet.data):
                continue
            for alert_id, act in self._acts[name].items():
                if act["state"] in ("sent", "unconfirmed"):
                    act.update(state="closed", at=packet.at)
                    self._save()
                    self._note(alert_id, "valve_closed", name)
            if name in self._faulty:
                self._faulty.discard(name)
                self._tell(name, Phase.CLEAR, {})

    def _fault(self, name: str, alert_id: str, act: dict[str, Any], now: int, reason: str) -> None:
        if name in self._faulty:
            return
        self._faulty.add(name)
        self._note(alert_id, "valve_failed", name)
        self._tell(name, Phase.ONSET, {"reason": reason, "alert": alert_id})

    def _tell(self, name: str, phase: Phase, evidence: dict[str, Any]) -> None:
        event = Event("gateway", "valve_fault", f"valve:{name}", 0, phase, evidence)
        self._gateway.troubles.append(event)

    def _note(self, alert_id: str, word: str, name: str) -> None:
        """Into the alert, as a packet of our own: journaled, recorded and replayed like everything."""
        self._gateway.say({"answer": alert_id, "word": word, "by": f"valve:{name}"})


def calls_for(valve: ValveConfig, alert: Alert) -> bool:
    """Is this a real alarm that this valve is for?"""
    return (
        alert.kind in valve.kinds
        and alert.severity is Severity.ALARM
        and alert.state is not AlertState.CLEARED
        and (not valve.sources or alert.source in valve.sources)
        and not any(marked(alert.evidence, mark) for mark in MARKS)
    )


def confirms(valve: ValveConfig, data: bytes) -> bool:
    """Does this message say that it is closed? The whole payload, or one key of a JSON object.

    >>> v = ValveConfig(
    ...     link="b", topic="t", payload="OFF", confirm_topic="c", confirm="OFF", confirm_key="state"
    ... )
    >>> confirms(v, b'{"state": "OFF"}'), confirms(v, b'{"state": "ON"}'), confirms(v, b"OFF")
    (True, False, False)
    """
    if not valve.confirm_key:
        return data.strip() == valve.confirm.encode()
    try:
        said: Any = json.loads(data)
    except (ValueError, RecursionError):
        return False
    for key in valve.confirm_key.split("."):
        if not isinstance(said, dict) or key not in said:
            return False
        said = said[key]
    return (said if isinstance(said, str) else json.dumps(said)) == valve.confirm
