"""How is an alert written for other programs? One JSON object, the same for MQTT and webhooks.

Times are given twice: ns of event time, as everywhere inside, and as text with the home's offset.
"""

from __future__ import annotations

import json
from typing import Any

from alerts.channels.base import ChannelContext
from alerts.revision import rings, to_json
from core.localtime import LocalTime
from core.model import Alert


def as_dict(alert: Alert, context: ChannelContext, discreet: bool = False) -> dict[str, Any]:
    """All there is to say about one revision; ``help`` is left out of what is discreet.

    Facts (``id``, ``revision``, ``kind``, ``severity``, ``state``, ``source``, ``room``, ``resident``,
    ``opened``, ``changed``, ``evidence``), whether it asks for attention (``rings``), and words
    (``title``, ``body``, ``advice``), and ``help``: see :func:`help_of`.
    """
    offset = context.clock.wall_offset()
    local = LocalTime(context.home.zone)
    local.offset = offset
    said = context.message(alert, discreet=discreet)
    helping = {} if discreet or context.discreet else {"help": help_of(alert, context)}
    return {
        "home": context.home.id,
        **to_json(alert),
        "rings": rings(alert),
        "opened_at": local.at(alert.opened).isoformat(timespec="milliseconds"),
        "changed_at": local.at(alert.changed).isoformat(timespec="milliseconds"),
        "title": said.title,
        "body": said.body,
        "advice": said.advice,
        **helping,
    }


def help_of(alert: Alert, context: ChannelContext) -> dict[str, Any]:
    """Who lives there, where it is, how to get in and who can go, as facts for a centre's own screen."""
    home = context.home
    return {
        "residents": [
            {"id": r.id, "name": r.name, "born": r.born, "conditions": list(r.conditions), "phone": r.phone}
            for r in home.living(alert.resident)
        ],
        "address": home.address,
        "floor": home.floor,
        "how_to_get_in": home.entry,
        "responders": [
            {"id": r.id, "name": r.name, "role": r.role, "phone": r.phone, "minutes": r.minutes}
            for r in home.nearest(alert.resident)
        ],
        "told": list(context.told(alert.id)) if context.told is not None else [],
    }


def as_bytes(alert: Alert, context: ChannelContext) -> bytes:
    """The same as UTF-8 JSON; not one character of it is NaN or infinite."""
    data = as_dict(alert, context)
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
