"""How do alerts and samples look as InfluxDB line protocol, whatever the names in them?

Only numbers become fields and only tags carry words, because some servers store a string field as 0. An
alert's point is settled by its id and revision alone, so writing it again is the same point. All fields
are floats: a field that is once whole and once not would be refused for its type.

Times are event time in ns.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from core.model import Alert, AlertState, Block

_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")
_STATES = {state: number for number, state in enumerate(AlertState)}
ALERT = "hearthwatch_alert"
MAX_EVIDENCE = 40


def key(name: str) -> str:
    r"""A tag or field key, or a tag value, escaped.

    A line break cannot be written at all and a backslash would eat what follows it, so these are
    replaced: control characters by a blank, backslashes by a slash.

    >>> key("a b,c=d"), key("line\nbreak\\")
    ('a\\ b\\,c\\=d', 'line\\ break/')
    """
    plain = _plain(name)
    return plain.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def measurement(name: str) -> str:
    """A measurement, escaped.

    >>> measurement("co ppm,x=1")
    'co\\\\ ppm\\\\,x=1'
    """
    return _plain(name).replace(",", "\\,").replace(" ", "\\ ")


def _plain(name: str) -> str:
    text = _CONTROL.sub(" ", name).replace("\\", "/")
    return text.encode("utf-8", "replace").decode()


def number(value: float) -> str | None:
    """A field value; None for what is no number (it must be left out).

    >>> number(21.5), number(3), number(float("nan"))
    ('21.5', '3.0', None)
    """
    try:
        told = float(value)
    except OverflowError:
        return None
    return repr(told) if math.isfinite(told) else None


def line(name: str, tags: Mapping[str, str], fields: Mapping[str, float], t: int) -> str | None:
    """One point; None if no field is left. Empty tags are left out, as the protocol demands.

    >>> line("co_ppm", {"source": "gas", "room": ""}, {"value": 4}, 5)
    'co_ppm,source=gas value=4.0 5'
    """
    values = [f"{key(k)}={told}" for k, v in fields.items() if (told := number(v)) is not None]
    if not values:
        return None
    return f"{head(name, tags)} {','.join(values)} {t}"


def head(name: str, tags: Mapping[str, str]) -> str:
    """Measurement and tags, sorted by key, which servers like best."""
    told = (f",{key(k)}={key(v)}" for k, v in sorted(tags.items()) if v)
    return measurement(name) + "".join(told)


def alert_line(home: str, alert: Alert) -> str:
    """One revision of one alert. ``severity`` 0 is worst; ``state`` 0 open, 1 acknowledged, 2 cleared.

    Numbers of the evidence come as ``ev_<key>``; times of opening in ms, which a float holds exactly.
    """
    tags = {
        "home": home,
        "alert": alert.id,
        "kind": alert.kind,
        "room": alert.room,
        "source": alert.source,
        "revision": str(alert.revision),
    }
    fields: dict[str, float] = {
        "severity": alert.severity.rank,
        "state": _STATES[alert.state],
        "opened_ms": alert.opened // 1_000_000,
    }
    for name, value in list(alert.evidence.items())[:MAX_EVIDENCE]:
        if isinstance(value, (bool, int, float)):
            fields.setdefault(f"ev_{name}", value)
    told = line(ALERT, tags, fields, alert.changed)
    assert told is not None
    return told


def block_lines(home: str, room: str, block: Block) -> Iterable[str]:
    """The samples of a block, one line each; none for targets, tracks and clouds.

    Text (a button's action) becomes a tag with the value 1.
    """
    shape = block.quantity.shape
    if shape in ("vector", "points"):
        return []
    tags = {"home": home, "source": block.source, "room": room}
    times = block.t.tolist()
    if shape == "text":
        lines = (
            line(block.quantity, {**tags, "text": str(v)}, {"value": 1}, t)
            for t, v in zip(times, block.value.tolist(), strict=True)
        )
        return [told for told in lines if told is not None]
    front = head(block.quantity, tags)
    flags = block.flags.tolist() if block.flags.any() else None
    values = block.value.tolist()
    if flags is None:
        return [f"{front} value={v!r} {t}" for t, v in zip(times, values, strict=True) if math.isfinite(v)]
    return [
        f"{front} value={v!r},flags={float(f)!r} {t}"
        for t, v, f in zip(times, values, flags, strict=True)
        if math.isfinite(v)
    ]
