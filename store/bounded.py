"""How does a call to a far end that may never answer come back all the same?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Bounded(Generic[T]):
    """Runs calls one at a time, each in a thread of its own that is given up after a time.

    Socket time-outs are not enough: a server that sends a byte a second never runs into one. At most
    one given-up call exists at a time; while it does, the next is refused at once.

    >>> Bounded[int]().call(lambda: 7, 1.0)
    7
    """

    def __init__(self) -> None:
        self._late: threading.Thread | None = None

    def call(self, work: Callable[[], T], timeout_s: float) -> T:
        """What ``work`` returns or raises, or TimeoutError."""
        if self._late is not None and self._late.is_alive():
            raise TimeoutError("an earlier request is still without an answer")
        self._late = None
        got: list[T] = []
        wrong: list[BaseException] = []

        def run() -> None:
            try:
                got.append(work())
            except BaseException as error:  # handed to the caller
                wrong.append(error)

        thread = threading.Thread(target=run, name="bounded-call", daemon=True)
        thread.start()
        thread.join(timeout_s)
        if thread.is_alive():
            self._late = thread
            raise TimeoutError(f"no whole answer within {timeout_s:g} s")
        if wrong:
            raise wrong[0]
        return got[0]
