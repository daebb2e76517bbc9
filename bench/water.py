"""Two years of one family's tap water (AMPds2) as a home with a single sensor."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.homes import Edge, Recorded
from core.model import SECOND, Home, Resident, Room, Sensor
from core.quantity import Quantity


def water_home(path: Path) -> Recorded:
    """Each minute with flow is one use; local time of Vancouver stands as event time, as in homes/*.csv.

    The hour that daylight saving repeats in autumn is put in order, the one it skips in spring is a gap
    of an hour, as a reader of local stamps would see them.
    """
    zone = ZoneInfo("America/Vancouver")
    edges: list[Edge] = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            stamp = int(row["unix_ts"])
            offset = datetime.fromtimestamp(stamp, zone).utcoffset()
            assert offset is not None
            t = (stamp + int(offset.total_seconds())) * SECOND
            edges.append((t, "water", Quantity.USE, 1.0, 0))
            edges.append((t + 30 * SECOND, "water", Quantity.USE, 0.0, 0))
    edges.sort(key=lambda e: e[0])
    sensor = Sensor("water", "recorded", "log", room="kitchen", kind="use", address="water")
    home = Home(
        "ampds_water",
        "UTC",
        residents=(Resident("resident"),),
        rooms={"kitchen": Room("kitchen", "kitchen")},
        sensors={"water": sensor},
    )
    return Recorded("ampds_water", edges, home, doors_by="none")
