"""What did a person tell us over MQTT? ``hearthwatch/<home>/command`` with a small JSON object.

``{"acknowledge": "<alert id>", "by": "daughter"}``, or any answer the book knows:
``{"answer": "<alert id>", "word": "on_the_way", "by": "Li"}``, a false alarm with its ``cause``; and
``{"drill": "fall", "severity": "alarm", "by": "Li"}`` rehearses. Commands are packets like any other:
recorded, replayed, taken in their turn. A retained one is old and does nothing. What the gateway did itself
(``alerts.answers.NOTED``) is told the same way, but only by itself: no broker's message may say it.
"""

from __future__ import annotations

import json
from typing import Any

from alerts.answers import ANSWERS, NOTED
from alerts.severity import RULES
from core.model import Packet, Severity
from gateway.lane import DRILL, Command

LIMIT_BYTES = 4096


def command_topic(home: str) -> str:
    """On which topic do we listen?"""
    return f"hearthwatch/{home}/command"


def parse_command(packet: Packet) -> Command | None:
    """The command in it, or None where it is not one.

    >>> parse_command(Packet("b", "t", 7, b'{"acknowledge": "0a", "by": "Li"}'))
    Command(t=7, alert='0a', by='Li', word='acknowledge', cause='')
    >>> parse_command(Packet("b", "t", 7, b'{"answer": "0a", "word": "dance"}')) is None
    True
    """
    if len(packet.data) > LIMIT_BYTES:
        return None
    try:
        said: Any = json.loads(packet.data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    if "drill" in said:
        return _drill(packet, said)
    alert: Any = said.get("acknowledge", said.get("answer"))
    word: Any = "acknowledge" if "acknowledge" in said else said.get("word")
    known = word in ANSWERS or (word in NOTED and not packet.link)
    if not isinstance(alert, str) or not known:
        return None
    return Command(packet.at, alert[:64], _text(said.get("by")), word, _text(said.get("cause")))


def _drill(packet: Packet, said: dict[str, Any]) -> Command | None:
    kind, severity = said["drill"], said.get("severity", "alarm")
    if not isinstance(kind, str) or kind not in RULES or severity not in [str(s) for s in Severity]:
        return None
    return Command(packet.at, kind, _text(said.get("by")), DRILL, severity)


def _text(value: Any) -> str:
    return value[:100] if isinstance(value, str) else ""
