"""The log says every revision, and nothing that only helpers need."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from alerts.channels import CHANNELS, ChannelContext
from alerts.channels.base import NoParams
from core.clock import ManualClock
from core.model import AlertState, Resident, Responder, Severity
from tests.alerts.making import HOME, alert, key

SECRETS = ("1234", "heart disease", "021-555", "138-000")
HELPED = replace(
    HOME,
    residents=(Resident("wang", "Wang", 1943, ("heart disease",), "021-555"),),
    address="Xingfu Road 5",
    entry="code 1234",
    responders=(Responder("li", "Li", "neighbour", "138-000", 2),),
)


def context(discreet: bool = False) -> ChannelContext:
    return ChannelContext(
        HELPED, "en", clock=ManualClock(), told=lambda i: ["daughter"],
        answer_lines=lambda a, c: ["https://home.example/a?t=v1.secret"], discreet=discreet,
    )  # fmt: skip


def test_one_line_a_revision_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    made = CHANNELS["log"].make(NoParams(), context())
    told = [alert(1, kind="fall"), alert(2, severity=Severity.TROUBLE), alert(1, 2, state=AlertState.CLEARED)]
    with caplog.at_level(logging.INFO, "hearthwatch.alerts"):
        assert made.deliver(told) == [key(a) for a in told]
    assert [r.levelname for r in caplog.records] == ["CRITICAL", "WARNING", "INFO"]
    text = caplog.text
    assert "Xingfu Road 5" in text
    assert "v1.secret" not in text
    assert not [x for x in SECRETS if x in text]


def test_other_channels_tell_helpers_all_unless_they_are_discreet() -> None:
    open_, closed = context().message(alert(kind="fall")), context(discreet=True).message(alert(kind="fall"))
    assert all(x in open_.text for x in (*SECRETS, "v1.secret", "daughter"))
    assert not [x for x in (*SECRETS, "v1.secret") if x in closed.text]
