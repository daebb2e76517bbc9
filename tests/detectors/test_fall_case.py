"""May a glimpse of something upright end a fall? Laws on the life cycle alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.model import SECOND, Phase
from detectors.fall_case import UP_GAP, UP_LOOKS, FallCase, Look, Waits

SLOT = SECOND // 4
WAITS = Waits(confirm=15 * SECOND, long_lie=300 * SECOND, recover=3 * SECOND)
DROP = Look(height_m=0.2, low=True, drop={"low_m": 0.2})
UP, LOW, NOTHING = Look(1.2, upright=True), Look(0.2, low=True), Look()


def told(looks: list[Look]) -> list[str]:
    """The stages of a drop followed by these quarter seconds; deadlines first, as the detector does."""
    case = FallCase("radar", WAITS)
    t = SECOND
    events = case.look(t, DROP)
    for look in looks:
        t += SLOT
        while (due := case.deadline()) is not None and due < t:
            events.append(case.expire())
        events += case.look(t, look)
    while (due := case.deadline()) is not None:
        events.append(case.expire())
    return [str(e.evidence["stage"]) for e in events if e.phase is not Phase.UPDATE or "stage" in e.evidence]


@given(
    bursts=st.lists(
        st.tuples(st.integers(1, UP_LOOKS // 2 - 1), st.integers(UP_GAP // SLOT + 1, 400)),
        min_size=1,
        max_size=8,
    ),
    first=st.integers(0, 200),
)
def test_glimpses_far_apart_are_nobody_who_got_up(bursts: list[tuple[int, int]], first: int) -> None:
    looks = [NOTHING] * first
    for seen, pause in bursts:
        looks += [UP] * seen + [NOTHING] * pause
    assert told(looks) == ["suspected", "confirmed", "long_lie"]


@given(st.lists(st.sampled_from([LOW, NOTHING]), max_size=200), st.integers(0, UP_GAP // SLOT - 2))
def test_who_is_seen_upright_for_long_enough_got_up(before: list[Look], pause: int) -> None:
    looks = [*before, LOW, *[UP] * 7, *[NOTHING] * pause, *[UP] * 12]
    assert "recovered" in told(looks)


def test_a_look_low_in_between_begins_again() -> None:
    assert told([*[UP] * 7, LOW] * 40) == ["suspected", "confirmed", "long_lie"]
