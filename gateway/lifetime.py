"""Which detectors are past the date printed on them? ``options: {replace_by: "2031-03"}`` of any sensor.

Smoke, gas and CO detectors carry a date after which their maker no longer vouches for them (EN 14604 and
EN 50291 want it on the label). Few of them say so themselves; the family writes the date down once, and from
the first of the next month on (a whole date: from the next day on) a trouble ``replace_due`` is told, weekly.
It follows from the calendar, not from packets: it is one of the gateway's own troubles, and no replay has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from core.config import Config, Document
from core.localtime import LocalTime
from core.model import MINUTE, Alert, Event, Home, Packet, Phase

if TYPE_CHECKING:
    from gateway.app import Gateway

KIND: Final = "replace_due"
OPTION: Final = "replace_by"


def last_day(text: Any) -> date:
    """The last day on which the maker vouches for it. Raises ValueError.

    >>> last_day("2031-03"), last_day("2031-03-15")
    (datetime.date(2031, 3, 31), datetime.date(2031, 3, 15))
    """
    if not isinstance(text, str):
        raise ValueError(f'must be a date in quotes, such as "2031-03" (it says {text!r})')
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        first = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ValueError(f'must be a date such as "2031-03" or "2031-03-15" (it says {text!r})') from None
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return date.fromordinal(after.toordinal() - 1)


def check(config: Config, document: Document) -> None:
    """Are all these dates dates? Raises ConfigError."""
    for name, sensor in config.sensors.items():
        if OPTION in sensor.options:
            try:
                last_day(sensor.options[OPTION])
            except ValueError as error:
                raise document.error(("sensors", name, "options", OPTION), str(error)) from None


def past(home: Home, today: date) -> list[str]:
    """Which sensors should have been replaced by now?"""
    return [n for n, s in home.sensors.items() if OPTION in s.options and last_day(s.options[OPTION]) < today]


class Lifetime:
    """Tells of each detector that is past its date."""

    name = "lifetime"

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._next = 0
        self._told: set[str] | None = None

    def past(self) -> list[str]:
        """Which are past their date today, by the clock on the wall?"""
        home, clock = self._gateway.plan.home, self._gateway.clock
        return past(home, LocalTime(home.zone).at(clock.now() + clock.wall_offset()).date())

    def turn(self, now: int, packets: Sequence[Packet], alerts: Sequence[Alert]) -> None:
        """Once a minute: who has become too old, or was replaced?"""
        if now < self._next:
            return
        self._next = now + MINUTE
        if self._told is None:
            self._told = {a.source for a in self._gateway.pipeline.open_alerts() if a.kind == KIND}
        due = set(self.past())
        options = {n: s.options for n, s in self._gateway.plan.home.sensors.items()}
        for name in sorted(due - self._told):
            self._tell(name, Phase.ONSET, {"reason": str(options[name][OPTION])})
        for name in sorted(self._told - due):
            self._tell(name, Phase.CLEAR, {})
        self._told = due

    def _tell(self, name: str, phase: Phase, evidence: dict[str, Any]) -> None:
        self._gateway.troubles.append(Event("gateway", KIND, name, 0, phase, evidence))

    def status(self) -> Mapping[str, Any]:
        """Who is too old?"""
        return {"past": self.past()}

    def close(self) -> None:
        """Nothing is held open."""
