"""Do we read a captured MQTT payload as its vector says?

A vector gives topic, payload and what should come out as (kind, value, unit) items. Every expected item
must be found; other items are fine, but an item too many of a kind that calls for help is a failure, and
nothing may raise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from devices.inspect_mqtt import Item, inspect

CALLS_FOR_HELP = frozenset({"smoke", "gas", "co", "water", "sos", "fall"})
TOLERANCE = 1e-6


def judge(vector: Mapping[str, Any]) -> list[str] | None:
    """What is wrong with how we read this vector? [] = right."""
    payload = vector["payload"]
    data = payload.encode() if isinstance(payload, str) else bytes(payload or b"")
    try:
        found = list(inspect(vector["topic"], data, bool(vector.get("retained")), vector.get("device", "")))
    except Exception as error:  # a decoder that raises is wrong, whatever it raises
        return [f"raised {type(error).__name__}: {error}"]
    return compare(vector["expected"], found)


def compare(expected: Iterable[Mapping[str, Any]], found: list[Item]) -> list[str]:
    """Which expected items are missing, and which alarms were invented?"""
    left = list(found)
    out = []
    for item in expected:
        match = next((f for f in left if alike(item, f)), None)
        if match is None:
            near = [(f.value, f.unit) for f in found if f.kind == item["kind"]]
            out.append(f"{item['kind']} {item['value']!r} {item.get('unit')}: got {near or 'nothing'}")
        else:
            left.remove(match)
    out += [f"invented {f.kind} {f.value!r}" for f in left if f.kind in CALLS_FOR_HELP]
    return out


def alike(expected: Mapping[str, Any], found: Item) -> bool:
    """The same kind, unit and value? A flag is not a number, and text is compared as it stands."""
    if found.kind != expected["kind"] or found.unit != expected.get("unit"):
        return False
    a, b = expected["value"], found.value
    if isinstance(a, bool) or isinstance(b, bool) or isinstance(a, str) or isinstance(b, str):
        return type(a) is type(b) and a == b
    return bool(abs(a - b) <= TOLERANCE * max(1.0, abs(a)))
