"""What does the fall detector assume of each radar? A line each for ``hearthwatch check``.

How it hangs decides what heights mean; an assumption nobody checked is how falls are missed.
"""

from __future__ import annotations

from typing import Any

from core.model import Sensor
from core.quantity import Quantity as Q
from devices import DRIVERS

KINDS = frozenset({"fall", "presence", "radar"})  # of a message format that may carry anything
PRESENCE = frozenset({Q.TARGET, Q.MOVING, Q.STILL})


def speaks(device: str) -> frozenset[Q]:
    """Which quantities may this device send?"""
    spec = DRIVERS.get(device)
    return frozenset(span.quantity for group in spec.spans for span in group) if spec else frozenset()


def assumed(sensor: Sensor, params: Any) -> dict[str, Any] | None:
    """What is assumed of this sensor, as data; None if it is no radar."""
    words = speaks(sensor.device)
    points, verdict = bool(words & {Q.CLOUD, Q.TRACK}), Q.FALL_STATE in words
    spec = DRIVERS.get(sensor.device)
    if spec is None or (spec.transport == "mqtt" and sensor.kind not in KINDS):
        return None
    if not (points or verdict or words & PRESENCE):
        return None
    found: dict[str, Any] = {"judged_by": [n for n, on in (("points", points), ("verdict", verdict)) if on]}
    if points:
        found["heights_from"] = "floor" if sensor.id in params.from_floor else "sensor"
        found["floor_known"] = sensor.id in params.from_floor or sensor.mounting.height_m is not None
        found["height_m"] = sensor.mounting.height_m
        found["tilt_deg"] = sensor.mounting.tilt_deg
        found["vertical_axis"] = sensor.mounting.vertical_axis
        found["resting_zones"] = len(params.rest_zones.get(sensor.id, ()))
    return found


def line(sensor: Sensor, params: Any) -> str:
    """The same in a sentence; empty if it is no radar."""
    facts = assumed(sensor, params)
    if facts is None:
        return ""
    if not facts["judged_by"]:
        return f"{sensor.id}: sees presence without height; it can tell no fall, only long stillness"
    if "points" not in facts["judged_by"]:
        return f"{sensor.id}: falls by its own verdict, if it gives one"
    own = " and by its own verdict" if "verdict" in facts["judged_by"] else ""
    axis, tilt = facts["vertical_axis"], facts["tilt_deg"]
    up = "up to be learnt" if axis == "learn" else f"{axis} up"
    zones = facts["resting_zones"]
    said = f"{sensor.id}: falls by its points{own}; {up}, tilt {tilt:g} degrees"
    if facts["heights_from"] == "floor":
        said += ", heights from the floor"
    elif facts["height_m"] is not None:
        said += f", {facts['height_m']:g} m above the floor"
    else:
        said += ", height not given: only drops of about 0.8 m count; set mounting: {height_m: ...}"
    return f"{said}, {zones} resting zone{'' if zones == 1 else 's'}"
