"""Which things seem to speak on a broker? One address a thing, for each convention, from topics and payloads.

A thing here is only a candidate: ``scan_survey`` reads its messages with the convention's own driver before
anything is proposed, and joins what is one physical thing seen twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from core.model import Mark, Packet
from core.quantity import Quantity
from devices import esphome, homie, payload, rtl_433, tasmota_values, theengs
from devices.inspect_mqtt import convention, zwave_node
from gateway.scan_heard import Heard
from gateway.scan_inventory import announced, bridges, tasmota_says, zigbee_devices

Q = Quantity


@dataclass(frozen=True, slots=True)
class Thing:
    """One address a driver could be given. ``told`` is what an inventory says it can tell.

    ``weak``: a radio format without identity or check, which may be anybody's. ``bare``: an input whose
    meaning only its kind gives. ``trust`` 2: an inventory names it; 1: its own messages fit.
    """

    device: str
    address: str
    name: str = ""
    model: str = ""
    told: frozenset[Quantity] = frozenset()
    weak: bool = False
    bare: bool = False
    trust: int = 1
    claims: tuple[str, ...] = ()  # topics it was announced with
    extra: tuple[Packet, ...] = ()  # messages an inventory lets us expect
    presses: frozenset[str] = frozenset()  # actions an inventory lists
    ieee: str = ""
    configs: tuple[str, ...] = ()  # the topics that announced it


Reader = Callable[[Heard, list[str]], Iterator[Thing]]


def candidates(heard: Heard) -> list[Thing]:
    """Every address worth trying, each once, what an inventory names first."""
    by_convention: dict[str, list[str]] = {}
    for topic, known in heard.topics.items():
        if topic.startswith("hearthwatch/"):
            continue  # our own
        last = heard.last(topic) or known.first[1]
        by_convention.setdefault(convention(topic, last.data), []).append(topic)
    _forwarded(heard, by_convention)
    found: dict[tuple[str, str], Thing] = {}
    for thing in _all(heard, by_convention):
        if "+" in thing.address or "#" in thing.address:
            continue  # no topic can be called so
        key = (thing.device, thing.address)
        before = found.get(key)
        if before is None or (before.trust, not before.bare) < (thing.trust, not thing.bare):
            found[key] = thing
    return sorted(found.values(), key=lambda t: -t.trust)


def _forwarded(heard: Heard, topics: dict[str, list[str]]) -> None:
    """Home Assistant under a base of its own looks like ESPHome, but has attributes beside states."""
    bases = {"/".join(t.split("/")[:-3]) for t in topics.get("ha_statestream", ())}
    for topic in heard.topics:
        levels = topic.split("/")
        if len(levels) >= 4 and levels[-1] in _ATTRIBUTES:
            bases.add("/".join(levels[:-3]))
    mine = [t for t in topics.get("esphome", ()) if "/".join(t.split("/")[:-3]) in bases]
    topics["esphome"] = [t for t in topics.get("esphome", ()) if t not in mine]
    topics.setdefault("ha_statestream", []).extend(mine)


_ATTRIBUTES: Final = frozenset({"friendly_name", "device_class", "unit_of_measurement", "last_changed"})


def _all(heard: Heard, topics: dict[str, list[str]]) -> Iterator[Thing]:
    for device in zigbee_devices(heard):
        yield Thing(
            "zigbee2mqtt", device.address, device.name, device.model, device.told, trust=2,
            presses=device.presses,
            ieee=device.ieee,
        )  # fmt: skip
    for name, reader in _READERS.items():
        yield from reader(heard, topics.get(name, []))
    for told in announced(heard):
        yield Thing(
            "ha_discovery",
            told.address,
            told.name,
            told.model,
            told.told,
            trust=2,
            claims=told.topics,
            configs=told.configs,
        )


def _zigbee(heard: Heard, topics: list[str]) -> Iterator[Thing]:
    """Devices that speak where a bridge is known but gave no inventory, or that are plainly Zigbee's."""
    known = bridges(heard)
    for topic in topics:
        base = next((b for b in sorted(known, key=len, reverse=True) if topic.startswith(f"{b}/")), None)
        if base is not None and known[base] and not _live(heard, topic):
            continue  # its inventory names its devices; what is only remembered was removed long ago
        if "/bridge/" in topic:
            continue
        if topic.endswith("/availability"):
            address = topic.removesuffix("/availability")
            if base is not None and not known[base]:  # silent, and no inventory says what it is
                yield Thing("zigbee2mqtt", address, address[len(base) + 1 :], bare=True)
            continue
        last = heard.last(topic)
        message = payload.json_value(last.data) if last is not None else None
        if type(message) is dict:
            plain = base is not None or topic.startswith("zigbee2mqtt/") or "linkquality" in message
            if plain:
                yield Thing("zigbee2mqtt", topic, topic[len(base or topic.split("/")[0]) + 1 :])
        elif base is not None or topic.startswith("zigbee2mqtt/"):
            parent, root = topic.rpartition("/")[0], base or "zigbee2mqtt"
            if parent != root:
                yield Thing("zigbee2mqtt", parent, parent[len(root) + 1 :])


def _live(heard: Heard, topic: str) -> bool:
    """Did somebody speak there while we listened?"""
    return any(packet.mark is Mark.DATA for packet in heard.packets([topic]))


def _tasmota(heard: Heard, topics: list[str]) -> Iterator[Thing]:
    for topic in topics:
        device, _ = tasmota_values.split(topic.rpartition("/")[0])
        if "{}" not in device:
            continue
        tele = device.replace("{}", "tele")
        name = device.replace("{}", "").strip("/").replace("//", "/")
        packets = [*heard.packets([topic]), *tasmota_says(heard, tele)]
        yield Thing("tasmota", tele, name, extra=tuple(tasmota_says(heard, tele)))
        for packet in packets:
            message = payload.json_value(packet.data)
            if type(message) is not dict:
                continue
            for part in tasmota_values.parts(message):
                yield from _part(tele, name, part)


def _part(tele: str, name: str, part: tasmota_values.Part) -> Iterator[Thing]:
    label = part.names[0] if part.names else ""
    if not label or "/" in label:
        return
    if part.sort in ("zigbee", "lora"):
        best = next((n for n in part.names if not n.startswith("0x")), label)
        if "/" not in best:
            yield Thing("tasmota", f"{tele}/SENSOR/{best}", best)
    elif part.sort == "switch":
        yield Thing("tasmota", f"{tele}/SENSOR/{label}", f"{name} {label}", bare=True)
    elif part.sort == "rf":
        yield Thing("tasmota", f"{tele}/SENSOR/{label}", label, weak=True, bare=True)


def _shelly1(heard: Heard, topics: list[str]) -> Iterator[Thing]:
    for topic in topics:
        levels = topic.split("/")
        if len(levels) < 3 or levels[0] != "shellies":
            continue
        address, model = "/".join(levels[:2]), levels[1].partition("-")[0]
        yield Thing("shelly_gen1", address, levels[1], model)
        if levels[2] == "input" and len(levels) == 4:
            yield Thing("shelly_gen1", topic, f"{levels[1]} input {levels[3]}", model, bare=True)


def _shelly2(heard: Heard, topics: list[str]) -> Iterator[Thing]:
    for topic in topics:
        prefix, found, component = topic.rpartition("/status/")
        prefix = prefix if found else topic.removesuffix("/events/rpc")
        model = prefix.rpartition("/")[2].partition("-")[0]
        yield Thing("shelly_gen2", prefix, prefix, model)
        if found and component.startswith(("input:", "bthomesensor:", "boolean:")):
            yield Thing("shelly_gen2", f"{prefix}/{component}", f"{prefix} {component}", bare=True)


def _esphome(heard: Heard, topics: list[str]) -> Iterator[Thing]:
    for topic in topics:
        if topic.endswith("/status"):
            continue
        node, entity = esphome.split(topic)
        yield Thing("esphome", node, node)
        if entity.startswith("binary_sensor/"):
            yield Thing("esphome", f"{node}/{entity}", f"{node} {entity.partition('/')[2]}", bare=True)


def _statestream(heard: Heard, topics: list[str]) -> Iterator[Thing]:
    for topic in topics:
        address = topic.removesuffix("/state")
        domain, entity = address.split("/")[-2:]
        if domain not in ("binary_sensor", "sensor", "event"):
            continue
        told = heard.last(f"{address}/friendly_name")
        name = payload.plain(told.data) if told is not None else ""
        yield Thing("ha_statestream", address, name if type(name) is str and name else entity, entity)


def _radio(heard: Heard, topics: list[str]) -> Iterator[Thing]:
    for topic in topics:
        base, found, rest = topic.rpartition("/devices/")
        levels = rest.split("/")
        if found and len(levels) >= 3:
            yield Thing(
                "rtl_433", f"{base}/devices/{'/'.join(levels[:-1])}", " ".join(levels[:-1]), weak=True
            )
            continue
        for packet in heard.packets([topic]) if topic.endswith("/events") else ():
            message = payload.json_value(packet.data)
            if type(message) is not dict or "model" not in message:
                continue
            keys = ("id", "netid", "code", "data")
            ident = next((message[k] for k in keys if message.get(k) is not None), None)
            if ident is not None:
                model, number = rtl_433.level(message["model"]), rtl_433.level(ident)
                address = f"{topic.removesuffix('/events')}/devices/{model}/{number}"
                yield Thing("rtl_433", address, f"{model} {number}", str(message["model"]), weak=True)


def _bluetooth(heard: Heard, topics: list[str]) -> Iterator[Thing]:
    heard_of: dict[tuple[str, str], str] = {}  # the same sensor through several gateways is one
    for topic in topics:
        if topic.endswith("/433toMQTT"):
            for packet in heard.packets([topic]):
                message = payload.json_value(packet.data)
                code = message.get("value") if type(message) is dict else None
                if type(code) in (int, str):
                    yield Thing("theengs", f"{topic}/{code}", f"code {code}", weak=True, bare=True)
            continue
        base, sort, ident = theengs.split(topic)
        if sort == "BTtoMQTT" and heard_of.setdefault((base, ident.upper()), topic) == topic:
            last = heard.last(topic)
            message = payload.json_value(last.data) if last is not None else None
            about = message if type(message) is dict else {}
            words = [w for k in ("brand", "model", "name") if type(w := about.get(k)) is str]
            name = about.get("name")
            yield Thing("theengs", topic, name if type(name) is str else ident, " ".join(words))


def _zwave(heard: Heard, topics: list[str]) -> Iterator[Thing]:
    for topic in topics:
        address = topic.removesuffix("/status") if topic.endswith("/status") else zwave_node(topic)
        if address and "/_CLIENTS" not in address:
            yield Thing("zwave_js_ui", address, address.partition("/")[2])


def _homie(heard: Heard, topics: list[str]) -> Iterator[Thing]:
    for topic in topics:
        address, below = homie.split(topic)
        if not below or address.count("/") < 2:
            continue
        told = heard.last(f"{address}/$description")
        about = payload.json_value(told.data) if told is not None else None
        name = about.get("name") if type(about) is dict else None
        yield Thing("homie", address, name if type(name) is str else address.rpartition("/")[2])


_READERS: Final[dict[str, Reader]] = {
    "zigbee2mqtt": _zigbee,
    "tasmota": _tasmota,
    "shelly_gen1": _shelly1,
    "shelly_gen2": _shelly2,
    "esphome": _esphome,
    "ha_statestream": _statestream,
    "rtl_433": _radio,
    "theengs": _bluetooth,
    "zwave_js_ui": _zwave,
    "homie": _homie,
}
