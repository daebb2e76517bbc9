"""How is the output of ``rtl_433 -F json`` (one JSON object a radio message) replayed?

The line itself is the payload, as rtl_433 would publish it to MQTT. Its time comes in many forms (see
``ingest/when.py``): a local time without zone needs ``time_zone``, ``@0.13s`` of a file decode counts
from ``start_ns``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.model import Packet
from ingest.text_log import TextLog, Unread
from ingest.when import instant, zone


class Rtl433Log(TextLog):
    """A file of ``rtl_433 -F json`` lines, as a ``core.contracts.Log`` of messages on one topic."""

    def __init__(
        self,
        path: Path | str,
        link: str = "broker",
        topic: str = "rtl_433/log/events",
        time_zone: str = "UTC",
        start_ns: int = 0,
    ) -> None:
        super().__init__(path)
        self._link, self._topic, self._start = link, topic, start_ns
        self._zone = zone(time_zone)

    def packet(self, line: str, last: int) -> Packet:
        told = event(line)
        at: int | None = max(last, self._start)
        if "time" in told:
            at = instant(told["time"], self._zone, self._start)
            if at is None:
                raise Unread("time")
        assert at is not None
        return Packet(self._link, self._topic, at, line.strip().encode("utf-8", "surrogateescape"))


def event(line: str) -> dict[str, Any]:
    """The object of a line. Raises Unread."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        raise Unread("not_json") from None
    if not isinstance(told, dict) or not isinstance(told.get("model"), str):
        raise Unread("not_an_event")
    return told


def recognises(line: str) -> bool:
    """Does this line look like one of ours?"""
    try:
        return "time" in event(line) or "id" in event(line)
    except Unread:
        return False
