"""Who tells the broker, and people, that a Zigbee sensor is called something else now, or is gone?

The driver follows a renamed sensor by its hardware address. Beside it this duty subscribes to the new
topic, tells what happened (``inventory_change``: renamed and followed, or removed), and keeps the hardware
addresses in ``zigbee.json`` so that the next start knows them. It hands them to the driver as packets,
which are journaled and recorded: a replay follows as the live run did.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from core.contracts import Driver
from core.model import SECOND, Alert, Event, Mark, Packet, Phase
from gateway.build import topics

if TYPE_CHECKING:
    from gateway.app import Gateway

log = logging.getLogger("hearthwatch.following")

KIND: Final = "inventory_change"
FILE: Final = "zigbee.json"
LOOK_EVERY: Final = SECOND


class Following:
    """Keeps subscriptions, the file and people up to date with where Zigbee sensors speak."""

    name = "following"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._next = 0
        self._generation = 0
        self._path = gateway.folder / FILE
        self._kept: dict[str, list[str]] = self._load()
        self._told: dict[str, tuple[str, str]] | None = None
        self._drivers: list[tuple[str, Driver]] = [
            (name, d) for name, d in gateway.pipeline.drivers if hasattr(d, "where")
        ]
        self._remind()

    def _remind(self) -> None:
        """Give the drivers what an earlier run had learnt, before the broker says anything."""
        for name, (address, ieee) in self._kept.items():
            sensor = self._gateway.plan.home.sensors.get(name)
            if sensor is not None and sensor.address == address and sensor.device == "zigbee2mqtt":
                now = self._gateway.clock.now()
                packet = Packet(sensor.link, f"{address}/ieee", now, ieee.encode(), Mark.RETAINED)
                self._gateway.inbox.put(-1, packet)

    def _where(self) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        for _, driver in self._drivers:
            where: Callable[[], dict[str, tuple[str, str]]] = getattr(driver, "where")  # noqa: B009
            found |= where()
        return found

    def turn(self, now: int, packets: Sequence[Packet], alerts: Sequence[Alert]) -> None:
        """Subscribe at once; look at the rest once a second."""
        gateway = self._gateway
        routes = gateway.pipeline.routes
        if routes.generation != self._generation:
            self._generation = routes.generation
            for link, source in gateway.sources.items():
                follow = getattr(source, "follow", None)
                if callable(follow):
                    follow(topics(gateway.plan, link, list(gateway.pipeline.drivers)))
        if now < self._next or not self._drivers:
            return
        self._next = now + LOOK_EVERY
        where = self._where()
        self._tell(where)
        self._keep(where)

    def _tell(self, where: Mapping[str, tuple[str, str]]) -> None:
        """What is not as the configuration says: renamed and followed, or removed."""
        sensors = self._gateway.plan.home.sensors
        if self._told is None:  # alerts of an earlier run that may be over
            open_ = [a for a in self._gateway.pipeline.open_alerts() if a.kind == KIND]
            self._told = {a.source: ("", "") for a in open_}
        odd: dict[str, tuple[str, str]] = {}
        for name, (topic, _) in where.items():
            if not topic:
                odd[name] = ("removed", sensors[name].address)
            elif topic != sensors[name].address:
                odd[name] = ("renamed", topic)
        for name, (stage, topic) in odd.items():
            if self._told.get(name) != (stage, topic):
                phase = Phase.UPDATE if name in self._told else Phase.ONSET
                self._event(name, phase, {"stage": stage, "reason": topic})
                log.warning("%s was %s: %s", name, stage, topic)
        for name in self._told.keys() - odd.keys():
            if where.get(name, ("", ""))[1]:  # its inventory was heard: it is where it should be
                self._event(name, Phase.CLEAR, {})
            else:
                odd[name] = self._told[name]
        self._told = odd

    def _event(self, name: str, phase: Phase, evidence: dict[str, Any]) -> None:
        self._gateway.troubles.append(Event("gateway", KIND, name, 0, phase, evidence))

    def _load(self) -> dict[str, list[str]]:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            rows = {str(n): [str(a), str(i)] for n, (a, i) in kept["sensors"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s cannot be used: %r; names are learnt anew", self._path, error)
            return {}
        return rows

    def _keep(self, where: Mapping[str, tuple[str, str]]) -> None:
        sensors = self._gateway.plan.home.sensors
        now = {n: [sensors[n].address, ieee] for n, (_, ieee) in where.items() if ieee}
        if all(self._kept.get(n) == row for n, row in now.items()):
            return
        self._kept |= now
        beside = self._path.with_suffix(".new")
        with open(beside, "w", encoding="utf-8") as file:
            json.dump({"sensors": self._kept}, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self._path)

    def status(self) -> Mapping[str, Any]:
        """Where does each sensor speak that is not where the configuration says?"""
        return {name: {"stage": s, "topic": t} for name, (s, t) in (self._told or {}).items()}

    def close(self) -> None:
        """Nothing is held open."""
