"""Which instant does a foreign log mean? Many programs write time, few write it well.

Forms met: ISO 8601 with or without zone, a blank instead of the T, ``Z+0000`` (mosquitto_sub), local time
without zone (rtl_433, home logs), Unix seconds as a number or as text, and ``@0.13s`` since the start of
a capture. Exact to the ns where the text is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.model import SECOND
from ingest.errors import LogError

_ISO = re.compile(
    r"^\s*(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9})\d*)?\s*"
    r"(Z|z|UTC)?([+-]\d{2}):?(\d{2})?\s*$|"
    r"^\s*(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9})\d*)?\s*(Z|z|UTC)?\s*$"
)
_SINCE = re.compile(r"^@(\d+(?:\.\d*)?)s?$")
_FAR = 1 << 62


def zone(name: str) -> tzinfo:
    """The time zone of this name. Raises LogError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise LogError(f"no time zone is called {name!r}; use a name such as Asia/Shanghai") from None


def instant(told: Any, local: tzinfo = UTC, start: int = 0) -> int | None:
    """ns since 1970, or None for what is no time. ``start`` is the instant of ``@0s``.

    >>> instant("2026-11-23T03:22:37.769470Z+0000") == instant("1795404157.76947") == 1795404157769470000
    True
    >>> instant("2026-11-23 11:22:37", zone("Asia/Shanghai")), instant("@0.5s", start=100)
    (1795404157000000000, 500000100)
    >>> instant(True), instant("NaN"), instant("yesterday"), instant("2026-02-30 00:00:00")
    (None, None, None, None)
    """
    if isinstance(told, bool) or not isinstance(told, (str, int, float)):
        return None
    if isinstance(told, str):
        since = _SINCE.match(told.strip())
        if since:
            return start + int(Decimal(since[1]) * SECOND)
        iso = _ISO.match(told)
        if iso:
            return _from_iso(iso, local)
    try:
        seconds = Decimal(str(told).strip())
    except InvalidOperation:
        return None
    if not seconds.is_finite() or not 0 <= seconds < _FAR // SECOND:
        return None
    return int(seconds * SECOND)


def _from_iso(found: re.Match[str], local: tzinfo) -> int | None:
    g = found.groups()
    where: tzinfo
    if g[0] is not None:
        date, fraction = g[:6], g[6]
        minutes = int(g[8]) * 60 + (int(g[9] or 0) if g[8][0] == "+" else -int(g[9] or 0))
        if abs(minutes) >= 24 * 60:
            return None
        where = timezone(timedelta(minutes=minutes))
    else:
        date, fraction = g[10:16], g[16]
        where = UTC if g[17] else local
    year, month, day, hour, minute, second = map(int, date)
    leap = second == 60  # a leap second is taken as the second after it
    try:
        at = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=where)
        whole = round(at.timestamp()) + leap
    except (ValueError, OverflowError):
        return None
    if whole < 0:
        return None
    return whole * SECOND + int((fraction or "0").ljust(9, "0"))
