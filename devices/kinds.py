"""What is a sensor used as, and what does that make of its values?

The format says *contact* or *switch 1*; the enrolled kind says whether that is a front door, a bed pad or
a call button. One table for all message drivers.
"""

from __future__ import annotations

import re
from typing import Any, Final

from core.model import Sensor
from core.quantity import Quantity

Q = Quantity

USED: Final = frozenset({"use", "tap", "flush", "cupboard", "appliance", "switch"})
"""Kinds that tell of life: something was opened, moved, switched."""

SOS_WORDS: Final = frozenset({"emergency", "sos", "panic", "medical", "fire"})
"""Actions that are a call for help whatever the button was sold as."""

NOT_PRESSES: Final = frozenset(
    {"vibration", "tilt", "drop", "shake", "slide", "fall", "flip", "throw", "idle"}
)
"""Actions of cubes and vibration sensors: nobody pressed anything."""

_SEEN: Final = (Q.CONTACT_OPEN, Q.MOTION, Q.PRESENCE)
_BY_KIND: Final[dict[str, dict[Quantity, Quantity]]] = {
    "bed": dict.fromkeys(_SEEN, Q.BED_OCCUPIED),
    "seat": dict.fromkeys(_SEEN, Q.SEAT_OCCUPIED),
    "presence": {Q.MOTION: Q.PRESENCE},
    "radar": {Q.MOTION: Q.PRESENCE},
    "fall": {Q.MOTION: Q.PRESENCE},
    "heat": {Q.SMOKE: Q.HEAT},
    "tag": {Q.MOTION: Q.PRESENCE},
    **{kind: dict.fromkeys((Q.CONTACT_OPEN, Q.MOTION, Q.VIBRATION), Q.USE) for kind in USED},
}

SWITCHED: Final[dict[str, Quantity]] = {
    "door": Q.CONTACT_OPEN,
    "window": Q.CONTACT_OPEN,
    "gate": Q.CONTACT_OPEN,
    "fridge": Q.CONTACT_OPEN,
    "motion": Q.MOTION,
    "presence": Q.PRESENCE,
    "radar": Q.PRESENCE,
    "bed": Q.BED_OCCUPIED,
    "seat": Q.SEAT_OCCUPIED,
    "smoke": Q.SMOKE,
    "heat": Q.HEAT,
    "gas": Q.GAS,
    "co": Q.CO,
    "water": Q.WATER,
    "vibration": Q.VIBRATION,
    "tamper": Q.TAMPER,
    "button": Q.SOS,
    "tag": Q.PRESENCE,  # a Bluetooth tag that is heard at home
    "key": Q.CONTACT_OPEN,  # a contact on a key hook: open = the key is gone
    **dict.fromkeys(USED, Q.USE),
}
"""What a bare switch input means; the wire's ON is the quantity's 1 unless ``inverted``."""

# words of a model's description -> what its ambiguous fields mean, first match counts
_MODELS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"\bbed\b|\bsleep(ing)?[ _](pad|mat|monitor)|mattress|床垫", "bed"),
        (r"\b(chair|seat|sofa)\b|坐垫", "seat"),
        (r"\bfall\b|跌倒", "fall"),
        (r"\bheat (alarm|detector)", "heat"),
        (r"radar|mm-?wave|microwave|presence|human body|SNZB-06|人体存在", "presence"),
        (r"\bPIR\b|motion", "motion"),
    )
)
_NOT_MODELS: Final = re.compile(r"\b(keypad|dimmer|plug|light)\b", re.IGNORECASE)

PRESS_OPTIONS: Final[dict[str, Any]] = {"any_press": False, "sos_actions": sorted(SOS_WORDS)}
"""The options every driver of buttons has, with their defaults."""


def by_kind(kind: str, quantity: Quantity) -> Quantity:
    """What does this quantity become for a sensor of this kind?

    >>> by_kind("bed", Quantity.CONTACT_OPEN), by_kind("door", Quantity.CONTACT_OPEN)
    (<Quantity.BED_OCCUPIED: 'bed_occupied'>, <Quantity.CONTACT_OPEN: 'contact_open'>)
    """
    return _BY_KIND.get(kind, {}).get(quantity, quantity)


def model_kind(model: str) -> str:
    """Which kind does a model's name or description tell, where the kind decides? "" if none.

    >>> model_kind("OWON SPM915 Sleeping pad monitor"), model_kind("Sonoff SNZB-06P"), model_kind("TS0601")
    ('bed', 'presence', '')
    """
    if _NOT_MODELS.search(model):
        return ""
    return next((kind for pattern, kind in _MODELS if pattern.search(model)), "")


class Presses:
    """Which actions of this sensor's button are a call for help?

    ``sos_actions`` names them; ``any_press: true`` makes every press one (a call button that only says
    ``single``). Letting go (``release``) is no press.
    """

    def __init__(self, sensor: Sensor) -> None:
        words = sensor.options.get("sos_actions")
        listed = words if isinstance(words, (list, tuple, set, frozenset)) else SOS_WORDS
        self._sos = frozenset(str(word).lower() for word in listed)
        self._any = sensor.options.get("any_press") is True

    def meaning(self, action: str) -> tuple[Quantity, float | str] | None:
        """A call for help, a button's text, or nothing.

        >>> Presses(Sensor("s", "zigbee2mqtt", "b")).meaning("emergency")
        (<Quantity.SOS: 'sos'>, 1.0)
        """
        word = action.strip()[:64]
        low = word.lower()
        if not word or low in NOT_PRESSES:
            return None
        if low in self._sos or (self._any and "release" not in low):
            return Q.SOS, 1.0
        return Q.BUTTON, word

    @property
    def word(self) -> str:
        """An action that is a call for help, for encoding."""
        return "emergency" if "emergency" in self._sos or not self._sos else min(self._sos)
