"""What does the bridge's inventory say about a device: units, value words, is it there at all?

``<base>/bridge/devices`` is a retained JSON list; each device has ``friendly_name``, ``ieee_address``,
``disabled`` and ``definition.exposes``, a tree whose leaves name a ``property`` with ``type``, ``unit``,
``value_on`` and ``value_off``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from core.quantity import Quantity
from devices import payload
from devices.payload import Field, Refusal
from devices.zigbee2mqtt_fields import mark_second

Q = Quantity

_RADAR: Final = frozenset(
    {"presence", "presence_state", "target_distance", "fall_status", "fall_down_status", "motion_state"}
    | {"human_motion_state", "breathing_rate", "detection_range", "fading_time", "radar_sensitivity"}
)
"""A device that exposes one of these is a radar; its ``occupancy`` is a presence."""

_HCHO_PPM_PER_MG_M3: Final = 24.45 / 30.026  # molar volume at 25 °C over molar mass

# (property, unit in lower case) -> how to read it, where the unit decides
_BY_UNIT: Final[dict[tuple[str, str], Field]] = {
    ("voltage", "v"): Field(Q.VOLTAGE_V, None, 0, 500),
    ("voltage", "mv"): Field(Q.VOLTAGE_V, None, 0, 500_000, 1000),
    ("gas", "%lel"): Field(Q.GAS_LEL_PCT, None, 0, 100),
    ("voc", "ppb"): Field(Q.TVOC_PPB, None, 0, 1_000_000),
    ("voc", "ppm"): Field(Q.TVOC_PPB, None, 0, 1_000, 0.001),
    ("hcho", "mg/m³"): Field(Q.FORMALDEHYDE_PPM, None, 0, 1000, 1 / _HCHO_PPM_PER_MG_M3),
    ("formaldehyd", "mg/m³"): Field(Q.FORMALDEHYDE_PPM, None, 0, 1000, 1 / _HCHO_PPM_PER_MG_M3),
    ("formaldehyd", "µg/m³"): Field(Q.FORMALDEHYDE_PPM, None, 0, 1e6, 1000 / _HCHO_PPM_PER_MG_M3),
    ("target_distance", "cm"): Field(None, rule="distance_cm"),
    ("distance", "cm"): Field(None, rule="distance_cm"),
}  # fmt: skip
_STATES: Final = frozenset({"state", "status", "action"})  # words of many kinds of device: left alone


class Inventory:
    """The devices of one bridge, parsed once per change."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._last = b""
        self._known: dict[str, tuple[list[Any], str]] = {}
        self._ieee: dict[str, str] = {}  # topic -> what the device is, whatever it is called
        self._at: dict[str, str] = {}  # and back

    def read(self, data: bytes, limit: int) -> bool | Refusal:
        """Take a ``bridge/devices`` payload: True if it says something new."""
        if data == self._last:
            return False
        listed = payload.json_value(data, limit)
        if isinstance(listed, Refusal):
            return listed
        if type(listed) is not list:
            return Refusal("not_a_list")
        self._last = data
        self._known, self._ieee, self._at = {}, {}, {}
        for device in listed:
            name = device.get("friendly_name") if type(device) is dict else None
            if type(name) is not str or device.get("disabled") is True:
                continue
            definition = device.get("definition")
            if type(definition) is not dict:
                definition = {}
            exposes = definition.get("exposes")
            words = (definition.get(k) for k in ("vendor", "model", "description"))
            model = " ".join(w for w in words if type(w) is str)[:300]
            topic = f"{self._base}/{name}"
            self._known[topic] = (exposes if type(exposes) is list else [], model)
            ieee = device.get("ieee_address")
            if type(ieee) is str and 0 < len(ieee) <= 32:
                self._ieee[topic] = ieee
                self._at[ieee] = topic
        return True

    def ieee(self, topic: str) -> str:
        """The hardware address of the device at this topic; "" if the bridge told none."""
        return self._ieee.get(topic, "")

    def topic(self, ieee: str) -> str:
        """Where the device with this hardware address speaks; "" if the bridge does not know it."""
        return self._at.get(ieee, "")

    def device(self, address: str) -> tuple[list[Any], str] | None:
        """What the device at this topic exposes, and its model; None if the bridge does not know it."""
        return self._known.get(address)


def leaves(exposes: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Every leaf of an exposes tree that names a property."""
    if type(exposes) is not list or depth > 4:
        return
    for item in exposes:
        if type(item) is not dict:
            continue
        if type(item.get("features")) is list:
            yield from leaves(item["features"], depth + 1)
        elif type(item.get("property")) is str:
            yield item


def adapt(fields: dict[str, Field], exposes: Any, kind: str) -> tuple[dict[str, Field], str]:
    """The fields as this device means them, and the unit of its gas value ("" if it names none)."""
    fields = dict(fields)
    gas_unit = ""
    listed = {leaf["property"]: leaf for leaf in leaves(exposes)}
    if not kind and not _RADAR.isdisjoint(listed):
        fields["occupancy"] = fields["occupancy"]._replace(quantity=Q.PRESENCE)
    for name, leaf in listed.items():
        unit = leaf.get("unit")
        unit = unit.strip() if type(unit) is str else ""
        known = _BY_UNIT.get((name, unit.lower()))
        if known is not None:
            fields[name] = known
            continue
        field = fields.get(name)
        if field is None or name in _STATES:
            continue
        if field.rule == "gas_value":
            gas_unit = "%LEL" if "LEL" in unit.upper() else unit
        elif leaf.get("type") == "numeric" and (field.words is not None or field.rule == "gas"):
            del fields[name]  # a meter or a level under the name of an alarm
        elif name == "illuminance" and unit == "%":
            del fields[name]
        elif leaf.get("type") == "binary" and field.words is not None:
            fields[name] = field._replace(words=_on_off(name, field.words, leaf))
    return mark_second(fields), gas_unit


def _on_off(name: str, words: dict[Any, float | None], leaf: dict[str, Any]) -> dict[Any, float | None]:
    """The words with this device's own values for on and off."""
    on, off = leaf.get("value_on"), leaf.get("value_off")
    if not all(type(v) in (bool, str, int) for v in (on, off)) or on == off:
        return words
    if type(on) is str and on in words and off in words:
        return words  # already understood, in the sense of the field
    if name.startswith("contact") and type(on) is not str:
        return words  # a contact's true is closed, whichever of the two a definition calls on
    return {**words, on: 1.0, off: 0.0}
