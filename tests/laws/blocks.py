"""Which streams of readings should every detector survive? Hypothesis strategies for blocks.

A :class:`Story` is a handful of segments (one sensor doing one thing for a while) laid out in event
time. Segments are drawn by Hypothesis, so a failing story shrinks to few and short ones; the samples
inside a segment come from a small generator seeded by the segment, so long streams stay cheap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from core import config
from core.model import DAY, HOUR, MINUTE, SECOND, Block, Flag, Home, Reading
from core.quantity import VECTOR_WIDTH, Quantity

Q = Quantity
START = 1_763_856_000 * SECOND  # a midnight of UTC; any realistic instant would do
STRANGER = "stranger"  # a source nobody enrolled

GAPS = (0, 1, 700_000_000, SECOND, 7 * SECOND, 30 * SECOND, MINUTE, 10 * MINUTE, HOUR, 7 * HOUR, 26 * HOUR)
PERIODS = (
    0,
    1,
    50_000_000,
    250_000_000,
    SECOND,
    10 * SECOND,
    MINUTE,
    7 * MINUTE,
    HOUR,
    HOUR + 1,
    5 * HOUR,
    25 * HOUR,
)
PATTERNS = ("hold", "toggle", "noise", "ramp", "walk", "spikes", "burst")

# low, ordinary, high, impossible: where the interesting values of a quantity lie
LEVELS: dict[Quantity, tuple[float, ...]] = {
    Q.CO_PPM: (0.0, 3.0, 28.0, 35.0, 52.0, 75.0, 110.0, 180.0, 320.0, 600.0, 5000.0, -1.0),
    Q.GAS_LEL_PCT: (0.0, 0.4, 2.0, 4.8, 9.0, 11.0, 20.0, 60.0, 100.0, 150.0, -1.0),
    Q.METHANE_PPM: (0.0, 2.0, 400.0, 1500.0, 4900.0, 5600.0, 20_000.0, 60_000.0, -1.0),
    Q.SMOKE_OBSCURATION_PCT_M: (0.0, 0.2, 1.0, 4.0, 9.0, 30.0, 100.0, -0.1),
    Q.TEMPERATURE_C: (-20.0, 4.0, 19.0, 22.0, 28.0, 45.0, 58.0, 90.0, 300.0),
    Q.DEVICE_TEMPERATURE_C: (10.0, 25.0, 60.0),
    Q.HUMIDITY_PCT: (0.0, 35.0, 60.0, 97.0, 100.0),
    Q.CO2_PPM: (400.0, 900.0, 2500.0, 40_000.0),
    Q.FALL_STATE: (0.0, 1.0, 2.0),
    Q.TARGET_COUNT: (0.0, 1.0, 2.0, 3.0),
    Q.DISTANCE_M: (0.0, 0.4, 1.5, 3.0, 6.0),
    Q.MOVING_DISTANCE_M: (0.0, 0.4, 1.5, 3.0),
    Q.STILL_DISTANCE_M: (0.0, 0.4, 1.5, 3.0),
    Q.MOVING_ENERGY: (0.0, 20.0, 60.0, 100.0),
    Q.STILL_ENERGY: (0.0, 20.0, 60.0, 100.0),
    Q.HEART_RATE_BPM: (0.0, 38.0, 62.0, 75.0, 140.0, 190.0),
    Q.BREATH_RATE_BPM: (0.0, 5.0, 12.0, 16.0, 31.0),
    Q.WATER_L: (0.0, 0.5, 3.8, 12.0, 250.0, 90_000.0),
    Q.POWER_W: (0.0, 2.0, 60.0, 2100.0),
    Q.BATTERY_PCT: (0.0, 4.0, 12.0, 60.0, 100.0),
    Q.VOLTAGE_V: (0.0, 2.1, 2.9, 230.0),
    Q.LINK_QUALITY: (0.0, 20.0, 120.0, 255.0),
    Q.RSSI_DBM: (-110.0, -80.0, -40.0),
    Q.BLIND_S: (0.5, 20.0, 600.0, 40_000.0),
    Q.WALL_OFFSET_S: (0.0, 0.2, -3600.0, 3600.0),
}

_HOME: list[Home] = []


def example_home() -> Home:
    """The home of config.yaml, as detectors see it."""
    if not _HOME:
        _HOME.append(config.load(Path(__file__).parents[2] / "config.yaml")[0].as_home())
    return _HOME[0]


# Which enrolled sensors may say it; sources the table does not name may say anything, and do.
_BY_KIND: dict[Quantity, tuple[str, ...]] = {
    Q.SMOKE: ("smoke_hall",),
    Q.HEAT: ("smoke_hall",),
    Q.SMOKE_OBSCURATION_PCT_M: ("smoke_hall",),
    Q.GAS: ("gas_kitchen", "methane_kitchen"),
    Q.GAS_LEL_PCT: ("methane_kitchen", "gas_kitchen"),
    Q.METHANE_PPM: ("methane_kitchen",),
    Q.CO: ("co_bedroom", "co_kitchen"),
    Q.CO_PPM: ("co_kitchen", "co_bedroom"),
    Q.WATER: ("water_bathroom",),
    Q.WATER_L: ("water_bathroom",),
    Q.SOS: ("button_bedroom",),
    Q.BUTTON: ("button_bedroom",),
    Q.CONTACT_OPEN: ("front_door",),
    Q.MOTION: ("motion_hall", "motion_kitchen", "motion_bathroom"),
    Q.PRESENCE: ("presence_living", "radar_bathroom", "radar_bedroom"),
    Q.MOVING: ("radar_bedroom",),
    Q.STILL: ("radar_bedroom",),
    Q.TARGET: ("radar_living",),
    Q.TARGET_COUNT: ("radar_living",),
    Q.CLOUD: ("radar_bathroom",),
    Q.TRACK: ("radar_bathroom",),
    Q.HEIGHT: ("radar_bathroom",),
    Q.FALL_STATE: ("radar_bathroom",),
    Q.LINK_UP: ("link:broker", "link:radar_bathroom"),
    Q.BLIND_S: ("gateway", "link:broker"),
    Q.WALL_OFFSET_S: ("gateway",),
}


def sources_for(quantity: Quantity, home: Home) -> tuple[str, ...]:
    """Who might say this in the example home?"""
    usual = _BY_KIND.get(quantity, tuple(home.sensors))
    return (*usual, STRANGER) if quantity not in (Q.LINK_UP, Q.BLIND_S, Q.WALL_OFFSET_S) else usual


@dataclass(frozen=True)
class Segment:
    """One source saying one quantity for a while; ``gap`` is the pause after the previous segment's
    start (segments overlap) in ns."""

    source: str
    quantity: Quantity
    gap: int
    period: int
    count: int
    pattern: str
    low: float
    high: float
    flags: int
    nan_every: int
    seed: int

    def readings(self, start: int) -> list[Reading]:
        """The samples, from ``start`` on."""
        rng = np.random.default_rng(self.seed)
        out = []
        for i, value in enumerate(self._values(rng)):
            if self.nan_every and i % self.nan_every == self.nan_every - 1:
                value = _nan_like(value)
            # the flags hold for the first sample only in a burst of repeats, else for all
            flags = self.flags
            if self.flags & Flag.REPEAT and i == 0:
                flags &= ~int(Flag.REPEAT)
            if self.flags & Flag.RETAINED and i > 0:
                flags &= ~int(Flag.RETAINED)
            out.append(Reading(self.source, self.quantity, start + i * self.period, value, flags))
        return out

    def _values(self, rng: np.random.Generator) -> Iterable[Any]:
        shape = self.quantity.shape
        if shape == "text":
            return [("single", "double", "emergency", "", "hold")[k] for k in rng.integers(0, 5, self.count)]
        if shape in ("flag", "scalar"):
            return [float(v) for v in self._levels(rng)]
        if shape == "vector":
            return _vectors(self, rng)
        return _clouds(self, rng)

    def _levels(self, rng: np.random.Generator) -> np.ndarray[Any, Any]:
        n, low, high = self.count, self.low, self.high
        if self.quantity.shape == "flag" and self.pattern in ("noise", "walk", "ramp"):
            return (rng.random(n) < 0.5).astype(float)
        if self.pattern == "hold":
            return np.full(n, high)
        if self.pattern == "toggle":
            return np.where(np.arange(n) % 2 == 0, high, low)
        if self.pattern == "noise":
            return rng.uniform(min(low, high), max(low, high) + 1e-9, n)
        if self.pattern == "ramp":
            return np.linspace(low, high, n)
        if self.pattern == "walk":
            return low + np.cumsum(rng.normal(0, abs(high - low) / 20 + 0.1, n))
        if self.pattern == "spikes":
            return np.where(rng.random(n) < 0.05, high, low)
        return np.where(np.arange(n) < n // 2, high, low)


def _nan_like(value: Any) -> Any:
    if isinstance(value, float):
        return float("nan")
    if isinstance(value, tuple):
        return tuple(float("nan") for _ in value)
    return value


def _vectors(segment: Segment, rng: np.random.Generator) -> list[tuple[float, ...]]:
    n, width = segment.count, VECTOR_WIDTH[segment.quantity]
    step = segment.period / 1e9
    x, y = np.cumsum(rng.normal(0, 0.05, n)), 2 + np.cumsum(rng.normal(0, 0.05, n))
    top = _postures(segment, rng)
    if segment.quantity is Q.TARGET:
        speed = rng.normal(0, 0.3, n)
        return [(float(a), float(b), float(c), 0.3) for a, b, c in zip(x, y, speed, strict=True)]
    tid = float(rng.integers(0, 3))
    if segment.quantity is Q.HEIGHT:
        return [(tid, float(h), float(max(0.0, h - 1.2))) for h in top]
    z = top - 0.6
    vz = np.gradient(z, max(step, 0.05)) if n > 1 else np.zeros(n)
    rows = np.zeros((n, width))
    rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 6] = tid, x, y, z, vz
    return [tuple(r) for r in rows.tolist()]


def _postures(segment: Segment, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Top of the body over time: standing, now and then dropping to the floor and maybe getting up."""
    n = segment.count
    top = np.full(n, 1.65) + rng.normal(0, 0.04, n)
    if segment.pattern in ("toggle", "ramp", "burst", "spikes") and n > 4:
        at = int(rng.integers(1, n))
        until = n if segment.pattern in ("ramp", "burst") else min(n, at + max(2, n // 4))
        drop = np.clip(1 - np.arange(until - at) * 0.25, 0.15, 1)
        top[at:until] *= drop
    return top


def _clouds(segment: Segment, rng: np.random.Generator) -> list[Any]:
    top = _postures(segment, rng)
    frames = []
    for h in top:
        m = int(rng.integers(0, 25)) if segment.pattern != "hold" else 12
        points = rng.normal(0, 1, (m, 5)) * (0.2, 0.2, 0.35, 0.4, 5)
        points += (0.0, 2.0, max(0.1, h / 2), 0.0, 20.0)
        frames.append(points)
    return frames


@dataclass(frozen=True)
class Story:
    """A stream of readings in time order, and how it came about."""

    segments: tuple[Segment, ...]
    tail: int = 0  # how far time goes on after the last reading

    def __repr__(self) -> str:
        lines = ["Story("]
        for s, (start, _) in zip(self.segments, self._starts(), strict=True):
            lines.append(
                f"  +{start / 1e9:.9g}s {s.source}.{s.quantity.value}: {s.count} x every {s.period / 1e9:.9g}s "
                f"{s.pattern} {s.low:g}..{s.high:g} flags={Flag(s.flags)!s} nan_every={s.nan_every} seed={s.seed}"
            )
        return "\n".join((*lines, f"  then {self.tail / 1e9:.9g}s of nothing)"))

    def _starts(self) -> list[tuple[int, Segment]]:
        out, at = [], 0
        for s in self.segments:
            at += s.gap
            out.append((at, s))
        return out

    def readings(self) -> list[Reading]:
        """All samples ordered by (t, source, order of telling)."""
        return in_order(r for start, s in self._starts() for r in s.readings(START + start))

    def end(self) -> int:
        """The time the story reaches."""
        rows = self.readings()
        return (rows[-1].t if rows else START) + 1 + self.tail


def in_order(rows: Iterable[Reading]) -> list[Reading]:
    """Readings as a gateway could have given them: ordered, and none from while it saw nothing.

    ``blind_s`` of d seconds at t says that nothing was received in [t - d, t); what contradicts an
    earlier told blindness is left out.
    """
    ordered = sorted(rows, key=lambda r: (r.t, r.source, r.quantity))
    starts: list[int] = []  # of the blind spans, which do not overlap
    stops: list[int] = []
    for r in ordered:
        start = _blind_from(r)
        if start is not None and (not stops or start >= stops[-1]):
            starts.append(start)
            stops.append(r.t)

    def seen(r: Reading) -> bool:
        start = _blind_from(r)
        if start is not None:
            i = bisect_left(stops, r.t)
            return i < len(stops) and (starts[i], stops[i]) == (start, r.t)
        i = bisect_right(starts, r.t)
        return i == 0 or r.t >= stops[i - 1]

    return [r for r in ordered if seen(r)]


def _blind_from(r: Reading) -> int | None:
    if r.quantity is not Q.BLIND_S or not isinstance(r.value, float) or not r.value > 0:
        return None
    return r.t - round(r.value * SECOND)


def possible_cuts(at: Iterable[int], rows: Iterable[Reading]) -> list[int]:
    """Cuts a running gateway could make: none while it was not running (after t - d, up to t)."""
    spans = [(a, r.t) for r in rows if (a := _blind_from(r)) is not None]
    return [t for t in at if not any(a < t <= b for a, b in spans)]


@st.composite
def segments(draw: st.DrawFn, quantities: Sequence[Quantity], home: Home, most: int = 40) -> Segment:
    """One segment of one of these quantities."""
    quantity = draw(st.sampled_from(list(quantities)))
    source = draw(st.sampled_from(sources_for(quantity, home)))
    levels = LEVELS.get(quantity, (0.0, 1.0) if quantity.shape == "flag" else (0.0, 1.0, 10.0, 1000.0, -1.0))
    flags = draw(
        st.sampled_from(
            (0, 0, 0, 0, 0, Flag.RETAINED, Flag.WEAK, Flag.TEST, Flag.REPEAT, Flag.WEAK | Flag.REPEAT)
        )
    )
    return Segment(
        source=source,
        quantity=quantity,
        gap=draw(st.sampled_from(GAPS)),
        period=draw(st.sampled_from(PERIODS)),
        count=draw(st.integers(1, most)),
        pattern=draw(st.sampled_from(PATTERNS)),
        low=draw(st.sampled_from(levels)),
        high=draw(st.sampled_from(levels)),
        flags=int(flags),
        nan_every=draw(st.sampled_from((0, 0, 0, 1, 5))),
        seed=draw(st.integers(0, 2**16)),
    )


@st.composite
def stories(draw: st.DrawFn, quantities: Iterable[Quantity], home: Home, most: int = 8) -> Story:
    """A few segments of these quantities, then a stretch of nothing."""
    words = sorted(quantities)
    told = draw(st.lists(segments(words, home), min_size=1, max_size=most))
    tail = draw(st.sampled_from((0, SECOND, 15 * MINUTE, 13 * HOUR, 3 * DAY)))
    return Story(tuple(told), tail)


@st.composite
def cuts(draw: st.DrawFn, story: Story) -> list[int]:
    """Instants at which the stream is cut: at readings, next to them, and anywhere."""
    rows = story.readings()
    end = story.end()
    near = st.builds(
        lambda r, by: min(max(r.t + by, START), end),
        st.sampled_from(rows),
        st.sampled_from((-1, 0, 1, SECOND, 10 * SECOND)),
    )
    some = draw(st.lists(st.one_of(near, st.integers(START, end)), max_size=8))
    return possible_cuts(sorted(set(some) - {START}), rows)


def slice_blocks(rows: Sequence[Reading], order: int = 0) -> list[Block]:
    """One block per (source, quantity) of these readings; ``order`` permutes the blocks."""
    groups: dict[tuple[str, Quantity], list[Reading]] = {}
    for r in rows:
        groups.setdefault((r.source, r.quantity), []).append(r)
    blocks = [Block.of(g) for g in groups.values()]
    return [blocks[i] for i in np.random.default_rng(order).permutation(len(blocks))] if order else blocks
