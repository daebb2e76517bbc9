"""What do devices say that follow the Homie 5 convention?

Data sheet: ``<root>/5/<device>/<node>/<property>`` bare text, retained, QoS 2 advised; ``$description``
(JSON: nodes, properties, each with ``datatype``, ``unit``, ``name``, ``format``), ``$state``
``init``/``ready``/``disconnected``/``sleeping``/``lost``, ``$alert/<id>`` text while the alert lasts.

``address`` is a device (``homie/5/boiler-room``) or one property. A property means nothing without the
description: class and unit come from there and from its name; an enrolled single property that is a
boolean and has a name that tells nothing means what the enrolled kind says (``inverted: true`` where true
is the safe state). Values are all retained by default, so at connect everything is of unknown age.

From the convention's text; no capture.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from core.contracts import DriverSpec, Span
from core.model import Flag, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import payload
from devices.device_class import binary_quantity, celsius, sensor_field
from devices.kinds import PRESS_OPTIONS, SWITCHED
from devices.mqtt_driver import MqttDriver, Said
from devices.payload import Refusal, Wrong, spellings

Q = Quantity

_STATE: Final = {"ready": 1.0, "lost": 0.0, "disconnected": 0.0}
_BOOLEAN: Final = payload.YES_NO | spellings({"open": 1.0, "closed": 0.0})
MAX_PROPERTIES: Final = 500
_UNTOLD: Final = Refusal("not_described")

Property = tuple[str, str, str]  # datatype, unit, name


class Homie(MqttDriver):
    """Driver of all Homie sensors behind one broker."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        super().__init__(sensors)
        self._described: dict[str, dict[str, Property]] = {}
        self._waiting: dict[str, Packet] = {}
        self._devices: dict[str, list[tuple[Sensor, str]]] = {}
        for sensor in self._sensors:
            device, part = split(sensor.address)
            self._devices.setdefault(device, []).append((sensor, part))
            self._routes[f"{device}/$state"] = partial(self._state, device)
            self._routes[f"{device}/$description"] = partial(self._description, device)

    def topics(self) -> list[str]:
        """All of each device."""
        return [f"{device}/#" for device in self._devices]

    def _state(self, device: str, packet: Packet) -> list[Reading] | Refusal:
        word = payload.text(packet.data)
        if isinstance(word, Refusal):
            return word
        x = _STATE.get(word)
        return [] if x is None else self._available([s for s, _ in self._devices[device]], packet, x)

    def _description(self, device: str, packet: Packet) -> list[Reading] | Refusal:
        described = payload.json_object(packet.data)
        if isinstance(described, Refusal):
            return described
        self._described[device] = dict(list(properties(described))[:MAX_PROPERTIES])
        out: list[Reading] = []
        for topic in [t for t in self._waiting if t.startswith(f"{device}/")]:
            late = self._waiting.pop(topic)._replace(at=packet.at, mark=Mark.RETAINED)
            told = self._elsewhere(late)
            out += told if not isinstance(told, Refusal) else []
        return out

    def _elsewhere(self, packet: Packet) -> list[Reading] | Refusal:
        found = [d for d in self._devices if packet.channel.startswith(f"{d}/")]
        if not found:
            return payload.UNKNOWN_TOPIC
        device = max(found, key=len)
        below = packet.channel[len(device) + 1 :]
        if below.startswith("$alert/"):
            x = float(bool(packet.data.strip()))
            mine = [s for s, _ in self._devices[device]]
            return [r for s in mine for r in self._tell(s, packet, [(Q.FAULT, x)])]
        if below.startswith("$") or below.endswith("/set") or below.endswith("/$target"):
            return []
        known = self._described.get(device)
        if known is None or below not in known:
            if len(self._waiting) < MAX_PROPERTIES or packet.channel in self._waiting:
                self._waiting[packet.channel] = packet
            return _UNTOLD
        word = payload.text(packet.data)
        if isinstance(word, Refusal):
            return word
        out: list[Reading] = []
        for sensor, part in self._devices[device]:
            if part in ("", below):
                out += self._tell(sensor, packet, self._said(sensor, known[below], word, part == below))
        return out

    def _said(self, sensor: Sensor, described: Property, word: str, alone: bool) -> list[Said]:
        datatype, unit, name = described
        if datatype in ("boolean", "enum"):
            x = payload.yes_no(word, _BOOLEAN)
            if isinstance(x, Wrong):
                return []  # an enumeration of something else
            quantity = binary_quantity("", name, sensor.kind)
            if alone and quantity is None:
                quantity = SWITCHED.get(sensor.kind)
            if quantity is None or x is None:
                return []
            if alone and sensor.options.get("inverted") is True:
                x = 1.0 - x
            if quantity is Q.SOS:
                return self._edge(sensor, name, x)
            return [(quantity, 2 * x if quantity is Q.FALL_STATE else x)]
        field = sensor_field("", unit, name)
        if field is None or field.quantity is None:
            return []
        number = field.read(word)
        if isinstance(number, Wrong):
            self._health.refuse(f"wrong_type:{field.quantity.value}")
            return []
        if number is None:
            return []
        return [(field.quantity, celsius(number) if field.rule == "fahrenheit" else number)]


def split(address: str) -> tuple[str, str]:
    """The device's topic and the enrolled property below it ("" for all).

    >>> split("homie/5/super-car/engine/temperature"), split("homie/5/super-car")
    (('homie/5/super-car', 'engine/temperature'), ('homie/5/super-car', ''))
    """
    levels = address.split("/")
    at = levels.index("5") if "5" in levels[:-1] else 1
    return "/".join(levels[: at + 2]), "/".join(levels[at + 2 :])


def properties(described: dict[str, Any]) -> list[tuple[str, Property]]:
    """``node/property`` and what it is, for every property of a description.

    >>> properties({"nodes": {"n": {"properties": {"p": {"datatype": "float", "unit": "°C"}}}}})
    [('n/p', ('float', '°C', 'n p'))]
    """
    out: list[tuple[str, Property]] = []
    nodes = described.get("nodes")
    for node, about in nodes.items() if type(nodes) is dict else ():
        listed = about.get("properties") if type(about) is dict else None
        for name, told in listed.items() if type(listed) is dict else ():
            if type(told) is dict:
                words = [str(node), str(name), *(t for t in [told.get("name")] if type(t) is str)]
                datatype, unit = told.get("datatype"), told.get("unit")
                out.append(
                    (
                        f"{node}/{name}",
                        (
                            datatype if type(datatype) is str else "",
                            unit if type(unit) is str else "",
                            " ".join(words)[:200],
                        ),
                    )
                )
    return out


# -- the other direction

_FLAGS: Final = {
    Q.CONTACT_OPEN: "door", Q.SMOKE: "smoke", Q.GAS: "gas", Q.CO: "co_alarm", Q.WATER: "leak",
    Q.MOTION: "motion", Q.PRESENCE: "presence", Q.TAMPER: "tamper",
}  # fmt: skip
_NUMBERS: Final = {
    Q.TEMPERATURE_C: ("temperature", "°C"), Q.HUMIDITY_PCT: ("humidity", "%"),
    Q.ILLUMINANCE_LX: ("illuminance", "lx"), Q.BATTERY_PCT: ("battery", "%"),
}  # fmt: skip


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """Readings of one instant: the description (retained), then one property topic each."""
    device = split(sensor.address)[0]
    told: dict[str, Any] = {name: {"datatype": "boolean"} for name in _FLAGS.values()}
    told |= {name: {"datatype": "float", "unit": unit} for name, unit in _NUMBERS.values()}
    described = {"homie": "5.0", "version": 1, "nodes": {"s": {"properties": told}}}
    out: list[Packet] = []
    if readings:
        data = json.dumps(described, ensure_ascii=False).encode()
        out.append(Packet(sensor.link, f"{device}/$description", readings[0].t, data, Mark.RETAINED))
    for reading in readings:
        quantity, value = reading.quantity, reading.value
        mark = Mark.RETAINED if reading.flags & Flag.RETAINED else Mark.DATA
        if quantity is Q.AVAILABLE:
            topic, word = "$state", "ready" if value else "lost"
        elif quantity is Q.FAULT:
            topic, word = "$alert/sim", "fault" if value else ""
        elif quantity in _FLAGS:
            topic, word = f"s/{_FLAGS[quantity]}", "true" if value else "false"
        elif quantity in _NUMBERS:
            topic, word = f"s/{_NUMBERS[quantity][0]}", f"{float(value):.10g}"  # type: ignore[arg-type]
        else:
            raise ValueError(f"a Homie device is not made to say {quantity.value}")
        out.append(Packet(sensor.link, f"{device}/{topic}", reading.t, word.encode(), mark))
    return out


SPANS: Final[tuple[tuple[Span, ...], ...]] = (
    tuple(Span(q) for q in _FLAGS),
    (
        Span(Q.TEMPERATURE_C, -40, 85, 0.1), Span(Q.HUMIDITY_PCT, 0, 100, 0.1),
        Span(Q.ILLUMINANCE_LX, 0, 100_000), Span(Q.BATTERY_PCT, 0, 100),
    ),
    (Span(Q.AVAILABLE),),
    (Span(Q.FAULT),),
)  # fmt: skip

SPEC = DriverSpec(
    name="homie",
    title="Devices of the Homie 5 convention",
    transport="mqtt",
    make=Homie,
    encode=encode,
    spans=SPANS,
    evidence="from the convention's text; no capture",
    options={"inverted": False, **PRESS_OPTIONS},
    example=Sensor("shed", "homie", "broker", address="homie/5/shed"),
)
