"""Is everything in a window handed out, once, and nothing else?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.model import Block
from core.quantity import Quantity
from store.around import Around, Window

steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(["a", "b"]), st.lists(st.integers(0, 9), min_size=1, max_size=4)),
        st.tuples(
            st.just("mark"), st.integers(-60, 30), st.integers(0, 60),
            st.sampled_from([None, frozenset({"a"}), frozenset({"b"})]),
        ),
    ),
    max_size=20,
)  # fmt: skip


@given(steps)
def test_rows_in_windows_come_once_and_no_others(script):
    around = Around(before_ns=1000, max_bytes=10**9)
    now, number = 0, 0
    rows: list[tuple[str, int, float]] = []
    windows: list[Window] = []
    got: list[tuple[str, int, float]] = []
    for step in script:
        if step[0] == "add":
            _, source, gaps = step
            times, values = [], []
            for gap in gaps:
                now += gap
                number += 1
                times.append(now)
                values.append(float(number))
            rows += [(source, t, v) for t, v in zip(times, values, strict=True)]
            out = around.add([Block.build(source, Quantity.CO_PPM, times, values, [0] * len(times))])
        else:
            _, before, length, sources = step
            windows.append(Window(now + before, now + before + length, sources))
            out = around.mark(windows[-1])
        got += [(b.source, t, v) for b in out for t, v in zip(b.t.tolist(), b.value.tolist(), strict=True)]
    wanted = [
        row
        for row in rows
        if any(w.start <= row[1] < w.stop and (w.sources is None or row[0] in w.sources) for w in windows)
    ]
    assert sorted(got) == sorted(wanted)


def test_memory_is_bounded_and_what_was_forgotten_is_counted():
    around = Around(before_ns=10**12, max_bytes=20_000)
    for t in range(100):
        around.add([Block.build("s", Quantity.TRACK, [t], [[0.0] * 10], [0])])
    kept = around.mark(Window(0, 100, None))
    assert 0 < len(kept) < 30
    assert around.forgotten == 100 - len(kept)


def test_a_row_that_came_before_an_open_windows_mark_was_told_is_not_doubled():
    around = Around(before_ns=100, max_bytes=10**6)
    around.mark(Window(0, 50, None))
    block = Block.build("r", Quantity.CLOUD, [1, 2], [[[1.0] * 5], [[2.0] * 5, [3.0] * 5]], [0, 0])
    (first,) = around.add([block])
    assert len(first) == 2
    assert around.mark(Window(0, 60, None)) == []
    late = Block.build("r", Quantity.CLOUD, [55], [[]], [0])
    (second,) = around.add([late])
    assert second.t.tolist() == [55]
    assert first.points(1).tolist() == [[2.0] * 5, [3.0] * 5]
