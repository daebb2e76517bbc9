"""Pain 13: an alarm and its end in the same second race: never cleared, or never raised again."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from gateway import build
from tests.pains.story import home, of_kind, plan, says, tell

PLAN = plan(home("smoke:smoke"))


def test_pain_13_on_and_off_within_one_second_opens_and_clears() -> None:
    alerts = tell(
        build.make_pipeline(PLAN), [says("smoke", 1.0, smoke=True), says("smoke", 1.2, smoke=False)], 90
    )
    states = [a.state for a in of_kind(alerts, "smoke")]
    assert states[0] == "open"
    assert states[-1] == "cleared"


def test_pain_13_the_same_value_again_after_the_end_is_raised_again() -> None:
    story = [says("smoke", 1, smoke=True), says("smoke", 60, smoke=False), says("smoke", 600, smoke=True)]
    alerts = of_kind(tell(build.make_pipeline(PLAN), story, 601), "smoke")
    assert len({a.id for a in alerts}) == 2, "a new fire is a new alert"
    assert alerts[-1].state == "open"


@given(st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=25))
def test_pain_13_the_last_word_decides_whatever_came_before(steps: list[tuple[int, bool]]) -> None:
    """Any sequence of on and off at any spacing: open if it ended on, cleared or never raised if off."""
    pipeline = build.make_pipeline(PLAN)
    at, story = 0.0, []
    for pause, burning in steps:
        at += pause / 10
        story.append(says("smoke", at, smoke=burning))
    alerts = of_kind(tell(pipeline, story, at + 600), "smoke")
    assert all(a.revision == b.revision - 1 for a, b in itertools.pairwise(alerts) if a.id == b.id)
    if steps[-1][1]:
        assert alerts[-1].state == "open"
    else:
        assert not alerts or alerts[-1].state == "cleared"
    assert bool(alerts) == any(burning for _, burning in steps)
