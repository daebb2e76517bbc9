"""Where does simulated chance come from? A seeded generator of our own: the same on every machine.

SplitMix64 (Steele, Lea, Flood 2014) is a counter pushed through a mixing function, so a long run can be
drawn one by one or as one array with the same result. Names, not Python's ``hash``, derive sub-streams:
adding a sensor does not change what the others draw.
"""

from __future__ import annotations

import hashlib

import numpy as np

from core.model import Floats

_GAMMA = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_TO_UNIT = 2.0**-53
_SIGMA = 3.0**0.5 / 65536.0  # four 16-bit uniforms add up to variance 1/3


class Prng:
    """What would chance say, if asked in this order?

    >>> a, b = Prng(7), Prng(7)
    >>> [a.random() for _ in range(3)] == b.uniforms(3).tolist()
    True
    >>> Prng(7).fork("x").random() == Prng(7).fork("x").random() != Prng(7).fork("y").random()
    True
    """

    __slots__ = ("_state", "seed")

    def __init__(self, seed: int) -> None:
        self.seed = seed & _MASK
        self._state = self.seed

    def fork(self, *names: str | int) -> Prng:
        """An independent stream for this name; does not depend on what was drawn so far."""
        text = "\x1f".join((str(self.seed), *map(str, names)))
        return Prng(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big"))

    def bits(self) -> int:
        """64 random bits."""
        self._state = z = (self._state + _GAMMA) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def random(self) -> float:
        """A number in [0, 1)."""
        return (self.bits() >> 11) * _TO_UNIT

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self.random()

    def below(self, n: int) -> int:
        """A whole number in [0, n)."""
        return self.bits() % n

    def chance(self, p: float) -> bool:
        """True with probability ``p``."""
        return self.random() < p

    def normal(self, mean: float = 0.0, sd: float = 1.0) -> float:
        """Nearly normal: four uniforms added, exact on every machine, never beyond 3.47 sd."""
        z = self.bits()
        total = (z & 0xFFFF) + (z >> 16 & 0xFFFF) + (z >> 32 & 0xFFFF) + (z >> 48)
        return mean + sd * (total - 131070.0) * _SIGMA

    def uniforms(self, n: int) -> Floats:
        """float64[n]: what ``n`` calls of :meth:`random` would give."""
        out: Floats = (self._words(n) >> np.uint64(11)).astype(np.float64) * _TO_UNIT
        return out

    def normals(self, n: int) -> Floats:
        """float64[n]: what ``n`` calls of :meth:`normal` would give."""
        z = self._words(n)
        low = np.uint64(0xFFFF)
        total = (z & low) + (z >> np.uint64(16) & low) + (z >> np.uint64(32) & low) + (z >> np.uint64(48))
        out: Floats = (total.astype(np.float64) - 131070.0) * _SIGMA
        return out

    def _words(self, n: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        steps = np.arange(1, n + 1, dtype=np.uint64)
        z = np.uint64(self._state) + steps * np.uint64(_GAMMA)  # wraps modulo 2**64, as meant
        self._state = (self._state + n * _GAMMA) & _MASK
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)))
