"""What do the messages of one Zigbee2MQTT device say? The fields, and what lives between messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from core.model import MINUTE, SECOND, Flag, Health, Mark, Packet, Reading, Sensor
from core.quantity import Quantity
from devices import payload
from devices.kinds import Presses, model_kind
from devices.mqtt_driver import online
from devices.payload import Field, Refusal, Wrong
from devices.zigbee2mqtt_fields import STATUS_FALL, STATUS_PRESENCE, fields_for
from devices.zigbee2mqtt_inventory import adapt

Q = Quantity

MEMORY_AFTER: Final = MINUTE  # a restarted bridge sends its cached states within this
STALE: Final = 5 * MINUTE  # a device time older than this is of an earlier message
SAME_PRESS: Final = 2 * SECOND  # the JSON and the text copy of one press arrive within this
_IGNORED: Final = frozenset({"set", "get"})  # commands on their way to the device
_new = tuple.__new__


class Device:
    """One sensor's fields, and what must be remembered between its messages."""

    def __init__(self, sensor: Sensor, health: Health) -> None:
        self.sensor = sensor
        self.topic = sensor.address  # where it speaks now: it is followed when it is renamed
        said = sensor.options.get("ieee")
        self.ieee = said if isinstance(said, str) else ""
        self._health = health
        self._fields: dict[str, Field] = fields_for(sensor.kind, sensor.options)
        self._meaning = Presses(sensor).meaning
        self._gas_unit = str(sensor.options.get("gas_unit", ""))
        self._learnt: Any = None
        self._presses: tuple[list[int], list[int]] = ([], [])  # unmatched, by JSON and by text topic
        self._sos_held: bool | None = None
        self.down = False  # we said it is not available
        self.base: str | None = None  # of its bridge, once known
        self.base_is_sure = isinstance(sensor.options.get("base"), str)
        self.bridge_offline = False
        self.missing = False  # its bridge does not know it
        self._seen: Any = None  # last_seen as last written
        self._memory_until = -1  # the bridge restarted and may send what it remembers

    def learn(self, exposes: Any, model: str = "") -> None:
        """Adapt to what the inventory says about this device: units, on and off values, its kind."""
        if (exposes, model) != self._learnt:
            self._learnt = (exposes, model)
            kind = self.sensor.kind or model_kind(model)
            self._fields, unit = adapt(fields_for(kind, self.sensor.options), exposes, kind)
            self._gas_unit = str(self.sensor.options.get("gas_unit") or unit)

    # -- its topics

    def state(self, packet: Packet) -> list[Reading]:
        """The JSON state. This is the hot path."""
        data, t, health = packet.data, packet.at, self._health
        message = payload.json_object(data)
        if type(message) is Refusal:
            return self._refused(packet, message)
        flags = 0 if packet.mark is Mark.DATA else 1
        if t < self._memory_until and self._is_memory(message.get("last_seen"), t):
            flags = 1
        source, fields = self.sensor.id, self._fields
        out: list[Reading] = []
        joined = False
        for name, value in message.items():
            field = fields.get(name)
            if field is None:
                continue
            quantity, words, low, high, divisor, rule = field
            if rule:
                joined = True
                if quantity is None:
                    self._by_rule(rule, name, value, t, flags, out)
                    continue
            if words is not None:
                try:
                    x = words[value]
                except (KeyError, TypeError):
                    x = self._word(name, value, words)
            elif (type(value) is int or type(value) is float) and low <= value <= high:
                x = value / divisor
            else:
                x = self._number(name, value, field)
            if x is not None:
                out.append(_new(Reading, (source, quantity, t, x, flags)))
        size = len(data)
        health.bytes_in += size
        health.bytes_good += size
        health.frames_good += 1
        health.last_seen = t
        if self.down and not flags:
            self._back(message.get("last_seen"), t, out)
        self._seen = message.get("last_seen")
        return _mark_test(payload.merge(out)) if joined else out

    def attribute(self, name: str, packet: Packet) -> list[Reading]:
        """One attribute as plain text."""
        if name in _IGNORED:
            payload.accept(self._health, packet.data, packet.at)
            return []
        if self._fields.get(name) is None:
            payload.accept(self._health, packet.data, packet.at)
            return []
        value = payload.plain(packet.data)
        if type(value) is Refusal:
            return payload.refuse(self._health, packet.data, value)
        payload.accept(self._health, packet.data, packet.at)
        flags = 0 if packet.mark is Mark.DATA else 1
        out: list[Reading] = []
        self._one(name, value, packet.at, flags, out, text=True)
        if self.down and not flags and out:
            self._back(None, packet.at, out)
        return out

    def availability(self, packet: Packet) -> list[Reading]:
        x = online(packet)
        if isinstance(x, Refusal):
            return self._refused(packet, x)
        payload.accept(self._health, packet.data, packet.at)
        retained = packet.mark is Mark.RETAINED
        if x is None or (x and retained and self.bridge_offline):
            return []  # the broker's memory of a time when the bridge still worked
        self.down = not x
        return [Reading(self.sensor.id, Q.AVAILABLE, packet.at, x, int(retained))]

    def lost(self, t: int, flags: int) -> list[Reading]:
        """The bridge cannot speak for it any more."""
        self.down = True
        return [Reading(self.sensor.id, Q.AVAILABLE, t, 0.0, flags)]

    def bridge_returned(self, t: int) -> None:
        """The bridge is back and will send its cached states as if they were new."""
        self.bridge_offline = False
        self._memory_until = t + MEMORY_AFTER

    def _is_memory(self, last_seen: Any, t: int) -> bool:
        """Is this a cached state: its device last spoke before, by the time it gives?"""
        spoke = _instant(last_seen)
        return spoke is not None and spoke < t - STALE

    # -- its values

    def _refused(self, packet: Packet, reason: Refusal) -> list[Reading]:
        if not packet.data.strip():  # a cleared retained topic: renamed or removed, says nothing
            payload.accept(self._health, packet.data, packet.at)
            return []
        return payload.refuse(self._health, packet.data, reason)

    def _back(self, last_seen: Any, t: int, out: list[Reading]) -> None:
        """It spoke: available again, unless this is the bridge sending its memory after a restart."""
        if last_seen is not None and last_seen == self._seen:
            return
        self.down = False
        out.append(Reading(self.sensor.id, Q.AVAILABLE, t, 1.0, 0))

    def _one(self, name: str, value: Any, t: int, flags: int, out: list[Reading], text: bool = False) -> None:
        field = self._fields.get(name)
        if field is None:
            return
        if field.quantity is None:
            self._by_rule(field.rule, name, value, t, flags, out, text)
            return
        x = (
            self._word(name, value, field.words)
            if field.words is not None
            else self._number(name, value, field)
        )
        if x is not None:
            out.append(Reading(self.sensor.id, field.quantity, t, x, flags))

    def _word(self, name: str, value: Any, words: dict[Any, float | None]) -> float | None:
        x = payload.yes_no(value, words)
        if isinstance(x, Wrong):
            self._health.refuse(f"wrong_type:{name}")
            return None
        return x

    def _number(self, name: str, value: Any, field: Field) -> float | None:
        x = payload.number(value, field.low, field.high)
        if isinstance(x, Wrong):
            if name == "voltage" and not isinstance(payload.number(value, 0, 500), Wrong):
                return payload.number(value, 0, 500)  # type: ignore[return-value]  # already volts
            self._health.refuse(f"wrong_type:{name}")
            return None
        return None if x is None else x / field.divisor

    def _by_rule(
        self, rule: str, name: str, value: Any, t: int, flags: int, out: list[Reading], text: bool = False
    ) -> None:
        if rule == "action":
            self._action(value, t, flags, out, text)
            return
        quantity: Quantity | None = None
        x: float | Wrong | None = None
        if rule == "gas":  # a number is a concentration or a meter, never an alarm
            if type(value) is not int and type(value) is not float:
                quantity, x = Q.GAS, payload.yes_no(value)
        elif rule == "gas_value":
            quantity = {"%LEL": Q.GAS_LEL_PCT, "ppm": Q.METHANE_PPM}.get(self._gas_unit)
            if quantity is not None:
                x = payload.number(value, 0, 100 if quantity is Q.GAS_LEL_PCT else 1_000_000)
        elif rule == "smoke_db":  # dB/m of light lost to % of it
            x = payload.number(value, 0, 60)
            quantity = Q.SMOKE_OBSCURATION_PCT_M
            x = round(100 * (1 - 10 ** (-x / 10)), 6) if isinstance(x, float) else x
        elif rule == "distance":
            quantity, x = Q.DISTANCE_M, payload.number(value, 0, 20)
        elif rule == "distance_cm":
            quantity, x = Q.DISTANCE_M, payload.number(value, 0, 2000)
            x = x / 100 if isinstance(x, float) else x
        elif rule == "pressure":  # kPa and hPa cannot be confused: no home has 200 of either
            quantity, x = Q.PRESSURE_HPA, payload.number(value, 30, 1200)
            x = x * 10 if isinstance(x, float) and x < 200 else x
        elif rule == "status":
            if type(value) is not str or value not in STATUS_PRESENCE:
                return  # many devices have a status; only the fall radar's words are known here
            out.append(Reading(self.sensor.id, Q.PRESENCE, t, STATUS_PRESENCE[value] or 0.0, flags))
            quantity, x = Q.FALL_STATE, STATUS_FALL.get(value)
        elif rule == "sos":
            pressed = payload.yes_no(value)
            if isinstance(pressed, float):
                held, self._sos_held = self._sos_held, bool(pressed)
                quantity, x = (Q.SOS, 1.0) if pressed and held is not True else (None, None)
            else:
                x = pressed
        if isinstance(x, Wrong):
            self._health.refuse(f"wrong_type:{name}")
        elif quantity is not None and x is not None:
            out.append(Reading(self.sensor.id, quantity, t, x, flags))

    def _action(self, value: Any, t: int, flags: int, out: list[Reading], text: bool) -> None:
        if payload.is_absent(value):
            return
        if type(value) is not str:
            self._health.refuse("wrong_type:action")
            return
        meaning = self._meaning(value)
        if meaning is None:
            return
        if flags == 0 and self._copy_of_earlier(t, text):
            self._health.refuse("second_copy_of_action")
            return
        out.append(Reading(self.sensor.id, meaning[0], t, meaning[1], flags))

    def _copy_of_earlier(self, t: int, text: bool) -> bool:
        """Was this press already told through the other topic?"""
        mine, other = self._presses[text], self._presses[not text]
        while other and other[0] < t - SAME_PRESS:
            other.pop(0)
        if other:
            other.pop(0)
            return True
        mine.append(t)
        del mine[:-8]
        return False


def _instant(last_seen: Any) -> int | None:
    """``last_seen`` in ns: ISO 8601 with a zone, or epoch milliseconds. None if it is neither.

    >>> _instant("1970-01-01T08:00:01+08:00"), _instant(1000), _instant("yesterday")
    (1000000000, 1000000000, None)
    """
    if type(last_seen) is int:
        return last_seen * 1_000_000 if 0 <= last_seen < 1 << 43 else None
    if type(last_seen) is not str:
        return None
    try:
        when = datetime.fromisoformat(last_seen)
        return None if when.tzinfo is None else round(when.timestamp()) * SECOND
    except (ValueError, OverflowError):
        return None


def _mark_test(out: list[Reading]) -> list[Reading]:
    """Readings of a message whose test flag is set carry :attr:`Flag.TEST`."""
    if not any(r.quantity is Q.TEST and r.value == 1.0 for r in out):
        return out
    return [
        r._replace(flags=r.flags | Flag.TEST) if r.quantity.prompt and r.quantity is not Q.TEST else r
        for r in out
    ]
