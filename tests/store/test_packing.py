"""Does a packed block come back bit for bit, and is damage told apart from data?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.packing import Damaged, pack, unpack

times = st.lists(st.integers(0, 2**62), max_size=30).map(lambda t: np.array(sorted(t), np.int64))


def flags_for(draw: st.DrawFn, count: int) -> np.ndarray:
    return np.array(draw(st.lists(st.integers(0, 255), min_size=count, max_size=count)), np.uint8)


@st.composite
def numbers(draw: st.DrawFn):
    t = draw(times)
    kind = draw(st.sampled_from(["tenths", "any", "whole"]))
    element = {
        "tenths": st.integers(-(10**6), 10**6).map(lambda n: n / 10),
        "whole": st.integers(-(10**15), 10**15).map(float),
        "any": st.floats(allow_nan=False),
    }[kind]
    values = draw(st.lists(element, min_size=len(t), max_size=len(t)))
    return t, np.array(values, np.float64), flags_for(draw, len(t)), None


@st.composite
def texts(draw: st.DrawFn):
    t = draw(times)
    values = draw(
        st.lists(st.text(max_size=8).map(lambda s: s.rstrip("\0")), min_size=len(t), max_size=len(t))
    )
    return t, np.array(values, np.str_), flags_for(draw, len(t)), None


@st.composite
def frames(draw: st.DrawFn):
    t = draw(times)
    width = draw(st.integers(1, 10))
    clouds = draw(st.booleans())
    sizes = draw(st.lists(st.integers(0, 4), min_size=len(t), max_size=len(t))) if clouds else [1] * len(t)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64) if clouds else None
    total = sum(sizes)
    value = draw(
        st.lists(st.floats(width=32, allow_nan=False), min_size=total * width, max_size=total * width)
    )
    return t, np.array(value, np.float64).reshape(total, width), flags_for(draw, len(t)), offsets


@given(st.one_of(numbers(), texts(), frames()))
def test_round_trip_is_exact(columns):
    t, value, flags, offsets = columns
    back_t, back_value, back_flags, back_offsets = unpack(pack(t, value, flags, offsets))
    assert back_t.tolist() == t.tolist()
    assert back_flags.tolist() == flags.tolist()
    assert back_value.shape == value.shape
    if value.dtype.kind == "f":
        assert back_value.tobytes() == value.tobytes()
    else:
        assert back_value.tolist() == value.tolist()
    assert (back_offsets is None) == (offsets is None)
    if offsets is not None:
        assert back_offsets.tolist() == offsets.tolist()


def test_missing_numbers_survive_too():
    value = np.array([np.nan, 1.5, np.inf, -0.0])
    back = unpack(pack(np.arange(4), value, np.zeros(4, np.uint8)))[1]
    assert back.tobytes() == value.tobytes()


@given(numbers(), st.data())
def test_damage_is_refused_or_seen_never_another_exception(columns, data):
    blob = pack(*columns)
    at = data.draw(st.integers(0, len(blob) - 1))
    hurt = bytearray(blob)
    hurt[at] ^= data.draw(st.integers(1, 255))
    for candidate in (bytes(hurt), blob[:at]):
        try:
            t, value, flags, _ = unpack(candidate)
        except Damaged:
            continue
        assert len(t) == len(value) == len(flags)


def test_a_later_version_is_refused_by_name():
    blob = bytearray(pack(np.arange(1), np.ones(1), np.zeros(1, np.uint8)))
    blob[0] = 99
    with pytest.raises(Damaged, match="version 99"):
        unpack(bytes(blob))


def test_a_quiet_series_packs_small():
    t = np.arange(60, dtype=np.int64) * 60_000_000_000
    value = np.round(20 + np.sin(t / 1e12), 1)
    assert len(pack(t, value, np.zeros(60, np.uint8))) < 100
