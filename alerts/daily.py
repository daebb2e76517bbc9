"""What does the gateway say once a day by itself? The ``alerts.daily`` section of config.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import ClassVar

from alerts.policy import FORBID, clock_time
from core.localtime import LocalTime

PATIENCE_LIMIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Daily:
    """``test_at``: when an info ``test`` alert goes through every channel (or those in ``channels``).

    A channel that has not taken it after ``patience_s`` is a trouble. ``summary_at``: when one message
    tells open troubles, sensors to be looked after and the last test. Empty: not at all.
    """

    test_at: str = ""
    summary_at: str = ""
    channels: tuple[str, ...] = ()
    patience_s: float = 300.0

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        for name in ("test_at", "summary_at"):
            if getattr(self, name):
                clock_time(getattr(self, name), name)
        if not 5 <= self.patience_s <= PATIENCE_LIMIT_S:
            raise ValueError(f"patience_s must be between 5 and {PATIENCE_LIMIT_S:.0f} seconds")

    def due(self, what: str, last: int, local: LocalTime) -> int | None:
        """When is the next ``test`` or ``summary`` after the one at ``last``? None = never.

        >>> Daily(test_at="10:00").due("test", 0, LocalTime("Asia/Shanghai")) // 3_600_000_000_000
        2
        """
        at = self.test_at if what == "test" else self.summary_at
        return local.next(last, self.clock(at)) if at else None

    @staticmethod
    def clock(text: str) -> time:
        """A time of day as written in the settings."""
        return clock_time(text)
