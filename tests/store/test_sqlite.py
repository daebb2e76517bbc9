"""Does the sample store keep, thin, pack, forget and survive as it promises?"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import ManualClock
from core.config import SamplesConfig
from core.model import DAY, HOUR, MINUTE, SECOND, Block
from core.quantity import Quantity
from store.sqlite import COMMIT_S, QUEUE_ROWS, SampleStore
from store.waiting import MAX_ROWS

START = 400 * DAY
CO = Quantity.CO_PPM
DOOR = Quantity.CONTACT_OPEN


def made(path, clock=None, **more):
    return SampleStore(path, SamplesConfig(**more), clock or ManualClock(START), threaded=False)


def numbers(rows, source="s", quantity=CO):
    return Block.build(source, quantity, [t for t, _ in rows], [v for _, v in rows], [0] * len(rows))


def pairs(block):
    return list(zip(block.t.tolist(), block.value.tolist(), strict=True))


def run(store, clock, blocks_by_time, until):
    """Feed (t, blocks) as they would come, with a turn each second that has any, to ``until``."""
    for t, blocks in blocks_by_time:
        if t > clock.now():
            clock.advance(t - clock.now())
        store.write(blocks)
        store.turn()
    if until > clock.now():
        clock.advance(until - clock.now())
    store.turn()


@settings(max_examples=25)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3 * 3600), st.integers(-1000, 1000).map(lambda n: n / 10)),
        max_size=80,
        unique_by=lambda r: r[0],
    ).map(sorted),
    reopen=st.lists(st.integers(0, 80), max_size=3),
)
def test_slow_numbers_come_back_exactly_across_packing_and_restarts(tmp_path_factory, rows, reopen):
    # at most three a bucket: none is thinned
    seen: dict[int, int] = {}
    slow = []
    for s, v in rows:
        seen[s // 60] = seen.get(s // 60, 0) + 1
        if seen[s // 60] <= 3:
            slow.append((START + s * SECOND, v))
    path = tmp_path_factory.mktemp("s") / "samples.db"
    clock = ManualClock(START)
    store = made(path, clock)
    for n, (t, v) in enumerate(slow):
        run(store, clock, [(t, [numbers([(t, v)])])], t)
        if n in reopen:
            store.close()
            store = made(path, clock)
        assert pairs(store.read("s", CO, START, t + 1)) == slow[: n + 1]
    store.close()
    store = made(path, clock)
    assert pairs(store.read("s", CO, START, START + DAY)) == slow
    middle = START + HOUR
    assert pairs(store.read("s", CO, START, middle)) == [r for r in slow if r[0] < middle]
    assert pairs(store.read("s", CO, middle, START + DAY)) == [r for r in slow if r[0] >= middle]
    store.close()


def test_fast_numbers_are_thinned_to_extremes_and_mean(tmp_path):
    clock = ManualClock(START)
    store = made(tmp_path / "samples.db", clock)
    rows = [(START + n * SECOND // 10, float(n % 100)) for n in range(6000)]
    for at in range(0, 6000, 100):
        store.write([numbers(rows[at : at + 100])])
        clock.advance(10 * SECOND)
        store.turn()
    got = pairs(store.read("s", CO, START, START + 10 * MINUTE))
    assert len(got) == 20
    assert set(got) <= set(rows)
    assert {v for _, v in got} == {0.0, 99.0}
    means = pairs(store.means("s", CO, START, START + 10 * MINUTE))
    assert means == [(START + n * MINUTE + MINUTE // 2, 49.5) for n in range(10)]
    store.close()


def test_means_of_what_was_not_thinned_are_the_same_kind_of_answer(tmp_path):
    store = made(tmp_path / "samples.db")
    store.write([numbers([(START, 1.0), (START + SECOND, 2.0), (START + 2 * MINUTE, 8.0)])])
    store.turn()
    want = [(START + MINUTE // 2, 1.5), (START + 2 * MINUTE + MINUTE // 2, 8.0)]
    assert pairs(store.means("s", CO, START, START + HOUR)) == want
    assert len(store.means("s", Quantity.BUTTON, START, START + HOUR)) == 0
    store.close()


def test_hours_tell_extremes_and_mean_of_all_samples(tmp_path):
    clock = ManualClock(START)
    store = made(tmp_path / "samples.db", clock)
    for minute in range(3 * 60):
        t = START + minute * MINUTE
        values = [float(minute // 60 * 100 + (n % 50)) for n in range(60)]
        run(store, clock, [(t, [numbers([(t + n * SECOND, v) for n, v in enumerate(values)])])], t + MINUTE)
    first, second = store.hours("s", CO, START, START + 2 * HOUR)
    assert (first.start, first.low, first.high) == (START, 0.0, 49.0)
    true = sum(n % 50 for n in range(60)) / 60
    assert first.mean == pytest.approx(true, rel=1e-4)
    assert second.mean == pytest.approx(100 + true, rel=1e-4)
    assert store.hours("s", DOOR, START, START + DAY) == []
    assert store.hours("s", CO, 5, 5) == []
    store.close()


def test_everything_around_an_event_is_kept_whole_once(tmp_path):
    clock = ManualClock(START)
    store = made(tmp_path / "samples.db", clock, raw_before_s=30, raw_after_s=20)
    rows = [(START + n * SECOND // 10, float(n)) for n in range(3000)]
    track = Quantity.TRACK
    event = START + 150 * SECOND
    for at in range(0, 3000, 50):
        t = rows[at][0]
        clock.advance(max(0, t - clock.now()))
        if at == 1550:
            store.mark(event, ["s"])
            store.mark(event + 5 * SECOND)
        frames = Block.build("r", track, [t, t + 1], [[float(k)] * 10 for k in range(2)], [0, 0])
        cloud = Block.build("r", Quantity.CLOUD, [t], [[[1.0] * 5, [2.0] * 5]], [0])
        store.write([numbers(rows[at : at + 50]), numbers(rows[at : at + 50], "other"), frames, cloud])
        store.turn()
    clock.advance(MINUTE)
    store.turn()
    first, last = event - 30 * SECOND, event + 25 * SECOND
    whole = [r for r in rows if first <= r[0] < last]
    assert pairs(store.read("s", CO, first, last)) == whole
    assert pairs(store.read("other", CO, first + 5 * SECOND, last)) == [
        r for r in whole if r[0] >= first + 5 * SECOND
    ]
    assert len(store.read("s", CO, last, last + MINUTE)) <= 4
    tracks = store.read("r", track, START, START + HOUR)
    assert tracks.value.shape == (len(tracks), 10)
    assert {t // SECOND for t in tracks.t.tolist()} == set(
        range((event - 25 * SECOND) // SECOND, last // SECOND, 5)
    )
    clouds = store.read("r", Quantity.CLOUD, START, START + HOUR)
    assert clouds.points(0).tolist() == [[1.0] * 5, [2.0] * 5]
    assert clouds.offsets[-1] == 2 * len(clouds)
    store.close()
    store = made(tmp_path / "samples.db", clock)
    assert len(store.read("r", track, START, START + HOUR)) == len(tracks)
    assert pairs(store.read("s", CO, first, last)) == whole
    assert store.status()["forgotten_rows"] == 0
    store.close()


def test_what_is_older_than_keep_days_goes_and_the_rest_stays(tmp_path):
    clock = ManualClock(START)
    store = made(tmp_path / "samples.db", clock, keep_days=2)
    for hour in range(24 * 6):
        t = START + hour * HOUR
        clock.advance(max(0, t + MINUTE - clock.now()))
        store.write([numbers([(t, float(hour))])])
        store.turn()
    kept = [v for _, v in pairs(store.read("s", CO, START, START + 10 * DAY))]
    assert kept == list(range(int(kept[0]), 24 * 6))
    assert 48 <= len(kept) <= 48 + 25
    store.close()


def test_a_sample_from_the_future_does_not_erase_the_past(tmp_path):
    clock = ManualClock(START)
    store = made(tmp_path / "samples.db", clock, keep_days=1)
    run(store, clock, [(START, [numbers([(START, 1.0)])])], START + MINUTE)
    run(store, clock, [(START + MINUTE, [numbers([(START + 900 * DAY, 2.0)])])], START + 2 * MINUTE)
    run(store, clock, [], START + 3 * MINUTE)
    assert pairs(store.read("s", CO, 0, START + HOUR)) == [(START, 1.0)]
    store.close()


def test_text_flags_names_and_latest(tmp_path):
    clock = ManualClock(START)
    store = made(tmp_path / "samples.db", clock)
    name = "odd, name\n'\";--"
    store.write([
        Block.build(name, Quantity.BUTTON, [START], ["单击"], [0]),
        Block.build("door", DOOR, [START, START + 1, START + 2], [0.0, 1.0, 1.0], [1, 0, 0]),
    ])  # fmt: skip
    store.turn()
    assert store.series() == [("door", DOOR), (name, Quantity.BUTTON)]
    assert store.latest()[("door", DOOR)].t == START + 2
    store.close()
    store = made(tmp_path / "samples.db", clock)
    assert store.read(name, Quantity.BUTTON, START, START + 1).value.tolist() == ["单击"]
    door = store.read("door", DOOR, START, START + HOUR)
    assert pairs(door) == [(START, 0.0), (START + 1, 1.0)]
    assert door.flags.tolist() == [1, 0]
    assert store.latest()[(name, Quantity.BUTTON)].value == "单击"
    assert len(store.read("nobody", DOOR, 0, START * 2)) == 0
    assert len(store.read("door", DOOR, 5, 5)) == 0
    store.close()


def test_nobody_else_may_read_the_file(tmp_path):
    store = made(tmp_path / "new" / "samples.db")
    assert stat.S_IMODE(os.stat(store.path).st_mode) == 0o600
    store.close()


def test_the_queue_is_bounded_and_drops_are_counted(tmp_path):
    store = made(tmp_path / "samples.db")
    big = numbers([(START + n, 0.0) for n in range(QUEUE_ROWS // 2)])
    for _ in range(3):
        store.write([big])
    assert store.status()["rows_dropped"] == QUEUE_ROWS // 2
    assert store.status()["rows_in"] == 3 * (QUEUE_ROWS // 2)
    store.turn()
    store.write([numbers([(START + SECOND, 1.0)])])
    assert store.status()["queued_rows"] == 1
    store.close()


def test_a_full_disk_is_survived_told_and_recovered_from(tmp_path):
    clock = ManualClock(START)
    store = made(tmp_path / "samples.db", clock)
    run(store, clock, [(START, [numbers([(START, 1.0)])])], START + MINUTE)
    link = store._db._writer
    pages = link.execute("PRAGMA page_count").fetchone()[0]
    link.execute(f"PRAGMA max_page_count={pages}")
    buttons = [Block.build("s", Quantity.BUTTON, [START + n], ["x" * 200], [0]) for n in range(2000)]
    run(store, clock, [(clock.now(), buttons)], clock.now() + MINUTE)
    assert "full" in store.status()["fault"]
    assert store.status()["pending_rows"] == 2000
    more = [
        Block.build("s", Quantity.BUTTON, [START + n], ["y"], [0]) for n in range(4000, 4000 + MAX_ROWS // 20)
    ]
    for _ in range(21):
        store.write(more)
        store.turn()
    assert store.status()["rows_dropped"] == 21 * len(more) + 2000 - MAX_ROWS
    assert pairs(store.read("s", CO, START, START + 1)) == [(START, 1.0)]
    link.execute("PRAGMA max_page_count=1000000")
    clock.advance(MINUTE)
    store.turn()
    assert store.status()["fault"] == ""
    assert store.status()["pending_rows"] == 0
    store.close()


def overwrite(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


@pytest.mark.parametrize("where", ["header", "inside", "all"])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path, where):
    clock = ManualClock(START)
    path = tmp_path / "samples.db"
    store = made(path, clock)
    for n in range(300):
        t = START + n * MINUTE
        run(store, clock, [(t, [numbers([(t, n / 7)], f"s{k}") for k in range(20)])], t)
    store.close()
    size = path.stat().st_size
    if where == "header":
        overwrite(path, 0, b"not a database at all")
    elif where == "inside":
        overwrite(path, 4096, os.urandom(size - 4096))
    else:
        path.write_bytes(os.urandom(size))
    store = made(path, clock)
    t = clock.now()
    run(store, clock, [(t, [numbers([(t, 5.0)])])], t + MINUTE)
    run(store, clock, [(t + 2 * MINUTE, [numbers([(t + 2 * MINUTE, 6.0)])])], t + 3 * MINUTE)
    assert store.status()["set_aside"]
    aside = [p.name for p in tmp_path.iterdir() if ".damaged-" in p.name]
    assert store.status()["set_aside"][0] in aside
    t = clock.now()
    run(store, clock, [(t, [numbers([(t, 7.0)])])], t + MINUTE)
    assert (t, 7.0) in pairs(store.read("s", CO, t, t + 1))
    assert store.status()["fault"] == ""
    store.close()


def test_a_file_of_a_later_version_is_left_alone_and_told(tmp_path):
    path = tmp_path / "samples.db"
    made(path).close()
    with sqlite3.connect(path) as link:
        link.execute("PRAGMA user_version=99")
    link.close()
    before = path.read_bytes()
    store = made(path)
    assert "later version" in store.status()["fault"]
    store.write([numbers([(START, 1.0)])])
    store.turn()
    assert pairs(store.read("s", CO, START, START + 1)) == [(START, 1.0)]
    store.close()
    assert path.read_bytes() == before


def test_erasing_leaves_nothing(tmp_path):
    clock = ManualClock(START)
    store = made(tmp_path / "samples.db", clock)
    secret = Block.build("bedroom", Quantity.BUTTON, [START], ["very-secret-word"], [0])
    run(store, clock, [(START, [secret])], START + MINUTE)
    (tmp_path / "samples.db.damaged-5").write_bytes(b"very-secret-word")
    store.erase()
    assert store.series() == []
    store.close()
    assert not any(b"secret" in p.read_bytes() for p in tmp_path.iterdir())


def test_a_commit_each_half_minute_and_none_without_samples(tmp_path):
    clock = ManualClock(START)
    store = made(tmp_path / "samples.db", clock)
    for n in range(600):
        clock.advance(SECOND)
        if n < 300:
            store.write([numbers([(clock.now(), float(n))])])
        store.turn()
    assert store.status()["commits"] <= 300 // COMMIT_S + 2
    store.close()


def test_the_thread_writes_by_itself_and_readers_may_come_from_anywhere(tmp_path):
    clock = ManualClock(START)
    store = SampleStore(tmp_path / "samples.db", SamplesConfig(), clock)
    wrong: list[object] = []

    def look() -> None:
        for _ in range(50):
            try:
                got = pairs(store.read("s", CO, START, START + DAY))
                if got != sorted(got):
                    wrong.append(got)
            except Exception as error:
                wrong.append(error)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(200):
        clock.advance(MINUTE)
        store.write([numbers([(clock.now(), float(n))])])
        store.turn()
    for reader in readers:
        reader.join()
    assert wrong == []
    store.close()
    assert not store._thread.is_alive()
    store.close()
    store.write([numbers([(clock.now(), 1.0)])])
    assert store.status()["rows_dropped"] == 1
    again = made(tmp_path / "samples.db", clock)
    assert len(again.read("s", CO, START, START + DAY)) == 200
    again.close()


def test_blocks_handed_over_are_not_written(tmp_path):
    store = made(tmp_path / "samples.db")
    block = numbers([(START, 1.0), (START + 1, float("nan"))])
    before = block.value.tobytes()
    store.write([block])
    store.mark(START)
    store.turn()
    assert block.value.tobytes() == before
    assert np.isfinite(store.read("s", CO, START, START + 5).value).all()
    store.close()
