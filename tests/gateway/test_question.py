"""Is the question at home answered by what shows that somebody is all right, and by nothing else?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.book import AlertBook
from alerts.policy import Plan, Policy, Question, Step, waits_for_answer
from alerts.revision import to_json
from alerts.settings import BookSettings
from core.model import (
    MINUTE,
    SECOND,
    Alert,
    AlertState,
    Block,
    Event,
    Flag,
    Home,
    Packet,
    Phase,
    Reading,
    Resident,
    Room,
    Sensor,
)
from core.quantity import Quantity as Q
from gateway.commands import command_topic, parse_command
from gateway.lane import Command, Lane
from gateway.pipeline import group
from gateway.question import Signs

LADDER = Plan((Step(0, ("speaker",), ask=True), Step(60, ("daughter",))), repeat_s=1800)
POLICY = Policy((LADDER,))


def home(residents: int = 1) -> Home:
    def sensor(name: str, room: str, kind: str) -> Sensor:
        return Sensor(name, "zigbee2mqtt", "broker", room, kind)

    return Home(
        "h",
        residents=tuple(Resident(f"r{i}") for i in range(residents)),
        rooms={r: Room(r, r) for r in ("hall", "bathroom", "kitchen")},
        sensors={
            "front": sensor("front", "hall", "door"),
            "fridge": sensor("fridge", "kitchen", "contact"),
            "eye_kitchen": sensor("eye_kitchen", "kitchen", "motion"),
            "eye_bath": sensor("eye_bath", "bathroom", "motion"),
            "button": sensor("button", "bathroom", "button"),
            "radar": sensor("radar", "bathroom", "fall"),
        },
    )


def lane(residents: int = 1, policy: Policy = POLICY) -> Lane:
    place = home(residents)
    return Lane("patient", (), AlertBook(place, BookSettings(policy=policy)), Signs(place, policy))


def found(kind: str = "fall", source: str = "radar", t: int = 10, **evidence: Any) -> Event:
    return Event("d", kind, source, t * SECOND, Phase.ONSET, evidence)


def moved(source: str, *times: int, quantity: Q = Q.MOTION, flags: int = 0) -> list[Reading]:
    """Off, then on at each time: that many movements."""
    out = [Reading(source, quantity, 1, 0.0)]
    for t in times:
        out += [
            Reading(source, quantity, t * SECOND - 1, 0.0),
            Reading(source, quantity, t * SECOND, 1.0, flags),
        ]
    return out


def states(one: Lane, event: Event, readings: list[Reading], upto: int = 50) -> list[Alert]:
    one.later.append(event)
    return one.run(group(sorted(readings, key=lambda r: r.t)), upto * SECOND)


def answered(alerts: list[Alert]) -> bool:
    return alerts[-1].state is AlertState.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("kind", "source", "readings", "well"),
    [
        ("fall", "radar", moved("eye_kitchen", 20, 25), True),
        ("fall", "radar", moved("eye_kitchen", 20), False),  # one may be a curtain
        ("fall", "radar", moved("eye_kitchen", 5, 8), False),  # before the fall
        ("fall", "radar", moved("eye_bath", 20, 25, 30), False),  # who lies there moves there
        ("fall", "radar", moved("fridge", 20, quantity=Q.CONTACT_OPEN), True),
        ("fall", "radar", moved("front", 20, quantity=Q.CONTACT_OPEN), False),  # somebody may have come
        ("fall", "radar", moved("eye_kitchen", 20, 25, flags=Flag.RETAINED), False),
        ("inactivity", "radar", moved("eye_bath", 20, 25), True),
        ("inactivity", "radar", moved("front", 20, quantity=Q.CONTACT_OPEN), True),
        ("door_open", "front", moved("eye_kitchen", 20, 25, 30), False),
    ],
)
def test_which_signs_answer_what(kind: str, source: str, readings: list[Reading], well: bool) -> None:
    assert answered(states(lane(), found(kind, source), readings)) is well


def test_a_button_answers_everything_even_with_two_residents() -> None:
    press = [Reading("button", Q.BUTTON, 20 * SECOND, "single")]
    for kind in ("fall", "inactivity", "door_open", "bed_absence"):
        assert answered(states(lane(2), found(kind, "radar"), press))
    assert not answered(states(lane(2), found("inactivity", "radar"), moved("eye_kitchen", 20, 25)))


def test_what_is_not_a_question_is_not_answered() -> None:
    """Smoke is never asked about, and once somebody outside was told only people answer."""
    press = [Reading("button", Q.BUTTON, 20 * SECOND, "single")]
    assert not answered(states(lane(), found("smoke"), press))
    late = [Reading("button", Q.BUTTON, 100 * SECOND, "single")]
    assert not answered(states(lane(), found(), late, upto=200))


def test_the_settings_name_the_signs_that_count() -> None:
    policy = Policy((LADDER,), question=Question(answered_by=("button",)))
    assert not answered(states(lane(policy=policy), found(), moved("eye_kitchen", 20, 25)))
    policy = Policy((LADDER,), question=Question(movements=1))
    assert answered(states(lane(policy=policy), found(), moved("eye_kitchen", 20)))


def test_who_answers_no_is_helped_at_once() -> None:
    one = lane()
    (asked,) = states(one, found(), [], upto=20)
    assert waits_for_answer(POLICY, asked)
    said = json.dumps({"answer": asked.id, "word": "help", "by": "home"}).encode()
    command = parse_command(Packet("broker", command_topic("h"), 25 * SECOND, said))
    assert command is not None
    one.command(command)
    (told,) = one.run((), 30 * SECOND)
    assert told.evidence["why"] == "called"
    assert POLICY.told_at(told, "daughter")
    assert not waits_for_answer(POLICY, told)


def test_a_drill_climbs_the_same_ladder_marked_as_a_test() -> None:
    one = lane()
    said = b'{"drill": "fall", "severity": "alarm", "by": "Li"}'
    command = parse_command(Packet("broker", command_topic("h"), 10 * SECOND, said))
    assert command == Command(10 * SECOND, "fall", "Li", "drill", "alarm")
    one.command(command)
    alerts = one.run((), 40 * MINUTE)
    assert [a.evidence["why"] for a in alerts] == ["opened", "again", "cleared"], "it ends by itself"
    assert all(a.evidence["test"] is True and a.severity == "info" for a in alerts)
    assert [POLICY.told_at(a, "daughter") for a in alerts][:2] == [False, True]


@pytest.mark.parametrize(
    "said",
    [
        b'{"drill": "nonsense"}',
        b'{"drill": 7}',
        b'{"drill": "fall", "severity": "worst"}',
        b'{"drill": "fall"',
    ],
)
def test_a_wrong_drill_is_none(said: bytes) -> None:
    assert parse_command(Packet("b", "t", 1, said)) is None


def test_nobody_outside_may_say_what_the_gateway_did() -> None:
    said = json.dumps({"answer": "x", "word": "valve_closed", "by": "thief"}).encode()
    assert parse_command(Packet("broker", "t", 1, said)) is None
    assert parse_command(Packet("", "t", 1, said)) is not None


_SIGNS = st.lists(
    st.tuples(
        st.sampled_from(["front", "fridge", "eye_kitchen", "eye_bath", "button"]),
        st.integers(1, 400),
        st.sampled_from([0.0, 1.0]),
    ),
    max_size=25,
)
_EVENTS = st.lists(
    st.tuples(st.sampled_from(["fall", "inactivity", "door_open"]), st.integers(1, 400)), max_size=4
)


@given(_SIGNS, _EVENTS, st.lists(st.integers(1, 500), max_size=8), st.booleans())
def test_cuts_and_restarts_change_nothing(
    rows: list[tuple[str, int, float]], events: list[tuple[str, int]], cuts: list[int], restart: bool
) -> None:
    quantity = {"front": Q.CONTACT_OPEN, "fridge": Q.CONTACT_OPEN, "button": Q.BUTTON}
    unique = {(s, t): v for s, t, v in rows}
    readings = sorted(
        (
            Reading(s, quantity.get(s, Q.MOTION), t * SECOND, "single" if s == "button" else v)
            for (s, t), v in unique.items()
        ),
        key=lambda r: r.t,
    )
    first = dict(events)

    def run(at: list[int]) -> list[dict[str, Any]]:
        one, out, last = lane(), [], 0
        for upto in [*sorted(set(at)), 600]:
            blocks: list[Block] = group([r for r in readings if last <= r.t < upto * SECOND])
            one.later = [found(k, "radar", t) for k, t in first.items() if last <= t * SECOND < upto * SECOND]
            out += one.run(blocks, upto * SECOND)
            last = upto * SECOND
            if restart and one.signs is not None:
                kept = json.loads(json.dumps(one.signs.snapshot()))
                fresh = Signs(home(), POLICY)
                fresh.restore(kept)
                one.signs = fresh
        return sorted((to_json(a) for a in out), key=lambda a: (a["changed"], a["id"], a["revision"]))

    assert run(cuts) == run([])
