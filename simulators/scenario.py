"""What happens in this simulated home, and what must be noticed? One YAML file a scenario.

A scenario is a start (local time of day), a duration, steps at offsets in seconds, and the ground truth:
``truth`` lists what must be alerted and by when, ``never`` the kinds that must not appear. Mistakes are
:class:`core.config.ConfigError` with file and line, like those of ``config.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from datetime import time as TimeOfDay
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from core.config import Document, read
from core.localtime import LocalTime
from core.model import SECOND

Posture = Literal["stand", "sit", "lie", "floor"]
Verb = Literal[
    "be", "go", "busy", "rest", "fall", "get_up", "leave", "come", "day",
    "open", "close", "press", "level", "battery", "die", "revive", "unplug", "replug", "test",
]  # fmt: skip

# verb -> (fields it needs, fields it may have); ``at_s``, ``do`` and ``says`` always may stand
FIELDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "be": (frozenset({"room"}), frozenset({"actor", "place", "posture", "stir"})),
    "go": (frozenset({"room"}), frozenset({"actor", "place", "posture", "stir"})),
    "busy": (frozenset(), frozenset({"actor", "room"})),
    "rest": (frozenset(), frozenset({"actor", "posture", "stir"})),
    "fall": (frozenset(), frozenset({"actor", "stir"})),
    "get_up": (frozenset(), frozenset({"actor"})),
    "leave": (frozenset(), frozenset({"actor"})),
    "come": (frozenset({"room"}), frozenset({"actor", "place", "posture", "stir"})),
    "day": (frozenset(), frozenset({"actor"})),
    "open": (frozenset({"sensor"}), frozenset()),
    "close": (frozenset({"sensor"}), frozenset()),
    "press": (frozenset({"sensor"}), frozenset()),
    "level": (frozenset({"what", "room", "to"}), frozenset({"over_s"})),
    "battery": (frozenset({"sensor", "to"}), frozenset()),
    "die": (frozenset({"sensor"}), frozenset()),
    "revive": (frozenset({"sensor"}), frozenset()),
    "unplug": (frozenset({"link"}), frozenset()),
    "replug": (frozenset({"link"}), frozenset()),
    "test": (frozenset({"sensor"}), frozenset()),
}
_ALWAYS = frozenset({"at_s", "do", "says"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Strict):
    """The same sentence for both languages."""

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)


class Step(_Strict):
    """What happens at this offset? ``FIELDS`` says which fields go with which verb."""

    at_s: float = Field(ge=0)
    do: Verb
    actor: str = "resident"
    room: str = ""
    place: str = ""
    posture: Posture = "stand"
    stir: float | None = Field(default=None, ge=0, le=1)
    sensor: str = ""
    link: str = ""
    what: Literal["methane_lel", "co_ppm", "smoke", "water"] | None = None
    to: float | None = Field(default=None, ge=0)
    over_s: float = Field(default=0.0, ge=0)
    says: Text | None = None

    @model_validator(mode="after")
    def _fits(self) -> Step:
        needs, may = FIELDS[self.do]
        given = self.model_fields_set - _ALWAYS
        if missing := sorted(needs - given):
            raise ValueError(f"do: {self.do} needs {', '.join(missing)}")
        if extra := sorted(given - needs - may):
            raise ValueError(f"do: {self.do} knows no {', '.join(extra)}; remove it")
        return self


class ActorConfig(_Strict):
    """Somebody or something that moves: where is it at first?"""

    kind: Literal["person", "pet", "robot"] = "person"
    room: str = ""  # "" = not at home
    place: str = ""
    posture: Posture = "stand"
    stir: float | None = Field(default=None, ge=0, le=1)


class Truth(_Strict):
    """What must be alerted, from when (the trouble begins) and by when at the latest?"""

    kind: str = Field(min_length=1)
    room: str = ""
    source: str = ""
    from_s: float = Field(ge=0)
    by_s: float = Field(gt=0)
    severity: Literal["alarm", "warning", "trouble", "info"]

    @model_validator(mode="after")
    def _ordered(self) -> Truth:
        if self.by_s <= self.from_s:
            raise ValueError("by_s must be later than from_s")
        return self


class Scenario(_Strict):
    """A scenario file. ``speed`` is how fast a demonstration plays it by default."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    title: Text
    about: Text
    start: str
    day: str = "any"  # any, clocks_forward, clocks_back, or YYYY-MM-DD
    time_zone: str = ""  # instead of the home's own
    duration_s: float = Field(gt=0, le=40 * 86400)
    speed: float = Field(gt=0, le=10_000)
    repeat: bool = False
    seed: int = Field(default=1, ge=0)
    sensors: Literal["all"] | list[str] = "all"
    rate_per_s: float | None = Field(default=None, gt=0, le=50)  # at most so many frames from streamers
    rates: dict[str, float] = {}  # the same for single sensors
    actors: dict[str, ActorConfig] = {"resident": ActorConfig()}
    steps: list[Step] = []
    truth: list[Truth] = []
    never: list[str] = []

    @field_validator("start")
    @classmethod
    def _clock(cls, text: str) -> str:
        TimeOfDay.fromisoformat(text)
        return text

    @field_validator("day")
    @classmethod
    def _known_day(cls, text: str) -> str:
        if text not in ("any", "clocks_forward", "clocks_back"):
            date.fromisoformat(text)
        return text

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        offsets = [s.at_s for s in self.steps]
        if offsets != sorted(offsets):
            raise ValueError("steps must stand in order of at_s")
        if offsets and offsets[-1] >= self.duration_s:
            raise ValueError("the last step lies beyond duration_s")
        for step in self.steps:
            if step.actor not in self.actors:
                raise ValueError(f"no actor is called {step.actor!r}; add it under actors")
        for truth in self.truth:
            if truth.by_s > self.duration_s:
                raise ValueError(f"truth {truth.kind}: by_s lies beyond duration_s")
            if truth.kind in self.never:
                raise ValueError(f"{truth.kind} stands in truth and in never")
        return self

    def rate(self, sensor: str, usual: float) -> float:
        """How many frames a second does this streaming sensor send here?"""
        if sensor in self.rates:
            return self.rates[sensor]
        return min(usual, self.rate_per_s) if self.rate_per_s else usual

    def uses(self, sensor: str) -> bool:
        """Does the scenario play this sensor?"""
        return self.sensors == "all" or sensor in self.sensors


def names() -> list[str]:
    """Which scenarios come with the simulator?"""
    folder = resources.files("simulators").joinpath("scenarios")
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))


def load(name: str | Path) -> Scenario:
    """The scenario of this name, or of this file. Raises ConfigError or, for an unknown name, KeyError."""
    return load_document(name)[0]


def load_document(name: str | Path) -> tuple[Scenario, Document]:
    """The same with the document behind it, for errors that name a line."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        document = read(path)
    else:
        if str(name) not in names():
            raise KeyError(f"no scenario is called {str(name)!r}; there are: {', '.join(names())}")
        with resources.as_file(resources.files("simulators").joinpath("scenarios", f"{name}.yaml")) as file:
            document = read(file)
        path = Path(f"{name}.yaml")
    data: dict[str, Any] = {"name": path.stem, **document.data}
    scenario: Scenario = document.validate(Scenario, data)
    return scenario, document


def start_of(scenario: Scenario, zone: str, day: date) -> int:
    """At which event time (ns) does it begin, on the first fitting day from ``day`` on?"""
    local = LocalTime(scenario.time_zone or zone)
    return local.instant(_fitting(scenario, local, day), TimeOfDay.fromisoformat(scenario.start))


def next_start(scenario: Scenario, zone: str, now: int) -> int:
    """The first fitting begin (ns) after ``now``: a demonstration's clock may only lie ahead."""
    local = LocalTime(scenario.time_zone or zone)
    day = local.at(now).date()
    if scenario.day not in ("any", "clocks_forward", "clocks_back"):
        return start_of(scenario, zone, day)  # a fixed day is what was asked for
    while True:
        start = start_of(scenario, zone, day)
        if start > now:
            return start
        day = local.at(start).date() + timedelta(days=1)


def local_text(scenario: Scenario, zone: str, t: int) -> str:
    """Local wall time with offset, for people."""
    return LocalTime(scenario.time_zone or zone).at(t).isoformat()


def _fitting(scenario: Scenario, local: LocalTime, day: date) -> date:
    if scenario.day == "any":
        return day
    if scenario.day not in ("clocks_forward", "clocks_back"):
        return date.fromisoformat(scenario.day)
    for ahead in range(800):
        eve = day + timedelta(days=ahead)
        noon = local.at(local.instant(eve, TimeOfDay(12)))
        change = _offset(local, noon, 1) - _offset(local, noon, 0)
        if change > 0 if scenario.day == "clocks_forward" else change < 0:
            return eve
    raise ValueError(f"the clocks of {local.zone.key} are never changed; give the scenario a time_zone")


def _offset(local: LocalTime, noon: datetime, days: int) -> float:
    later = local.at(round(noon.timestamp()) * SECOND + days * 86400 * SECOND)
    offset = later.utcoffset()
    return offset.total_seconds() if offset else 0.0
