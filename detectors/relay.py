"""Is the sensor's own alarm bit set, and does it count? Level-triggered and never voted down.

Rules, for one flag of one sensor:

* true at any moment raises, also when it is the first thing ever heard (no edge is needed);
  more trues while raised are no news.
* false is believed once it has lasted ``clear_after_s``. Each time the alarm comes back within
  ``flap_window_s`` of a clear, the wait doubles, up to ``flap_window_s``, so a flapping sensor makes
  a handful of alerts and then one long one; a quiet window makes it short again.
* silence, unknown and unavailable are no values: they neither raise nor clear.
* a retained true raises once as found at connect; a live true then takes that excuse away. A retained
  false ends only what was itself found at connect, because it may be older than the live alarm.
* a repeated message (``Flag.REPEAT``) within ``repeat_s`` of one that was seen is that one again;
  later, or when nothing was seen, the first copy was lost and the repeat is taken as live.
* a test (``Flag.TEST``, or the sensor's test flag rising up to ``test_near_s`` before the alarm or
  after its start) raises as a test. A test lasts seconds: what still stands ``test_max_s`` after its
  start is real, and so is an alarm that starts later than ``test_near_s`` into a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.model import SECOND
from detectors.marks import REPEAT, RETAINED, STALE, TEST, WEAK


@dataclass(frozen=True)
class RelayRules:
    """How is an own alarm bit relayed? Times in seconds."""

    clear_after_s: float = 10.0
    flap_window_s: float = 600.0
    repeat_s: float = 30.0
    test_near_s: float = 30.0
    test_max_s: float = 120.0

    def __post_init__(self) -> None:
        if min(self.clear_after_s, self.flap_window_s, self.repeat_s, self.test_near_s) < 0:
            raise ValueError("times must not be negative")
        if self.test_max_s < self.test_near_s:
            raise ValueError("test_max_s must be at least test_near_s")


class Relay:
    """One alarm flag of one sensor. ``evidence()`` is None while nothing is raised."""

    def __init__(self, rules: RelayRules) -> None:
        self._near = int(rules.test_near_s * SECOND)
        self._max = int(rules.test_max_s * SECOND)
        self._repeat = int(rules.repeat_s * SECOND)
        self._hold0 = int(rules.clear_after_s * SECOND)
        self._window = int(rules.flap_window_s * SECOND)
        self._hold = self._hold0
        self._value: bool | None = None  # last level known
        self._seen: int | None = None  # when
        self._since: int | None = None  # raised since; None = not raised
        self._false: int | None = None  # while raised: false since
        self._cleared: int | None = None
        self._test_rise: int | None = None
        self._test_level: bool | None = None
        self._found = self._weak = self._test = False

    def evidence(self) -> dict[str, Any] | None:
        """What does it hold now?"""
        if self._since is None:
            return None
        out: dict[str, Any] = {"stage": "alarm"}
        for key, value in (
            ("found_at_connect", self._found),
            ("weak", self._weak),
            ("test", self._test),
        ):
            if value:
                out[key] = True
        return out

    def due(self) -> int | None:
        """When does it change by itself, if nothing more is heard?"""
        if self._since is None:
            return None
        dues = []
        if self._false is not None:
            dues.append(self._false + self._hold)
        if self._test:
            dues.append(self._since + self._max)
        return min(dues, default=None)

    def fire(self, due: int) -> None:
        """Its deadline passed with nothing heard up to and at it."""
        if self._false is not None and self._false + self._hold == due:
            self._lower(due)
        elif self._test and self._since is not None:
            if self._value:
                self._test = False
            else:
                self._lower(due)

    def level(self, t: int, raised: bool, flags: int) -> None:
        """The flag was heard at ``t``; deadlines before ``t`` have been fired."""
        if flags & REPEAT and self._seen is not None and t - self._seen <= self._repeat:
            return
        self._seen = t
        if flags & RETAINED:
            self._retained(t, raised, flags)
        elif raised:
            self._live(t, flags)
        else:
            self._value = False
            if self._since is not None and self._false is None:
                self._false = t

    def test(self, t: int, pressed: bool, flags: int) -> None:
        """The sensor's test flag was heard at ``t``."""
        rises = pressed and not self._test_level and not flags & STALE
        if not flags & REPEAT:
            self._test_level = pressed
        if rises:
            self._test_rise = t
            if self._since is None:
                self._raise(t, flags, test=True)
            elif not self._found and t - self._since <= self._near:
                self._test = True
        elif not pressed and self._since is not None and self._test and not self._value:
            self._lower(t)

    def _live(self, t: int, flags: int) -> None:
        test = bool(flags & TEST)
        if self._since is None:
            self._raise(t, flags, test or self._tested(t))
        else:
            self._found = False
            self._false = None
            self._weak = self._weak and bool(flags & WEAK)
            if self._test and not self._value and not test and not self._tested(t):
                self._test = False
        self._value = True

    def _retained(self, t: int, raised: bool, flags: int) -> None:
        if raised and self._since is None:
            self._raise(t, flags, test=bool(flags & TEST))
            self._found = self._value = True
        elif not raised and self._since is None:
            self._value = False
        elif not raised and self._found and self._false is None:
            self._value, self._false = False, t

    def _tested(self, t: int) -> bool:
        return self._test_rise is not None and t - self._test_rise <= self._near

    def _raise(self, t: int, flags: int, test: bool) -> None:
        flapped = self._cleared is not None and t - self._cleared <= self._window
        self._hold = min(self._hold * 2, max(self._window, self._hold0)) if flapped else self._hold0
        self._since, self._false = t, None
        self._found, self._weak, self._test = False, bool(flags & WEAK), test

    def _lower(self, t: int) -> None:
        self._since = self._false = None
        self._found = self._weak = self._test = False
        self._value = False
        self._cleared = t

    _FIELDS = ("hold", "value", "seen", "since", "false", "cleared", "test_rise", "test_level")
    _EXCUSES = ("found", "weak", "test")

    def state(self) -> dict[str, Any]:
        """Its state as JSON."""
        return {k: getattr(self, "_" + k) for k in (*self._FIELDS, *self._EXCUSES)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from :meth:`state`. Raises KeyError or TypeError if it is not one."""
        for key in self._FIELDS:
            value = state[key]
            if value is not None and not isinstance(value, int):
                raise TypeError(f"{key} is not an instant or a flag")
            setattr(self, "_" + key, value)
        for key in self._EXCUSES:
            setattr(self, "_" + key, bool(state[key]))
