"""Ladders, quiet hours and the gate; and all of it together over a random life."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from alerts.book import AlertBook
from alerts.delivery import Delivery
from alerts.gate import NOW, Gate
from alerts.outbox import Outbox
from alerts.policy import Plan, Policy, Quiet, Step, asks, clock_time
from alerts.revision import rings
from alerts.route import Route
from alerts.settings import BookSettings
from core.clock import ManualClock, SystemClock
from core.localtime import LocalTime
from core.model import DAY, HOUR, MINUTE, SECOND, Alert, AlertState, Event, Phase, Severity
from tests.alerts.making import HOME, alert, event, key, s
from tests.alerts.test_delivery import Sink, pump
from tests.broker import wait_for

LADDER = Plan(
    steps=(
        Step(0, ("speaker",), ask=True),
        Step(60, ("daughter",)),
        Step(300, ("grid", "centre")),
    ),
    severities=("alarm", "warning"),
    repeat_s=1800,
)
TROUBLES = Plan(steps=(Step(0, ("daughter",)),), severities=("trouble", "info"))
POLICY = Policy((LADDER, TROUBLES), quiet=Quiet("22:00", "07:00"))
ALL = ("speaker", "daughter", "grid", "centre", "log")
MIDNIGHT = 20_000 * DAY - 8 * HOUR  # local midnight in Shanghai


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(tmp_path / "alerts.db")
    yield made
    made.close()


class Street:
    """A book, an outbox and a gated route for each of several people, by a hand-moved clock."""

    def __init__(self, outbox: Outbox, policy: Policy = POLICY, start: int = MIDNIGHT + 12 * HOUR) -> None:
        self.clock, self.outbox, self.policy = ManualClock(start), outbox, policy
        self.book = AlertBook(HOME, BookSettings(policy=policy))
        self.start = start
        self.sinks = {name: Sink() for name in ALL}
        self.at: dict[str, list[tuple[int, Alert]]] = {name: [] for name in ALL}
        self.routes = {}
        for name, sink in self.sinks.items():
            gate = Gate(name, policy, outbox, HOME, self.clock)
            sink.deliver = self._taker(name)  # type: ignore[method-assign]
            self.routes[name] = Route(name, sink, outbox, self.clock, gate=gate)
            outbox.register(name)

    def _taker(self, name: str) -> Callable[[Sequence[Alert]], Sequence[tuple[str, int]]]:
        def take(alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
            self.at[name] += [(self.clock.now(), a) for a in alerts]
            return [key(a) for a in alerts]

        return take

    def handle(self, alerts: list[Alert]) -> None:
        self.outbox.write(alerts)
        for route in self.routes.values():
            route.nudge()
            for _ in range(1000):
                due = route.step()
                if due is None or due > self.clock.now():
                    break

    def happen(self, *events: Event) -> list[Alert]:
        out = self.book.apply(events)
        self.handle(out)
        return out

    def run(self, seconds: int, every: int = 10) -> None:
        for _ in range(0, seconds, every):
            self.clock.advance(every * SECOND)
            self.handle(self.book.advance(self.clock.now()))

    def rung(self, name: str) -> list[int]:
        """When did it ring there, seconds after the start?"""
        return [(t - self.start) // SECOND for t, a in self.at[name] if rings(a)]

    def now(self, kind: str, phase: str = "onset", **evidence: Any) -> Event:
        return Event("d", kind, "s1", self.clock.now(), Phase(phase), evidence)


def test_ask_at_home_then_the_daughter_then_the_others_then_all_again(outbox: Outbox) -> None:
    street = Street(outbox)
    street.happen(street.now("fall"))
    street.run(4000)
    assert street.rung("speaker") == [0, 2110, 3910]
    assert street.rung("daughter") == [70, 2110, 3910]
    assert street.rung("grid") == street.rung("centre") == [310, 2110, 3910]
    assert len(street.at["log"]) == 5


def test_where_asking_would_cost_time_everybody_of_both_steps_is_told_at_once(outbox: Outbox) -> None:
    street = Street(outbox)
    street.happen(street.now("smoke"))
    street.run(400)
    assert street.rung("speaker") == street.rung("daughter") == [0]
    assert street.rung("grid") == [250]


def test_who_takes_it_stops_the_ladder_and_who_lets_go_goes_on_to_the_next(outbox: Outbox) -> None:
    street = Street(outbox)
    (a,) = street.happen(street.now("fall"))
    street.run(70)
    street.handle(street.book.answer(a.id, "take", "daughter", street.clock.now()))
    street.run(1000)
    assert street.rung("grid") == []
    street.handle(street.book.answer(a.id, "release", "daughter", street.clock.now()))
    assert len(street.rung("grid")) == len(street.rung("centre")) == 1
    told = [b.evidence["why"] for _, b in street.at["daughter"]]
    assert told == ["again", "acknowledged", "released"][:2]
    assert [b.evidence["why"] for _, b in street.at["speaker"]] == ["opened", "acknowledged"]


def test_whoever_was_told_hears_how_it_ended_and_nobody_else(outbox: Outbox) -> None:
    street = Street(outbox)
    street.happen(street.now("fall"))
    street.run(100)
    street.happen(street.now("fall", "clear"))
    ends = {name: [a.state for _, a in street.at[name]].count(AlertState.CLEARED) for name in ALL}
    assert ends == {"speaker": 1, "daughter": 1, "grid": 0, "centre": 0, "log": 1}


def test_one_call_for_one_cause_in_ten_minutes(outbox: Outbox) -> None:
    """A cause that comes and goes every two minutes makes a new alert each time, but rings seldom."""
    street = Street(outbox, Policy((Plan((Step(0, ("daughter",)),), repeat_s=120),)))
    for _ in range(30):
        street.happen(street.now("gas"))
        street.run(20)
        street.happen(street.now("gas", "clear"))
        street.run(100)
    rung = street.rung("daughter")
    assert all(b - a >= 600 for a, b in itertools.pairwise(rung))
    assert 5 <= len(rung) <= 6


def test_a_call_that_had_to_wait_is_made_when_the_time_is_over(outbox: Outbox) -> None:
    street = Street(outbox, Policy((Plan((Step(0, ("daughter",)),), repeat_s=100_000),)))
    street.happen(street.now("gas"))
    street.run(20)
    street.happen(street.now("gas", "clear"))
    street.run(100)
    street.happen(street.now("gas"))
    street.run(1000)
    assert street.rung("daughter") == [0, 600]


def test_worse_news_and_another_press_of_the_button_do_not_wait(outbox: Outbox) -> None:
    street = Street(outbox, Policy((Plan((Step(0, ("daughter",)),), repeat_s=100_000),)))
    street.happen(street.now("fall", stage="suspected"))
    street.run(20)
    street.happen(street.now("fall", "update", stage="confirmed"))
    assert street.rung("daughter") == [0, 20]
    (a,) = street.happen(street.now("sos"))
    street.handle(street.book.acknowledge(a.id, "x", street.clock.now()))
    street.run(60)
    street.happen(street.now("sos"))
    assert street.rung("daughter") == [0, 20, 20, 80]


def test_quiet_hours_hold_troubles_until_the_morning_and_never_an_alarm(outbox: Outbox) -> None:
    street = Street(outbox, start=MIDNIGHT + 23 * HOUR)
    street.happen(street.now("battery_low", battery_pct=9))
    street.happen(street.now("battery_low", "update", battery_pct=8))
    street.run(120)
    street.happen(street.now("smoke"))
    assert street.rung("daughter") == [120]
    street.run(8 * 3600, every=60)
    assert 8 * 3600 in street.rung("daughter")
    assert [a.kind for t, a in street.at["daughter"] if t == street.start + 8 * HOUR][:1] == ["battery_low"]
    assert len([a for _, a in street.at["log"] if a.kind == "battery_low"]) == 2  # a program does not sleep


def test_what_was_over_by_the_morning_is_not_told(outbox: Outbox) -> None:
    street = Street(outbox, start=MIDNIGHT + 23 * HOUR)
    street.happen(street.now("battery_low"))
    street.run(3600, every=60)
    street.happen(street.now("battery_low", "clear"))
    street.run(10 * 3600, every=60)
    assert street.at["daughter"] == []
    assert outbox.backlog("daughter") == 0


def test_quiet_hours_follow_the_clock_on_the_wall(outbox: Outbox) -> None:
    street = Street(outbox, start=MIDNIGHT + 12 * HOUR)
    street.clock.set_wall_offset(11 * HOUR)  # the wall says 23:00
    street.happen(street.now("battery_low"))
    assert street.at["daughter"] == []


def test_a_restart_neither_calls_twice_nor_forgets_who_was_told(outbox: Outbox) -> None:
    street = Street(outbox)
    street.happen(street.now("smoke"))
    again = Street(outbox)
    again.book = street.book
    again.clock.advance(30 * SECOND)
    again.happen(again.now("smoke", "clear"))
    assert [a.state for _, a in again.at["daughter"]] == [AlertState.CLEARED]
    again.clock.advance(120 * SECOND)
    again.happen(again.now("smoke"))
    assert again.rung("daughter") == []


def test_an_alert_without_a_plan_goes_to_everybody(outbox: Outbox) -> None:
    street = Street(outbox, Policy((Plan((Step(0, ("daughter",)),), kinds=("smoke",)),)))
    street.happen(street.now("gas"))
    assert all(len(seen) == 1 for seen in street.at.values())


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["fall", "smoke", "sos", "battery_low"]),
            st.sampled_from(["onset", "onset", "update", "clear", "acknowledge", "release", "resolved"]),
            st.sampled_from([None, "suspected", "confirmed"]),
            st.sampled_from([10, 50, 130, 700, 4000]),
        ),
        max_size=15,
    ),
    st.sampled_from([0, 6, 12, 23]),
)
def test_law_over_any_life(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[str, str, str | None, int]], hour: int
) -> None:
    outbox = Outbox(tmp_path_factory.mktemp("street") / "alerts.db")
    street = Street(outbox, start=MIDNIGHT + hour * HOUR)
    for kind, what, stage, pause in script:
        evidence = {"stage": stage} if stage and kind == "fall" else {}
        if what in ("onset", "update", "clear"):
            street.happen(street.now(kind, what, **evidence))
        else:
            for a in street.book.open_alerts():
                if a.kind == kind:
                    street.handle(street.book.answer(a.id, what, "x", street.clock.now()))
        street.run(pause, every=max(10, pause // 5))
    street.run(12 * 3600, every=1200)
    everything = {key(a): a for a in outbox.history(limit=100_000)}
    assert {key(a) for _, a in street.at["log"]} == set(everything)
    for name in ALL:
        assert outbox.backlog(name) == 0 or name == "daughter"
        last: dict[tuple[str, str], tuple[int, int]] = {}
        revisions: dict[str, int] = {}
        for t, a in street.at[name]:
            assert a.revision > revisions.get(a.id, 0)
            revisions[a.id] = a.revision
            if name == "log":
                continue
            if a.severity in (Severity.TROUBLE, Severity.INFO):
                assert 7 <= LocalTime(HOME.zone).hour(t) < 22
            if rings(a):
                before = last.get((a.kind, a.source))
                if before is not None and a.evidence["why"] not in ("called", "released"):
                    assert t - before[0] >= 600 * SECOND or a.severity.rank < before[1]
                last[a.kind, a.source] = (t, a.severity.rank)
    # Whoever stays unanswered for an hour has reached everybody on the ladder.
    for a in street.book.open_alerts():
        if a.severity is Severity.ALARM and a.state is AlertState.OPEN:
            for name in ("speaker", "daughter", "grid", "centre"):
                assert any(x.kind == a.kind and rings(x) for _, x in street.at[name]), name
    outbox.close()


def test_with_threads_an_alarm_does_not_wait_behind_what_is_held(outbox: Outbox) -> None:
    policy = Policy((Plan((Step(0, ("daughter",)),)),), quiet=Quiet("00:00", "23:59"))
    clock, sink = SystemClock(), Sink()
    route = Route("daughter", sink, outbox, clock, gate=Gate("daughter", policy, outbox, HOME, clock))
    delivery = Delivery(outbox, [route], clock, lambda e: None)
    delivery.start()
    outbox.write([alert(1, severity=Severity.TROUBLE, kind="battery_low")])
    delivery.wake()
    outbox.write([alert(2)])
    delivery.wake()
    wait_for(lambda: key(alert(2)) in sink.got)
    assert delivery.close()
    assert sink.got == [key(alert(2))]


def test_a_gate_without_storage_lets_alarms_through(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no folder")
    outbox, clock, sink = Outbox(tmp_path / "x" / "alerts.db"), ManualClock(MIDNIGHT + 12 * HOUR), Sink()
    route = Route("daughter", sink, outbox, clock, gate=Gate("daughter", POLICY, outbox, HOME, clock))
    route.push_live([alert(1), alert(2, kind="fall")])
    pump(route, clock)
    assert sink.got == [key(alert(1))]  # a fall is for the speaker first


def test_the_gate_answers(outbox: Outbox) -> None:
    clock = ManualClock(MIDNIGHT + 23 * HOUR)
    gate = Gate("daughter", POLICY, outbox, HOME, clock)
    assert gate.ask(alert(1), clock.now()) == NOW
    assert gate.ask(alert(1, kind="fall"), clock.now()) is None
    assert gate.ask(alert(1, severity=Severity.TROUBLE), clock.now()) == MIDNIGHT + 31 * HOUR
    assert gate.ask(alert(1, 2, evidence={"why": "news"}), clock.now()) is None


def test_asks() -> None:
    fall = alert(1, kind="fall")
    assert asks(POLICY, fall)
    assert not asks(POLICY, alert(1, kind="smoke"))
    assert not asks(POLICY, alert(1, kind="fall", evidence={"escalation": 1}))
    assert not asks(POLICY, alert(1, kind="fall", state=AlertState.CLEARED))


def test_quiet_hours_over_midnight_and_by_day() -> None:
    local = LocalTime("Asia/Shanghai")
    night, noon = Quiet("22:00", "07:00"), Quiet("12:00", "14:30")
    assert night.until(MIDNIGHT + 23 * HOUR, local) == MIDNIGHT + 31 * HOUR
    assert night.until(MIDNIGHT + 3 * HOUR, local) == MIDNIGHT + 7 * HOUR
    assert night.until(MIDNIGHT + 7 * HOUR, local) is None
    assert noon.until(MIDNIGHT + 13 * HOUR, local) == MIDNIGHT + 14 * HOUR + 30 * MINUTE
    assert noon.until(MIDNIGHT + 11 * HOUR, local) is None


@pytest.mark.parametrize("bad", ["25:00", "7", "7:5", "noon", "", "07:60", "-1:00", "٠٧:٠٠"])
def test_a_time_of_day(bad: str) -> None:
    with pytest.raises(ValueError, match="time of day"):
        clock_time(bad)


@pytest.mark.parametrize(
    ("policy", "word"),
    [
        ({"plans": [{"steps": []}]}, "needs steps"),
        ({"plans": [{"steps": [{"after_s": 5, "to": ["a"]}]}]}, "after_s: 0"),
        ({"plans": [{"steps": [{"after_s": 0, "to": ["a"]}, {"after_s": 0, "to": ["b"]}]}]}, "grow"),
        ({"plans": [{"steps": [{"after_s": 0, "to": []}]}]}, "name the channels"),
        ({"plans": [{"steps": [{"after_s": 0, "to": ["a"], "ask": True}]}]}, "tell nobody"),
        ({"plans": [{"steps": [{"after_s": 0, "to": ["a"]}], "repeat_s": 1}]}, "repeat_s"),
        ({"plans": [{"steps": [{"after_s": 0, "to": ["a"]}], "severities": ["red"]}]}, "alarm"),
        ({"quiet": {"start": "22", "stop": "7:00"}}, "time of day"),
        ({"quiet": {"from": "22:00"}}, "from"),
        ({"call_gap_s": -1}, "call_gap_s"),
        ({"plan": []}, "plan"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_in_words(policy: Any, word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        TypeAdapter(BookSettings).validate_python({"policy": policy})


def test_a_policy_from_the_configuration() -> None:
    made = TypeAdapter(BookSettings).validate_python({
        "policy": {
            "plans": [{"severities": ["alarm"], "steps": [
                {"after_s": 0, "to": ["speaker"], "ask": True}, {"after_s": 60, "to": ["daughter"]},
            ]}],
            "quiet": {"start": "21:30", "stop": "06:45"},
        }
    })  # fmt: skip
    assert made.policy is not None
    assert made.policy.channels() == {"speaker", "daughter"}
    book = AlertBook(HOME, made)
    book.apply([event(0, "fall")])
    assert [a.changed for a in book.advance(s(61))] == [s(60)]


def test_the_memory_of_a_gate_is_bounded_and_keeps_what_is_newest(outbox: Outbox) -> None:
    clock = ManualClock(MIDNIGHT + 12 * HOUR)
    gate = Gate("daughter", POLICY, outbox, HOME, clock)
    first = alert(1, source="again and again")
    gate.sent(first, clock.now())
    for n in range(2, 500):
        gate.sent(alert(n, source=f"s{n}"), clock.now())
    gate.sent(first, clock.now())
    for n in range(500, 600):
        gate.sent(alert(n, source=f"s{n}"), clock.now())
    kept = outbox.get_fact("gate:daughter")
    assert len(kept["told"]) == len(kept["calls"]) == 500
    over = alert(1, 2, state=AlertState.CLEARED, source="again and again", evidence={"why": "cleared"})
    assert gate.ask(over, clock.now()) == NOW
    assert gate.ask(first, clock.now()) == clock.now() + 600 * SECOND
    old = alert(2, 2, state=AlertState.CLEARED, source="s2", evidence={"why": "cleared"})
    assert gate.ask(old, clock.now()) is None


def test_what_a_detector_only_asks_goes_to_the_speaker_even_at_night_and_no_further(outbox: Outbox) -> None:
    street = Street(outbox, start=MIDNIGHT + 2 * HOUR)
    street.happen(street.now("inactivity", stage="question"))
    street.run(3600)
    assert street.rung("speaker") == [0]
    assert street.rung("daughter") == street.rung("grid") == []
    street.happen(street.now("inactivity", "update", stage="warning"))
    street.run(120)
    assert street.rung("daughter") == [3670]


def test_an_empty_room_is_not_asked(outbox: Outbox) -> None:
    street = Street(outbox)
    street.happen(street.now("not_back", stage="warning"))
    street.run(100)
    assert street.rung("speaker") == []
    assert street.rung("daughter") == [0]


def test_who_is_fine_is_asked_again_only_when_it_gets_worse(outbox: Outbox) -> None:
    street = Street(outbox)
    (a,) = street.happen(street.now("inactivity", stage="warning"))
    street.handle(street.book.answer(a.id, "all_right", "home", street.clock.now()))
    street.run(4 * 3600, every=60)
    assert street.rung("speaker") == [0]
    assert street.rung("daughter") == []
    street.happen(street.now("inactivity", "update", stage="alarm"))
    assert len(street.rung("speaker")) == 2


def test_where_somebody_was_last_seen_is_the_room_of_the_alert(outbox: Outbox) -> None:
    street = Street(outbox)
    (a,) = street.book.apply([Event("d", "inactivity", "wang", street.start, Phase.ONSET, {"room": "bath"})])
    assert a.room == "bath"
    (b,) = street.book.apply([Event("d", "fall", "s1", street.start, Phase.ONSET, {"room": "bath"})])
    assert b.room == "kitchen", "a sensor knows better"
