"""Pain 14: unknown or unavailable is read as all clear, or as an alarm. Ours is a third thing."""

from __future__ import annotations

import pytest

from core.model import Mark
from gateway import build
from tests.pains.story import clock, home, marked, of_kind, plan, raw, says, tell

NOT_A_VALUE = [
    b'{"smoke":null}',
    b'{"smoke":"unknown"}',
    b'{"smoke":"unavailable"}',
    b'{"smoke":""}',
    b'{"smoke":"nan"}',
    b'{"smoke":NaN}',
    b'{"battery":90}',
    b"{}",
    b"",
    b"null",
    b"offline",
    b'{"smoke":[false]}',
    b"\xff\xfe",
]


@pytest.mark.parametrize("payload", NOT_A_VALUE, ids=[repr(p) for p in NOT_A_VALUE])
def test_pain_14_no_value_neither_clears_nor_raises(payload: bytes) -> None:
    pipeline = build.make_pipeline(plan(home("smoke:smoke")))
    quiet = tell(pipeline, [raw("zigbee2mqtt/smoke", 1, payload)], 5)
    assert not of_kind(quiet, "smoke"), "raised from no value"
    burning = tell(pipeline, [says("smoke", 10, smoke=True), raw("zigbee2mqtt/smoke", 20, payload)], 30)
    assert of_kind(burning, "smoke")[-1].state == "open", "cleared by no value"


def test_pain_14_bridge_and_link_going_away_clear_nothing() -> None:
    pipeline = build.make_pipeline(plan(home("smoke:smoke")))
    story = [
        clock(0, 0),
        marked(Mark.UP, 0.5),
        says("smoke", 1, smoke=True),
        raw("zigbee2mqtt/bridge/state", 5, b'{"state":"offline"}'),
        marked(Mark.DOWN, 20, b"connection lost"),
        marked(Mark.UP, 60),
    ]
    alerts = tell(pipeline, story, 120)
    assert {a.state for a in of_kind(alerts, "smoke")} == {"open"}


def test_pain_14_all_off_for_twenty_seconds_after_a_restart_is_not_an_edge() -> None:
    """A bridge that restarts publishes empty states, then the true ones: no false edge, no false sos."""
    of = home("door:door", "button:button:living")
    pipeline = build.make_pipeline(plan(of))
    story = [
        says("door", 1, contact=False),
        raw("zigbee2mqtt/bridge/state", 5, b'{"state":"offline"}'),
        raw("zigbee2mqtt/bridge/state", 9, b'{"state":"online"}'),
        says("door", 10, contact=None),
        says("button", 10, action=None),
        says("button", 11, action=""),
        says("door", 30, contact=False),
    ]
    alerts = tell(pipeline, story, 60)
    assert not of_kind(alerts, "sos")
    assert not of_kind(alerts, "door_open"), "open since 1 s, not newly opened at 30 s, and not long"
