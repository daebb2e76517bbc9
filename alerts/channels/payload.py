"""How is an alert written for other programs? One JSON object, the same for MQTT and webhooks.

Times are given twice: ns of event time, as everywhere inside, and as text with the home's offset.
"""

from __future__ import annotations

import json
from typing import Any

from alerts.channels.base import ChannelContext
from alerts.revision import rings, to_json
from alerts.text import render
from core.localtime import LocalTime
from core.model import Alert


def as_dict(alert: Alert, context: ChannelContext) -> dict[str, Any]:
    """All there is to say about one revision.

    Facts (``id``, ``revision``, ``kind``, ``severity``, ``state``, ``source``, ``room``, ``resident``,
    ``opened``, ``changed``, ``evidence``), whether it asks for attention (``rings``), and words
    (``title``, ``body``, ``advice``).
    """
    offset = context.clock.wall_offset()
    local = LocalTime(context.home.zone)
    local.offset = offset
    said = render(alert, context.home, context.language, offset)
    return {
        "home": context.home.id,
        **to_json(alert),
        "rings": rings(alert),
        "opened_at": local.at(alert.opened).isoformat(timespec="milliseconds"),
        "changed_at": local.at(alert.changed).isoformat(timespec="milliseconds"),
        "title": said.title,
        "body": said.body,
        "advice": said.advice,
    }


def as_bytes(alert: Alert, context: ChannelContext) -> bytes:
    """The same as UTF-8 JSON; not one character of it is NaN or infinite."""
    data = as_dict(alert, context)
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
