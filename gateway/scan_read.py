"""What does a thing's own driver make of the messages that were heard? Only what comes out of it counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from core.model import Flag, Sensor
from core.quantity import Quantity
from devices import DRIVERS
from gateway.scan_heard import Heard
from gateway.scan_meaning import input_kind, is_sensor, kind_of
from gateway.scan_things import Thing

Q = Quantity


@dataclass(frozen=True, slots=True)
class Read:
    """A candidate and what its driver made of the messages."""

    thing: Thing
    said: frozenset[Quantity]
    values: tuple[str, ...]
    messages: int
    topics: frozenset[str]
    filters: tuple[str, ...]
    kind: str = ""
    blind: bool = False

    @property
    def all(self) -> frozenset[Quantity]:
        return self.said | self.thing.told

    @property
    def useful(self) -> bool:
        return is_sensor(self.all)


def read(heard: Heard, thing: Thing) -> Read:
    """What the thing's driver makes of what was heard."""
    first = _feed(heard, thing, "")
    words = f"{thing.name} {thing.address}"
    kind = kind_of(first.all, thing.model, thing.name)
    if thing.trust < 2 and not first.useful and Q.BATTERY_PCT in first.said and Q.POWER_W not in first.said:
        thing = replace(thing, bare=True)  # a battery's device that has not said yet what it is
        first = replace(first, thing=thing)
    if thing.bare:
        kind = input_kind(words) if not is_sensor(first.all) else kind
    if kind and kind != "switch":
        again = _feed(heard, thing, kind)
        if is_sensor(again.all) or not first.useful:
            return replace(again, kind=kind)
    return replace(first, kind=kind)


def _feed(heard: Heard, thing: Thing, kind: str) -> Read:
    spec = DRIVERS[thing.device]
    driver = spec.make([Sensor("scan", thing.device, heard.link, kind=kind, address=thing.address)])
    filters = tuple(driver.topics())
    if thing.configs:  # of all announcements only its own concern it
        filters = (*thing.configs, *(f for f in filters if not f.endswith("/config")))
    topics = heard.under(filters)
    packets = heard.packets(topics)
    said: dict[Quantity, str] = {}
    messages = 0
    used: set[str] = set()
    for packet in (*thing.extra, *packets):
        for reading in driver.feed(packet):
            shown = reading.value if isinstance(reading.value, str) else _number(reading.value)
            said[reading.quantity] = f"{reading.quantity.value}={shown}{reading.quantity.unit}"
            used.add(packet.channel)
            messages += not reading.flags & Flag.RETAINED and reading.quantity is not Q.AVAILABLE
    own = frozenset(used | {t for t in topics if t == thing.address or t.startswith(f"{thing.address}/")})
    shared = frozenset(t for t in own if t.rpartition("/")[2] in ("state", "LWT") and t.count("/bridge/"))
    blind = Q.FAULT in said and "encr" in str(packets[-1].data if packets else "")
    return Read(thing, frozenset(said), tuple(said.values()), messages, own - shared, filters, kind, blind)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | int) else "..."
