"""What becomes of one cause, (kind, source)? A pure state machine; the book holds one for each.

Causes know nothing of each other, and each one fires its own deadlines before it looks at new data.
So the set of revisions does not depend on how the input was cut.

Rules, in the order they are asked:

* A drill ends by itself, or when the real thing begins; then that is an alert of its own.
* Worse news is told at once and rings; better news and mere numbers at most once per ``news_s``.
* What a person has acknowledged rings again only if it gets worse than when it was acknowledged, or if
  the call button is pressed again.
* A person takes it, lets it go (it rings on with the next step) or settles it, whatever the sensor says.
* Several detectors may hold a cause; it clears when the last of them lets go.
* A cause that returns within its reopen time is the same alert and stays acknowledged; later it is a
  new alert. One that flaps has its clears held back by ``news_s``.
* ``opened`` is the instant it became true, ``changed`` the instant it could be known; what is told late
  counts, but ``changed`` never decreases.
* An update without an open alert opens one, unless it is older than the clear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alerts.answers import ENDING, MAX_ANSWERS, NOTED, allowed, noted
from alerts.facts import Facts
from alerts.revision import NOTES, first, from_json, to_json
from alerts.settings import BookSettings, ns
from alerts.severity import marked, rule, worse
from core.model import Alert, AlertState, Event, Phase, Severity

_FLAPS = 3  # from this many returns on, clears are held back


class Cause:
    """The life of everything that (kind, source) ever raised; at most one alert is open at a time."""

    def __init__(
        self, kind: str, source: str, *, home: str, room: str, resident: str, settings: BookSettings
    ) -> None:
        self.kind, self.source = kind, source
        self._home, self._room, self._resident = home, room, resident
        self._settings = settings
        self._ends = rule(kind).ends
        self.alert: Alert | None = None
        self._facts = Facts(kind)  # what detectors said
        self._notes: dict[str, Any] = {}  # what the book says
        self._holders: list[str] = []
        self._acked: Severity | None = None  # how bad it was when acknowledged
        self._last_onset = 0
        self._step = 0
        self._ring_due: int | None = None
        self._held_due: int | None = None
        self._held_clear = False
        self._close_due: int | None = None

    # -- questions

    @property
    def open(self) -> bool:
        """Is there an alert that has not cleared?"""
        return self.alert is not None and self.alert.state is not AlertState.CLEARED

    @property
    def due(self) -> int | None:
        """When does something happen by itself next (or may it be forgotten)? None = never."""
        if self.alert is None:
            return None
        if not self.open:
            return self.alert.changed + ns(self._settings.forget_s)
        dues = [d for d in (self._close_due, self._held_due, self._ring_due) if d is not None]
        return min(dues) if dues else None

    @property
    def _passes(self) -> bool:
        """Does it end by itself: a fact of an instant, or a drill?"""
        return self._ends == "itself" or self._facts.drill

    def forgettable(self, t: int) -> bool:
        """Has it been closed so long that it no longer matters?"""
        return self.alert is None or (not self.open and t > self.alert.changed + ns(self._settings.forget_s))

    # -- what happens to it

    def event(self, event: Event) -> list[Alert]:
        """What does this event change? Deadlines before it fire first."""
        out = self.until(event.known)
        if event.phase is Phase.CLEAR:
            self._clear(event, out)
        elif self.open:
            self._merge(event, out)
        else:
            self._begin(event, out)
        return out

    def answer(self, word: str, by: str, t: int, cause: str = "") -> list[Alert]:
        """A person has answered (:data:`alerts.answers.ANSWERS`), or the gateway did something about it.

        The same answer twice is once.
        """
        out = self.until(t)
        alert = self.alert
        if alert is None or not allowed(alert, word, by):
            return out
        t = max(t, alert.changed)
        said, where = noted(word, by, t, cause), "done" if word in NOTED else "answers"
        self._notes[where] = [*self._notes.get(where, []), said][-MAX_ANSWERS:]
        if word in NOTED:
            self._tell(out, t, "noted", alert.state, alert.severity)
        elif word in ENDING:
            self._acked = self._acked or alert.severity
            if self.open:
                self._close(out, t, word)
            else:
                self._notes["closed"] = word
                self._tell(out, t, "answered", alert.state, alert.severity)
        elif word in ("release", "help"):
            self._acked, self._close_due = None, self._close_due if self._passes else None
            self._step += 1  # on to the next one who can be asked
            self._notes["escalation"] = self._step
            why = "released" if word == "release" else "called"
            self._tell(out, t, why, AlertState.OPEN, alert.severity)
            self._ring(t)
        elif alert.state is AlertState.OPEN:
            self._acked = alert.severity
            self._notes["acknowledged_by"], self._notes["acknowledged_at"] = said["by"], t
            if self._ends == "person" and not self._passes:
                self._close_due = t + ns(self._settings.settle_s)
            self._tell(out, t, "acknowledged", AlertState.ACKNOWLEDGED, alert.severity)
            self._ring(t)
        else:
            self._tell(out, t, "answered", alert.state, alert.severity)
        return out

    def until(self, t: int) -> list[Alert]:
        """Which deadlines before ``t`` pass?"""
        out: list[Alert] = []
        while self.open and (due := self.due) is not None and due < t:
            if due == self._close_due:
                self._close(out, due, "passed" if self._passes else "settled")
            elif due == self._held_due:
                self._held_due = None
                if self._held_clear:
                    self._close(out, due, "cleared")
                else:
                    self._told_better(out, due)
            else:
                self._again(out, due)
        return out

    def adopt(self, alert: Alert) -> bool:
        """Go on from a revision that was written but is newer than what is known here.

        After a crash the outbox knows more than the last snapshot. Says whether anything was adopted.
        """
        if self.alert is not None and (alert.opened, alert.revision) <= (
            self.alert.opened, self.alert.revision,
        ):  # fmt: skip
            return False
        evidence = dict(alert.evidence)
        self.alert = alert
        self._notes = {k: evidence[k] for k in NOTES if k in evidence}
        self._facts = Facts.adopted(self.kind, evidence, alert.severity)
        self._holders = [str(evidence["detector"])] if "detector" in evidence else []
        self._acked = alert.severity if alert.state is AlertState.ACKNOWLEDGED else None
        self._last_onset = alert.changed
        step = evidence.get("escalation", evidence.get("reminder", 0))
        self._step = step if isinstance(step, int) else 0
        self._held_due, self._held_clear, self._close_due = None, False, None
        self._ring_due = None
        if self.open:
            self._ring(alert.changed)
            if self._passes:
                self._close_due = alert.changed + self._settings.linger(alert)
            elif self._ends == "person" and self._acked is not None:
                self._close_due = alert.changed + ns(self._settings.settle_s)
        return True

    def skip_to(self, t: int) -> None:
        """Nobody ran until ``t``: a deadline missed meanwhile fires once, at ``t``."""
        ring, held, close = self._ring_due, self._held_due, self._close_due
        self._ring_due = None if ring is None else max(ring, t)
        self._held_due = None if held is None else max(held, t)
        self._close_due = None if close is None else max(close, t)

    # -- the steps

    def _begin(self, event: Event, out: list[Alert]) -> None:
        last = self.alert
        facts = Facts(self.kind, event.evidence)
        if last is not None and event.phase is Phase.UPDATE:
            if event.known < last.changed:
                return  # older than the clear
            if self._notes.get("closed") in ENDING and facts.severity.rank >= last.severity.rank:
                return  # a person has settled it, and it is no worse
        t = event.known if last is None else max(event.known, last.changed)
        if (
            last is not None
            and t - last.changed <= self._settings.reopen(last.severity)
            and facts.drill == marked(last.evidence, "test")
        ):
            self._reopen(last, event, facts, t, out)
            return
        opened = event.t if last is None else max(event.t, last.opened + 1)
        t = max(t, opened)
        self._facts = facts
        self._notes = {"why": "opened", "detector": event.detector}
        self._holders = [event.detector]
        self._acked = None
        self._held_due, self._held_clear, self._step = None, False, 0
        self._last_onset = event.known
        whose = (self._home, self.kind, self.source, self._room, self._resident)
        self.alert = first(*whose, opened, t, facts.severity, {**facts.values, **self._notes})
        out.append(self.alert)
        self._ring(t)
        self._close_due = t + self._settings.linger(self.alert) if self._passes else None

    def _reopen(self, last: Alert, event: Event, facts: Facts, t: int, out: list[Alert]) -> None:
        """It returned soon: the same alert goes on, its escalation too."""
        self._notes["reopened"] = int(self._notes.get("reopened", 0)) + 1
        self._notes["detector"] = event.detector
        self._notes.pop("closed", None)
        self._facts, self._holders, severity = facts, [event.detector], facts.severity
        self._last_onset = event.known
        quiet = self._acked is not None and severity.rank >= self._acked.rank
        worsened = severity.rank < last.severity.rank
        if not quiet:
            self._acked = None
        why = "worse" if worsened and not quiet else "reopened"
        self._tell(out, t, why, AlertState.ACKNOWLEDGED if quiet else AlertState.OPEN, severity)
        if worsened or self._ring_due is None:
            self._step = 0
            self._ring(t)
        else:
            self._ring_due = max(self._ring_due, t)
        self._close_due = t + self._settings.linger(self.alert) if self._passes else None

    def _merge(self, event: Event, out: list[Alert]) -> None:
        assert self.alert is not None
        t = max(event.known, self.alert.changed)
        if self._facts.drill and not marked(event.evidence, "test"):
            self._close(out, t, "passed")
            self._begin(event, out)
            return
        if event.detector not in self._holders:
            self._holders.append(event.detector)
        self._held_clear = False
        called = self._count(event)
        self._facts.take(event.evidence)
        told = self.alert
        if called and self._acked is not None:
            self._acked, self._close_due, self._step = None, None, 0
            self._tell(out, t, "called", AlertState.OPEN, worse(self._facts.severity, told.severity))
            self._ring(t)
        elif self._facts.severity.rank < told.severity.rank:
            quiet = self._acked is not None and self._facts.severity.rank >= self._acked.rank
            if not quiet:
                self._acked, self._step = None, 0
                self._notes.pop("escalation", None)
            state = AlertState.ACKNOWLEDGED if quiet else AlertState.OPEN
            self._tell(out, t, "news" if quiet else "worse", state, self._facts.severity)
            self._ring(t)
        elif self._untold():
            due = told.changed + ns(self._settings.news_s)
            if t >= due:
                self._told_better(out, t)
            else:
                self._held_due = due
        else:
            self._held_due = None

    def _count(self, event: Event) -> bool:
        """Is this one more call (or one more of a fact of an instant)?"""
        if event.phase is not Phase.ONSET or self._ends == "clear":
            return False
        again = event.known - self._last_onset > ns(self._settings.call_repeat_s)
        self._last_onset = max(self._last_onset, event.known)
        if again:
            self._notes["calls"] = int(self._notes.get("calls", 1)) + 1
        if self._ends == "itself":
            self._close_due = self._last_onset + ns(self._settings.linger_s)
            return False
        return again

    def _clear(self, event: Event, out: list[Alert]) -> None:
        if not self.open or self._ends == "person":
            return
        assert self.alert is not None
        if marked(event.evidence, "test") and not self._facts.drill:
            return  # the end of a drill does not end the real thing
        if event.detector not in self._holders:
            return
        self._holders.remove(event.detector)
        if self._holders:
            return
        t = max(event.known, self.alert.changed)
        self._facts.end(event.evidence)
        due = self.alert.changed + ns(self._settings.news_s)
        if int(self._notes.get("reopened", 0)) >= _FLAPS and t < due:
            self._held_clear, self._held_due = True, due
            return
        self._close(out, t, "cleared")

    # -- telling

    def _untold(self) -> bool:
        assert self.alert is not None
        if self._facts.severity is not self.alert.severity:
            return True
        told = self.alert.evidence
        if self._notes.get("calls") != told.get("calls"):
            return True
        return self._facts.values != {k: v for k, v in told.items() if k not in NOTES}

    def _told_better(self, out: list[Alert], t: int) -> None:
        assert self.alert is not None
        if not self._untold():
            return
        if self._facts.severity is self.alert.severity:
            self._tell(out, t, "news", self.alert.state, self._facts.severity)
            return
        self._tell(out, t, "better", self.alert.state, self._facts.severity)
        self._step = 0
        self._ring(t)

    def _again(self, out: list[Alert], t: int) -> None:
        assert self.alert is not None
        self._step += 1
        reminder = self.alert.state is AlertState.ACKNOWLEDGED
        self._notes["reminder" if reminder else "escalation"] = self._step
        self._tell(out, t, "reminder" if reminder else "again", self.alert.state, self.alert.severity)
        self._ring(t)

    def _ring(self, t: int) -> None:
        """When must it be raised again, counted from ``t``?"""
        assert self.alert is not None
        severity, state = self.alert.severity, self.alert.state
        self._ring_due = None
        if state is AlertState.OPEN or (state is AlertState.ACKNOWLEDGED and severity is Severity.TROUBLE):
            pause = self._settings.again(self.alert, self._step)
            self._ring_due = None if pause is None else t + pause

    def _close(self, out: list[Alert], t: int, how: str) -> None:
        assert self.alert is not None
        self._notes["closed"] = how
        self._holders = []
        self._held_clear, self._close_due = False, None
        self._tell(out, t, "cleared", AlertState.CLEARED, self.alert.severity)

    def _tell(self, out: list[Alert], t: int, why: str, state: AlertState, severity: Severity) -> None:
        """One more revision. Everything known goes into it, so nothing stays held back."""
        assert self.alert is not None
        self._notes["why"] = why
        if not self._held_clear:
            self._held_due = None
        self.alert = replace(
            self.alert,
            changed=t,
            state=state,
            severity=severity,
            revision=self.alert.revision + 1,
            evidence={**self._facts.values, **self._notes},
        )
        out.append(self.alert)

    # -- keeping

    def snapshot(self) -> dict[str, Any]:
        """All state, as JSON."""
        return {
            "kind": self.kind,
            "source": self.source,
            "alert": None if self.alert is None else to_json(self.alert),
            "facts": self._facts.snapshot(),
            "notes": self._notes,
            "holders": self._holders,
            "acked": None if self._acked is None else str(self._acked),
            "last_onset": self._last_onset,
            "step": self._step,
            "ring_due": self._ring_due,
            "held_due": self._held_due,
            "held_clear": self._held_clear,
            "close_due": self._close_due,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a snapshot. Raises KeyError, TypeError or ValueError if it is not one of ours."""
        self.alert = None if state["alert"] is None else from_json(state["alert"])
        self._facts, self._notes = Facts.restored(self.kind, state["facts"]), dict(state["notes"])
        self._holders = [str(h) for h in state["holders"]]
        self._acked = None if state["acked"] is None else Severity(state["acked"])
        self._last_onset, self._step = int(state["last_onset"]), int(state["step"])
        self._ring_due, self._held_due = _instant(state["ring_due"]), _instant(state["held_due"])
        self._held_clear, self._close_due = bool(state["held_clear"]), _instant(state["close_due"])


def _instant(value: Any) -> int | None:
    return None if value is None else int(value)
