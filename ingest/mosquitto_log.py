"""How is the output of ``mosquitto_sub -F %j`` (one JSON object a message) replayed?

Fields: tst, topic, qos, retain, payloadlen, payload. ``%j`` writes a payload as text and cuts it at a zero
byte, which shows in payloadlen and is refused by name; bytes that are no UTF-8 it writes raw, and they
come back as they were. ``%J`` (payload as JSON) is read too: the value is written again in short form.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.model import Mark, Packet
from ingest.text_log import TextLog, Unread
from ingest.when import instant, zone


class MosquittoLog(TextLog):
    """A file of ``mosquitto_sub -F %j`` lines, as a ``core.contracts.Log``.

    ``time_zone`` is used for stamps without one. A message without a stamp has that of the one before.
    """

    def __init__(self, path: Path | str, link: str = "broker", time_zone: str = "UTC") -> None:
        super().__init__(path)
        self._link = link
        self._zone = zone(time_zone)

    def packet(self, line: str, last: int) -> Packet:
        told = message(line)
        topic = told["topic"]
        at: int | None = last
        if "tst" in told:
            at = instant(told["tst"], self._zone)
            if at is None:
                raise Unread("time")
        data = _payload(told)
        # 1 and true both mean retained; a foreign writer may put it as text
        kept = told.get("retain") in (1, True, "1", "true")
        try:
            topic.encode()
        except UnicodeEncodeError:
            raise Unread("topic_not_utf8") from None
        assert at is not None
        return Packet(self._link, topic, at, data, Mark.RETAINED if kept else Mark.DATA)


def message(line: str) -> dict[str, Any]:
    """The object of a line. Raises Unread."""
    try:
        told = json.loads(line, strict=False)
    except (ValueError, RecursionError):
        raise Unread("not_json") from None
    if not isinstance(told, dict) or not isinstance(told.get("topic"), str):
        raise Unread("not_a_message")
    if "payload" not in told and "payloadlen" not in told:
        raise Unread("not_a_message")
    return told


def _payload(told: dict[str, Any]) -> bytes:
    payload, length = told.get("payload"), told.get("payloadlen")
    if payload is None:
        data = b""
    elif isinstance(payload, str):
        try:
            data = payload.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise Unread("payload_not_text") from None
    else:  # %J: the text is gone, its length no longer holds
        return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if isinstance(length, int) and length != len(data):
        raise Unread("payload_cut")
    return data


def recognises(line: str) -> bool:
    """Does this line look like one of ours?"""
    try:
        told = message(line)
    except Unread:
        return False
    return "tst" in told or "payloadlen" in told
