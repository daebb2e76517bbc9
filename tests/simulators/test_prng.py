from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from simulators.prng import Prng

SEEDS = st.integers(0, 2**64 - 1)


def test_it_is_splitmix64() -> None:
    chance = Prng(0)
    # the first three outputs for seed 0, as every implementation of SplitMix64 gives them
    assert [chance.bits() for _ in range(3)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@given(SEEDS, st.integers(0, 200), st.integers(0, 50))
def test_arrays_are_single_draws(seed: int, n: int, before: int) -> None:
    one, many = Prng(seed), Prng(seed)
    for _ in range(before):
        assert one.bits() == many.bits()
    assert [one.random() for _ in range(n)] == many.uniforms(n).tolist()
    assert [one.normal() for _ in range(n)] == many.normals(n).tolist()
    assert one.bits() == many.bits()


@given(SEEDS, st.integers(1, 1000))
def test_ranges(seed: int, n: int) -> None:
    chance = Prng(seed)
    assert 0 <= chance.random() < 1
    assert 0 <= chance.below(n) < n
    assert abs(chance.normal(5, 2) - 5) < 7


def test_moments() -> None:
    draws = Prng(3).normals(100_000)
    assert abs(draws.mean()) < 0.02
    assert abs(draws.std() - 1) < 0.02


@given(SEEDS, st.text(), st.integers(0, 9))
def test_forks_do_not_depend_on_draws(seed: int, name: str, drawn: int) -> None:
    a, b = Prng(seed), Prng(seed)
    for _ in range(drawn):
        a.bits()
    assert a.fork(name).bits() == b.fork(name).bits()
    assert a.fork(name, 1).bits() != a.fork(name, 2).bits()


def test_no_hash_seed_matters(root: Path) -> None:
    program = "from simulators.prng import Prng; print(Prng(5).fork('a', 'b').bits())"
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": s},
            capture_output=True,
            text=True,
            check=True,
            cwd=root,
        ).stdout
        for s in ("1", "2")
    }
    assert said == {f"{Prng(5).fork('a', 'b').bits()}\n"}
