"""Who is told what, when, until somebody takes it? The ``alerts.policy`` section of config.yaml; pure.

A plan is a ladder of steps. At each step its channels are told; if nobody answers, the next step comes
after its time, and after the last one all are told again every ``repeat_s``. A step may be a question
in the home (``ask``), which is passed over where asking would cost time: fire, gas, CO, water, a call
for help. The book keeps the times, so every step is a revision that survives a crash.

Channels that no plan names (a log, MQTT, a store) are programs and get everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import time
from itertools import pairwise
from typing import ClassVar, Literal

from alerts.revision import rings, weight
from core.localtime import LocalTime, in_window
from core.model import SECOND, Alert, AlertState, Severity

FORBID: dict[str, str] = {"extra": "forbid"}
SeverityName = Literal["alarm", "warning", "trouble", "info"]

NO_TIME_TO_ASK = frozenset({"smoke", "heat", "gas", "co", "water", "sos"})
"""Kinds for which an in-home question would only cost minutes."""

NOBODY_HOME = frozenset({"night_exit", "left_home", "left_alone", "not_back"})
"""Kinds that say that the person is not at home: a question there would be put to an empty room."""

Sign = Literal["button", "door", "movement"]


@dataclass(frozen=True, slots=True)
class Step:
    """``after_s`` seconds after it began to ring, the channels ``to`` are told.

    ``ask``: it is a question to the person at home; nobody outside is told yet.
    """

    after_s: float
    to: tuple[str, ...]
    ask: bool = False

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        if self.after_s < 0:
            raise ValueError("after_s must not be negative")
        if not self.to:
            raise ValueError("a step must name the channels it goes to")


@dataclass(frozen=True, slots=True)
class Plan:
    """A ladder for some severities, kinds and residents; an empty list means all of them."""

    steps: tuple[Step, ...]
    severities: tuple[SeverityName, ...] = ()
    kinds: tuple[str, ...] = ()
    residents: tuple[str, ...] = ()
    repeat_s: float = 1800.0

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        times = [step.after_s for step in self.steps]
        if not times or times[0] != 0:
            raise ValueError("a plan needs steps, and the first must have after_s: 0")
        if any(b <= a for a, b in pairwise(times)):
            raise ValueError("the steps of a plan must have times that grow")
        if self.repeat_s < 60:
            raise ValueError("repeat_s must be at least 60 seconds")
        if all(step.ask for step in self.steps):
            raise ValueError("a plan that only asks in the home would tell nobody; add a step without ask")

    def fits(self, kind: str, severity: Severity, resident: str) -> bool:
        """Is it the plan for such an alert?"""
        return (
            (not self.severities or str(severity) in self.severities)
            and (not self.kinds or kind in self.kinds)
            and (not self.residents or resident in self.residents)
        )


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the local day in which troubles and notes wait until the morning. Alarms never wait."""

    start: str = "22:00"
    stop: str = "07:00"

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        for name in ("start", "stop"):
            clock_time(getattr(self, name), name)

    def until(self, t: int, local: LocalTime) -> int | None:
        """If ``t`` lies in the quiet hours, when do they end?"""
        start, stop = clock_time(self.start, "start"), clock_time(self.stop, "stop")
        if not in_window(local.hour(t), start.hour + start.minute / 60, stop.hour + stop.minute / 60):
            return None
        return local.next(t, stop)


@dataclass(frozen=True, slots=True)
class Question:
    """What answers a question in the home, besides a word? ``answered_by`` names the signs that count.

    ``movements``: so many of them must be seen; one may be a curtain or a cat.
    """

    answered_by: tuple[Sign, ...] = ("button", "door", "movement")
    movements: int = 2

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        if not 1 <= self.movements <= 20:
            raise ValueError("movements must be between 1 and 20")


@dataclass(frozen=True, slots=True)
class Policy:
    """All plans; the first that fits counts. An alert that no plan fits goes to every channel at once.

    ``call_gap_s``: a channel rings for the same cause at most this often, unless it got worse or the
    person calls again. ``question``: how a question in the home may be answered.
    """

    plans: tuple[Plan, ...] = field(default_factory=tuple)
    quiet: Quiet | None = None
    call_gap_s: float = 600.0
    question: Question = field(default_factory=Question)

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        if self.call_gap_s < 0:
            raise ValueError("call_gap_s must not be negative")

    def channels(self) -> frozenset[str]:
        """Which channels do the plans name?"""
        return frozenset(name for plan in self.plans for step in plan.steps for name in step.to)

    def steps(self, kind: str, severity: Severity, resident: str) -> tuple[tuple[Step, ...], float] | None:
        """The ladder of such an alert and its ``repeat_s``; None if no plan fits."""
        for plan in self.plans:
            if plan.fits(kind, severity, resident):
                steps = plan.steps
                if kind in NO_TIME_TO_ASK or kind in NOBODY_HOME:
                    steps = _hurried(steps, kind in NO_TIME_TO_ASK)
                return steps, plan.repeat_s
        return None

    def steps_of(self, alert: Alert) -> tuple[tuple[Step, ...], float] | None:
        """The same for an alert as it stands.

        What its detector itself only asks (stage ``question``) goes to the first question of the
        ladder that a warning would climb, and no further; when to be worried the detector decides.
        """
        if alert.evidence.get("stage") == "question":
            found = self.steps(alert.kind, Severity.WARNING, alert.resident)
            asked = [] if found is None else [s for s in found[0] if s.ask]
            if found is not None and asked:
                return (replace(asked[0], after_s=0.0),), found[1]
        return self.steps(alert.kind, weight(alert), alert.resident)

    @property
    def asking(self) -> bool:
        """Does any plan ask in the home?"""
        return any(step.ask for plan in self.plans for step in plan.steps)

    def again(self, alert: Alert, step: int) -> int | None:
        """How long after its step ``step`` does the next one follow, in ns? None if no plan fits."""
        found = self.steps_of(alert)
        if found is None:
            return None
        steps, repeat_s = found
        return again_after(tuple(s.after_s for s in steps[1:]), repeat_s, step)

    def told_at(self, alert: Alert, channel: str) -> bool:
        """Does this ringing revision go to this channel?

        The first time and when it gets worse to the first step's; at each further step to that step's
        only; from the last step on to all.
        """
        found = self.steps_of(alert)
        if found is None or channel not in self.channels():
            return True
        steps, _ = found
        reached = _reached(alert)
        if reached < len(steps):
            return channel in steps[reached].to
        return any(channel in step.to for step in steps)

    def quiet_until(self, alert: Alert, t: int, local: LocalTime) -> int | None:
        """Must this revision wait for the morning? Only troubles and notes ever do, never a question."""
        calm = weight(alert) in (Severity.TROUBLE, Severity.INFO) and not asks(self, alert)
        return self.quiet.until(t, local) if self.quiet is not None and calm else None


def asks(policy: Policy, alert: Alert) -> bool:
    """Is this revision, for now, only a question to the person at home?"""
    return rings(alert) and waits_for_answer(policy, alert)


def waits_for_answer(policy: Policy, alert: Alert) -> bool:
    """Has the person at home been asked, and nobody else told yet?"""
    found = policy.steps_of(alert)
    if found is None or alert.state is not AlertState.OPEN:
        return False
    reached = _reached(alert)
    return reached < len(found[0]) and found[0][reached].ask


def _reached(alert: Alert) -> int:
    said = alert.evidence.get("escalation", 0)
    return said if isinstance(said, int) and not isinstance(said, bool) else 0


def again_after(times_s: Sequence[float], repeat_s: float, step: int) -> int:
    """How long after step ``step`` (0 = it began to ring) does the next follow, in ns?

    ``times_s``: the times of steps 1, 2, ... after it began.

    >>> [again_after((60, 180), 600, n) // SECOND for n in range(4)]
    [60, 120, 600, 600]
    """
    if step >= len(times_s):
        return round(repeat_s * SECOND)
    return round(times_s[step] * SECOND) - (round(times_s[step - 1] * SECOND) if step else 0)


def _hurried(steps: Sequence[Step], tell_home: bool) -> tuple[Step, ...]:
    """The same ladder without waiting for an answer at home; with ``tell_home`` whoever would be asked
    is told as well.
    """
    asked = tuple(name for step in steps if step.ask for name in step.to) if tell_home else ()
    rest = [step for step in steps if not step.ask]
    start = rest[0].after_s
    moved = [replace(step, after_s=step.after_s - start) for step in rest]
    first = replace(moved[0], to=(*moved[0].to, *(n for n in asked if n not in moved[0].to)))
    return (first, *moved[1:])


def clock_time(text: str, name: str = "time") -> time:
    """A time of day written as 22:30. Raises ValueError.

    >>> clock_time("07:05")
    datetime.time(7, 5)
    """
    hour, colon, minute = text.partition(":")
    digits = f"{hour}{minute}"
    if colon and digits.isascii() and digits.isdigit() and len(minute) == 2 and hour:
        with suppress(ValueError):  # 24:00
            return time(int(hour), int(minute))
    raise ValueError(f"{name} must be a time of day such as 22:30, not {text!r}")
