"""Did anything happen? One line for each revision, in the home's language, on the program's log.

The channel that always works; what it has written it has delivered.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from alerts.channels.base import ChannelContext, ChannelSpec, NoParams
from core.model import Alert, AlertState, Severity

_log = logging.getLogger("hearthwatch.alerts")

_LEVEL = {
    Severity.ALARM: logging.CRITICAL, Severity.WARNING: logging.WARNING,
    Severity.TROUBLE: logging.WARNING, Severity.INFO: logging.INFO,
}  # fmt: skip


class LogChannel:
    """Alerts as log lines."""

    def __init__(self, context: ChannelContext) -> None:
        self._context = context

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
        """Write them; all are taken."""
        for alert in alerts:
            said = self._context.message(alert, discreet=True)
            line = " | ".join(said.text.splitlines())
            level = logging.INFO if alert.state is AlertState.CLEARED else _LEVEL[alert.severity]
            _log.log(level, "%s r%d %s", alert.id, alert.revision, line)
        return [(a.id, a.revision) for a in alerts]

    def close(self) -> None:
        """Nothing to let go of."""


SPEC = ChannelSpec(
    name="log",
    title="the program's log",
    params=NoParams,
    make=lambda params, context: LogChannel(context),
    batch=100,
    people=False,
)
