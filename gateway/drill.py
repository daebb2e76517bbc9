"""Would help really come? Rehearse an alert through the running gateway and its real channels.

The drill opens an alert of the chosen kind, marked as a test, and lets it climb its ladder like the real
thing: channels, quiet hours, question at home and answers are those of the real alert. It ends when
somebody takes it or when the last step was reached, and tells who was reached and when. ``dry`` only
prints the ladder with its times.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from alerts.timeline import clock, lines
from core.model import SECOND, Severity
from gateway.build import Plan
from gateway.control import ask
from gateway.timelines import ladder
from gateway.words import language, word

GRACE_S = 10.0  # after the last step: channels need their time
LOOK_S = 0.25


class Failed(Exception):
    """The drill could not be made, with what to do."""


def dry(plan: Plan, kind: str, severity: Severity, as_json: bool) -> None:
    """Print what would happen."""
    rungs = ladder(plan, kind, severity)
    if as_json:
        rows = [{"after_s": r.after_s, "to": list(r.to), "ask": r.ask, "every_s": r.every_s} for r in rungs]
        print(json.dumps({"kind": kind, "severity": str(severity), "steps": rows}, ensure_ascii=False))
        return
    print(word("cli.drill.dry").format(kind=kind, severity=str(severity)))
    for line in lines(rungs, language()):
        print(f"  {line}")


class Drill:
    """One rehearsal through a running gateway."""

    def __init__(self, plan: Plan, kind: str, severity: Severity, by: str) -> None:
        self._folder: Path = plan.state_dir
        self._kind, self._by, self._severity = kind, by, severity
        steps = [r for r in ladder(plan, kind, severity) if not r.every_s]
        self.expected = tuple(dict.fromkeys(name for r in steps for name in r.to))
        self.last_s = max((r.after_s for r in steps if r.to), default=0.0) if plan.book.policy else 0.0
        self.reached: dict[str, float] = {}
        self.answer: dict[str, Any] = {}

    def run(self, seconds: float, told: Callable[[str, float], None]) -> None:
        """Until it was taken, everybody was reached, or ``seconds`` are over. Raises Failed, OSError."""
        request = {"drill": self._kind, "severity": str(self._severity), "by": self._by}
        said = ask(self._folder, request)
        if "error" in said:
            raise Failed(str(said["error"]))
        end = time.monotonic() + (seconds or self.last_s + GRACE_S)
        alert: Mapping[str, Any] | None = None
        while time.monotonic() < end:
            time.sleep(LOOK_S)
            now = self._find(alert)
            if now is None:
                if alert is not None:
                    break  # it is over
                continue
            alert = now
            self._look(alert, told)
            if alert["state"] != "open":
                answers = alert["evidence"].get("answers") or [{}]
                self.answer = dict(answers[-1])
                break
            if not seconds and set(self.expected) <= self.reached.keys():
                break
        if alert is None:
            raise Failed(word("cli.drill.none"))
        self._look(alert, told)
        ask(self._folder, {"answer": alert["id"], "word": "resolved", "by": self._by})

    def _find(self, known: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        for alert in ask(self._folder, {"ask": "status"}).get("alerts", []):
            if known is not None and alert["id"] == known["id"]:
                return dict(alert)
            if known is None and alert["source"] == "drill" and alert["kind"] == self._kind:
                return dict(alert)
        return None

    def _look(self, alert: Mapping[str, Any], told: Callable[[str, float], None]) -> None:
        said = ask(self._folder, {"ask": "reached", "alert": alert["id"]})
        for name, rows in said.get("reached", {}).items():
            if rows and name not in self.reached:
                self.reached[name] = (rows[0]["at"] - alert["opened"]) / SECOND
                told(name, self.reached[name])

    @property
    def missed(self) -> list[str]:
        """Who should have been reached and was not? Nobody, once it was taken."""
        return [] if self.answer else [name for name in self.expected if name not in self.reached]


def report(drill: Drill, as_json: bool) -> None:
    """Who was reached, when, by whom it was taken, and who was missed."""
    if as_json:
        facts = {"reached": drill.reached, "missed": drill.missed, "answer": drill.answer}
        print(json.dumps(facts, ensure_ascii=False))
        return
    if drill.answer:
        by, what = str(drill.answer.get("by", "")), str(drill.answer.get("word", ""))
        print(word("cli.drill.taken").format(by=by, word=what))
    print(word("cli.drill.end").format(count=len(drill.reached)))
    for name, seconds in sorted(drill.reached.items(), key=lambda x: x[1]):
        print(f"  {clock(seconds)} {name}")
    if drill.missed:
        print(word("cli.drill.missed").format(names=", ".join(drill.missed)))
