"""Which of several readings of one physical thing is proposed? Each thing once, through the better of them.

The convention a device speaks itself is better than its announcement to Home Assistant, except for ESPHome,
whose own topics tell neither class nor unit; what Home Assistant forwards is taken only where nothing else
is heard of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from devices.kinds import SWITCHED
from gateway.routes import matches
from gateway.scan_meaning import identifier
from gateway.scan_read import Read
from gateway.scan_things import Thing

_NOT_ROOMS: Final = ("processor", "cpu", "disk", "system_monitor", "memory_", "phone", "battery_level")


def once(reads: list[Read]) -> tuple[list[Read], list[tuple[Read, str, str]]]:
    """Each physical thing once: the better reading of it stays; why each other one was left out."""
    kept: list[Read] = []
    dropped: list[tuple[Read, str, str]] = []
    native = [r for r in reads if r.thing.device not in ("ha_discovery", "ha_statestream")]
    told = [r for r in reads if r.thing.device == "ha_discovery"]
    streams = [r for r in reads if r.thing.device == "ha_statestream"]
    for read in sorted(native, key=lambda r: (r.thing.bare, r.thing.address.count("/"))):
        why = _not_this(read, kept)
        if why:
            dropped.append((read, *why))
        else:
            kept.append(read)
    for read in told:
        topics = read.thing.claims or (read.thing.address,)
        twins = [k for k in kept if _heard_by(k, topics)]
        if not read.useful:
            dropped.append((read, "scan.why.itself", ""))
        elif twins and twins[0].thing.device != "esphome":
            dropped.append((read, "scan.why.twin", twins[0].thing.address))
        else:
            for other in twins:
                kept.remove(other)
                dropped.append((other, "scan.why.twin", read.thing.address))
            kept.append(read)
    dropped = [d for d in dropped if not (d[1] != "scan.why.twin" and _covered(d[0], kept))]
    for group in _entities(streams):
        main, rest = group[0], group[1:]
        twin: Read | None = next((k for k in kept if _same_name(k, main)), None)
        if twin is not None or not main.useful or any(w in main.thing.address for w in _NOT_ROOMS):
            word, detail = ("scan.why.twin", twin.thing.address) if twin else ("scan.why.itself", "")
            dropped += [(r, word, detail) for r in group]
            continue
        kept.append(main)
        dropped += [(r, "scan.why.part", main.thing.address) for r in rest]
    return kept, dropped


def _heard_by(kept: Read, topics: Iterable[str]) -> bool:
    """Does it read any of these topics (or of those a filter among them stands for) already?"""
    own = _own_filters(kept)
    return any(
        any(matches(f, t) for f in own) or any(matches(t, mine) for mine in kept.topics) for t in topics
    )


def _own_filters(read: Read) -> tuple[str, ...]:
    return tuple(f for f in read.filters if "/bridge/" not in f and not f.endswith(("/LWT", "/status")))


def _covered(read: Read, kept: list[Read]) -> bool:
    return any(read.topics and read.topics <= k.topics for k in kept)


def _not_this(read: Read, kept: list[Read]) -> tuple[str, str] | None:
    """Why a native candidate is not proposed; None if it is."""
    thing = read.thing
    whole = next((k for k in kept if _part_of(thing, k.thing)), None)
    if whole is not None and not thing.weak:
        return "scan.why.part", whole.thing.address
    if thing.bare and not thing.weak:
        return None if read.kind and SWITCHED.get(read.kind) else ("scan.why.bare", "")
    if thing.weak:
        return None
    if read.blind:
        return "scan.why.blind", ""
    if not read.useful:
        return "scan.why.itself", ", ".join(sorted(q.value for q in read.all))
    return None


def _part_of(thing: Thing, whole: Thing) -> bool:
    """Is this an input or a part of a device that is proposed whole already?"""
    if thing.device != whole.device or not thing.bare:
        return False
    return thing.address.startswith(f"{whole.address}/")


def _entities(streams: list[Read]) -> list[list[Read]]:
    """Forwarded entities of one device together, the one that matters most first."""
    groups: list[list[Read]] = []
    for read in sorted(streams, key=_weight):
        stem = _stem(read)
        home = next((g for g in groups if _stem(g[0]) == stem), None)
        if home is None:
            groups.append([read])
        else:
            home.append(read)
    return groups


def _weight(read: Read) -> tuple[bool, bool, str]:
    return not read.useful, "/binary_sensor/" not in read.thing.address, read.thing.address


_SUFFIX: Final = [
    "contact",
    "door",
    "window",
    "opening",
    "motion",
    "occupancy",
    "presence",
    "smoke",
    "gas",
    "carbon_monoxide",
    "co",
    "moisture",
    "water_leak",
    "leak",
    "vibration",
    "tamper",
    "battery",
    "battery_low",
    "battery_state",
    "temperature",
    "humidity",
    "pressure",
    "illuminance",
    "linkquality",
    "signal_strength",
    "rssi",
    "power",
    "energy",
    "voltage",
    "problem",
    "safety",
    "fall",
    "sos",
    "co2",
    "carbon_dioxide",
    "pm25",
    "heart_rate",
    "respiratory_rate",
    "distance",
    "action",
    "update_available",
    "update",
]


def _stem(read: Read) -> str:
    entity = read.thing.address.rpartition("/")[2]
    for suffix in sorted(_SUFFIX, key=len, reverse=True):
        if entity.endswith(f"_{suffix}"):
            return entity.removesuffix(f"_{suffix}")
    return entity


def _same_name(kept: Read, entity: Read) -> bool:
    """Does Home Assistant forward what we hear already? By name, and by what it says."""
    name = identifier(kept.thing.name, "", ())
    stem = _stem(entity)
    whole = entity.thing.address.rpartition("/")[2]
    return bool(name) and (stem == name or whole == name) and bool(entity.all & kept.all)
