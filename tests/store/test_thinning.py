"""Does thinning keep what matters, whatever the cuts?"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import SECOND, Block
from core.quantity import Quantity
from store.packing import MEAN
from store.thinning import FEW, Thinner

THIN = 60 * SECOND
samples = st.lists(
    st.tuples(st.integers(0, 400), st.one_of(st.integers(-5, 5).map(float), st.just(float("nan")))),
    max_size=60,
).map(lambda rows: sorted(rows, key=lambda r: r[0]))


def run(quantity: Quantity, rows, cuts):
    thinner = Thinner(quantity, THIN)
    out = []
    edges = sorted({0, *cuts, len(rows)})
    for a, b in pairwise(edges):
        part = rows[a:b]
        if part:
            out += thinner.feed(
                Block.build(
                    "s", quantity, [t * SECOND for t, _ in part], [v for _, v in part], [0] * len(part)
                )
            )
    return out + thinner.end()


@given(samples, st.lists(st.integers(0, 60), max_size=5))
def test_cuts_change_nothing(rows, cuts):
    for quantity in (Quantity.CO_PPM, Quantity.CONTACT_OPEN, Quantity.SOS):
        assert run(quantity, rows, cuts) == run(quantity, rows, [])


@given(samples)
def test_numbers_keep_lowest_highest_and_mean_of_each_bucket(rows):
    kept = run(Quantity.CO_PPM, rows, [])
    real = [(t, v) for t, v, f in kept if not f & MEAN]
    given_rows = [(t * SECOND, v) for t, v in rows if v == v]
    assert all(row in given_rows for row in real)
    for bucket in {t // THIN for t, _ in given_rows}:
        inside = [v for t, v in given_rows if t // THIN == bucket]
        here = [v for t, v in real if t // THIN == bucket]
        means = [v for t, v, f in kept if f & MEAN and t // THIN == bucket]
        assert (min(here), max(here)) == (min(inside), max(inside))
        if len(inside) <= FEW:
            assert here == inside
            assert not means
        elif min(inside) < max(inside):
            assert len(here) == 2
            assert means[0] == pytest.approx(sum(inside) / len(inside), rel=1e-5, abs=1e-12)
        else:
            assert here == [inside[0]]


@given(samples)
def test_flags_keep_every_edge_and_a_sign_of_life(rows):
    rows = list({t: (t, v) for t, v in rows}.values())  # one sample an instant
    kept = [(t, v) for t, v, _ in run(Quantity.CONTACT_OPEN, rows, [])]
    said = [(t * SECOND, v) for t, v in rows if v == v]
    assert set(kept) <= set(said)
    assert kept[:1] == said[:1]
    for before, row in pairwise(said):
        if before[1] != row[1]:
            assert row in kept
    for row in said:  # the state read from what was kept is the true one, and no bucket of life is lost
        at = max(k for k in kept if k[0] <= row[0])
        assert at[1] == row[1]
        assert row[0] - at[0] < THIN


def test_every_call_for_help_is_kept_and_every_button_press():
    presses = [(n, 1.0) for n in range(5)]
    assert len(run(Quantity.SOS, presses, [])) == 5
    assert len(run(Quantity.MOTION, presses, [])) == 1
    thinner = Thinner(Quantity.BUTTON, THIN)
    block = Block.build("s", Quantity.BUTTON, [1, 2], ["single", "single"], [0, 0])
    assert thinner.feed(block) == [(1, "single", 0), (2, "single", 0)]


def test_a_bucket_is_over_only_when_its_time_is():
    thinner = Thinner(Quantity.CO_PPM, THIN)
    thinner.feed(Block.build("s", Quantity.CO_PPM, [5], [1.0], [0]))
    assert thinner.over(THIN - 1) == []
    assert thinner.held() == [(5, 1.0, 0)]
    assert thinner.over(THIN) == [(5, 1.0, 0)]
    assert thinner.over(THIN) == thinner.end() == []
