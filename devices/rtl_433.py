"""What do 433, 868 and 915 MHz sensors say that rtl_433 receives?

Data sheet (rtl_433 22.11): ``<base>/events`` JSON, one message a decoded packet, and
``<base>/devices/<model>[/<subtype>][/<channel>]/<id>/<field>``, one value a topic; base often
``rtl_433/<host>``. QoS 0, not retained. ``<base>/availability`` only from release 25.12.

**Nobody is authenticated and most packets carry no check**: anyone can forge or replay, and one packet is
decoded as several models (a Kerui door also as a ``Smoke-GS558``). So a sensor acts only when enrolled by
model and id: ``address`` is ``<base>/devices/<model>/<id>`` (subtype and channel may stand between), and
every reading is flagged weak. A sensor sends 3 to 10 copies; copies within 2 s are flagged repeats.

Values: ``opened``, ``contact_open``, ``state`` open/closed, ``closed`` (DSC, the other way round),
``motion``, ``water``, ``detect_wet``, ``tamper``, ``battery_ok`` (1/0 or a fraction), ``event`` texts.
Interlogix smoke: ``switch1`` is open in the healthy report too; only ``switch2`` and ``switch3`` together
are smoke. ``alarm`` means what the enrolled kind says (Visonic, Risco), a leak for Bresser. Remotes and
detectors that only ever send one code (GS558 smoke, EV1527) act with ``on_receipt: true``, GS558 of kind
smoke always. ``inverted: true`` exchanges open and closed.

``id`` is a number or hexadecimal text, by decoder. ``time`` may be local text, ``"@0.13s"`` or seconds as
text: readings are stamped with arrival. ``rssi`` is relative dB and not told.

Executed: Kerui, GS558; upstream tests: Interlogix smoke, Honeywell; from source: Govee, DSC, Cavius,
X10, Visonic. One source only: Interlogix contact (``switch1``) and motion (``switch2``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from core.contracts import DriverSpec, Span
from core.model import Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import payload
from devices.device_class import celsius
from devices.kinds import PRESS_OPTIONS, SWITCHED
from devices.mqtt_driver import MqttDriver, Said, online
from devices.payload import Field, Refusal, flag_field, number_field, spellings

Q = Quantity

_SHUT: Final = {1: 0.0, 0: 1.0, "1": 0.0, "0": 1.0}
FIELDS: Final[dict[str, Field]] = {
    "opened": flag_field(Q.CONTACT_OPEN),
    "contact_open": flag_field(Q.CONTACT_OPEN),
    "closed": Field(Q.CONTACT_OPEN, dict(_SHUT)),
    "sensor_closed": Field(Q.CONTACT_OPEN, dict(_SHUT)),
    "motion": flag_field(Q.MOTION),
    "water": flag_field(Q.WATER),
    "detect_wet": flag_field(Q.WATER),
    "smoke": flag_field(Q.SMOKE),
    "tamper": flag_field(Q.TAMPER),
    "battery": Field(Q.BATTERY_LOW, spellings({"ok": 0.0, "low": 1.0})),
    "battery_low": flag_field(Q.BATTERY_LOW),
    "battery_mV": number_field(Q.VOLTAGE_V, 1, 30_000, 1000),
    "battery_V": number_field(Q.VOLTAGE_V, 0.1, 30),
    "temperature_C": number_field(Q.TEMPERATURE_C, -60, 150),
    "humidity": number_field(Q.HUMIDITY_PCT, 0, 100),
    "pressure_hPa": number_field(Q.PRESSURE_HPA, 300, 1200),
    "light_lux": number_field(Q.ILLUMINANCE_LX, 0, 200_000),
    "co2_ppm": number_field(Q.CO2_PPM, 0, 100_000),
    "pm2_5_ug_m3": number_field(Q.PM2_5_UGM3, 0, 10_000),
    "test": flag_field(Q.TEST),
}
_STATE: Final = {
    "open": (Q.CONTACT_OPEN, 1.0), "opened": (Q.CONTACT_OPEN, 1.0), "sensor open": (Q.CONTACT_OPEN, 1.0),
    "close": (Q.CONTACT_OPEN, 0.0), "closed": (Q.CONTACT_OPEN, 0.0), "sensor closed": (Q.CONTACT_OPEN, 0.0),
    "motion": (Q.MOTION, 1.0), "no motion": (Q.MOTION, 0.0), "tamper": (Q.TAMPER, 1.0),
    "water": (Q.WATER, 1.0), "water leak": (Q.WATER, 1.0), "battery": (Q.BATTERY_LOW, 1.0),
    "fire alarm": (Q.SMOKE, 1.0), "test alarm": (Q.TEST, 1.0), "battery low": (Q.BATTERY_LOW, 1.0),
    "warning/water detected": (Q.WATER, 1.0), "door/window open": (Q.CONTACT_OPEN, 1.0),
    "door/window closed": (Q.CONTACT_OPEN, 0.0), "motion alert": (Q.MOTION, 1.0),
    "motion normal": (Q.MOTION, 0.0),
}  # fmt: skip
_LEAK_MODELS: Final = ("Bresser-Leakage", "Fineoffset-WH55", "Govee-Water", "Govee-H5059")
_EVENT_ONLY: Final = ("Smoke-GS558", "Smoke detector GS 558")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9_.\-]")
_ID_FIELDS: Final = ("id", "netid", "code", "data")
_ON_OFF: Final = spellings({"on": 1.0, "off": 0.0})


def level(value: Any) -> str:
    """A name as it stands in a topic: what may not stand there becomes ``_``.

    >>> level("DSC Contact"), level(246261)
    ('DSC_Contact', '246261')
    """
    return _PLAIN.sub("_", str(value))


def split(address: str) -> tuple[str, str, tuple[str, ...], str]:
    """Base topic, model, what stands between, and id.

    >>> split("rtl_433/vm/devices/Kerui-Security/246261")
    ('rtl_433/vm', 'Kerui-Security', (), '246261')
    """
    base, found, rest = address.rpartition("/devices/")
    levels = rest.split("/") if found else address.split("/")[-2:]
    if not found:
        base = "/".join(address.split("/")[:-2])
    return base, levels[0], tuple(levels[1:-1]), levels[-1] if len(levels) > 1 else ""


class Rtl433(MqttDriver):
    """Driver of all enrolled radio sensors behind one broker."""

    weak = True

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        super().__init__(sensors)
        self._enrolled: dict[tuple[str, str, str], list[tuple[Sensor, tuple[str, ...]]]] = {}
        self._states: dict[tuple[str, Quantity], tuple[object, int]] = {}
        for sensor in self._sensors:
            base, model, between, ident = split(sensor.address)
            self._enrolled.setdefault((base, model, ident), []).append((sensor, between))
            self._routes[f"{base}/events"] = partial(self._event, base)
            self._routes[f"{base}/availability"] = partial(self._availability, base)

    def topics(self) -> list[str]:
        """Events and availability of each receiver, and each sensor's own topics."""
        own = dict.fromkeys(f"{base}/devices/{model}/#" for base, model, _ in self._enrolled)
        return [*self._routes, *own]

    def _availability(self, base: str, packet: Packet) -> list[Reading] | Refusal:
        x = online(packet)
        if isinstance(x, Refusal):
            return x
        if x is None:
            return []
        mine = [s for s in self._sensors if split(s.address)[0] == base]
        if x:  # the receiver works; a sensor counts as available when it is heard
            return []
        return self._available(mine, packet, 0.0)

    def _event(self, base: str, packet: Packet) -> list[Reading] | Refusal:
        message = payload.json_object(packet.data)
        if isinstance(message, Refusal):
            return message
        model = level(message.get("model", ""))
        ident = next((level(message[k]) for k in _ID_FIELDS if message.get(k) is not None), "")
        between = tuple(level(message[k]) for k in ("subtype", "channel") if message.get(k) is not None)
        mine = [
            sensor
            for sensor, wanted in self._enrolled.get((base, model, ident), [])
            if all(w in between for w in wanted)
        ]
        if not mine:
            self._health.refuse("not_enrolled")
            return []
        out: list[Reading] = []
        for sensor in mine:
            out += self._once(sensor, packet, self._said(sensor, message))
        return out

    def _elsewhere(self, packet: Packet) -> list[Reading] | Refusal:
        base, found, rest = packet.channel.rpartition("/devices/")
        levels = rest.split("/")
        if not found or len(levels) < 3:
            return payload.UNKNOWN_TOPIC
        model, between, ident, name = levels[0], levels[1:-2], levels[-2], levels[-1]
        enrolled = self._enrolled.get((base, model, ident), [])
        mine = [sensor for sensor, wanted in enrolled if all(w in between for w in wanted)]
        if not mine:
            self._health.refuse("not_enrolled")
            return []
        value = payload.plain(packet.data)
        if isinstance(value, Refusal):
            return value
        out: list[Reading] = []
        for sensor in mine:
            out += self._once(sensor, packet, self._said(sensor, {"model": model, name: value}, alone=True))
        return out

    def _once(self, sensor: Sensor, packet: Packet, said: list[Said]) -> list[Reading]:
        """Each statement, flagged a repeat if the same was the last one and is at most 2 s old."""
        out: list[Reading] = []
        for quantity, value in said:
            key = (sensor.id, quantity)
            last, self._states[key] = self._states.get(key), (value, packet.at)
            fresh = last is None or last[0] != value
            repeat = self._repeat(key, packet.at)
            out += self._tell(sensor, packet, [(quantity, value)], 0 if fresh else repeat)
        return payload.merge(out)

    def _said(self, sensor: Sensor, message: dict[str, Any], alone: bool = False) -> list[Said]:
        model = str(message.get("model", ""))
        said = self._fields(FIELDS, message)
        if "temperature_F" in message and "temperature_C" not in message:
            field = number_field(Q.TEMPERATURE_C, -76, 302)
            told = self._field("temperature_F", field, message["temperature_F"])
            said += [(q, celsius(float(x))) for q, x in told]  # type: ignore[arg-type]
        said += self._battery(message.get("battery_ok"))
        said += self._words(sensor, message)
        if "subtype" in message and "switch1" in message:
            said += _switches(message)
        if "alarm" in message:
            said += self._alarm(sensor, model, message["alarm"])
        if not alone and not any(q.shape == "flag" and q is not Q.BATTERY_LOW for q, _ in said):
            said += self._receipt(sensor, model)
        if sensor.options.get("inverted") is True:
            said = [(q, 1.0 - float(x)) if q is Q.CONTACT_OPEN else (q, x) for q, x in said]  # type: ignore[arg-type]
        return said

    def _battery(self, value: Any) -> list[Said]:
        """1 and 0, or a fraction of full."""
        if value is None:
            return []
        x = payload.number(value, 0, 1)
        if not isinstance(x, float):
            self._health.refuse("wrong_type:battery_ok")
            return []
        low: Said = (Q.BATTERY_LOW, float(x < 0.1))
        return [low] if x in (0.0, 1.0) else [low, (Q.BATTERY_PCT, round(x * 100, 3))]

    def _words(self, sensor: Sensor, message: dict[str, Any]) -> list[Said]:
        said: list[Said] = []
        for name in ("state", "event", "text", "status"):
            word = message.get(name)
            if type(word) is not str:
                continue
            low = word.strip().lower()
            if low in _STATE:
                said.append(_STATE[low])
            elif "panic" in low:
                said.append((Q.SOS, 1.0))
            elif name == "state" and low in ("on", "off"):
                quantity = SWITCHED.get(sensor.kind)
                if quantity is not None and (low == "on" or quantity is not Q.SOS):
                    said.append((quantity, _ON_OFF[low] or 0.0))
            elif low == "button press":
                said += self._press(sensor, "press")
        return said

    def _alarm(self, sensor: Sensor, model: str, value: Any) -> list[Said]:
        if model.startswith("Honeywell"):
            return []  # one of its loops; which one depends on the sensor
        quantity = Q.WATER if model.startswith(_LEAK_MODELS) else SWITCHED.get(sensor.kind)
        if quantity is None:
            return []
        told = self._field("alarm", flag_field(quantity), value)
        return [s for s in told if s[1] or quantity is not Q.SOS]

    def _receipt(self, sensor: Sensor, model: str) -> list[Said]:
        """A detector or remote that has only one thing to say: that it was heard says it."""
        quantity = SWITCHED.get(sensor.kind)
        smoke = quantity is Q.SMOKE and model.startswith(_EVENT_ONLY)
        if quantity is None or not (smoke or sensor.options.get("on_receipt") is True):
            return []
        return [(quantity, 1.0)]


def _switches(message: dict[str, Any]) -> list[Said]:
    """The five loops of an Interlogix sensor, by its type."""
    is_open = {n: message.get(f"switch{n}") == "OPEN" for n in range(1, 6)}
    subtype = message.get("subtype")
    if subtype == "smoke":  # switch1 is open in the healthy report too
        return [(Q.SMOKE, float(is_open[2] and is_open[3]))]
    if subtype == "contact":
        return [(Q.CONTACT_OPEN, float(is_open[1]))]
    if subtype == "motion" and is_open[2]:
        return [(Q.MOTION, 1.0)]
    return []


# -- the other direction

_FLAGS: Final = {
    Q.CONTACT_OPEN: "opened", Q.MOTION: "motion", Q.WATER: "water", Q.TAMPER: "tamper", Q.SMOKE: "smoke",
}  # fmt: skip
_NUMBERS: Final = {
    Q.TEMPERATURE_C: "temperature_C", Q.HUMIDITY_PCT: "humidity", Q.PRESSURE_HPA: "pressure_hPa",
    Q.ILLUMINANCE_LX: "light_lux",
}  # fmt: skip


def encode(sensor: Sensor, readings: Sequence[Reading]) -> list[Packet]:
    """Readings of one instant as one decoded packet on the receiver's event topic."""
    base, model, between, ident = split(sensor.address)
    out: list[Packet] = []
    fields: dict[str, Any] = {}
    for reading in readings:
        quantity, value = reading.quantity, reading.value
        if quantity is Q.AVAILABLE:
            if not value:
                topic = f"{base}/availability"
                out.append(Packet(sensor.link, topic, reading.t, b"offline", Mark.RETAINED))
        elif quantity in _FLAGS:
            on = bool(value) != (quantity is Q.CONTACT_OPEN and sensor.options.get("inverted") is True)
            fields[_FLAGS[quantity]] = int(on)
        elif quantity is Q.BATTERY_LOW:
            fields["battery_ok"] = int(not value)
        elif quantity is Q.SOS:
            fields["event"] = "KEYFOB PANIC"
        elif quantity in _NUMBERS:
            fields[_NUMBERS[quantity]] = value
        else:
            raise ValueError(f"a radio sensor is not made to say {quantity.value}")
    if fields:
        head: dict[str, Any] = {"time": "@0.000000s", "model": model, "id": ident}
        if between:
            head["subtype"] = between[0]
        data = json.dumps({**head, **fields}).encode()
        out.append(Packet(sensor.link, f"{base}/events", readings[0].t, data))
    return out


SPANS: Final[tuple[tuple[Span, ...], ...]] = (
    (*(Span(q) for q in _FLAGS), Span(Q.BATTERY_LOW)),
    (
        Span(Q.TEMPERATURE_C, -40, 60, 0.1), Span(Q.HUMIDITY_PCT, 0, 100),
        Span(Q.PRESSURE_HPA, 300, 1100, 0.1), Span(Q.ILLUMINANCE_LX, 0, 100_000),
    ),
    (Span(Q.SOS, 1, 1),),
)  # fmt: skip

SPEC = DriverSpec(
    name="rtl_433",
    title="Radio sensors (433, 868, 915 MHz) received by rtl_433",
    transport="mqtt",
    make=Rtl433,
    encode=encode,
    spans=SPANS,
    integrity=False,
    evidence="executed: Kerui, GS558; upstream tests: Interlogix, Honeywell; from source: the rest",
    options={"inverted": False, "on_receipt": False, **PRESS_OPTIONS},
    example=Sensor("back_door", "rtl_433", "broker", address="rtl_433/hub/devices/Kerui-Security/246261"),
)
