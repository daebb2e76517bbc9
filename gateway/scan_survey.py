"""What of all that was heard on a broker should be enrolled? Each physical thing once, and why the rest not.

Every candidate is read by the driver it would get, from the very messages that were heard; only what comes
out counts. One thing seen through two conventions (Zigbee2MQTT and its announcement to Home Assistant) is
proposed through the better of the two. Formats without identity are proposed only for a person to allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.model import Room, Sensor
from core.quantity import Quantity
from devices import DRIVERS
from devices.inspect_mqtt import convention
from devices.kinds import SOS_WORDS
from gateway.routes import matches
from gateway.scan_heard import Heard
from gateway.scan_meaning import calls_for_help, identifier, room_for
from gateway.scan_once import once
from gateway.scan_read import Read, read
from gateway.scan_things import Thing, candidates

Q = Quantity


@dataclass(frozen=True, slots=True)
class Finding:
    """One sensor to enrol. ``topic`` is "" on a port. ``sure``: 3 certain, 2 likely, 1 a guess.

    ``notes`` are (word, argument) pairs for a person. ``yours`` False: only if it is known to be yours.
    """

    id: str
    device: str
    link: str
    topic: str = ""
    kind: str = ""
    room: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    sure: int = 2
    says: tuple[str, ...] = ()
    messages: int = 0
    notes: tuple[tuple[str, str], ...] = ()
    yours: bool = True
    name: str = ""


@dataclass(frozen=True, slots=True)
class Unclear:
    """What was seen and not proposed, and why (a word of the catalogue, and its argument)."""

    where: str
    why: str
    detail: str = ""
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """The outcome of listening to one broker."""

    findings: tuple[Finding, ...]
    unclear: tuple[Unclear, ...]
    known: tuple[str, ...]  # sensors of the configuration that were recognised


def survey(
    heard: Heard, link: str, rooms: Mapping[str, Room], enrolled: Iterable[Sensor], taken: Iterable[str] = ()
) -> Survey:
    """Which sensors speak on this broker? ``enrolled`` are those the configuration has on it."""
    mine = [(s, tuple(f for f in _filters(s.device, s.address) if "/bridge/" not in f)) for s in enrolled]
    reads, unclear, known = [], [], set()
    for thing in candidates(heard):
        owner = _owner(thing, mine)
        if owner:
            known.add(owner)
            continue
        reads.append(read(heard, thing))
    chosen, dropped = once(reads)
    used: set[str] = set(taken)
    findings = []
    for one in chosen:
        made = _finding(one, link, rooms, used)
        used.add(made.id)
        findings.append(made)
    covered = {t for r in reads for t in r.topics} | {t for _, fs in mine for t in heard.under(fs)}
    for left, why, detail in dropped:
        unclear.append(Unclear(left.thing.address, why, detail, left.messages))
    unclear += _rest(heard, covered)
    return Survey(tuple(findings), tuple(unclear), tuple(sorted(known)))


def _filters(device: str, address: str) -> tuple[str, ...]:
    spec = DRIVERS.get(device)
    if spec is None or spec.transport != "mqtt" or not address:
        return ()
    return tuple(spec.make([Sensor("scan", device, "scan", address=address)]).topics())


def _owner(thing: Thing, mine: list[tuple[Sensor, tuple[str, ...]]]) -> str:
    """The enrolled sensor that is this thing already, through whichever convention; "" if none."""
    for sensor, filters in mine:
        if sensor.address == thing.address or _same_bluetooth(sensor.address, thing.address):
            return sensor.id
        if thing.ieee and sensor.options.get("ieee") == thing.ieee:
            return sensor.id  # renamed since
        if sensor.device == thing.device == "tasmota" and (
            thing.address.startswith(f"{sensor.address}/") or sensor.address.startswith(f"{thing.address}/")
        ):
            return sensor.id
        if thing.address.startswith(f"{sensor.address}/") and thing.device == sensor.device:
            return sensor.id
        topics = thing.claims or ((thing.address,) if thing.device == "ha_discovery" else ())
        if any(matches(f, t) for f in filters for t in topics):
            return sensor.id
        if sensor.device == "ha_discovery" and thing.address.startswith(f"{sensor.address}/"):
            return sensor.id
    return ""


def _same_bluetooth(one: str, other: str) -> bool:
    return "/BTtoMQTT/" in one and one.rpartition("/")[2].upper() == other.rpartition("/")[2].upper()


def _finding(one: Read, link: str, rooms: Mapping[str, Room], used: set[str]) -> Finding:
    thing, kind = one.thing, one.kind
    notes: list[tuple[str, str]] = []
    options: dict[str, Any] = {"ieee": thing.ieee} if thing.ieee else {}
    if kind in ("door", "window") and Q.CONTACT_OPEN in one.all and thing.trust < 3:
        notes.append(("scan.note.contact", ""))
    if kind == "switch" and Q.BUTTON in one.all and calls_for_help(thing.model, thing.name):
        kind = "button"
        options["any_press"] = True
        notes.append(("scan.note.any_press", ""))
    elif (kind == "switch" and Q.BUTTON in one.all) or (
        kind == "button" and thing.presses and not thing.presses & SOS_WORDS
    ):
        notes.append(("scan.note.button", ""))
    if "HS1CG" in thing.model or ("heiman" in thing.model.lower() and kind == "gas"):
        notes.append(("scan.note.never_gas", ""))
    if thing.bare:
        notes.append(("scan.note.bare", ""))
    if thing.device == "theengs" and not thing.weak:
        notes.append(("scan.note.neighbour", ""))
    if not one.said - {Q.AVAILABLE}:
        notes.append(("scan.note.silent", ""))
    sure = 1 if thing.weak or thing.bare else 3 if thing.trust == 2 and one.messages else 2
    if not kind:
        notes.append(("scan.note.kind", ""))
    words = f"{thing.name} {thing.address}"
    return Finding(
        id=identifier(thing.name, kind or thing.device, used),
        device=thing.device,
        link=link,
        topic=thing.address,
        kind=kind if kind else "",
        room=room_for(words, rooms),
        options=options,
        sure=sure,
        says=one.values or tuple(sorted(q.value for q in thing.told)),
        messages=one.messages,
        notes=tuple(notes),
        yours=not thing.weak,
        name=" ".join(dict.fromkeys([thing.name, thing.model])).strip()[:120],
    )


def _rest(heard: Heard, covered: set[str]) -> list[Unclear]:
    """Topics nobody would read, joined by their first two levels."""
    rows: dict[tuple[str, str], list[int]] = {}
    for topic, known in heard.topics.items():
        if topic in covered or topic.startswith("hearthwatch/") or "/bridge/" in topic:
            continue
        last = heard.last(topic)
        if last is None or topic.endswith(("/config", "/LWT", "/availability", "/status", "/online")):
            continue  # announcements, and who is connected
        why = "scan.why.convention" if convention(topic, last.data) else "scan.why.unknown"
        rows.setdefault(("/".join(topic.split("/")[:2]), why), []).append(known.count)
    return [Unclear(where, why, "", sum(counts)) for (where, why), counts in sorted(rows.items())]
