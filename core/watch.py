"""How closely should one resident be watched? The ``watch:`` section of a resident in config.yaml.

Written for families: a word switches a rule on, hours are written as on a clock. ``dementia: true`` is a
whole profile: outer doors may stand open only briefly, an outing at night is told at once and becomes an
alarm, walking about at night is told, and so is every outing outside ``may_go_out``.

Doors cannot tell who went through them: in a home of several residents the strictest wishes hold for all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

FORBID: dict[str, str] = {"extra": "forbid"}
_SPAN = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)$")


def hours(text: str, name: str = "hours") -> tuple[float, float]:
    """A span of the day such as 08:00-18:00, as two hours. It may pass midnight. Raises ValueError.

    >>> hours("08:30-18:00"), hours("22:00-06:00")
    ((8.5, 18.0), (22.0, 6.0))
    """
    found = _SPAN.match(text.strip())
    if found is None:
        raise ValueError(f"{name} must be two times of day such as 08:00-18:00, not {text!r}")
    a, b, c, d = (int(x) for x in found.groups())
    start, stop = a + b / 60, c + d / 60
    if start == stop or stop > 24:
        raise ValueError(f"{name} must begin and end at different times of one day, not {text!r}")
    return start, stop


@dataclass(frozen=True, slots=True)
class Wandering:
    """Walking about at night: so many changes of room within so many minutes."""

    rooms: int = 8
    within_min: float = 30.0

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        if not 3 <= self.rooms <= 100:
            raise ValueError("rooms must lie between 3 and 100")
        if not 5 <= self.within_min <= 240:
            raise ValueError("within_min must lie between 5 and 240 minutes")


@dataclass(frozen=True, slots=True)
class Keys:
    """One combination of keys and tags that should not go out like that.

    ``gone`` names sensors of kind ``tag`` (a Bluetooth tag on a key ring, a coat, a person) or ``key`` (a
    contact on a hook) that are all away from home, ``here`` those that stayed. With ``gone`` empty it is
    the home that must be empty. Only what is known to be gone counts as gone; whatever else counts as
    still here, because an unheard tag does not prove that somebody went along.
    """

    gone: tuple[str, ...] = ()
    here: tuple[str, ...] = ()
    after_s: float = 120.0
    alarm_after_s: float | None = None  # with dementia: 900

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        if not self.gone and not self.here:
            raise ValueError("name at least one sensor under gone or here")
        if both := sorted(set(self.gone) & set(self.here)):
            raise ValueError(f"{both[0]} cannot be gone and here at once")
        if not 0 <= self.after_s <= 86_400:
            raise ValueError("after_s must lie between 0 and 86400 seconds")
        if self.alarm_after_s is not None and self.alarm_after_s <= self.after_s:
            raise ValueError("alarm_after_s must be later than after_s")


@dataclass(frozen=True, slots=True)
class Watch:
    """What the family wishes for one resident; everything off unless said."""

    dementia: bool = False
    night: str = ""  # for the rules about nights; 23:00-05:00 unless said
    may_go_out: str = ""  # any hour unless said
    home_by: str = ""  # expected home at; learned unless said
    wandering: Wandering | None = None
    keys: dict[str, Keys] = field(default_factory=dict, hash=False)

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        for name in ("night", "may_go_out"):
            if text := getattr(self, name):
                hours(text, name)
        if self.home_by:
            try:
                hours(f"{self.home_by}-24:00")
            except ValueError:
                raise ValueError(
                    f"home_by must be a time of day such as 19:00, not {self.home_by!r}"
                ) from None

    @property
    def sensors(self) -> frozenset[str]:
        """Which sensors do its keys name?"""
        return frozenset(s for keys in self.keys.values() for s in (*keys.gone, *keys.here))

    @property
    def walks(self) -> Wandering | None:
        """When is walking about at night told? The dementia profile has it on."""
        return self.wandering or (Wandering() if self.dementia else None)


def together(watches: Sequence[Watch]) -> Watch:
    """One watch for a home: the strictest of what its residents need.

    >>> together([Watch(), Watch(dementia=True, home_by="19:00"), Watch(home_by="18:00")]).home_by
    '18:00'
    """
    keys: dict[str, Keys] = {}
    for watch in watches:
        for name, combination in watch.keys.items():
            free = name
            while free in keys:
                free += "_"
            keys[free] = combination
    walks: list[Any] = [w.walks for w in watches if w.walks is not None]
    return Watch(
        dementia=any(w.dementia for w in watches),
        night=next((w.night for w in watches if w.night), ""),
        may_go_out=next((w.may_go_out for w in watches if w.may_go_out), ""),
        home_by=min((w.home_by.rjust(5, "0") for w in watches if w.home_by), default=""),
        wandering=min(walks, key=lambda w: w.rooms / w.within_min) if walks else None,
        keys=keys,
    )
