"""Laws of the book, and its rules by example."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.answers import ANSWERS
from alerts.book import AlertBook
from alerts.revision import rings
from alerts.settings import BookSettings
from alerts.severity import RULES
from core.model import DAY, Alert, AlertState, Event, Phase, Severity
from tests.alerts.making import HOME, event, key, s

PAUSES = (0, 0, 1, 5, 11, 30, 59, 60, 61, 120, 301, 901, 3600, 50_000)
KINDS = ("smoke", "fall", "inactivity", "sos", "battery_low", "gap", "brand new")

evidences = st.fixed_dictionaries(
    {},
    optional={
        "stage": st.sampled_from(["suspected", "confirmed", "question", "warning", "alarm", "degraded"]),
        "weak": st.just(True),
        "found_at_connect": st.just(True),
        "test": st.just(True),
        "co_ppm": st.integers(0, 3),
    },
)
steps = st.lists(
    st.tuples(
        st.sampled_from(PAUSES),
        st.sampled_from(
            ["onset", "onset", "onset", "update", "update", "clear", "clear", "acknowledge", *ANSWERS]
        ),
        st.sampled_from(KINDS),
        st.sampled_from(["s1", "s2"]),
        st.sampled_from(["d1", "d2"]),
        evidences,
        st.sampled_from([0, 0, 0, 3, 70]),  # how much earlier it became true than it was known
    ),
    max_size=30,
)
Step = tuple[int, str, str, str, str, dict[str, Any], int]


def run(
    script: list[Step], cuts: set[int], nudges: set[int], restore_at: set[int] = frozenset()
) -> list[Alert]:
    """Play a script; between two cuts events go in together, without ``advance`` in between."""
    book = AlertBook(HOME)
    out: list[Alert] = []
    opened: list[str] = []
    waiting: list[Event] = []
    t = 1_000_000

    def flush() -> None:
        new = book.apply(waiting)
        waiting.clear()
        out.extend(new)
        opened.extend(a.id for a in new if a.id not in opened)

    for i, (pause, what, kind, source, detector, evidence, early) in enumerate(script):
        t += pause
        if i in cuts:
            flush()
            out.extend(book.advance(s(t)))
        if i in nudges and pause:
            flush()
            out.extend(book.advance(s(t - pause / 2)))
        if i in restore_at:
            flush()
            state = json.loads(json.dumps(book.snapshot(), allow_nan=False))
            book = AlertBook(HOME)
            book.restore(state)
        if what in ANSWERS:
            flush()
            # Whom to acknowledge must not depend on the cut: the open alert of this cause, if any.
            found = [a for a in book.open_alerts() if (a.kind, a.source) == (kind, source)]
            for a in found:
                out.extend(book.answer(a.id, what, "somebody", s(t), "cooking"))
        else:
            waiting.append(
                Event(detector, kind, source, s(t - early), Phase(what), evidence, s(t) if early else None)
            )
    flush()
    out.extend(book.advance(s(t + 8 * 86_400)))
    return out


def facts(alerts: list[Alert]) -> list[str]:
    """Revisions in a canonical order, as text."""
    ordered = sorted(alerts, key=lambda a: (a.changed, a.id, a.revision))
    return [
        f"{a.changed} {a.id} {a.revision} {a.state} {a.severity} {sorted(a.evidence.items(), key=str)}"
        for a in ordered
    ]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(steps, st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_law_revisions_do_not_depend_on_the_cut(script: list[Step], cuts: set[int], nudges: set[int]) -> None:
    whole = run(script, set(range(len(script))), set())
    assert facts(run(script, cuts, nudges)) == facts(whole)


@settings(max_examples=80)
@given(steps, st.sets(st.integers(0, 30), min_size=1))
def test_law_snapshot_json_restore_changes_nothing(script: list[Step], where: set[int]) -> None:
    everywhere = set(range(len(script)))
    assert facts(run(script, everywhere, set(), where)) == facts(run(script, everywhere, set()))


@settings(max_examples=150)
@given(steps)
def test_law_revisions_count_up_times_never_go_back_ids_are_unique(script: list[Step]) -> None:
    out = run(script, set(range(len(script))), set())
    seen: dict[str, Alert] = {}
    for a in sorted(out, key=lambda a: (a.id, a.revision)):
        before = seen.get(a.id)
        assert a.revision == (before.revision + 1 if before else 1)
        if before:
            assert a.changed >= before.changed
            assert (a.kind, a.source, a.opened) == (before.kind, before.source, before.opened)
        assert a.opened <= a.changed
        seen[a.id] = a
    assert len({(a.kind, a.source, a.opened) for a in seen.values()}) == len(seen)


@settings(max_examples=150)
@given(steps)
def test_law_what_was_acknowledged_rings_again_only_if_worse_or_called_again(script: list[Step]) -> None:
    acknowledged: dict[str, int] = {}
    for a in sorted(run(script, set(range(len(script))), set()), key=lambda a: (a.id, a.revision)):
        if a.evidence["why"] == "acknowledged" or a.evidence.get("closed") in ("resolved", "false_alarm"):
            acknowledged.setdefault(a.id, a.severity.rank)
        elif a.state is AlertState.OPEN and a.id in acknowledged:
            why = a.evidence["why"]
            assert why in ("called", "released") or (why == "worse" and a.severity.rank < acknowledged[a.id])
            del acknowledged[a.id]


@settings(max_examples=60)
@given(steps)
def test_law_events_given_twice_change_nothing_more(script: list[Step]) -> None:
    """At-least-once delivery in front of the book: the same event again at the same instant."""
    once, twice = AlertBook(HOME), AlertBook(HOME)
    t = 0
    for pause, what, kind, source, detector, evidence, _ in script:
        t += pause
        if what in ANSWERS:
            continue
        e = Event(detector, kind, source, s(t), Phase(what), evidence)
        first = once.apply([e])
        assert facts(twice.apply([e]) + twice.apply([e])) == facts(first)


@given(st.lists(st.sampled_from(["onset", "clear"]), min_size=1, max_size=400), st.integers(1, 500))
def test_law_a_flapping_sensor_gives_few_revisions(phases: list[str], gap_ms: int) -> None:
    book = AlertBook(HOME)
    out: list[Alert] = []
    for i, phase in enumerate(phases):
        out += book.apply([event(i * gap_ms / 1000, phase=phase)])
    lasted_s = len(phases) * gap_ms / 1000
    assert len(out) <= 10 + 3 * (lasted_s / 60 + 1)


def test_memory_is_bounded_over_years() -> None:
    book = AlertBook(HOME, BookSettings(keep_closed=50))
    for i in range(2000):
        t = i * 7200
        book.apply([event(t, source=f"x{i}"), event(t + 10, phase="clear", source=f"x{i}")])
        book.advance(s(t + 7000))
    state = book.snapshot()
    assert len(state["causes"]) <= 50
    assert len(book._by_id) <= 2 * 50 + 64 + 2


def test_one_event_opens_one_alert_with_room_and_resident() -> None:
    book = AlertBook(HOME)
    (a,) = book.apply([event(5, co_ppm=3.0)])
    assert (a.kind, a.source, a.room, a.resident, a.revision) == ("smoke", "s1", "kitchen", "wang", 1)
    assert (a.state, a.severity, a.opened, a.changed) == (AlertState.OPEN, Severity.ALARM, s(5), s(5))
    assert a.evidence == {"co_ppm": 3.0, "why": "opened", "detector": "d"}
    assert rings(a)


def test_opened_is_when_it_became_true_changed_when_it_could_be_known() -> None:
    book = AlertBook(HOME)
    (a,) = book.apply([event(5, known=8)])
    assert (a.opened, a.changed) == (s(5), s(8))
    assert book.advance(s(67.9)) == []  # the ladder counts from when it could ring
    assert [b.changed for b in book.advance(s(69))] == [s(68)]


def test_an_unanswered_alarm_is_raised_again_step_by_step() -> None:
    book = AlertBook(HOME)
    book.apply([event(0)])
    again = book.advance(s(1900))
    assert [a.changed for a in again] == [s(60), s(180), s(600), s(1800)]
    assert [a.evidence["escalation"] for a in again] == [1, 2, 3, 4]
    assert all(rings(a) for a in again)


def test_a_deadline_is_cancelled_by_data_of_the_same_instant() -> None:
    book = AlertBook(HOME)
    book.apply([event(0)])
    assert book.advance(s(60)) == []
    (cleared,) = book.apply([event(60, phase="clear")])
    assert cleared.state is AlertState.CLEARED
    assert cleared.revision == 2


def test_an_acknowledged_alert_is_quiet_until_it_gets_worse() -> None:
    book = AlertBook(HOME)
    (a,) = book.apply([event(0, "fall", stage="suspected")])
    (b,) = book.acknowledge(a.id, "daughter", s(10))
    assert (b.state, b.evidence["acknowledged_by"], b.evidence["acknowledged_at"]) == (
        AlertState.ACKNOWLEDGED, "daughter", s(10),
    )  # fmt: skip
    assert book.acknowledge(a.id, "son", s(11)) == []
    assert book.advance(s(86_000)) == []
    (c,) = book.apply([event(86_000, "fall", "update", stage="confirmed")])
    assert c.state is AlertState.OPEN
    assert rings(c)
    assert len(book.advance(s(86_061))) == 1


def test_acknowledging_what_is_unknown_or_over_changes_nothing() -> None:
    book = AlertBook(HOME)
    assert book.acknowledge("nonsense", "x", s(1)) == []
    (a,) = book.apply([event(0)])
    book.apply([event(5, phase="clear")])
    assert book.acknowledge(a.id, "x", s(6)) == []


def test_found_at_connect_is_a_warning_until_seen_live_and_then_rings() -> None:
    book = AlertBook(HOME)
    (a,) = book.apply([event(0, found_at_connect=True)])
    assert a.severity is Severity.WARNING
    assert book.apply([event(1, phase="onset", found_at_connect=True)]) == []
    (b,) = book.apply([event(2, phase="update")])
    assert (b.id, b.severity, b.evidence["why"]) == (a.id, Severity.ALARM, "worse")
    assert "found_at_connect" not in b.evidence
    assert book.apply([event(3, phase="update", found_at_connect=True)]) == []


def test_a_drill_does_not_hide_the_real_thing_nor_end_it() -> None:
    book = AlertBook(HOME)
    (a,) = book.apply([event(0, test=True)])
    assert a.severity is Severity.INFO
    over, b = sorted(book.apply([event(1)]), key=lambda x: x.opened)
    assert (over.id, over.state) == (a.id, AlertState.CLEARED)
    assert (b.severity, b.opened, rings(b)) == (Severity.ALARM, s(1), True)
    assert book.apply([event(2, phase="clear", test=True)]) == []
    assert book.apply([event(3, phase="update", test=True)]) == []
    assert [x.severity for x in book.open_alerts()] == [Severity.ALARM]


def test_a_drill_that_nobody_ends_ends_by_itself() -> None:
    book = AlertBook(HOME)
    book.apply([event(0, test=True)])
    (over,) = book.advance(s(1000))
    assert (over.state, over.changed, over.evidence["closed"]) == (AlertState.CLEARED, s(900), "passed")


def test_a_call_button_is_never_cleared_by_a_detector_and_rings_again_when_pressed_again() -> None:
    book = AlertBook(HOME)
    (a,) = book.apply([event(0, "sos")])
    assert book.apply([event(1, "sos", "clear")]) == []
    assert book.apply([event(2, "sos")]) == []  # the same press, heard twice
    book.acknowledge(a.id, "centre", s(20))
    (again,) = book.apply([event(40, "sos")])
    assert (again.state, again.evidence["calls"], rings(again)) == (AlertState.OPEN, 2, True)
    book.acknowledge(a.id, "centre", s(50))
    (closed,) = book.advance(s(50 + 43_200 + 1))
    assert (closed.state, closed.evidence["closed"]) == (AlertState.CLEARED, "settled")


def test_an_unanswered_call_stays_open_for_ever() -> None:
    book = AlertBook(HOME)
    book.apply([event(0, "sos")])
    book.advance(30 * DAY)
    assert [a.kind for a in book.open_alerts()] == ["sos"]


def test_two_detectors_hold_a_cause_until_both_let_go() -> None:
    book = AlertBook(HOME)
    book.apply([event(0, detector="a"), event(1, detector="b")])
    assert book.apply([event(2, phase="clear", detector="a")]) == []
    (c,) = book.apply([event(3, phase="clear", detector="b")])
    assert c.state is AlertState.CLEARED


def test_soon_again_is_the_same_alert_and_stays_acknowledged_later_is_a_new_one() -> None:
    book = AlertBook(HOME)
    (a,) = book.apply([event(0)])
    book.acknowledge(a.id, "x", s(1))
    book.apply([event(10, phase="clear")])
    (b,) = book.apply([event(70)])
    assert (b.id, b.state, b.evidence["reopened"], rings(b)) == (a.id, AlertState.ACKNOWLEDGED, 1, False)
    book.apply([event(80, phase="clear")])
    (c,) = book.apply([event(141)])
    assert (c.id != a.id, c.revision, c.state) == (True, 1, AlertState.OPEN)


def test_escalation_goes_on_through_short_clears() -> None:
    book = AlertBook(HOME)
    told: list[Alert] = []
    for i in range(20):
        told += book.apply([event(i * 20), event(i * 20 + 5, phase="clear")])
        told += book.advance(s(i * 20 + 19))
    assert max(a.evidence.get("escalation", 0) for a in told) >= 2


def test_mere_numbers_are_told_at_most_once_a_minute_and_never_forgotten() -> None:
    book = AlertBook(HOME, BookSettings(alarm_again_s=(1000.0,)))
    out = book.apply([event(0, "co", co_ppm=0)])
    for i in range(1, 100):
        out += book.apply([event(i, "co", "update", co_ppm=i)])
    out += book.advance(s(300))
    assert [a.evidence["co_ppm"] for a in out] == [0, 60, 99]
    assert [a.changed for a in out] == [0, s(60), s(120)]


def test_a_trouble_comes_back_every_week_even_acknowledged_and_is_never_an_alarm() -> None:
    book = AlertBook(HOME)
    (a,) = book.apply([event(0, "battery_low", battery_pct=9)])
    book.acknowledge(a.id, "son", s(60))
    out = book.advance(22 * DAY)
    assert [(b.severity, b.state, b.evidence["reminder"]) for b in out] == [
        (Severity.TROUBLE, AlertState.ACKNOWLEDGED, n) for n in (1, 2, 3)
    ]
    assert not any(rings(b) for b in out)


def test_a_fact_of_an_instant_closes_by_itself() -> None:
    book = AlertBook(HOME)
    book.apply([event(0, "gap"), event(100, "gap")])
    (closed,) = [a for a in book.advance(s(2000)) if a.state is AlertState.CLEARED]
    assert (closed.changed, closed.evidence["closed"], closed.evidence["calls"]) == (s(1000), "passed", 2)


def test_an_update_without_an_open_alert_opens_one_but_not_if_it_is_older_than_the_clear() -> None:
    book = AlertBook(HOME)
    assert [a.state for a in book.apply([event(0, phase="update")])] == [AlertState.OPEN]
    book.apply([event(100, phase="clear")])
    assert book.apply([event(50, phase="update")]) == []
    assert len(book.apply([event(500, phase="update")])) == 1


def test_late_events_never_make_a_revision_go_back_in_time() -> None:
    book = AlertBook(HOME)
    out = book.apply([event(100, "fall", stage="suspected")])
    out += book.apply([event(40, "fall", "update", stage="confirmed")])
    out += book.apply([event(30, "fall", "clear")])
    assert [a.changed for a in out] == [s(100)] * 3
    assert [a.revision for a in out] == [1, 2, 3]


def test_evidence_is_bounded_and_becomes_plain_json() -> None:
    import numpy as np

    nasty = {"nan": float("nan"), "np": np.float64(2.5), "arr": np.arange(3), "text": "x" * 9999, "why": "me"}
    book = AlertBook(HOME)
    (a,) = book.apply(
        [Event("d", "smoke", "s1", 0, Phase.ONSET, {**nasty, **{str(i): i for i in range(500)}})]
    )
    text = json.dumps(dict(a.evidence), allow_nan=False)
    assert len(text) < 5000
    assert a.evidence["nan"] is None
    assert (a.evidence["np"], a.evidence["arr"]) == (2.5, [0, 1, 2])
    assert a.evidence["why"] == "opened"


def test_after_a_crash_the_outbox_knows_more_and_the_book_goes_on_from_it() -> None:
    before = AlertBook(HOME)
    (a,) = before.apply([event(0)])
    (b,) = before.acknowledge(a.id, "x", s(5))
    after = AlertBook(HOME)
    assert after.adopt(b)
    assert not after.adopt(a)
    after.resume(s(1000))
    assert after.apply([event(1000)]) == []  # the packet came again: no second alert
    (c,) = after.apply([event(1010, phase="clear")])
    assert (c.id, c.revision, c.state) == (a.id, 3, AlertState.CLEARED)


def test_deadlines_missed_while_nobody_ran_fire_once() -> None:
    before = AlertBook(HOME)
    before.apply([event(0)])
    after = AlertBook(HOME)
    after.restore(before.snapshot())
    after.resume(3 * DAY)
    assert [a.changed for a in after.advance(3 * DAY + 1)] == [3 * DAY]


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"version": 1, "home": "other", "causes": []},
        {"version": 99, "home": "h", "causes": []},
        {"version": 1, "home": "h", "causes": [{"kind": "smoke"}]},
        {"version": 1, "home": "h", "causes": 5},
        {"version": 1, "home": "h", "causes": [None]},
    ],
)
def test_a_foreign_or_damaged_snapshot_is_refused_and_changes_nothing(state: Any) -> None:
    book = AlertBook(HOME)
    book.apply([event(0)])
    kept = book.snapshot()
    with pytest.raises(ValueError):
        book.restore(state)
    assert book.snapshot() == kept


def test_open_alerts_worst_first() -> None:
    book = AlertBook(HOME)
    book.apply([event(0, "battery_low"), event(1, "door_open"), event(2, "smoke"), event(3, "gas")])
    assert [a.kind for a in book.open_alerts()] == ["smoke", "gas", "door_open", "battery_low"]


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ({"alarm_again_s": (60.0, 60.0)}, "alarm_again_s"),
        ({"trouble_repeat_s": 1.0}, "trouble_repeat_s"),
        ({"news_s": -1.0}, "news_s"),
        ({"linger_s": 0.0}, "linger_s"),
        ({"forget_s": 10.0}, "forget_s"),
        ({"keep_closed": 0}, "keep_closed"),
    ],
)
def test_impossible_settings_are_refused_by_name(bad: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        BookSettings(**bad)


def test_every_kind_can_be_opened_and_ends_somehow() -> None:
    for kind in RULES:
        book = AlertBook(HOME)
        (a,) = book.apply([event(0, kind)])
        book.acknowledge(a.id, "x", s(1))
        book.apply([event(100, kind, "clear")])
        book.advance(2 * DAY)
        assert book.open_alerts() == [], kind
        assert key(a)[1] == 1


def test_who_takes_it_who_comes_who_is_there_and_how_it_ended() -> None:
    book = AlertBook(HOME)
    (a,) = book.apply([event(0, "fall")])
    out = []
    for t, word in ((5, "take"), (9, "take"), (60, "on_the_way"), (600, "arrived"), (900, "resolved")):
        out += book.answer(a.id, word, "grid worker", s(t))
    assert [b.evidence["why"] for b in out] == ["acknowledged", "answered", "answered", "cleared"]
    assert [x["word"] for x in out[-1].evidence["answers"]] == ["take", "on_the_way", "arrived", "resolved"]
    assert [x["at"] for x in out[-1].evidence["answers"]] == [s(5), s(60), s(600), s(900)]
    assert (out[-1].state, out[-1].evidence["closed"]) == (AlertState.CLEARED, "resolved")
    assert book.answer(a.id, "arrived", "x", s(901)) == []
    assert book.answer(a.id, "nonsense", "x", s(901)) == []


def test_who_lets_go_makes_it_ring_on_with_the_next_step() -> None:
    book = AlertBook(HOME)
    (a,) = book.apply([event(0)])
    (again,) = book.advance(s(61))
    assert again.evidence["escalation"] == 1
    book.answer(a.id, "take", "daughter", s(70))
    assert book.answer(a.id, "release", "daughter", s(80))[0].evidence["escalation"] == 2
    assert book.answer(a.id, "release", "daughter", s(81)) == []
    assert [x.state for x in book.open_alerts()] == [AlertState.OPEN]


def test_settled_by_a_person_it_stays_settled_unless_it_gets_worse() -> None:
    book = AlertBook(HOME)
    (a,) = book.apply([event(0, "inactivity", stage="warning")])
    (b,) = book.answer(a.id, "false_alarm", "son", s(10), "asleep")
    assert b.evidence["answers"][-1] == {"word": "false_alarm", "by": "son", "at": s(10), "cause": "asleep"}
    assert book.apply([event(4000, "inactivity", "update", stage="warning")]) == []
    (c,) = book.apply([event(8000, "inactivity", "update", stage="alarm")])
    assert (c.id != a.id, c.state, rings(c)) == (True, AlertState.OPEN, True)


def test_a_false_alarm_can_be_named_after_it_is_over() -> None:
    book = AlertBook(HOME)
    (a,) = book.apply([event(0)])
    book.apply([event(10, phase="clear")])
    (b,) = book.answer(a.id, "false_alarm", "son", s(100), "toast")
    assert (b.state, b.evidence["closed"], b.revision) == (AlertState.CLEARED, "false_alarm", 3)
    assert book.answer(a.id, "false_alarm", "son", s(101), "toast") == []


def test_numbers_of_the_clear_are_kept_its_stage_is_not() -> None:
    book = AlertBook(HOME)
    book.apply([event(0, "fall", stage="confirmed")])
    assert book.apply([event(20, "fall", "clear", duration_s=20.0, test=True)]) == []  # the end of a drill
    (over,) = book.apply([event(25, "fall", "clear", stage="recovered", duration_s=25.0)])
    assert (over.evidence["duration_s"], over.evidence["stage"]) == (25.0, "confirmed")


def test_presses_just_within_the_time_are_one_call() -> None:
    book = AlertBook(HOME)
    (a,) = book.apply([event(0, "sos")])
    book.acknowledge(a.id, "x", s(1))
    assert book.apply([event(10, "sos")]) == []
    assert len(book.apply([event(20.5, "sos")])) == 1


def test_what_was_acknowledged_as_an_alarm_stays_quiet_as_one_after_it_was_settled() -> None:
    book = AlertBook(HOME, BookSettings(news_s=0.0))
    (a,) = book.apply([event(0, "gas", stage="alarm")])
    book.acknowledge(a.id, "x", s(1))
    (better,) = book.apply([event(2, "gas", "update", stage="warning")])
    assert (better.severity, better.evidence["why"]) == (Severity.WARNING, "better")
    book.answer(a.id, "resolved", "x", s(3))
    (again,) = book.apply([event(5, "gas", stage="alarm")])
    assert (again.id, again.state) == (a.id, AlertState.ACKNOWLEDGED)


def test_a_step_missed_while_it_was_clear_is_taken_when_it_returns_not_before() -> None:
    book = AlertBook(HOME)
    book.apply([event(0), event(50, phase="clear")])
    assert book.advance(s(99)) == []
    (back,) = book.apply([event(100)])
    assert (back.evidence["why"], back.changed) == ("reopened", s(100))
    (again,) = book.advance(s(101))
    assert (again.changed, again.evidence["escalation"]) == (s(100), 1)


def test_what_was_adopted_goes_on_ringing_or_settling_as_before() -> None:
    before = AlertBook(HOME)
    (smoke,) = before.apply([event(0, "smoke")])
    (call,) = before.apply([event(0, "sos", source="s2")])
    before.acknowledge(call.id, "x", s(10))
    alive = {a.kind: a for a in before.open_alerts()}
    after = AlertBook(HOME)
    for a in alive.values():
        after.adopt(a)
    assert [(a.kind, a.changed, a.evidence["escalation"]) for a in after.advance(s(61))] == [
        ("smoke", s(60), 1)
    ]
    (settled,) = [a for a in after.advance(s(10 + 43_200 + 1)) if a.kind == "sos"]
    assert settled.state is AlertState.CLEARED
    assert smoke.id in {a.id for a in after.open_alerts()}
    unanswered = AlertBook(HOME)
    (call,) = unanswered.apply([event(0, "sos")])
    again = AlertBook(HOME)
    again.adopt(call)
    again.advance(3 * DAY)
    assert [a.state for a in again.open_alerts()] == [AlertState.OPEN]
    passing = AlertBook(HOME)
    (gap,) = passing.apply([event(0, "gap")])
    other = AlertBook(HOME)
    other.adopt(gap)
    assert [a.state for a in other.advance(s(901))] == [AlertState.CLEARED]


def test_quietly_reopened_it_remembers_how_bad_it_was_when_acknowledged() -> None:
    book = AlertBook(HOME, BookSettings(news_s=0.0))
    (a,) = book.apply([event(0, "gas", stage="alarm")])
    book.acknowledge(a.id, "x", s(1))
    book.apply([event(2, "gas", "update", stage="warning"), event(3, "gas", "clear")])
    (back,) = book.apply([event(5, "gas", stage="warning")])
    assert back.state is AlertState.ACKNOWLEDGED
    (worse,) = book.apply([event(6, "gas", "update", stage="alarm")])
    assert (worse.id, worse.state, rings(worse)) == (a.id, AlertState.ACKNOWLEDGED, False)


def test_what_returns_worse_rings_even_if_it_returns_soon() -> None:
    book = AlertBook(HOME)
    book.apply([event(0, "gas", stage="warning"), event(5, "gas", "clear")])
    (back,) = book.apply([event(10, "gas", stage="alarm")])
    assert (back.evidence["why"], rings(back), back.evidence["reopened"]) == ("worse", True, 1)
    book.apply([event(15, "gas", "clear")])
    (same,) = book.apply([event(20, "gas", stage="alarm")])
    assert (same.evidence["why"], rings(same)) == ("reopened", False)


def test_a_doubtful_event_does_not_soften_what_is_sure() -> None:
    book = AlertBook(HOME, BookSettings(news_s=0.0))
    book.apply([event(0, "fall", stage="confirmed")])
    assert book.apply([event(1, "fall", "update", stage="suspected", weak=True)]) == []
    (more,) = book.apply([event(2, "fall", "update", stage="suspected", weak=True, snr=3)])
    assert (more.severity, more.evidence["stage"], more.evidence["snr"]) == (Severity.ALARM, "confirmed", 3)
    book.apply([event(3, "inactivity", stage="question")])
    (raised,) = book.apply([event(4, "inactivity", "update", stage="alarm", weak=True)])
    assert (raised.severity, raised.evidence["stage"]) == (Severity.WARNING, "alarm")
