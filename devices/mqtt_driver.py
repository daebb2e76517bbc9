"""What do all drivers of a message format share? Routing by topic, counting, flags, coming and going.

A driver is a table from topic to handler. A handler answers with readings or with a
:class:`~devices.payload.Refusal`; it never raises for bad input. Health counts each message as good or
refused; refused fields of a good message are counted under ``wrong_type:<field>``, where fields are
those of our own tables, so that hostile names cannot grow the counters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from core.model import SECOND, Flag, Health, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import payload
from devices.kinds import Presses, by_kind
from devices.payload import Field, Refusal, Wrong

Q = Quantity
Value = float | str | tuple[float, ...]
Said = tuple[Quantity, Value]
REPEAT_WITHIN: Final = 2 * SECOND
MAX_HEARD: Final = 1024
Handler = Callable[[Packet], list[Reading] | Refusal]


class MqttDriver:
    """Base of the message drivers; one instance serves all its sensors on one broker."""

    weak = False  # does the format lack any integrity check?

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        self._health = Health()
        self._sensors = [s for s in sensors if s.address]
        self._routes: dict[str, Handler] = {}
        self._presses = {s.id: Presses(s) for s in self._sensors}
        self._down: set[str] = set()
        self._held: set[tuple[str, str]] = set()
        self._heard: dict[Any, int] = {}

    def topics(self) -> list[str]:
        """Each topic of the table."""
        return list(self._routes)

    def feed(self, packet: Packet) -> list[Reading]:
        mark = packet.mark
        if mark is not Mark.DATA and mark is not Mark.RETAINED:
            return []
        handler = self._routes.get(packet.channel, self._elsewhere)
        answer = handler(packet)
        if isinstance(answer, Refusal):
            if not packet.data.strip():  # a cleared retained topic says nothing and is no mistake
                payload.accept(self._health, packet.data, packet.at)
                return []
            return payload.refuse(self._health, packet.data, answer)
        payload.accept(self._health, packet.data, packet.at)
        return answer

    def due(self, t: int) -> list[Packet]:
        return []

    def health(self) -> Health:
        return self._health

    # -- for the formats

    def _elsewhere(self, packet: Packet) -> list[Reading] | Refusal:
        """A topic that is not in the table."""
        return payload.UNKNOWN_TOPIC

    def _tell(
        self, sensor: Sensor, packet: Packet, said: Iterable[Said], flags: int = 0, alive: bool = True
    ) -> list[Reading]:
        """What one message said of one sensor, as readings: kind applied, doubles joined, flags set."""
        if packet.mark is Mark.RETAINED:
            flags |= Flag.RETAINED
        if self.weak:
            flags |= Flag.WEAK
        out = [
            Reading(sensor.id, by_kind(sensor.kind, quantity), packet.at, value, int(flags))
            for quantity, value in said
        ]
        if len(out) > 1:
            out = payload.merge(out)
            if any(r.quantity is Q.TEST and r.value for r in out):
                out = [_tested(r) for r in out]
        if out and alive and sensor.id in self._down and not flags & Flag.RETAINED:
            if all(r.quantity is not Q.AVAILABLE for r in out):
                out.append(Reading(sensor.id, Q.AVAILABLE, packet.at, 1.0, 0))
            self._down.discard(sensor.id)
        return out

    def _available(self, sensors: Iterable[Sensor], packet: Packet, x: float) -> list[Reading]:
        """All these sensors can be heard, or cannot."""
        out: list[Reading] = []
        for sensor in sensors:
            (self._down.discard if x else self._down.add)(sensor.id)
            out += self._tell(sensor, packet, [(Q.AVAILABLE, x)], alive=False)
        return out

    def _field(self, name: str, field: Field, value: Any) -> list[Said]:
        """One field by its table entry: one statement, or none (absent, or refused and counted)."""
        x = field.read(value)
        if isinstance(x, Wrong):
            self._health.refuse(f"wrong_type:{name}")
            return []
        return [] if x is None or field.quantity is None else [(field.quantity, x)]

    def _fields(self, fields: dict[str, Field], message: dict[str, Any]) -> list[Said]:
        """All fields of a message that stand in the table and have a quantity of their own."""
        said: list[Said] = []
        for name, value in message.items():
            field = fields.get(name)
            if field is not None and field.quantity is not None:
                said += self._field(name, field, value)
        return said

    def _press(self, sensor: Sensor, action: Any) -> list[Said]:
        """One action of a button: a call for help or its text."""
        if payload.is_absent(action):
            return []
        if type(action) is not str:
            self._health.refuse("wrong_type:action")
            return []
        meaning = self._presses[sensor.id].meaning(action)
        return [] if meaning is None else [meaning]

    def _edge(self, sensor: Sensor, name: str, x: float) -> list[Said]:
        """A held call for help counts once, when it becomes true."""
        key = (sensor.id, name)
        if not x:
            self._held.discard(key)
            return []
        if key in self._held:
            return []
        if len(self._held) >= MAX_HEARD:
            self._held.clear()
        self._held.add(key)
        return [(Q.SOS, 1.0)]

    def _repeat(self, key: Any, t: int) -> int:
        """``Flag.REPEAT`` if the same was heard less than two seconds ago (a radio sends 3 to 10 copies)."""
        last = self._heard.get(key)
        if len(self._heard) > MAX_HEARD:
            self._heard.clear()
        self._heard[key] = t
        return int(Flag.REPEAT) if last is not None and t - last <= REPEAT_WITHIN else 0


def _tested(reading: Reading) -> Reading:
    """An alarm told together with a test is a test."""
    if reading.quantity.prompt and reading.quantity is not Q.TEST:
        return reading._replace(flags=int(reading.flags | Flag.TEST))
    return reading


ONLINE = {"online": 1.0, "offline": 0.0, "true": 1.0, "false": 0.0, "connected": 1.0, "disconnected": 0.0}


def online(packet: Packet) -> float | Refusal | None:
    """Does an availability topic say online or offline (as JSON, a bare word or a boolean)?

    None for an empty (cleared) topic.

    >>> online(Packet("b", "x/LWT", 0, b"Offline"))
    0.0
    """
    value = payload.plain(packet.data)
    if type(value) is Refusal:
        return value
    if type(value) is dict:
        value = value.get("state")
    if type(value) is bool:
        return float(value)
    if payload.is_absent(value):
        return None
    x = ONLINE.get(value.strip().lower()) if type(value) is str else None
    return Refusal("wrong_type:state") if x is None else x
