"""Which topic filters are really needed, when some cover others?

Overlapping subscriptions make some brokers deliver a message twice, so covered ones are left out.
"""

from __future__ import annotations

from collections.abc import Iterable


def covers(wide: str, narrow: str) -> bool:
    """Does every topic that ``narrow`` matches also match ``wide``?

    >>> covers("zigbee2mqtt/#", "zigbee2mqtt/+/availability"), covers("a/+", "a/#"), covers("#", "$SYS/x")
    (True, False, False)
    """
    if wide == narrow:
        return True
    have, want = wide.split("/"), narrow.split("/")
    if want[0].startswith("$") and have[0] in ("#", "+"):
        return False
    for i, level in enumerate(have):
        if level == "#":
            return True
        if i >= len(want) or want[i] == "#":
            return False
        if level != "+" and level != want[i]:
            return False
    return len(want) == len(have)


def needed(filters: Iterable[str]) -> list[str]:
    """The filters that no other covers, in their order, each once.

    >>> needed(["a/b", "a/#", "c", "c", "a/+/d"])
    ['a/#', 'c']
    """
    every = list(dict.fromkeys(filters))
    return [f for f in every if not any(o != f and covers(o, f) for o in every)]
