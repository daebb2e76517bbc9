"""How long may a sensor be silent before it is missed? One sensor, its rhythm and its limits.

Limits (the sensor's option ``silent_after_s`` goes before all of them):

* a sensor on a port of its own streams: ``degraded`` after 30 s, ``trouble`` after 120 s
* a mains sensor (option ``power: mains``): 10 min, or three of its own intervals if that is longer
* everything else is taken as a battery sensor: three times the usual longest pause of a day, or a
  quarter more than the longest pause of two weeks plus an hour, whichever is shorter; never over 25 h
* smoke, gas, CO, water and call buttons: never over 12 h, unless the sensor has shown on two days that
  it reports more rarely (some smoke alarms wake once in 24 h); then as any battery sensor

(10 min and 25 h: Zigbee2MQTT's availability rule; three of the own interval: Home Assistant's lesson
with 5-minute limits on 10-minute sensors.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.model import HOUR, SECOND, Sensor
from detectors.rhythm import Rhythm

RUN = 20 * SECOND  # reports closer than this are one run: no limit is that short
NEVER = 2**62
_VITAL_KINDS = frozenset({"smoke", "gas", "co", "water", "leak", "heat", "button", "sos"})


@dataclass(frozen=True, slots=True)
class SilenceParams:
    """When is a sensor or link silent? Seconds and hours."""

    stream_degraded_s: float = 30.0
    stream_trouble_s: float = 120.0
    mains_s: float = 600.0
    at_least_s: float = 1800.0  # shortest limit a learned rhythm may give
    battery_h: float = 25.0  # longest limit of any sensor
    vital_h: float = 12.0  # longest limit of smoke, gas, CO, water and call buttons
    link_down_s: float = 5.0
    learn_days: int = 3


class Watched:
    """What is known of one source. ``stage``: 0 well, 1 degraded, 2 trouble."""

    __slots__ = (
        "blamed",
        "last",
        "link",
        "offline",
        "params",
        "push",
        "rhythm",
        "seen",
        "sensor",
        "stage",
        "vital",
    )

    def __init__(self, sensor: Sensor, params: SilenceParams, last: int) -> None:
        self.sensor, self.params, self.link = sensor, params, sensor.link
        self.rhythm = Rhythm()
        self.last = last  # last report, or when watching began
        self.push = 0  # ns by which outages move the deadline on
        self.stage = 0
        self.seen = False
        self.offline = False  # its bridge said so
        self.blamed = True  # the present silence was told about this source (not about its link)
        self.vital = False

    def limits(self) -> tuple[int, int]:
        """After how many ns is it degraded, and trouble?"""
        p, sensor, rhythm = self.params, self.sensor, self.rhythm
        option = sensor.options.get("silent_after_s")
        if isinstance(option, int | float) and not isinstance(option, bool) and option > 0:
            own = max(int(option * 1e9), RUN)
            return own, own
        if not sensor.address:
            return max(int(p.stream_degraded_s * 1e9), RUN), max(int(p.stream_trouble_s * 1e9), RUN)
        if sensor.options.get("power") == "mains":
            own = 3 * rhythm.usual() if rhythm.days >= p.learn_days else 0
            limit = min(max(int(p.mains_s * 1e9), own), int(p.battery_h * HOUR))
            return limit, limit
        cap = p.battery_h
        if (self.vital or sensor.kind in _VITAL_KINDS) and rhythm.twice() < p.vital_h * HOUR / 1.25:
            cap = p.vital_h
        limit = int(cap * HOUR)
        if rhythm.days >= p.learn_days:
            own = min(3 * rhythm.usual(), rhythm.longest() + rhythm.longest() // 4 + HOUR)
            limit = min(limit, max(own, int(p.at_least_s * 1e9)))
        return limit, limit

    def steps(self) -> list[tuple[int, int, int]]:
        """Which stages lie ahead: (stage, instant, limit)? Empty while nothing can be said."""
        if self.stage == 2 or self.offline:
            return []
        degraded, trouble = self.limits()
        stages = ((1, degraded), (2, trouble)) if degraded < trouble else ((2, trouble),)
        start = self.last + self.push
        return [(stage, start + limit, limit) for stage, limit in stages if stage > self.stage]

    def due(self) -> int:
        """When is the next stage reached?"""
        steps = self.steps()
        return steps[0][1] if steps else NEVER

    def excuse(self, t: int, lost: int) -> None:
        """Nothing could be heard for ``lost`` ns, until ``t``: the deadline moves on.

        After a long loss the sensor gets its whole limit again, because its report may have been lost.
        """
        self.push += lost
        if lost > 60 * SECOND:
            self.push = max(self.push, t - self.last)

    def heard(self, first: int, last: int) -> None:
        """It spoke from ``first`` to ``last`` without a pause worth counting."""
        if self.seen:
            self.rhythm.add(max(0, first - self.last - self.push), first)
        self.rhythm.reach(first, last)
        self.last, self.push, self.seen = last, 0, True

    def state(self) -> list[Any]:
        """Its state as JSON."""
        flags = [self.seen, self.offline, self.blamed, self.vital]
        return [self.last, self.push, self.stage, *flags, self.rhythm.snapshot()]

    def load(self, state: Sequence[Any]) -> None:
        """Go on from :meth:`state`."""
        self.last, self.push, self.stage, self.seen, self.offline, self.blamed, self.vital, rhythm = state
        self.rhythm = Rhythm.restored(rhythm)
