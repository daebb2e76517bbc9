"""How does an alert reach the hundred other services? Through the apprise library, as far as it can tell.

One channel, several services, each judged by itself: who has a revision does not get it again because
another one failed. Apprise says only yes or no; where its words hold the service's HTTP status, 4xx (but
408, 421, 425, 429) is a refusal and everything else means later. Services that put their refusals into
an HTTP 200, which apprise takes for success, are not accepted here: use the channels made for them.

The library belongs to the extra ``apprise`` and is loaded only where this channel is configured.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from alerts.channels.base import FORBID, ChannelContext, ChannelSpec, read_secrets
from alerts.channels.chat import Pace, one_by_one
from alerts.revision import rings, weight
from alerts.text.message import cut
from core.contracts import Refused
from core.model import Alert, AlertState, Severity

MISSING = (
    "notifying through apprise needs the library apprise, which is not installed; "
    "run: pip install 'hearthwatch[apprise]'"
)
OURS = {
    "dingtalk": "dingtalk", "wecombot": "wecom", "feishu": "feishu", "schan": "serverchan",
    "bark": "bark", "barks": "bark", "lark": "feishu",
}  # fmt: skip
"""Schemes whose refusals come inside HTTP 200 (apprise 2.2 reports success) -> our own channel type."""

_STATUS = re.compile(r"error=(\d{3})")
_LATER = (408, 421, 425, 429)
_MAX_HALF_DONE = 200


def available() -> bool:
    """Is the library there? Asked without loading it."""
    return find_spec("apprise") is not None


@dataclass(frozen=True, slots=True)
class AppriseParams:
    """``urls_file``: a secret file with one service address a line, as apprise documents them (they hold
    tokens). ``timeout_s``: for each service.
    """

    urls_file: Path
    timeout_s: float = 20.0

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID

    def __post_init__(self) -> None:
        if not 1 <= self.timeout_s <= 120:
            raise ValueError("timeout_s must be between 1 and 120 seconds")
        if not available():
            raise ValueError(MISSING)


def services(path: Path) -> list[Any]:
    """The services of an address file, each an :class:`apprise.Apprise` of its own. Raises ValueError."""
    if not available():
        raise ValueError(MISSING)
    found = []
    for number, url in read_secrets(path):
        scheme = url.partition("://")[0].strip().lower()
        if scheme in OURS:
            raise ValueError(
                f"{path}, line {number}: apprise cannot tell whether {scheme} took a message; "
                f"use a channel of type {OURS[scheme]}"
            )
        import apprise

        logger = logging.getLogger("apprise")
        logger.propagate = False  # its words may hold addresses with tokens
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
        one = apprise.Apprise()
        if not one.add(url):
            raise ValueError(f"{path}, line {number}: apprise knows no such service address ({scheme}://...)")
        found.append(one)
    return found


class AppriseChannel:
    """Alerts through apprise."""

    def __init__(self, params: AppriseParams, context: ChannelContext) -> None:
        self._params, self._context = params, context
        self._services = services(params.urls_file)
        self._pace = Pace(20, 60)
        self._half: dict[tuple[str, int], set[int]] = {}
        self._refused: dict[int, str] = {}

    def deliver(self, alerts: Sequence[Alert]) -> Sequence[tuple[str, int]]:
        """Send them one by one; those every service took, or will never take."""
        return one_by_one(alerts, self._deliver)

    def fault(self) -> str:
        """Which services refuse? "" while none does."""
        return "; ".join(said for _, said in sorted(self._refused.items()))[:400]

    def close(self) -> None:
        """Nothing stays open between alerts."""

    def _deliver(self, alert: Alert) -> None:
        key = (alert.id, alert.revision)
        has = self._half.get(key, set())
        self._pace.take(self._context.clock.now())
        later: list[str] = []
        never: dict[int, str] = {}
        got: set[int] = set()
        for index, service in enumerate(self._services):
            if index in has:
                continue
            verdict, why = self._ask(service, alert)
            if verdict == "taken":
                got.add(index)
                self._refused.pop(index, None)
            elif verdict == "never":
                never[index] = why
            else:
                later.append(why)
        self._refused.update(never)
        if later:
            self._half[key] = has | got | set(never)
            while len(self._half) > _MAX_HALF_DONE:
                self._half.pop(next(iter(self._half)))
            raise OSError("; ".join(later)[:400])
        self._half.pop(key, None)
        if never and not got and not has:
            raise Refused("; ".join(never.values())[:400])

    def _ask(self, service: Any, alert: Alert) -> tuple[str, str]:
        """``taken``, ``later`` or ``never`` for one service, and why."""
        import apprise

        plugin = service[0]
        name = str(plugin.service_name)
        said = self._context.message(alert)
        title = cut(said.title, int(plugin.title_maxlen)) if plugin.title_maxlen else ""
        room = max(80, min(int(plugin.body_maxlen) - 2, 30_000))
        told = service.notify(
            body=said.fit(room, title=not title),
            title=title,
            notify_type=_kind(apprise.NotifyType, alert),
            body_format=apprise.NotifyFormat.TEXT,
            timeout=self._params.timeout_s,
        )
        if told:
            return "taken", ""
        if told is None or told.status.name == "TIMEOUT":
            return "later", f"{name} did not answer in {self._params.timeout_s:g} s"
        words = [str(line) for result in told for attempt in result for line in attempt]
        codes = [int(code) for line in words for code in _STATUS.findall(line)]
        if codes and 400 <= codes[-1] < 500 and codes[-1] not in _LATER:
            return "never", f"{name} answered {codes[-1]}"
        return "later", f"{name} answered {codes[-1]}" if codes else f"{name} cannot be reached"


def _kind(types: Any, alert: Alert) -> Any:
    if alert.state is AlertState.CLEARED:
        return types.SUCCESS
    if rings(alert) and weight(alert) is Severity.ALARM:
        return types.FAILURE
    return types.WARNING if rings(alert) else types.INFO


SPEC = ChannelSpec(
    name="apprise",
    title="other services through apprise",
    params=AppriseParams,
    make=AppriseChannel,
    check=lambda params: services(params.urls_file),
)
