"""Which rules may a family choose, in words it knows? The words, and whether a rule makes sense in a home.

``watch`` and ``when``:

* motion: ``none`` (nobody moved all through a window), ``any`` (somebody moved in it), ``next`` (the first
  movement after its beginning), ``excessive`` (``times`` movements within ``minutes``), ``wandering``
  (``times`` changes of room within ``minutes``);
* door (also a fridge, a cupboard, an appliance): ``opened``, ``not_opened``, ``next_opened``;
* bed: ``in`` (for ``minutes``), ``out`` (and not back within ``minutes``).

``of`` is a sensor, a room, or nothing for the whole home. ``after`` and ``before`` are local times of day;
the window may pass midnight, and 00:00 to 24:00 is always. A plain sentence of each rule is printed by
``hearthwatch check``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from core.model import Home, Sensor

WORDS: Mapping[str, tuple[str, ...]] = {
    "motion": ("none", "any", "next", "excessive", "wandering"),
    "door": ("opened", "not_opened", "next_opened"),
    "bed": ("in", "out"),
}
MISSING = frozenset({"none", "not_opened"})
"""Rules about something that did not happen all through a window."""
_NOTES = frozenset({"any", "next", "opened", "next_opened"})
_TIME = re.compile(r"^([01]?\d|2[0-4]):([0-5]\d)$")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a family. ``name`` is what they call it; it is shown in the message."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    name: str
    watch: Literal["motion", "door", "bed"]
    when: str
    of: str = ""
    after: str = "00:00"
    before: str = "24:00"
    minutes: float = 30.0
    times: int = 10
    tell: Literal["", "note", "warning"] = ""

    @property
    def stage(self) -> str:
        """How loud? Chosen, or a note for things that happened and a warning for the rest."""
        tell = self.tell or ("note" if self.when in _NOTES else "warning")
        return "info" if tell == "note" else "warning"

    @property
    def start_h(self) -> float:
        """Hour of day at which its window begins."""
        return hours(self.after)

    @property
    def stop_h(self) -> float:
        """Hour of day at which it ends; up to 24."""
        return hours(self.before)

    @property
    def always(self) -> bool:
        """Does the window last all day?"""
        return (self.stop_h - self.start_h) % 24 == 0

    def meant(self, source: str, room: str) -> bool:
        """Is this source or room the one it is about?"""
        return self.of in ("", source, room)


def hours(told: str) -> float:
    """Hours of a time of day. Raises ValueError.

    >>> hours("7:30"), hours("24:00")
    (7.5, 24.0)
    """
    found = _TIME.match(told)
    value = int(found[1]) + int(found[2]) / 60 if found else 25.0
    if value > 24:
        raise ValueError(f"{told!r} is no time of day; write it as 07:30, or 24:00 for midnight")
    return value


def check(rules: tuple[Rule, ...], home: Home) -> None:
    """Do these rules make sense in this home? Raises ValueError with the first that does not."""
    names: set[str] = set()
    for rule in rules:
        try:
            _check(rule, home)
        except ValueError as error:
            raise ValueError(f"rule {rule.name!r}: {error}") from None
        if rule.name in names:
            raise ValueError(f"rule {rule.name!r} stands twice; give each its own name")
        names.add(rule.name)


def _check(rule: Rule, home: Home) -> None:
    if not rule.name.strip() or len(rule.name) > 60:
        raise ValueError("needs a name of at most 60 letters")
    if rule.when not in WORDS[rule.watch]:
        raise ValueError(f"{rule.watch} has no {rule.when!r}; there are: {', '.join(WORDS[rule.watch])}")
    hours(rule.after), hours(rule.before)
    if not 1 <= rule.minutes <= 1440:
        raise ValueError("minutes must be from 1 to 1440")
    if not 2 <= rule.times <= 200:
        raise ValueError("times must be from 2 to 200")
    if rule.of and rule.of not in home.sensors and rule.of not in home.rooms:
        known = ", ".join([*sorted(home.sensors), *sorted(home.rooms)])
        raise ValueError(f"there is no sensor or room {rule.of!r}; there are: {known}")
    if rule.watch == "door" and not rule.of:
        raise ValueError("needs the sensor of the door, fridge or cupboard under `of`")
    if rule.of in home.sensors and not _fits(rule, home.sensors[rule.of]):
        raise ValueError(f"{rule.of} is used as {home.sensors[rule.of].kind!r}, which tells no {rule.watch}")


def _fits(rule: Rule, sensor: Sensor) -> bool:
    if not sensor.kind:
        return True
    if rule.watch == "bed":
        return sensor.kind in ("bed", "vitals")
    if rule.watch == "motion":
        return sensor.kind not in ("smoke", "gas", "co", "water", "climate", "meter", "siren")
    return sensor.kind not in ("smoke", "gas", "co", "water", "climate", "meter", "siren", "motion", "bed")
