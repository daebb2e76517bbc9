"""How is what was found written as configuration? YAML that loads, with comments for a person.

What is unsure stands in comments beside the value chosen; a room that is not known is left out (which is
valid) and marked ``room: ?``. Radio formats without identity are written as comments altogether: they act
only once a person takes the marks away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.config import MqttLinkConfig, SerialLinkConfig
from core.model import Room
from gateway.scan_survey import Finding
from gateway.words import word

_PLAIN = re.compile(r"^([A-Za-z/][A-Za-z0-9_./:-]*[A-Za-z0-9_/]|\d+\.\d+\.\d+\.\d+)$")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
RADARS = ("ld", "mr", "r60", "c1001", "ti_")

Link = MqttLinkConfig | SerialLinkConfig


def document(
    findings: Sequence[Finding],
    links: Mapping[str, Link],
    rooms: Mapping[str, Room],
    head: Iterable[str] = (),
    whole: bool = False,
) -> str:
    """The stanzas: ``links`` that the configuration lacks, then sensors. ``whole``: a file of its own."""
    lines = [f"# {line}" for line in head]
    if whole:
        lines += ["", "home:", "  id: my-home", f"  time_zone: UTC  # {word('scan.yaml.zone')}", "rooms: {}"]
    elif links or findings:
        lines += [f"# {word('scan.yaml.paste')}"]
    sure = [f for f in findings if f.yours]
    doubtful = [f for f in findings if not f.yours]
    if links:
        lines += ["", "links:"]
        for name, link in links.items():
            lines += _link(name, link)
    elif whole:
        lines += ["", "links: {}"]
    if sure or doubtful or whole:
        lines += ["", "sensors:" if sure else "sensors: {}" if whole else "# sensors:"]
    for finding in sure:
        lines += ["", *_sensor(finding, rooms)]
    if doubtful:
        lines += ["", f"  # {word('scan.yaml.yours')}"]
    for finding in doubtful:
        lines += ["", *(f"  # {line[2:]}" for line in _sensor(finding, rooms))]
    return "\n".join(lines) + "\n"


def _link(name: str, link: Link) -> list[str]:
    lines = [f"  {name}:"]
    if isinstance(link, SerialLinkConfig):
        lines += ["    type: serial", f"    port: {scalar(link.port)}"]
        if not link.port.startswith("/dev/serial/by-"):
            lines[-1] += f"  # {word('scan.yaml.by_id')}"
        if link.baud is not None:
            lines.append(f"    baud: {link.baud}")
        return lines
    given = link.model_dump(exclude_defaults=True)
    for key, value in {"type": "mqtt", "host": link.host, "port": link.port, **given}.items():
        text = value if isinstance(value, bool | int) else str(value)
        lines.append(f"    {key}: {scalar(text)}")
    if not link.loopback and not link.tls and not link.insecure:
        lines.append(f"    insecure: true  # {word('scan.yaml.insecure')}")
    return lines


def _sensor(finding: Finding, rooms: Mapping[str, Room]) -> list[str]:
    sureness = word(f"scan.sure.{finding.sure}")
    said = " ".join(finding.says[:6])
    lines = [f"  # {_clean(finding.name)}: {sureness}; {word('scan.yaml.said').format(said=_clean(said))}"]
    lines += [f"  # {_clean(word(key).format(what=what))}" for key, what in finding.notes]
    lines += [f"  {finding.id}:", f"    device: {finding.device}", f"    link: {finding.link}"]
    if finding.topic:
        lines.append(f"    topic: {scalar(finding.topic)}")
    if finding.kind:
        lines.append(f"    kind: {finding.kind}")
    if finding.room:
        lines.append(f"    room: {finding.room}  # {word('scan.yaml.room_named')}")
    else:
        there = ", ".join(rooms) or word("scan.yaml.no_rooms")
        lines.append(f"    # room: ?  {word('scan.yaml.room').format(rooms=there)}")
    if finding.options:
        lines.append(
            "    options: {" + ", ".join(f"{k}: {scalar(v)}" for k, v in finding.options.items()) + "}"
        )
    if not finding.topic and finding.device.startswith(RADARS):
        lines.append(f"    # mounting: {{height_m: ?}}  {word('scan.yaml.mounting')}")
    return lines


def scalar(value: Any) -> str:
    """A value as YAML that reads back as itself.

    >>> scalar("zigbee2mqtt/door"), scalar("门 1: a"), scalar(True), scalar("on"), scalar("a\\x85")
    ('zigbee2mqtt/door', '"门 1: a"', 'true', '"on"', '"a\\\\U00000085"')
    """
    if isinstance(value, str):
        plain = _PLAIN.match(value) and value.lower() not in _WORDS
        return value if plain else "".join(map(_escaped, json.dumps(value, ensure_ascii=False)))
    return json.dumps(value)


def _escaped(c: str) -> str:
    """What YAML would take for a line's end or refuse is written as its number."""
    return c if c.isprintable() else f"\\U{ord(c):08x}"


def _clean(text: str) -> str:
    """What devices say may hold anything; a comment must stay one line."""
    return "".join(c if c.isprintable() else " " for c in text)[:200]


def as_json(findings: Sequence[Finding], links: Mapping[str, Link]) -> dict[str, Any]:
    """The same for a program: what may be pasted as it is, and what is known about it."""
    return {
        "links": {
            n: x.model_dump(mode="json", exclude_defaults=True) | {"type": x.type} for n, x in links.items()
        },
        "sensors": {f.id: stanza(f) for f in findings if f.yours},
        "only_if_yours": {f.id: stanza(f) for f in findings if not f.yours},
        "evidence": {
            f.id: {
                "name": f.name,
                "sure": f.sure,
                "said": list(f.says),
                "messages": f.messages,
                "notes": [word(key).format(what=what) for key, what in f.notes],
            }
            for f in findings
        },
    }


def stanza(finding: Finding) -> dict[str, Any]:
    """One sensor as the configuration has it."""
    made: dict[str, Any] = {"device": finding.device, "link": finding.link}
    for key in ("topic", "kind", "room"):
        if getattr(finding, key):
            made[key] = getattr(finding, key)
    if finding.options:
        made["options"] = dict(finding.options)
    return made
