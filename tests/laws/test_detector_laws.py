"""The laws every detector obeys, for every line of DETECTORS (design section 4).

Add a detector to ``detectors.DETECTORS`` and it is judged here with no further word. When a law
breaks, the report names the law, the first event that differs, the cuts and the (shrunk) story.
``HEARTHWATCH_LAW_EXAMPLES`` sets how many stories each law tries (default 15).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.contracts import Detector, DetectorSpec
from core.model import DAY, HOUR, SECOND, Block, Event, Flag, Phase, Reading
from core.quantity import Quantity
from detectors import DETECTORS
from tests.laws.blocks import (
    LEVELS,
    START,
    Segment,
    Story,
    cuts,
    example_home,
    in_order,
    possible_cuts,
    slice_blocks,
    sources_for,
    stories,
)

_USUAL = "400" if os.environ.get("HYPOTHESIS_PROFILE") == "slow" else "15"
EXAMPLES = int(os.environ.get("HEARTHWATCH_LAW_EXAMPLES", _USUAL))
LIFE = {"smoke", "heat", "gas", "co", "water", "sos", "fall"}
"""Kinds that get people out of bed: for these a retained or repeated value alone is no fresh alarm."""

HOME = example_home()

law = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
)
each = pytest.mark.parametrize("spec", DETECTORS.values(), ids=DETECTORS.keys())


def make(spec: DetectorSpec) -> Detector:
    return spec.make(spec.params(), HOME)


def wants(spec: DetectorSpec) -> list[Quantity]:
    return sorted(make(spec).wants)


Run = list[Event]


def run(
    detector: Detector,
    rows: Sequence[Reading],
    end: int,
    at: Iterable[int] = (),
    between: Callable[[Detector, int], Detector] | None = None,
    order: int = 0,
) -> Run:
    """The events of a stream given in slices [.., cut), with ``advance(cut)`` after each."""
    events: Run = []
    i = 0
    for n, cut in enumerate((*at, end)):
        j = i
        while j < len(rows) and rows[j].t < cut:
            j += 1
        if j > i:
            events += detector.process(slice_blocks(rows[i:j], order and order + n))
        i = j
        events += detector.advance(cut)
        if between is not None:
            detector = between(detector, cut)
    return events


def plain(event: Event) -> str:
    return json.dumps(
        [
            event.detector,
            event.kind,
            event.source,
            event.t,
            event.known,
            event.phase,
            dict(event.evidence),
        ],
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
    )


def threads(events: Run) -> dict[tuple[str, str], list[str]]:
    """Events by (kind, source), each in order of telling; order between threads is free."""
    out: dict[tuple[str, str], list[str]] = {}
    for e in events:
        out.setdefault((e.kind, e.source), []).append(plain(e))
    return out


def same(got: Run, expected: Run, what: str, *context: Any) -> None:
    a, b = threads(got), threads(expected)
    for key in sorted(a.keys() | b.keys()):
        x, y = a.get(key, []), b.get(key, [])
        if x == y:
            continue
        n = next((i for i, (p, q) in enumerate(zip(x, y, strict=False)) if p != q), min(len(x), len(y)))
        told = "\n".join(
            (
                f"{what}: {key[0]} of {key[1]}, event {n} differs",
                f"  expected {y[n] if n < len(y) else '(nothing more)'}",
                f"  got      {x[n] if n < len(x) else '(nothing more)'}",
                f"  before   {y[:n][-2:]}",
                *(f"  {c!r}" for c in context),
            )
        )
        pytest.fail(told, pytrace=False)


def stories_of(spec: DetectorSpec, **kw: Any) -> st.SearchStrategy[Story]:
    return stories(wants(spec), HOME, **kw)


# ---------------------------------------------------------------- the specification itself


@each
def test_specification_is_whole(spec: DetectorSpec) -> None:
    assert DETECTORS[spec.name] is spec
    assert spec.question.endswith("?")
    assert spec.kinds
    assert make(spec).wants, "a detector that wants nothing can never speak"


@each
def test_foreign_snapshot_is_refused(spec: DetectorSpec) -> None:
    for foreign in ({}, {"nonsense": 1}, {"version": -1}, {"version": "1", "units": []}):
        with pytest.raises(ValueError):
            make(spec).restore(foreign)


@each
def test_own_empty_snapshot_is_taken(spec: DetectorSpec) -> None:
    detector = make(spec)
    detector.restore(json.loads(json.dumps(make(spec).snapshot(), allow_nan=False)))
    assert detector.process([]) == []
    assert make(spec).advance(START) == []


# ---------------------------------------------------------------- laws over stories


@each
def test_cut_invariant(spec: DetectorSpec) -> None:
    @law
    @given(st.data())
    def check(data: st.DataObject) -> None:
        story = data.draw(stories_of(spec))
        at = data.draw(cuts(story))
        rows, end = story.readings(), story.end()
        whole = run(make(spec), rows, end)
        same(run(make(spec), rows, end, at), whole, "cut differs from whole", at, story)
        same(run(make(spec), rows, end, at, order=7), whole, "order of blocks matters", at, story)

    check()


@each
def test_one_instant_at_a_time(spec: DetectorSpec) -> None:
    @law
    @given(stories_of(spec, most=5))
    def check(story: Story) -> None:
        rows, end = story.readings(), story.end()
        instants = sorted({r.t for r in rows})
        at = possible_cuts(sorted({*instants, *(t + 1 for t in instants)}), rows)
        whole = run(make(spec), rows, end)
        same(run(make(spec), rows, end, at), whole, "instant by instant differs from whole", story)

    check()


@each
def test_extra_advance_changes_nothing(spec: DetectorSpec) -> None:
    @law
    @given(st.data())
    def check(data: st.DataObject) -> None:
        story = data.draw(stories_of(spec))
        rows, end = story.readings(), story.end()
        extra = data.draw(cuts(story))

        def again(detector: Detector, t: int) -> Detector:
            more = detector.advance(t)
            assert not more, f"advancing to {t} again told {more}"
            return detector

        whole = run(make(spec), rows, end)
        same(run(make(spec), rows, end, extra, again), whole, "extra advance matters", extra, story)

    check()


@each
def test_snapshot_changes_nothing(spec: DetectorSpec) -> None:
    @law
    @given(st.data())
    def check(data: st.DataObject) -> None:
        story = data.draw(stories_of(spec))
        at = data.draw(cuts(story))
        rows, end = story.readings(), story.end()

        def reborn(detector: Detector, t: int) -> Detector:
            text = json.dumps(detector.snapshot(), allow_nan=False)
            other = make(spec)
            other.restore(json.loads(text))
            assert json.dumps(other.snapshot(), allow_nan=False) == text, "restore lost something"
            return other

        whole = run(make(spec), rows, end)
        same(run(make(spec), rows, end, at, reborn), whole, "snapshot and restore matter", at, story)

    check()


@each
def test_snapshot_is_a_copy(spec: DetectorSpec) -> None:
    @law
    @given(stories_of(spec, most=5))
    def check(story: Story) -> None:
        rows, end = story.readings(), story.end()
        middle = rows[len(rows) // 2].t
        detector = make(spec)
        texts: list[tuple[dict[str, Any], str]] = []

        def look(detector: Detector, t: int) -> Detector:
            state = detector.snapshot()
            texts.append((state, json.dumps(state, allow_nan=False)))
            return detector

        run(detector, rows, end, [middle], look)
        for state, text in texts:
            assert json.dumps(state, allow_nan=False) == text, "a snapshot changed after it was taken"

    check()


@each
def test_input_is_neither_written_nor_kept(spec: DetectorSpec) -> None:
    @law
    @given(st.data())
    def check(data: st.DataObject) -> None:
        story = data.draw(stories_of(spec))
        at = data.draw(cuts(story))
        rows, end = story.readings(), story.end()
        whole = run(make(spec), rows, end, at)
        detector = make(spec)
        events: Run = []
        i = 0
        for cut in (*at, end):
            j = i
            while j < len(rows) and rows[j].t < cut:
                j += 1
            lent, owned = _lend(slice_blocks(rows[i:j]))
            before = [a.copy() for a in owned]
            events += detector.process(lent)
            for a, b in zip(owned, before, strict=True):
                assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), "an input array was written"
                a[...] = 1 if a.dtype.kind != "U" else "scribble"
            i = j
            events += detector.advance(cut)
        same(events, whole, "an input array was kept", at, story)

    check()


def _lend(blocks: list[Block]) -> tuple[list[Block], list[np.ndarray[Any, Any]]]:
    """Blocks that are read-only windows on arrays we can still write."""
    lent, owned = [], []
    for b in blocks:
        arrays = [np.array(a) for a in (b.t, b.value, b.flags, b.offsets) if a is not None]
        views = [a.view() for a in arrays]
        for v in views:
            v.flags.writeable = False
        owned += arrays
        lent.append(Block(b.source, b.quantity, views[0], views[1], views[2], (*views, None)[3]))
    return lent, owned


@each
def test_missing_values_change_nothing(spec: DetectorSpec) -> None:
    """A NaN is no reading: a story with NaN samples added tells the same events."""

    @law
    @given(st.data())
    def check(data: st.DataObject) -> None:
        story = data.draw(stories_of(spec))
        clean = Story(tuple(replace(s, nan_every=0) for s in story.segments), story.tail)
        rows, end = clean.readings(), clean.end()
        holes = []
        for r in data.draw(st.lists(st.sampled_from(rows), max_size=10)):
            if r.quantity.shape in ("flag", "scalar"):
                holes.append(r._replace(value=float("nan")))
            elif r.quantity.shape == "vector" and isinstance(r.value, tuple):
                holes.append(r._replace(value=tuple(float("nan") for _ in r.value)))
        by = data.draw(st.sampled_from((0, 1, 3 * SECOND)))
        holes = [h._replace(t=min(h.t + by, end - 1)) for h in holes]
        mixed = in_order(rows + [h for h in holes if h.quantity is not Quantity.BLIND_S])
        same(
            run(make(spec), mixed, end),
            run(make(spec), rows, end),
            "a NaN sample mattered",
            holes,
            clean,
        )

    check()


@each
def test_repeats_raise_no_fresh_alarm(spec: DetectorSpec) -> None:
    """The same message again within two seconds (QoS 1, radio) opens nothing that was not open."""

    @law
    @given(st.data())
    def check(data: st.DataObject) -> None:
        story = data.draw(stories_of(spec))
        clean = Story(
            tuple(replace(s, flags=s.flags & ~int(Flag.REPEAT)) for s in story.segments), story.tail
        )
        rows, end = clean.readings(), clean.end()
        echoes = []
        for r in data.draw(st.lists(st.sampled_from(rows), max_size=10)):
            by = data.draw(st.sampled_from((0, 1, SECOND, 2 * SECOND)))
            echoes.append(r._replace(t=min(r.t + by, end - 1), flags=r.flags | Flag.REPEAT))
        mixed = in_order(rows + [e for e in echoes if e.quantity is not Quantity.BLIND_S])
        quiet = [e for e in run(make(spec), rows, end) if e.phase is Phase.ONSET and e.kind in LIFE]
        noisy = [e for e in run(make(spec), mixed, end) if e.phase is Phase.ONSET and e.kind in LIFE]
        extra = {(e.kind, e.source, e.t) for e in noisy} - {(e.kind, e.source, e.t) for e in quiet}
        if len(noisy) > len(quiet):
            pytest.fail(f"repeats raised {extra}\n  {echoes!r}\n  {clean!r}", pytrace=False)

    check()


@each
def test_retained_values_raise_no_fresh_alarm(spec: DetectorSpec) -> None:
    """What only the broker remembers is told at most once per (kind, source), as found at connect."""

    @law
    @given(stories_of(spec))
    def check(story: Story) -> None:
        rows = [r._replace(flags=r.flags | Flag.RETAINED) for r in story.readings()]
        end = story.end()
        told: set[tuple[str, str]] = set()
        for e in run(make(spec), rows, end):
            if e.kind not in LIFE or e.phase is not Phase.ONSET or e.evidence.get("test") is True:
                continue
            if e.evidence.get("found_at_connect") is not True:
                pytest.fail(f"a retained value raised {plain(e)}\n  {story!r}", pytrace=False)
            told.add((e.kind, e.source))

    check()


@each
def test_time_shift(spec: DetectorSpec) -> None:
    @law
    @given(stories_of(spec), st.sampled_from((-400, -7, -1, 1, 7, 1000)))
    def check(story: Story, days: int) -> None:
        rows, end = story.readings(), story.end()
        shift = days * DAY
        later = [r._replace(t=r.t + shift) for r in rows]
        moved = [
            Event(
                e.detector,
                e.kind,
                e.source,
                e.t - shift,
                e.phase,
                _unshift(e.evidence, shift),
                e.known - shift,
            )
            for e in run(make(spec), later, end + shift)
        ]
        same(moved, run(make(spec), rows, end), f"{days} days later differs", story)

    check()


_DAY = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")


def _unshift(value: Any, shift: int) -> Any:
    """Instants (big integers) and dates in evidence, moved back."""
    if isinstance(value, dict):
        return {k: _unshift(v, shift) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_unshift(v, shift) for v in value]
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value > 10**17:
        return value - shift
    if isinstance(value, str):
        return _DAY.sub(
            lambda m: str(date(*(int(g) for g in m.groups())) - timedelta(days=shift // DAY)), value
        )
    return value


@each
def test_events_are_ordered_and_never_ahead(spec: DetectorSpec) -> None:
    @law
    @given(st.data())
    def check(data: st.DataObject) -> None:
        story = data.draw(stories_of(spec))
        rows, end = story.readings(), story.end()
        detector = make(spec)
        last: dict[tuple[str, str], int] = {}
        open_: dict[tuple[str, str], bool] = {}

        def judge(events: Run, reached: int, how: str) -> None:
            for e in events:
                key = (e.kind, e.source)
                where = f"{how}: {plain(e)}\n  {story!r}"
                assert e.kind in spec.kinds, f"undeclared kind, {where}"
                assert e.detector == spec.name, f"wrong detector name, {where}"
                assert type(e.t) is int, f"t is not a plain int, {where}"
                assert e.t <= e.known, f"known before it was true, {where}"
                assert e.known <= reached, f"ahead of the time reached ({reached}), {where}"
                assert e.t >= last.get(key, e.t), f"back in time ({last.get(key)}), {where}"
                if e.phase is not Phase.ONSET:
                    assert open_.get(key), f"{e.phase} of what is not open, {where}"
                last[key] = e.t
                open_[key] = e.phase is not Phase.CLEAR

        i = 0
        for cut in (*data.draw(cuts(story)), end):
            j = i
            while j < len(rows) and rows[j].t < cut:
                j += 1
            if j > i:
                judge(detector.process(slice_blocks(rows[i:j])), rows[j - 1].t, "process")
            i = j
            judge(detector.advance(cut), cut - 1, "advance")

    check()


# ---------------------------------------------------------------- bounded state


def _long_story(spec: DetectorSpec, times: int) -> Story:
    """Everything it wants at once, ``times`` times over; a fixed mixture, so that sizes compare."""
    rng = np.random.default_rng(11)
    parts: list[Segment] = []
    for n in range(times):
        for k, quantity in enumerate(wants(spec)):
            usual = sources_for(quantity, HOME)
            levels = LEVELS.get(quantity, (0.0, 1.0))
            low, high = (0.5, 0.5) if quantity is Quantity.BLIND_S else rng.choice(levels, 2)
            parts.append(
                Segment(
                    source=usual[n % len(usual)],
                    quantity=quantity,
                    gap=2 * HOUR if k == 0 and n else 0,
                    period=60 * SECOND if quantity.shape in ("flag", "scalar", "text") else SECOND,
                    count=50 if quantity.shape in ("flag", "scalar", "text") else 40,
                    pattern=("walk", "toggle", "ramp", "spikes")[n % 4],
                    low=float(low),
                    high=float(high),
                    flags=0,
                    nan_every=0,
                    seed=n * 31 + k,
                )
            )
    return Story(tuple(parts))


@each
def test_snapshot_is_bounded(spec: DetectorSpec) -> None:
    """Ten times the stream is not ten times the state."""

    def size(times: int) -> int:
        story = _long_story(spec, times)
        rows = story.readings()
        detector = make(spec)
        step = HOUR
        cut, i = START, 0
        while i < len(rows):
            cut += step
            j = i
            while j < len(rows) and rows[j].t < cut:
                j += 1
            if j > i:
                detector.process(slice_blocks(rows[i:j]))
            detector.advance(cut)
            i = j
        return len(json.dumps(detector.snapshot(), allow_nan=False))

    short, long = size(6), size(60)
    assert long <= 3 * short + 20_000, f"{short} bytes grew to {long} with ten times the readings"
