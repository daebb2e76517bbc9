"""Is the chain tested and the home summed up once a day, whatever restarts and clocks do?"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from alerts.book import AlertBook
from alerts.daily import Daily as Settings
from alerts.outbox import Outbox
from alerts.text import render
from core.clock import ManualClock
from core.model import DAY, HOUR, MINUTE, Alert, AlertState, Event, Home, Room, Sensor, Severity
from gateway.daily import Daily
from gateway.summary import group

PLACE = Home("h", "Asia/Shanghai", "en", rooms={"hall": Room("hall", "hall")},
             sensors={"smoke": Sensor("smoke", "d", "l", "hall")})  # fmt: skip
SETTINGS = Settings(test_at="10:00", summary_at="09:00", patience_s=60)
MIDNIGHT = 20_000 * DAY - 8 * HOUR


class Fake:
    """As much of a gateway as the duty knows: a clock, an outbox, a book, two channels."""

    def __init__(self, folder: Path, settings: Settings = SETTINGS) -> None:
        self.clock = ManualClock(MIDNIGHT + 12 * HOUR)
        self.outbox = Outbox(folder / "alerts.db")
        self.book = AlertBook(PLACE)
        self.troubles: deque[Event] = deque()
        self.told: list[Alert] = []
        self.pipeline = SimpleNamespace(open_alerts=self.book.open_alerts)
        channels = (SimpleNamespace(name="a"), SimpleNamespace(name="b"))
        self.plan = SimpleNamespace(home=PLACE, channels=channels, book=SimpleNamespace(daily=settings))
        self.working = {"a", "b"}
        for name in ("a", "b"):
            self.outbox.register(name)
        self.duty = self.restarted()

    def restarted(self) -> Daily:
        self.duty = Daily(self)  # type: ignore[arg-type]
        return self.duty

    def run(self, minutes: int) -> None:
        for _ in range(minutes):
            self.clock.advance(MINUTE)
            now = self.clock.now()
            self.duty.turn(now, (), ())
            alerts = list(self.book.advance(now))
            while self.troubles:
                event = self.troubles.popleft()
                at = Event(
                    event.detector, event.kind, event.source, event.t or now, event.phase, event.evidence
                )
                alerts += self.book.apply([at])
            self.outbox.write(alerts)
            self.told += alerts
            for name in self.working:
                self.outbox.taken(name, [(a.id, a.revision) for a in self.outbox.pending(name)])

    def count(self, kind: str) -> int:
        return len({a.id for a in self.told if a.kind == kind})


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    made = Fake(tmp_path)
    yield made
    made.outbox.close()


def test_each_comes_once_a_day_across_restarts(fake: Fake) -> None:
    for _ in range(3 * 24):
        fake.run(60)
        fake.restarted()
    assert fake.count("test") == fake.count("summary") == 3
    assert fake.duty.status()["last_test"] == {} or fake.duty.last["missed"] == []


def test_a_channel_that_did_not_take_the_test_is_a_trouble_until_one_gets_through(fake: Fake) -> None:
    fake.working = {"a"}
    fake.run(24 * 60)
    faults = [(a.source, a.state) for a in fake.told if a.kind == "channel_fault"]
    assert faults == [("channel:b", AlertState.OPEN)]
    assert fake.duty.last["missed"] == ["b"]
    fake.restarted()
    fake.working = {"a", "b"}
    fake.run(24 * 60)
    faults = [(a.source, a.state) for a in fake.told if a.kind == "channel_fault"]
    assert faults[-1] == ("channel:b", AlertState.CLEARED)


def test_what_was_slept_through_is_done_once_afterwards(fake: Fake) -> None:
    fake.run(1)
    fake.clock.advance(3 * DAY)
    fake.run(5)
    assert fake.count("test") == fake.count("summary") == 1


def test_a_test_that_was_never_written_was_not_delivered(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake.outbox, "write", lambda alerts: 0)
    fake.run(24 * 60)
    assert fake.duty.last["missed"] == ["a", "b"]


def _alert(kind: str, severity: Severity, source: str = "smoke", **evidence: Any) -> Alert:
    return Alert(kind, kind, severity, source, "", "", 0, 0, AlertState.OPEN, 1, evidence)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_summary_names_what_is_to_be_looked_after(language: str) -> None:
    facts: dict[str, Any] = {
        k: v
        for k, v in group(
            [
                _alert("battery_low", Severity.TROUBLE),
                _alert("end_of_life", Severity.TROUBLE),
                _alert("fault", Severity.TROUBLE),
                _alert("channel_fault", Severity.TROUBLE, "channel:phone"),
                _alert("door_open", Severity.WARNING),
                _alert("smoke", Severity.INFO, "drill", test=True),
            ]
        ).items()
        if v
    }
    assert set(facts) == {"battery", "life", "fault", "troubles", "open"}
    facts["last_test"] = {"at": MIDNIGHT, "missed": ["phone"]}
    said = render(_alert("summary", Severity.INFO, "gateway", **facts), PLACE, language).body
    assert said.count("smoke") == 4
    assert "phone" in said
    assert len(said.splitlines()) == 6
    quiet = render(_alert("summary", Severity.INFO, "gateway"), PLACE, language).body
    assert len(quiet.splitlines()) == 2


@pytest.mark.parametrize("bad", [{"test_at": "25:00"}, {"summary_at": "soon"}, {"patience_s": 0}])
def test_wrong_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Settings(**bad)
