"""Does the canary find the dead connection and leave the living one alone?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.canary import MAX_STRIKES, Canary, Verdict


@given(st.integers(1, 20), st.integers(1, 20), st.data())
def test_silence_is_noticed_within_both_times_and_traffic_never_is(every, patience, data):
    canary = Canary(every, patience)
    canary.connected()
    heard = 0
    while canary.tick(heard) is not Verdict.SEND:
        pass
    assert canary.came_back(canary.number)
    for _ in range(data.draw(st.integers(0, 60))):  # lively: every second tick brings something
        heard += 1
        assert canary.tick(heard) is not Verdict.DEAD or patience <= 1
        if canary.tick(heard + 1) is Verdict.SEND and data.draw(st.booleans()):
            canary.came_back(canary.number)
        heard += 1
    quiet = 0
    while canary.tick(heard) is not Verdict.DEAD:
        quiet += 1
        assert quiet <= every + 2 * patience + 2


def test_an_old_or_foreign_number_does_not_count():
    canary = Canary(1, 5)
    canary.connected()
    assert canary.tick(0) is Verdict.SEND
    assert not canary.came_back(canary.number + 1)
    assert not canary.proven
    assert canary.came_back(canary.number)
    assert not canary.came_back(canary.number)


def test_one_that_never_came_back_condemns_nobody_and_is_given_up_when_it_costs_connections():
    canary = Canary(1, 2)
    canary.connected()
    assert Verdict.DEAD not in [canary.tick(0) for _ in range(50)]
    sent = 0
    for _ in range(10):
        canary.connected()
        sent += canary.tick(0) is Verdict.SEND
        canary.disconnected()
    assert sent == MAX_STRIKES
    assert canary.unwanted
