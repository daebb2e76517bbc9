"""What does a message's text mean: JSON, a number, a yes or no, or nothing at all?

Shared by every MQTT driver. The rules, the same everywhere:

- ``null``, ``nan``, ``None``, ``unknown``, ``unavailable`` and empty text are *no value*: never 0, never
  false.
- A yes or no comes only from a table of words (``true``/``false``, ``ON``/``OFF``, ...): the text
  ``"false"`` is true to Python's ``bool``.
- A number may arrive as text; NaN and infinities are refused (Python's own parser lets them in).
- Nothing here raises for bad input; what is refused has a short name for ``Health.refused``.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from core.model import Health, Reading
from core.quantity import Quantity

MAX_BYTES: Final = 1 << 20
"""A sensor's message above this size is refused (``too_large``)."""

ABSENT_WORDS: Final = frozenset(
    {"", "null", "none", "nan", "unknown", "unavailable", "undefined", "n/a", "na", "-", "--"}
)
"""Texts that say there is no value, in lower case."""


def spellings(words: Mapping[str, float | None]) -> dict[Any, float | None]:
    """A table of words in the spellings devices use: as given, lower, UPPER and Capitalized."""
    return {shown: x for w, x in words.items() for shown in (w, w.lower(), w.upper(), w.capitalize())}


YES_NO: Final[dict[Any, float | None]] = {
    **spellings({"true": 1.0, "on": 1.0, "yes": 1.0, "false": 0.0, "off": 0.0, "no": 0.0}),
    **spellings(dict.fromkeys(ABSENT_WORDS)),
    True: 1.0, False: 0.0, None: None, "1": 1.0, "0": 0.0, -1: None, "-1": None, "NaN": None,
}  # fmt: skip
"""A yes or no as devices write it; None is no value. 1 and 0 equal True and False as keys."""


class Refusal(str):
    """A short name of what is wrong with a message; a str so that it can key a counter."""

    __slots__ = ()


NOT_UTF8: Final = Refusal("not_utf8")
NOT_JSON: Final = Refusal("not_json")
NOT_OBJECT: Final = Refusal("not_object")
TOO_LARGE: Final = Refusal("too_large")
NESTING: Final = Refusal("nesting")
UNKNOWN_TOPIC: Final = Refusal("unknown_topic")
EMPTY: Final = Refusal("empty")


def json_value(data: bytes, limit: int = MAX_BYTES) -> Any:
    """Which JSON value do these bytes hold? A :class:`Refusal` if none.

    >>> json_value(b'{"contact":false}')
    {'contact': False}
    >>> json_value(b'{"a":NaN}'), json_value(b"[" * 500)
    ('not_json', 'nesting')
    """
    if len(data) > limit:
        return TOO_LARGE
    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError as bad:
        if "recursion" in str(bad):
            return NESTING
        if not data.strip():
            return EMPTY
        try:
            data.decode()
        except UnicodeDecodeError:
            return NOT_UTF8
        return NOT_JSON


def json_object(data: bytes, limit: int = MAX_BYTES) -> Any:
    """The same where only an object makes sense: a dict or a :class:`Refusal`.

    >>> json_object(b"[1]")
    'not_object'
    """
    value = json_value(data, limit)
    return value if type(value) is dict or type(value) is Refusal else NOT_OBJECT


def text(data: bytes, limit: int = MAX_BYTES) -> str:
    """Which text do these bytes hold, without blanks around it? A :class:`Refusal` if none.

    >>> text(" 开 ".encode()), text(b"\\xff")
    ('开', 'not_utf8')
    """
    if len(data) > limit:
        return TOO_LARGE
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        return NOT_UTF8


def plain(data: bytes) -> Any:
    """What does a bare payload say: the JSON value if it is one, else the text itself?

    >>> plain(b"21.5"), plain(b"open"), plain(b"nan"), plain(b'"on"'), plain(b"")
    (21.5, 'open', 'nan', 'on', '')
    """
    value = json_value(data)
    return text(data) if type(value) is Refusal and value in (NOT_JSON, EMPTY) else value


def is_absent(value: Any) -> bool:
    """Does it say that there is no value?

    >>> is_absent(None), is_absent("unavailable"), is_absent(0)
    (True, True, False)
    """
    return value is None or (type(value) is str and value.strip().lower() in ABSENT_WORDS)


class Wrong:
    """What :func:`number` and :func:`yes_no` answer when the value is of no use."""


WRONG: Final = Wrong()


def number(value: Any, low: float = -inf, high: float = inf) -> float | Wrong | None:
    """Which finite number within [low, high] is it? None if absent, ``WRONG`` otherwise.

    -1 is absent where -1 is impossible, 0 where 0 is: many firmwares write them for "not known".

    >>> number("87"), number(None), number(-1, low=0), number(True) is WRONG, number("1e999") is WRONG
    (87.0, None, None, True, True)
    """
    if type(value) is str:
        word = value.strip()
        if word.lower() in ABSENT_WORDS:
            return None
        if len(word) > 40 or "_" in word:
            return WRONG
        try:
            value = float(word)
        except ValueError:
            return WRONG
    elif value is None:
        return None
    elif type(value) is not float and type(value) is not int:
        return WRONG
    if low <= value <= high and -1e300 < value < 1e300:
        return float(value)
    if value == -1 or value != value or (value == 0 and low > 0):
        return None
    return WRONG


def yes_no(value: Any, words: dict[Any, float | None] = YES_NO) -> float | Wrong | None:
    """Is it 1.0 or 0.0 by the table? None if absent, ``WRONG`` otherwise.

    >>> yes_no("false"), yes_no(True), yes_no("unknown"), yes_no([]) is WRONG
    (0.0, 1.0, None, True)
    """
    try:
        return words[value]
    except (KeyError, TypeError):
        pass
    if is_absent(value):
        return None
    return words.get(value.strip().lower(), WRONG) if type(value) is str else WRONG


class Field(NamedTuple):
    """How one field becomes a reading: by a table of words, or as a number within [low, high] / divisor.

    ``quantity`` None: the driver has a rule of its own for it, named by ``rule``.
    """

    quantity: Quantity | None
    words: dict[Any, float | None] | None = None
    low: float = 0.0
    high: float = 0.0
    divisor: float = 1.0
    rule: str = ""

    def read(self, value: Any) -> float | Wrong | None:
        """What does this value say? None if absent, ``WRONG`` if it is no use.

        >>> number_field(Quantity.VOLTAGE_V, 500, 30_000, 1000).read("3015")
        3.015
        """
        if self.words is not None:
            return yes_no(value, self.words)
        x = number(value, self.low, self.high)
        return x / self.divisor if isinstance(x, float) else x


def flag_field(quantity: Quantity, words: dict[Any, float | None] = YES_NO) -> Field:
    """A field of words."""
    return Field(quantity, words)


def number_field(quantity: Quantity, low: float, high: float, divisor: float = 1.0) -> Field:
    """A field of numbers; outside [low, high] they are refused."""
    return Field(quantity, None, low, high, divisor)


def merge(readings: list[Reading]) -> list[Reading]:
    """Two fields of one message named the same quantity: which one reading is left? The alarming one.

    Flags and fall states join by their maximum; of other quantities the first stays.
    """
    at: dict[Quantity, int] = {}
    out: list[Reading] = []
    for reading in readings:
        i = at.get(reading.quantity)
        if i is None or reading.quantity is Quantity.BUTTON or reading.quantity is Quantity.SOS:
            at[reading.quantity] = len(out)
            out.append(reading)
        elif (reading.quantity.shape == "flag" or reading.quantity is Quantity.FALL_STATE) and (
            float(reading.value) > float(out[i].value)  # type: ignore[arg-type]
        ):
            out[i] = reading
    return out


def refuse(health: Health, data: bytes, reason: str) -> list[Reading]:
    """Count a whole message as refused; the empty list to return."""
    size = len(data)
    health.bytes_in += size
    health.bytes_discarded += size
    health.refuse(reason)
    return []


def accept(health: Health, data: bytes, at: int) -> None:
    """Count a whole message as good."""
    size = len(data)
    health.bytes_in += size
    health.bytes_good += size
    health.frames_good += 1
    health.last_seen = at
