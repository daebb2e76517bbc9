"""Where in a simulated room do things stand? Rectangles and places in metres, one frame a room.

The frame is that of a wall-mounted radar: x to the right, y away from its wall, its wall at y = 0.
Rooms are joined by the hall: whoever goes from one to another passes it, unless there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.model import Home

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Plan:
    """One kind of room: half its width, its depth, and where things stand (m)."""

    half_m: float
    depth_m: float
    places: Mapping[str, Point]

    def spot(self, place: str) -> Point:
        """Where is this place? The middle of the room, if it has no such place."""
        return self.places.get(place, (0.0, self.depth_m / 2))

    def inside(self, x: float, y: float) -> Point:
        """The nearest point that is at least 30 cm from the walls."""
        return min(max(x, 0.3 - self.half_m), self.half_m - 0.3), min(max(y, 0.3), self.depth_m - 0.3)


PLANS: Mapping[str, Plan] = {
    "hall": Plan(1.0, 4.0, {"door": (0.0, 3.6), "front": (0.0, 3.6), "coats": (0.6, 2.6)}),
    "living": Plan(2.2, 5.0, {
        "door": (-1.8, 0.6), "sofa": (1.2, 3.4), "table": (-0.8, 2.6), "window": (0.4, 4.6),
    }),
    "bedroom": Plan(1.8, 4.0, {
        "door": (-1.4, 0.6), "bed": (0.8, 2.6), "wardrobe": (-1.2, 3.2), "chair": (-0.6, 1.6),
    }),
    "bathroom": Plan(1.1, 2.6, {
        "door": (-0.7, 0.4), "toilet": (0.6, 1.7), "sink": (-0.6, 1.3), "bath": (0.3, 2.1),
    }),
    "kitchen": Plan(1.5, 3.0, {
        "door": (-1.1, 0.5), "stove": (0.9, 2.5), "sink": (-0.4, 2.6), "table": (0.4, 1.4),
    }),
    "other": Plan(1.5, 3.0, {"door": (-1.1, 0.5)}),
}  # fmt: skip


def plan_of(home: Home, room: str) -> Plan:
    """The plan of a room by its kind; ``outdoors`` and unknown kinds get the plain one."""
    found = home.rooms.get(room)
    return PLANS.get(found.kind if found else "other", PLANS["other"])


def hall_of(home: Home) -> str:
    """Which room joins the others? "" if the home has no hall."""
    return next((r.id for r in home.rooms.values() if r.kind == "hall"), "")
