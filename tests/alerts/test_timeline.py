from __future__ import annotations

from alerts.book import AlertBook
from alerts.policy import Plan, Policy, Quiet, Step
from alerts.settings import BookSettings
from alerts.timeline import Rung, lines, rules, timeline
from core.model import SECOND, Severity
from tests.alerts.making import HOME, event

POLICY = Policy(
    (Plan((Step(0, ("speaker",), ask=True), Step(60, ("daughter",)), Step(300, ("grid",))), ("alarm",)),),
    quiet=Quiet(),
)
SETTINGS = BookSettings(policy=POLICY)
CHANNELS = ["log", "speaker", "daughter", "grid"]


def test_a_plan_as_people_read_it() -> None:
    said = lines(timeline(SETTINGS, "fall", Severity.ALARM, "wang", CHANNELS), "en")
    assert said == [
        "00:00 question at home: speaker, log",
        "01:00 daughter",
        "05:00 grid",
        "35:00 and again every 30 min: speaker, daughter, grid",
    ]
    assert lines(timeline(SETTINGS, "smoke", Severity.ALARM, "wang", CHANNELS), "zh-CN")[:2] == [
        "00:00 daughter,speaker,log", "04:00 grid",
    ]  # fmt: skip


def test_without_a_plan_everybody_again_and_again() -> None:
    rungs = timeline(SETTINGS, "door_open", Severity.WARNING, "", CHANNELS)
    assert [r.after_s for r in rungs] == [0, 900, 3600, 25_200]
    assert rungs[-1].every_s == 21_600
    assert timeline(SETTINGS, "clock_step", Severity.INFO, "", CHANNELS) == [Rung(0, tuple(CHANNELS))]


def test_the_timeline_is_what_the_book_does() -> None:
    for settings in (SETTINGS, BookSettings()):
        book = AlertBook(HOME, settings)
        book.apply([event(0, "fall")])
        rungs = timeline(settings, "fall", Severity.ALARM, "wang", CHANNELS)
        got = [
            a.changed / SECOND
            for a in book.advance(round(rungs[-1].after_s + rungs[-1].every_s) * SECOND + 1)
        ]
        assert got == [r.after_s for r in rungs[1:]] + [rungs[-1].after_s + rungs[-1].every_s]


def test_the_other_rules() -> None:
    assert rules(SETTINGS, "en") == [
        "From 22:00 to 07:00 troubles and notes wait until 07:00; alarms never do.",
        "A channel rings for the same cause at most every 10 min.",
        "A question at home is answered by a word, or by: a button, a door, movement (of movements 2); "
        "never asked for smoke, heat, gas, CO, water, calls for help.",
    ]
    assert rules(BookSettings(), "en") == []
