"""What do Shelly devices of the second and later generations say (Plus, Pro, Gen3, Gen4, BLU gateways)?

Data sheet (vendor's documentation and captures): ``<prefix>/events/rpc`` carries JSON-RPC notifications,
``NotifyStatus`` (only what changed), ``NotifyFullStatus`` (at wake-up), ``NotifyEvent`` (pushes);
``<prefix>/status/<component:id>`` the same per component where ``status_ntf`` is on (default off);
``<prefix>/online`` true/false. The prefix is free: devices are told by ``src`` and ``method``.

``address`` is the prefix (``shellyplussmoke-80646fd1aabb``) or one component below it
(``<prefix>/input:0``, ``<prefix>/bthomesensor:200``) whose meaning is the enrolled kind's
(``inverted: true`` where true is the safe state).

Values: ``smoke:0 {alarm}``, ``flood:0 {alarm, errors}``: with ``cable_unplugged`` the device is blind, so
``alarm: false`` is not told as dry but as a fault; ``devicepower:0 {battery {V, percent}}``,
``temperature:0 {tC}``, ``humidity:0 {rh}``, ``illuminance:0 {lux}``, ``input:0 {state}``,
``presencezone:2xx {value}``, ``switch:0 {apower, temperature}``, ``wifi {rssi}``; ``null`` is no value.

``ts`` is seconds since boot until the clock is set: readings are stamped with arrival. Sleeping models
(smoke, flood, H&T) wake every 6 to 24 h; ``online`` false means nothing there and is ignored, once a
``wakeup_period`` was seen or the prefix is a known model's (``sleeps`` says otherwise).

Captured: Plus Smoke, Plus H&T, 1PM Mini; documented: flood, pushes, BLU components, presence zones.
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
from devices.kinds import PRESS_OPTIONS, SWITCHED, Presses
from devices.mqtt_driver import MqttDriver, Said, online
from devices.payload import Field, Refusal, Wrong, flag_field, number_field

Q = Quantity

SLEEPERS: Final = ("shellyplussmoke", "shellyplusht", "shellyhtg", "shellyflood", "shellysmoke", "shellyblu")
_BLIND: Final = frozenset({"cable_unplugged"})
_NOT_PRESSES: Final = frozenset({"btn_down", "btn_up", "config_changed", "alarm", "alarm_off", "sleep"})

FIELDS: Final[dict[str, dict[str, Field]]] = {
    "smoke": {"alarm": flag_field(Q.SMOKE)},
    "temperature": {"tC": number_field(Q.TEMPERATURE_C, -60, 150)},
    "humidity": {"rh": number_field(Q.HUMIDITY_PCT, 0, 100)},
    "illuminance": {"lux": number_field(Q.ILLUMINANCE_LX, 0, 200_000)},
    "presence": {"value": flag_field(Q.PRESENCE), "state": flag_field(Q.PRESENCE)},
    "presencezone": {"value": flag_field(Q.PRESENCE), "state": flag_field(Q.PRESENCE)},
    "motion": {"motion": flag_field(Q.MOTION), "value": flag_field(Q.MOTION)},
    "switch": {"apower": number_field(Q.POWER_W, -100_000, 100_000)},
    "pm1": {"apower": number_field(Q.POWER_W, -100_000, 100_000)},
    "wifi": {"rssi": number_field(Q.RSSI_DBM, -130, -1)},
    "bthomedevice": {
        "rssi": number_field(Q.RSSI_DBM, -130, -1),
        "battery": number_field(Q.BATTERY_PCT, 0, 100),
    },
}
_BATTERY: Final = {
    "percent": number_field(Q.BATTERY_PCT, 0, 100),
    "V": number_field(Q.VOLTAGE_V, 0.1, 30),
}
_BARE: Final = {"input": "state", "bthomesensor": "value", "boolean": "value"}


class ShellyGen2(MqttDriver):
    """Driver of all later Shelly sensors behind one broker."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        super().__init__(sensors)
        self._devices: dict[str, list[tuple[Sensor, str]]] = {}
        self._sleepers: set[str] = set()
        for sensor in self._sensors:
            prefix, component = split(sensor.address)
            self._devices.setdefault(prefix, []).append((sensor, component))
            self._routes[f"{prefix}/events/rpc"] = partial(self._notification, prefix)
            self._routes[f"{prefix}/online"] = partial(self._online, prefix)

    def topics(self) -> list[str]:
        """Notifications, availability and all component states of each device."""
        return [*self._routes, *(f"{prefix}/status/#" for prefix in self._devices)]

    def _online(self, prefix: str, packet: Packet) -> list[Reading] | Refusal:
        x = online(packet)
        if isinstance(x, Refusal):
            return x
        if x is None:
            return []
        mine = [s for s, _ in self._devices[prefix] if x or not self._sleeps(s, prefix)]
        return self._available(mine, packet, x)

    def _sleeps(self, sensor: Sensor, prefix: str) -> bool:
        told = sensor.options.get("sleeps")
        if isinstance(told, bool):
            return told
        return prefix in self._sleepers or prefix.rpartition("/")[2].startswith(SLEEPERS)

    def _elsewhere(self, packet: Packet) -> list[Reading] | Refusal:
        prefix, found, component = packet.channel.rpartition("/status/")
        if not found or prefix not in self._devices:
            return payload.UNKNOWN_TOPIC
        message = payload.json_object(packet.data)
        if isinstance(message, Refusal):
            return message
        return self._told(prefix, packet, {component: message}, whole=True)

    def _notification(self, prefix: str, packet: Packet) -> list[Reading] | Refusal:
        message = payload.json_object(packet.data)
        if isinstance(message, Refusal):
            return message
        method, params = message.get("method"), message.get("params")
        if type(params) is not dict:
            return Refusal("no_params")
        if method == "NotifyEvent":
            return self._events(prefix, packet, params.get("events"))
        if method not in ("NotifyStatus", "NotifyFullStatus"):
            return Refusal("unknown_method")
        return self._told(prefix, packet, params, whole=method == "NotifyFullStatus")

    def _told(self, prefix: str, packet: Packet, components: dict[str, Any], whole: bool) -> list[Reading]:
        system = components.get("sys")
        if type(system) is dict and payload.number(system.get("wakeup_period"), 1, 1e9) is not None:
            self._sleepers.add(prefix)
        out: list[Reading] = []
        for sensor, only in self._devices[prefix]:
            said: list[Said] = []
            for name, fields in components.items():
                if type(fields) is dict and only in ("", name):
                    said += self._component(sensor, name, fields, whole)
            out += self._tell(sensor, packet, said)
        return out

    def _component(self, sensor: Sensor, name: str, fields: dict[str, Any], whole: bool) -> list[Said]:
        sort = name.partition(":")[0]
        if sort == "flood":
            return self._flood(fields, whole)
        if sort == "devicepower":
            battery = fields.get("battery")
            return self._fields(_BATTERY, battery) if type(battery) is dict else []
        if sort in _BARE:
            return self._bare(sensor, name, fields.get(_BARE[sort]))
        said = self._fields(FIELDS.get(sort, {}), fields)
        if sort == "smoke":
            said += self._errors(fields, whole)
        chip = fields.get("temperature")
        if sort in ("switch", "pm1", "cover") and type(chip) is dict:
            said += self._field("tC", number_field(Q.DEVICE_TEMPERATURE_C, -60, 200), chip.get("tC"))
        return said

    def _flood(self, fields: dict[str, Any], whole: bool) -> list[Said]:
        errors = fields.get("errors")
        blind = type(errors) is list and any(e in _BLIND for e in errors if type(e) is str)
        said = self._field("alarm", flag_field(Q.WATER), fields.get("alarm"))
        if blind:  # dry, says a device that cannot feel water
            said = [s for s in said if s[1]]
        return said + self._errors(fields, whole)

    def _errors(self, fields: dict[str, Any], whole: bool) -> list[Said]:
        errors = fields.get("errors")
        if errors:
            return [(Q.FAULT, 1.0)]
        return [(Q.FAULT, 0.0)] if whole or "errors" in fields else []

    def _bare(self, sensor: Sensor, name: str, value: Any) -> list[Said]:
        """An input or a Bluetooth sensor: it means what the enrolled kind says."""
        quantity = SWITCHED.get(sensor.kind)
        if quantity is None or value is None:
            return []
        x = payload.yes_no(value)
        if isinstance(x, Wrong):
            self._health.refuse("wrong_type:state")
            return []
        if x is None:
            return []
        if sensor.options.get("inverted") is True:
            x = 1.0 - x
        return self._edge(sensor, name, x) if quantity is Q.SOS else [(quantity, x)]

    def _events(self, prefix: str, packet: Packet, events: Any) -> list[Reading] | Refusal:
        if type(events) is not list:
            return Refusal("no_events")
        out: list[Reading] = []
        for sensor, only in self._devices[prefix]:
            for event in events[:32]:
                word = event.get("event") if type(event) is dict else None
                if type(word) is not str or only not in ("", event.get("component")):
                    continue
                sort = str(event.get("component", "")).partition(":")[0]
                if sort == "smoke" and word == "alarm_test":
                    out += self._tell(sensor, packet, [(Q.TEST, 1.0)])
                if sort in ("sys", "wifi", "cloud", "mqtt", "smoke", "flood") or word in _NOT_PRESSES:
                    continue
                out += self._tell(sensor, packet, self._press(sensor, word))
        return out


def split(address: str) -> tuple[str, str]:
    """The prefix, and the component if one was enrolled.

    >>> split("hall/shelly/input:0"), split("shellyplussmoke-80646fd1aabb")
    (('hall/shelly', 'input:0'), ('shellyplussmoke-80646fd1aabb', ''))
    """
    head, _, last = address.rpartition("/")
    return (head.removesuffix("/status"), last) if ":" in last and head else (address, "")


# -- the other direction

_SAID: Final[dict[Quantity, tuple[str, str]]] = {
    Q.SMOKE: ("smoke:0", "alarm"), Q.WATER: ("flood:0", "alarm"), Q.PRESENCE: ("presencezone:200", "value"),
    Q.MOTION: ("motion:0", "motion"), Q.TEMPERATURE_C: ("temperature:0", "tC"),
    Q.HUMIDITY_PCT: ("humidity:0", "rh"), Q.ILLUMINANCE_LX: ("illuminance:0", "lux"),
    Q.RSSI_DBM: ("wifi", "rssi"), Q.POWER_W: ("switch:0", "apower"),
}  # fmt: skip


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """Readings of one instant as one NotifyStatus, and presses as NotifyEvent."""
    prefix, component = split(sensor.address)
    out: list[Packet] = []
    params: dict[str, Any] = {}
    events: list[dict[str, Any]] = []
    at, mark = 0, Mark.DATA
    for reading in readings:
        quantity, value, at = reading.quantity, reading.value, reading.t
        mark = Mark.RETAINED if reading.flags & Flag.RETAINED else Mark.DATA
        if quantity is Q.AVAILABLE:
            word = b"true" if value else b"false"
            out.append(Packet(sensor.link, f"{prefix}/online", at, word, mark))
        elif component and quantity is SWITCHED.get(sensor.kind):
            on = bool(value) != (sensor.options.get("inverted") is True)
            params[component] = {_BARE.get(component.partition(":")[0], "state"): on}
        elif quantity in (Q.SOS, Q.BUTTON):
            press = Presses(sensor).word if quantity is Q.SOS else str(value)
            events.append({"component": component or "input:0", "id": 0, "event": press, "ts": at / 1e9})
        elif quantity in (Q.BATTERY_PCT, Q.VOLTAGE_V):
            power = params.setdefault("devicepower:0", {"id": 0, "battery": {}})
            power["battery"]["percent" if quantity is Q.BATTERY_PCT else "V"] = value
        elif quantity in _SAID:
            name, field = _SAID[quantity]
            flag = quantity.shape == "flag"
            params.setdefault(name, {"id": 0})[field] = bool(value) if flag else value
        else:
            raise ValueError(f"a later Shelly cannot say {quantity.value}")
    for method, body in (("NotifyStatus", params), ("NotifyEvent", {"events": events} if events else {})):
        if body:
            message = {"src": prefix.rpartition("/")[2], "dst": f"{prefix}/events", "method": method}
            data = json.dumps({**message, "params": {"ts": at / 1e9, **body}}).encode()
            out.append(Packet(sensor.link, f"{prefix}/events/rpc", at, data, mark))
    return out


SPANS: Final[tuple[tuple[Span, ...], ...]] = (
    (
        Span(Q.SMOKE), Span(Q.WATER), Span(Q.PRESENCE), Span(Q.MOTION), Span(Q.BATTERY_PCT, 0, 100),
        Span(Q.VOLTAGE_V, 0.5, 12, 0.01), Span(Q.TEMPERATURE_C, -40, 60, 0.1),
        Span(Q.HUMIDITY_PCT, 0, 100, 0.1), Span(Q.ILLUMINANCE_LX, 0, 100_000), Span(Q.RSSI_DBM, -120, -1),
        Span(Q.POWER_W, 0, 3500, 0.1),
    ),
    (Span(Q.SOS, 1, 1),),
    (Span(Q.AVAILABLE),),
)  # fmt: skip

SPEC = DriverSpec(
    name="shelly_gen2",
    title="Shelly, second generation and later (Plus, Pro, Gen3, Gen4, BLU through a gateway)",
    transport="mqtt",
    make=ShellyGen2,
    encode=encode,
    spans=SPANS,
    evidence="captures: Plus Smoke, Plus H&T, 1PM Mini; vendor's documentation: the rest",
    options={"sleeps": None, "inverted": False, **PRESS_OPTIONS},
    example=Sensor("boiler", "shelly_gen2", "broker", address="home/shellyplus1pm-4417939341dc"),
)
