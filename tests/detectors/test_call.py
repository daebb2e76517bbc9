"""Call button: every press is heard, repeats are one press, nothing ends it but a person."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.model import Flag
from core.quantity import Quantity as Q
from detectors import call
from tests.detectors.alarm_home import brief, made, tell


def run(*rows: tuple, until_s: float | None = None) -> list[tuple]:
    return brief(tell(made(call.SPEC, "button"), rows, until_s=until_s), "found_at_connect", "test", "weak")


PLAIN = (None, None, None)


def test_press_is_an_onset_and_never_clears() -> None:
    rows = [(0, Q.SOS, 1), (1, Q.SOS, 0)]
    assert run(*rows, until_s=1e6) == [(0, "sos", "onset", *PLAIN)]


def test_second_press_is_told_again() -> None:
    assert [e[0] for e in run((0, Q.SOS, 1), (60, Q.SOS, 1))] == [0, 60]


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=8))
def test_law_burst_is_one(at_ms: list[int]) -> None:
    rows = [(t / 1000, Q.SOS, 1.0) for t in sorted(at_ms)]
    assert len(run(*rows)) == 1


def test_redelivery_is_no_press_but_a_lost_first_copy_is() -> None:
    assert len(run((0, Q.SOS, 1), (20, Q.SOS, 1, Flag.REPEAT))) == 1
    assert len(run((0, Q.SOS, 1, Flag.REPEAT))) == 1
    assert len(run((0, Q.SOS, 1), (500, Q.SOS, 1, Flag.REPEAT))) == 2


def test_retained_press_is_told_once() -> None:
    kept = Flag.RETAINED
    got = run((0, Q.SOS, 1, kept), (50, Q.SOS, 1, kept), (99, Q.SOS, 1), (200, Q.SOS, 1, kept))
    assert got == [(0, "sos", "onset", True, None, None), (99, "sos", "onset", *PLAIN)]


def test_drill_and_weak_are_marked() -> None:
    assert run((0, Q.SOS, 1, Flag.TEST)) == [(0, "sos", "onset", None, True, None)]
    assert run((0, Q.TEST, 1), (3, Q.SOS, 1)) == [(3, "sos", "onset", None, True, None)]
    assert run((0, Q.SOS, 1, Flag.WEAK)) == [(0, "sos", "onset", None, None, True)]
