"""A sensor behind its message driver, and messages thrown at it."""

from __future__ import annotations

import json
from typing import Any

from core.model import SECOND, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import DRIVERS

T = 1_700_000_000 * SECOND


class Bench:
    """One enrolled sensor; ``say`` gives readings, ``values`` gives them by quantity."""

    def __init__(self, device: str, address: str, kind: str = "", **options: Any) -> None:
        self.sensor = Sensor("s", device, "b", kind=kind, address=address, options=options)
        self.driver = DRIVERS[device].make([self.sensor])

    def say(self, topic: str, message: Any, t: int = T, mark: Mark = Mark.DATA) -> list[Reading]:
        if isinstance(message, bytes):
            data = message
        else:
            data = message.encode() if isinstance(message, str) else json.dumps(message).encode()
        return self.driver.feed(Packet("b", topic, t, data, mark))

    def values(self, topic: str, message: Any, **more: Any) -> dict[Quantity, Any]:
        return {r.quantity: r.value for r in self.say(topic, message, **more)}

    @property
    def refused(self) -> dict[str, int]:
        return self.driver.health().refused
