"""What did a person tell us over MQTT? ``hearthwatch/<home>/command`` with a small JSON object.

``{"acknowledge": "<alert id>", "by": "daughter"}``. Commands are packets like any other: recorded,
replayed, taken in their turn. A retained command is old news and does nothing.
"""

from __future__ import annotations

import json
from typing import Any

from core.model import Packet
from gateway.lane import Command

LIMIT_BYTES = 4096


def command_topic(home: str) -> str:
    """On which topic do we listen?"""
    return f"hearthwatch/{home}/command"


def parse_command(packet: Packet) -> Command | None:
    """The command in it, or None where it is not one.

    >>> parse_command(Packet("b", "t", 7, b'{"acknowledge": "0a", "by": "Li"}'))
    Command(t=7, alert='0a', by='Li', word='acknowledge')
    >>> parse_command(Packet("b", "t", 7, b'[1]')) is None
    True
    """
    if len(packet.data) > LIMIT_BYTES:
        return None
    try:
        said: Any = json.loads(packet.data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not isinstance(said.get("acknowledge"), str):
        return None
    by = said.get("by", "")
    return Command(packet.at, said["acknowledge"][:64], by[:100] if isinstance(by, str) else "")
