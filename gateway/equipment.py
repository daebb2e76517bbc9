"""How well can the home be seen, and how are its sensors? Rooms nobody sees, batteries, links.

A room is *unseen* when none of the sensors that would notice a person there is heard: not quiet, unknown.
Sensors of smoke, gas, water, climate and meters notice no person, nor does a button nobody presses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.model import Home
from core.quantity import Quantity
from detectors.life import SIGNS

_NO_EYES = frozenset({"smoke", "gas", "co", "water", "climate", "meter", "siren", "button", "remote"})
_FIGURES = {
    Quantity.BATTERY_PCT: "battery_pct",
    Quantity.BATTERY_LOW: "battery_low",
    Quantity.LINK_QUALITY: "link_quality",
    Quantity.RSSI_DBM: "rssi_dbm",
    Quantity.VOLTAGE_V: "voltage_v",
}
UNRELIABLE = frozenset({"sensor_stuck", "sensor_flapping"})
"""Alerts of a sensor whose word does not count."""
_LIFE = {q.value for q in SIGNS | {Quantity.TARGET, Quantity.TRACK, Quantity.CLOUD, Quantity.HEIGHT}}
_ITSELF = {q.value for q in (*_FIGURES, Quantity.AVAILABLE, Quantity.TAMPER, Quantity.FAULT)}


def rooms(home: Home, sensors: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Each room that has sensors which notice people: how many are heard, and is it seen at all?"""
    out: dict[str, dict[str, Any]] = {}
    for name, sensor in home.sensors.items():
        told = sensors.get(name, {})
        if not sensor.room or sensor.kind in _NO_EYES or not _eye(told):
            continue
        room = out.setdefault(sensor.room, {"sensors": 0, "heard": 0, "seen": False})
        room["sensors"] += 1
        if told.get("state") == "heard" and not told.get("unreliable"):
            room["heard"] += 1
            room["seen"] = True
    return out


def _eye(told: Mapping[str, Any]) -> bool:
    """Could it notice a person? One that has said nothing yet could."""
    said = set(told.get("values", {})) - _ITSELF
    return not said or bool(said & _LIFE)


def figures(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What a sensor last said about itself: battery, link."""
    return {
        name: values[quantity.value]["value"]
        for quantity, name in _FIGURES.items()
        if quantity.value in values
    }
