"""When is an alert raised again, merged or forgotten? The ``alerts`` section of config.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from alerts.daily import Daily
from alerts.policy import Policy, again_after
from alerts.revision import weight
from core.model import SECOND, Alert, Severity


@dataclass(frozen=True, slots=True)
class BookSettings:
    """Which times does the book keep? All in seconds; safe as they stand.

    ``*_again_s``: how long after it began to ring an unacknowledged alert is raised again, step by step;
    after the last step every ``*_repeat_s``. Troubles come back every ``trouble_repeat_s``, acknowledged
    or not, until they are mended (a low battery: every 7 days, as telecare hubs do).

    ``reopen_*_s``: a cause that returns this soon after it cleared is the same alert, later it is a new
    one. ``news_s``: better news and mere numbers are told at most this often; worse news at once.
    ``call_repeat_s``: presses of a call button this close together are one call. ``linger_s``: a fact
    of one instant is closed this long after it last happened. ``settle_s``: a call for help is closed
    this long after somebody has acknowledged it. ``forget_s``: a closed cause is dropped from memory.
    ``policy``: who is told when; where one of its plans fits, its steps replace the ``*_again_s`` times.
    ``daily``: what the gateway says once a day by itself: a test of the whole chain, a summary.
    """

    alarm_again_s: tuple[float, ...] = (60.0, 180.0, 600.0, 1800.0)
    alarm_repeat_s: float = 14_400.0
    warning_again_s: tuple[float, ...] = (900.0, 3600.0)
    warning_repeat_s: float = 21_600.0
    trouble_repeat_s: float = 604_800.0
    reopen_alarm_s: float = 60.0
    reopen_warning_s: float = 300.0
    reopen_trouble_s: float = 900.0
    news_s: float = 60.0
    call_repeat_s: float = 10.0
    linger_s: float = 900.0
    settle_s: float = 43_200.0
    forget_s: float = 86_400.0
    keep_closed: int = 2_000
    policy: Policy | None = None
    daily: Daily | None = None

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        for name in ("alarm_again_s", "warning_again_s"):
            steps = getattr(self, name)
            if any(b <= a for a, b in zip((0.0, *steps), steps, strict=False)):
                raise ValueError(f"{name} must be times after the start that grow, such as [60, 180, 600]")
        for name in ("alarm_repeat_s", "warning_repeat_s", "trouble_repeat_s"):
            if getattr(self, name) < 10:
                raise ValueError(f"{name} must be at least 10 seconds")
        for name in ("reopen_alarm_s", "reopen_warning_s", "reopen_trouble_s", "news_s", "call_repeat_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        for name in ("linger_s", "settle_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0")
        reopen = max(self.reopen_alarm_s, self.reopen_warning_s, self.reopen_trouble_s)
        if self.forget_s < reopen:
            raise ValueError("forget_s must not be less than the reopen times")
        if self.keep_closed < 1:
            raise ValueError("keep_closed must be at least 1")

    def again(self, alert: Alert, step: int) -> int | None:
        """How long after step ``step`` (0 = it began to ring) does the next follow, in ns? None = never."""
        severity = weight(alert)
        if severity is Severity.INFO:
            return None
        if self.policy is not None and severity is not Severity.TROUBLE:
            planned = self.policy.again(alert, step)
            if planned is not None:
                return planned
        if severity is Severity.TROUBLE:
            return ns(self.trouble_repeat_s)
        alarm = severity is Severity.ALARM
        if alarm:
            return again_after(self.alarm_again_s, self.alarm_repeat_s, step)
        return again_after(self.warning_again_s, self.warning_repeat_s, step)

    def linger(self, alert: Alert | None) -> int:
        """How long does what ends by itself last, in ns? A drill until its whole ladder was climbed."""
        linger_s = self.linger_s
        if alert is not None and self.policy is not None and "drill" in alert.evidence:
            found = self.policy.steps_of(alert)
            linger_s = max(linger_s, found[0][-1].after_s + 60 if found is not None else 0)
        return ns(linger_s)

    def reopen(self, severity: Severity) -> int:
        """How long after its clear may a cause of this severity go on as the same alert, in ns?"""
        if severity is Severity.ALARM:
            return ns(self.reopen_alarm_s)
        return ns(self.reopen_warning_s if severity is Severity.WARNING else self.reopen_trouble_s)


def ns(seconds: float) -> int:
    """Seconds as whole nanoseconds.

    >>> ns(1.5)
    1500000000
    """
    return round(seconds * SECOND)
