"""Does a call to a silent far end come back?"""

from __future__ import annotations

import threading

import pytest

from store.bounded import Bounded
from tests.broker import wait_for


def test_a_call_that_hangs_is_given_up_and_only_one_such_exists():
    bounded: Bounded[int] = Bounded()
    release = threading.Event()
    with pytest.raises(TimeoutError, match="no whole answer"):
        bounded.call(lambda: release.wait(30) and 1, 0.01)
    with pytest.raises(TimeoutError, match="earlier request"):
        bounded.call(lambda: 2, 1)
    release.set()
    wait_for(lambda: not bounded._late.is_alive())
    assert bounded.call(lambda: 3, 1) == 3


def test_what_is_raised_is_raised():
    with pytest.raises(KeyError):
        Bounded().call(lambda: {}[1], 1)
