"""What may a person answer to an alert, and when does the answer count?"""

from __future__ import annotations

from typing import Any

from core.model import Alert, AlertState

ANSWERS = (
    "acknowledge", "take", "on_the_way", "arrived", "all_right", "resolved", "false_alarm", "release", "help",
)  # fmt: skip
"""The words. The first five keep it quiet; ``release`` lets it ring on; ``help`` (nobody is all right) goes
on to the next step at once."""

NOTED = ("valve_closing", "valve_closed", "valve_failed")
"""What the gateway itself writes into an alert. It changes nothing else; nobody outside may say it."""

ENDING = ("resolved", "false_alarm")
"""Answers that close an alert, whatever the sensor says."""

MAX_ANSWERS = 20
_MAX_NAME = 100


def noted(word: str, by: str, t: int, cause: str = "") -> dict[str, Any]:
    """One answer as it stands in the evidence.

    >>> noted("false_alarm", "son", 7, "toast")
    {'word': 'false_alarm', 'by': 'son', 'at': 7, 'cause': 'toast'}
    """
    said: dict[str, Any] = {"word": word, "by": by[:_MAX_NAME], "at": t}
    return {**said, "cause": cause[:_MAX_NAME]} if cause else said


def allowed(alert: Alert, word: str, by: str) -> bool:
    """Does this answer change anything as things stand? The same answer twice does not.

    An alert that is over may still be called a false alarm, or resolved, once.
    """
    if word in NOTED:
        return True
    if word == "help":
        return alert.state is not AlertState.CLEARED
    if word in ENDING:
        return alert.state is not AlertState.CLEARED or alert.evidence.get("closed") not in ENDING
    if alert.state is AlertState.CLEARED:
        return False
    if word == "release":
        return alert.state is AlertState.ACKNOWLEDGED
    if alert.state is AlertState.OPEN:
        return True
    given = alert.evidence.get("answers", [])
    last = given[-1] if given else {}
    return word != "acknowledge" and (last.get("word"), last.get("by")) != (word, by[:_MAX_NAME])
