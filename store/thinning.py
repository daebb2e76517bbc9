"""Which samples are worth a place on the card?

A radar may say the same thing ten times a second for years. Per series and bucket of ``thin_s``:

* numbers: up to three samples stay as they are; of more, the first lowest and the first highest stay
  (real samples at their own times), and the mean of all is kept beside them;
* flags (door, bed, smoke): every change stays, and of repetitions one a bucket, so that the record shows
  the sensor was alive; every single call for help stays;
* text (button actions) all stay;
* frames of points, tracks and targets do not stay; only :class:`store.around.Around` keeps them, around
  events.

NaN is no value and never stays. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.model import Block
from core.quantity import Quantity
from store.packing import MEAN

FEW = 3
_KEEP_EVERY = frozenset({Quantity.SOS})

Row = tuple[int, float | str, int]


@dataclass(slots=True)
class _Numbers:
    """One open bucket of a number's series."""

    bucket: int = -1
    count: int = 0
    total: float = 0.0
    low: Row = (0, 0.0, 0)
    high: Row = (0, 0.0, 0)
    few: list[Row] = field(default_factory=list)


class Thinner:
    """Decides for one series. ``feed`` gives the rows that stay; some are held until a bucket is over.

    >>> from core.model import SECOND
    >>> thin = Thinner(Quantity.TEMPERATURE_C, 60 * SECOND)
    >>> b = Block.build("s", Quantity.TEMPERATURE_C, [s * SECOND for s in range(70)],
    ...                 [20 + s / 10 for s in range(70)], [0] * 70)
    >>> thin.feed(b)
    [(0, 20.0, 0), (30000000000, 22.95, 128), (59000000000, 25.9, 0)]
    """

    def __init__(self, quantity: Quantity, thin_ns: int) -> None:
        self._shape = quantity.shape
        self._every = quantity in _KEEP_EVERY
        self._thin = thin_ns
        self._open = _Numbers()
        self._last: tuple[float, int] | None = None
        self._last_t = 0

    def feed(self, block: Block) -> list[Row]:
        """Which rows stay for good now?"""
        if self._shape == "scalar":
            return self._numbers(block)
        if self._shape == "flag":
            return self._flags(block)
        if self._shape == "text":
            return list(zip(block.t.tolist(), block.value.tolist(), block.flags.tolist(), strict=True))
        return []

    def over(self, t: int) -> list[Row]:
        """Time reached ``t``: the rows of a bucket that ended before."""
        if self._open.count and (self._open.bucket + 1) * self._thin <= t:
            return self._end()
        return []

    def end(self) -> list[Row]:
        """The store closes: what is held, be the bucket full or not."""
        return self._end() if self._open.count else []

    def held(self) -> list[Row]:
        """What :meth:`end` would give, without ending anything."""
        return self._rows(self._open) if self._open.count else []

    def _numbers(self, block: Block) -> list[Row]:
        out: list[Row] = []
        for t, value, flags in zip(block.t.tolist(), block.value.tolist(), block.flags.tolist(), strict=True):
            if value != value:
                continue
            at = self._open
            bucket = t // self._thin
            if bucket != at.bucket:
                if at.count:
                    out += self._end()
                    at = self._open
                at.bucket = bucket
            row = (t, value, flags)
            if at.count == 0:
                at.low = at.high = row
            elif value < at.low[1]:
                at.low = row
            elif value > at.high[1]:
                at.high = row
            at.count += 1
            at.total += value
            if at.count <= FEW:
                at.few.append(row)
        return out

    def _end(self) -> list[Row]:
        done, self._open = self._open, _Numbers()
        return self._rows(done)

    def _rows(self, done: _Numbers) -> list[Row]:
        if done.count <= FEW:
            return list(done.few)
        if done.low[1] == done.high[1]:
            return [done.low]
        middle = done.bucket * self._thin + self._thin // 2
        mean = float(f"{done.total / done.count:.6g}")  # no sensor is better, and it packs small
        return sorted([done.low, done.high, (middle, mean, MEAN)], key=lambda r: r[0])

    def _flags(self, block: Block) -> list[Row]:
        out: list[Row] = []
        last, last_t, thin = self._last, self._last_t, self._thin
        for t, value, flags in zip(block.t.tolist(), block.value.tolist(), block.flags.tolist(), strict=True):
            if value != value:
                continue
            if (value, flags) != last or t - last_t >= thin or (self._every and value):
                out.append((t, value, flags))
                last, last_t = (value, flags), t
        self._last, self._last_t = last, last_t
        return out
