from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model import SECOND, Mark, Packet, Sensor
from devices import DRIVERS
from simulators import faults
from simulators.faults import Damage
from simulators.prng import Prng

PACKETS = st.lists(st.tuples(st.sampled_from("ab"), st.binary(max_size=40)), max_size=30).map(
    lambda rows: [Packet(link, "", i * SECOND, data) for i, (link, data) in enumerate(rows)]
)
SEEDS = st.integers(0, 2**32)
FAULTS: list[Callable[[list[Packet], Prng], Iterator[Packet]]] = [
    lambda p, c: faults.noisy(p, c, flip_per_bit=0.01, lose_per_byte=0.05, double_per_byte=0.05),
    lambda p, c: faults.wrong_baud(p, c),
    lambda p, c: faults.cut(p, c, 5),
    lambda p, c: faults.stalled(p, 3 * SECOND, 4, "a"),
    lambda p, c: faults.unplugged(p, 3 * SECOND, 4, "a"),
    lambda p, c: faults.redelivered(p, c),
]


@pytest.mark.parametrize("fault", FAULTS)
@given(packets=PACKETS, seed=SEEDS)
def test_same_seed_same_damage_and_time_never_runs_back(
    fault: Callable[[list[Packet], Prng], Iterator[Packet]], packets: list[Packet], seed: int
) -> None:
    once = list(fault(packets, Prng(seed)))
    assert once == list(fault(packets, Prng(seed)))
    times = [p.at for p in once]
    assert times == sorted(times)


@given(PACKETS, SEEDS)
def test_damage_is_counted(packets: list[Packet], seed: int) -> None:
    damage = Damage()
    out = list(
        faults.noisy(packets, Prng(seed), damage, flip_per_bit=0.01, lose_per_byte=0.05, double_per_byte=0.05)
    )
    assert damage.touched + damage.untouched == len(packets)
    grown = sum(len(p.data) for p in out) - sum(len(p.data) for p in packets)
    assert grown == damage.doubled - damage.lost
    assert [p.data for p, q in zip(packets, out, strict=True) if p == q] == damage.whole


@given(PACKETS, SEEDS, st.integers(1, 9))
def test_cutting_keeps_the_bytes(packets: list[Packet], seed: int, at_most: int) -> None:
    pieces = list(faults.cut(packets, Prng(seed), at_most))
    for link in "ab":
        assert b"".join(p.data for p in pieces if p.link == link) == b"".join(
            p.data for p in packets if p.link == link
        )
    assert all(0 < len(p.data) <= at_most for p in pieces)


@given(PACKETS)
def test_a_stall_loses_nothing(packets: list[Packet]) -> None:
    out = list(faults.stalled(packets, 3 * SECOND, 4, "a"))
    for link in "ab":
        assert [p.data for p in out if p.link == link] == [p.data for p in packets if p.link == link]
    assert not [p for p in out if p.link == "a" and 3 * SECOND <= p.at < 7 * SECOND]


@given(PACKETS)
def test_an_unplug_cuts_a_frame_and_marks_the_gap(packets: list[Packet]) -> None:
    out = list(faults.unplugged(packets, 3 * SECOND, 4, "a"))
    marks = [p.mark for p in out if p.mark]
    inside = [p for p in packets if p.link == "a" and 3 * SECOND <= p.at < 7 * SECOND]
    assert marks == ([Mark.DOWN, Mark.UP] if inside else [])
    if inside:
        down = next(i for i, p in enumerate(out) if p.mark is Mark.DOWN)
        assert inside[0].data.startswith(out[down - 1].data)
        assert len(out[down - 1].data) == len(inside[0].data) // 2
    assert [p for p in out if p.link == "b"] == [p for p in packets if p.link == "b"]


@given(SEEDS)
def test_redelivery_repeats_and_keeps_the_first_copies_in_order(seed: int) -> None:
    packets = [Packet("broker", f"t/{i}", i, b"%d" % i) for i in range(100)]
    out = list(faults.redelivered(packets, Prng(seed), p=0.3))
    assert len(out) > 100
    firsts = list(dict.fromkeys(p.data for p in out))
    assert firsts == [p.data for p in packets]


def test_a_noisy_line_never_makes_a_checksummed_driver_lie() -> None:
    sensor = Sensor("radar", "ld6002c", "port")
    spec = DRIVERS["ld6002c"]
    from core.model import Reading
    from core.quantity import Quantity

    clean = [
        p
        for i in range(5000)
        for p in spec.encode(sensor, [Reading("radar", Quantity.FALL_STATE, i * SECOND, 0.0)])
    ]
    damage = Damage()
    driver = spec.make([sensor])
    got = [r for p in faults.noisy(clean, Prng(5), damage, flip_per_bit=1e-3) for r in driver.feed(p)]
    assert damage.flipped > 100
    assert not [r for r in got if r.quantity is Quantity.FALL_STATE and r.value]
    assert len(got) >= 0.99 * damage.untouched
    health = driver.health()
    assert health.bytes_in == health.bytes_good + health.bytes_discarded + health.bytes_pending
