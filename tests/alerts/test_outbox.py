from __future__ import annotations

import json
import random
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.audit import verify
from alerts.outbox import Outbox, OutboxError
from alerts.schema import MIGRATIONS, VERSION, migrate
from core.model import Alert, AlertState, Severity
from tests.alerts.making import alert, key, s


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(tmp_path / "state" / "alerts.db")
    yield made
    made.close()


def keys(alerts: list[Alert]) -> list[tuple[str, int]]:
    return [key(a) for a in alerts]


def test_what_was_written_comes_back_exactly(outbox: Outbox) -> None:
    given_ = [
        alert(1, evidence={"co_ppm": 3.25, "text": "厨房 'x' \n", "deep": {"a": [1, None, True]}}),
        alert(2),
    ]
    assert outbox.write(given_) == 2
    assert outbox.history() == given_


def test_writing_again_changes_nothing(outbox: Outbox) -> None:
    outbox.register("a", from_start=True)
    first = alert(1)
    assert outbox.write([first, alert(2)]) == 2
    assert outbox.write([first, alert(2), alert(3)]) == 1
    assert outbox.write([alert(1, severity=Severity.INFO)]) == 0
    assert outbox.history(first.id) == [first]
    assert len(outbox.pending("a")) == 3
    assert outbox.write([]) == 0


def test_the_file_is_for_its_owner_only(outbox: Outbox) -> None:
    outbox.write([alert()])
    for file in outbox.path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_a_reopened_outbox_goes_on_where_it_was(tmp_path: Path) -> None:
    first = Outbox(tmp_path / "alerts.db")
    first.register("a", from_start=True)
    first.write([alert(1), alert(2), alert(3)])
    first.taken("a", [key(alert(2))])
    first.close()
    second = Outbox(tmp_path / "alerts.db")
    second.register("a")
    assert keys(second.pending("a")) == [key(alert(1)), key(alert(3))]
    second.close()


def test_a_new_sink_starts_from_now_or_from_the_start(outbox: Outbox) -> None:
    outbox.write([alert(1)])
    outbox.register("late")
    outbox.register("early", from_start=True)
    outbox.write([alert(2)])
    assert keys(outbox.pending("late")) == [key(alert(2))]
    assert keys(outbox.pending("early")) == [key(alert(1)), key(alert(2))]
    assert outbox.pending("unknown") == []
    assert (outbox.backlog("late"), outbox.backlog("early"), outbox.backlog("unknown")) == (1, 2, 0)


def test_taken_before_registered_or_unknown_keys_do_no_harm(outbox: Outbox) -> None:
    outbox.write([alert(1)])
    outbox.taken("nobody", [key(alert(1)), ("nonsense", 7)])
    outbox.register("a", from_start=True)
    outbox.taken("a", [("nonsense", 7)])
    assert len(outbox.pending("a")) == 1


@given(
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from(list(Severity))), max_size=25),
    st.randoms(use_true_random=False),
)
def test_law_pending_is_what_was_written_and_not_taken(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[int, Severity]], rng: random.Random
) -> None:
    """Against a model: whatever is written and taken in whatever order, by two sinks."""
    outbox = Outbox(tmp_path_factory.mktemp("box") / "alerts.db")
    outbox.register("a")
    outbox.register("b")
    written: list[Alert] = []
    left: dict[str, list[Alert]] = {"a": [], "b": []}
    counts: dict[int, int] = {}
    for n, severity in plan:
        counts[n] = counts.get(n, 0) + 1
        one = alert(n, counts[n], severity)
        outbox.write([one])
        written.append(one)
        for sink in left:
            left[sink].append(one)
        sink = rng.choice(["a", "b"])
        done = [x for x in left[sink] if rng.random() < 0.4]
        if rng.random() < 0.8:
            outbox.taken(sink, keys(done))
        else:
            for x in done:
                outbox.parked(sink, key(x), "no")
        left[sink] = [x for x in left[sink] if x not in done]
        for name, expected in left.items():
            assert outbox.pending(name, 1000) == expected
            assert outbox.backlog(name) == len(expected)
            worst = {x.id: min(y.severity.rank for y in expected if y.id == x.id) for x in expected}
            ordered = sorted(expected, key=lambda x: (worst[x.id], written.index(x)))
            assert outbox.pending(name, 1000, "severity") == ordered
            assert outbox.pending(name, 3, "severity") == ordered[:3]
    assert verify(outbox.chain()).rows == len(written)
    outbox.close()


def test_severest_first_keeps_the_revisions_of_one_alert_in_order(outbox: Outbox) -> None:
    outbox.register("a", from_start=True)
    outbox.write([
        alert(1, 1, Severity.TROUBLE), alert(2, 1, Severity.WARNING), alert(3, 1, Severity.ALARM),
        alert(2, 2, Severity.ALARM), alert(3, 2, Severity.INFO, AlertState.CLEARED),
    ])  # fmt: skip
    got = [(a.opened, a.revision) for a in outbox.pending("a", order="severity")]
    assert got == [(2, 1), (3, 1), (2, 2), (3, 2), (1, 1)]


def test_parked_is_aside_with_its_reason_until_offered_again(outbox: Outbox) -> None:
    outbox.register("a", from_start=True)
    outbox.write([alert(1), alert(2)])
    outbox.parked("a", key(alert(1)), "410 gone")
    assert keys(outbox.pending("a")) == [key(alert(2))]
    assert [(sink, key(a), why) for sink, a, why in outbox.parked_list()] == [
        ("a", key(alert(1)), "410 gone")
    ]
    outbox.taken("a", [key(alert(2))])
    assert outbox.unpark("a") == 1
    assert keys(outbox.pending("a")) == [key(alert(1))]
    assert outbox.backlog("a") == 1
    outbox.taken("a", [key(alert(1))])
    assert outbox.pending("a") == []
    assert outbox.parked_list("a") == []


def test_latest_worst_and_history(outbox: Outbox) -> None:
    outbox.write([
        alert(1, 1, Severity.WARNING, changed=1), alert(1, 2, Severity.ALARM, changed=2),
        alert(1, 3, Severity.WARNING, AlertState.CLEARED, changed=3), alert(2, 1, Severity.INFO, changed=4),
    ])  # fmt: skip
    assert keys(outbox.latest()) == [key(alert(1, 3)), key(alert(2, 1))]
    assert keys(outbox.latest(open_only=True)) == [key(alert(2, 1))]
    assert outbox.worst(alert(1, 1, Severity.WARNING)) is Severity.WARNING
    assert outbox.worst(alert(1, 3, Severity.WARNING)) is Severity.ALARM
    assert outbox.worst(alert(9, 1, Severity.TROUBLE)) is Severity.TROUBLE
    assert [a.revision for a in outbox.history(start=s(2), stop=s(4))] == [2, 3]
    assert [a.revision for a in outbox.history(limit=2)] == [3, 1]


def test_facts_survive(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "alerts.db")
    outbox.put_fact("last_seen", {"s1": 5, "名": [1.5, None]})
    outbox.put_fact("gone", 1)
    outbox.put_fact("gone", None)
    outbox.close()
    again = Outbox(tmp_path / "alerts.db")
    assert again.get_fact("last_seen") == {"s1": 5, "名": [1.5, None]}
    assert again.get_fact("gone", "default") == "default"
    again.close()


def test_pruning_keeps_what_is_open_what_is_young_and_what_a_sink_still_wants(outbox: Outbox) -> None:
    outbox.register("a", from_start=True)
    closed = AlertState.CLEARED
    outbox.write([
        alert(1, 1, changed=1), alert(1, 2, state=closed, changed=2),
        alert(2, 1, changed=3), alert(2, 2, changed=4),
        alert(3, 1, changed=5), alert(3, 2, state=closed, changed=90),
    ])  # fmt: skip
    assert outbox.prune(s(50)) == 0  # the sink has taken nothing
    outbox.taken("a", keys(outbox.pending("a")[:4]))
    assert outbox.prune(s(50)) == 3
    assert [(a.opened, a.revision) for a in outbox.history()] == [(2, 2), (3, 1), (3, 2)]
    assert [(a.opened, a.revision) for a in outbox.pending("a")] == [(3, 1), (3, 2)]
    assert verify(outbox.chain()).whole
    outbox.write([alert(4, 1, changed=91)])
    assert verify(outbox.chain()).rows == 3
    assert outbox.prune(s(50), max_rows=1) == 2  # (2, 2) is the latest of an open alert and stays
    assert outbox.latest(open_only=True)[0].opened == 2


def test_a_sink_that_never_comes_cannot_fill_the_disk(outbox: Outbox) -> None:
    outbox.register("dead", from_start=True)
    closed = AlertState.CLEARED
    outbox.write([alert(n, 1, state=closed, changed=n) for n in range(1, 501)])
    outbox.prune(0, max_rows=100)
    assert len(outbox.history(limit=10_000)) == 100
    assert len(outbox.pending("dead", 1000)) == 100
    assert outbox.backlog("dead") == 100


def test_sinks_that_are_gone_do_not_hold_history_back(outbox: Outbox) -> None:
    outbox.register("old", from_start=True)
    outbox.register("a", from_start=True)
    outbox.write([alert(1, 1, state=AlertState.CLEARED, changed=1)])
    outbox.taken("a", [key(alert(1))])
    outbox.keep_sinks(["a"])
    assert outbox.prune(s(50)) == 1


@pytest.mark.parametrize("damage", ["garbage", "header", "truncated", "empty_wal_gone"])
def test_a_damaged_file_is_set_aside_and_alerting_goes_on(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "alerts.db"
    first = Outbox(path)
    first.register("a")
    first.write([alert(n) for n in range(1, 200)])
    first.close()
    data = bytearray(path.read_bytes())
    if damage == "garbage":
        path.write_bytes(bytes(random.Random(1).randbytes(5000)))
    elif damage == "header":
        data[:16] = b"\0" * 16
        path.write_bytes(data)
    elif damage == "truncated":
        path.write_bytes(data[: len(data) // 2])
    else:
        path.write_bytes(b"")
    second = Outbox(path)
    second.register("a")
    assert second.write([alert(1000)]) == 1
    assert key(alert(1000)) in keys(second.pending("a", 1000))
    assert second.fault == ""
    if damage != "empty_wal_gone":
        assert len(second.set_aside) == 1
        assert (tmp_path / "alerts.db.damaged-1").exists()
    second.close()


def test_any_flipped_byte_never_stops_alerting(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    first = Outbox(path)
    first.write([alert(n) for n in range(1, 60)])
    first.close()
    whole = path.read_bytes()
    rng = random.Random(7)
    for i in range(60):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        trial = tmp_path / f"{i}.db"
        trial.write_bytes(data)
        box = Outbox(trial)
        box.register("a")
        box.write([alert(1000)])
        assert keys(box.pending("a", 1000))[-1:] == [key(alert(1000))]
        box.close()


def test_damage_found_while_running_is_set_aside_and_sinks_go_on(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    box = Outbox(path)
    box.register("a")
    box.write([alert(n) for n in range(1, 300)])
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    data = bytearray(path.read_bytes())
    data[4096 : len(data)] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    for n in range(1000, 1010):
        box.write([alert(n)])
    assert box.set_aside
    assert key(alert(1009)) in keys(box.pending("a", 1000))
    box.close()


def test_a_file_of_a_newer_program_is_set_aside_not_misread(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    box = Outbox(path)
    assert box.write([alert()]) == 1
    assert "layout" in box.set_aside[0]
    box.close()


def test_migration_is_all_or_nothing(tmp_path: Path) -> None:
    """A step that fails half way leaves the old layout, version and rows."""
    path = tmp_path / "x.db"
    db = sqlite3.connect(path, isolation_level=None)
    assert migrate(db) == 0
    db.execute("INSERT INTO fact VALUES ('k', '1')")
    worse = (*MIGRATIONS, ("CREATE TABLE extra (a)", "INSERT INTO no_such_table VALUES (1)"))
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, worse)
    assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone() == (0,)
    better = (*MIGRATIONS, ("CREATE TABLE extra (a)",))
    assert migrate(db, better) == VERSION
    assert migrate(db, better) == VERSION + 1
    assert db.execute("SELECT value FROM fact").fetchone() == ("1",)
    db.close()


def test_no_folder_no_write_no_exception_but_an_outbox_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    box = Outbox(tmp_path / "file" / "alerts.db")
    assert box.fault
    with pytest.raises(OutboxError):
        box.write([alert(1)])
    with pytest.raises(OutboxError):
        box.pending("a")
    assert box.unwritten == 1
    (tmp_path / "file").unlink()
    assert box.write([alert(2)]) == 2  # what waited in memory goes first
    assert keys(box.history()) == [key(alert(1)), key(alert(2))]
    assert (box.unwritten, box.fault) == (0, "")
    box.close()


def test_a_closed_outbox_says_so(outbox: Outbox) -> None:
    outbox.close()
    with pytest.raises(OutboxError, match="closed"):
        outbox.write([alert()])


def test_many_threads_at_once(outbox: Outbox) -> None:
    outbox.register("a")
    outbox.register("b")
    total = 300
    seen: dict[str, list[tuple[str, int]]] = {"a": [], "b": []}
    errors: list[Exception] = []

    def read(sink: str) -> None:
        try:
            while len(seen[sink]) < total:
                got = keys(outbox.pending(sink, 7, "severity"))
                seen[sink] += got
                outbox.taken(sink, got)
        except Exception as error:
            errors.append(error)

    readers = [threading.Thread(target=read, args=(n,), daemon=True) for n in seen]
    for r in readers:
        r.start()
    for n in range(1, total + 1):
        outbox.write([alert(n)])
    for r in readers:
        r.join(30)
    assert errors == []
    for got in seen.values():
        assert len(got) == len(set(got)) == total


def test_every_change_of_a_row_breaks_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    box = Outbox(path)
    box.write([alert(n) for n in range(1, 20)])
    head = verify(box.chain()).head
    box.close()

    def tampered(sql: str) -> int | None:
        copy = tmp_path / "copy.db"
        copy.write_bytes(path.read_bytes())
        db = sqlite3.connect(copy)
        db.execute(sql)
        db.commit()
        db.close()
        other = Outbox(copy)
        verdict = verify(other.chain())
        other.close()
        if verdict.whole:
            assert verdict.head != head, sql
        return verdict.broken_at

    assert tampered("UPDATE revision SET body = replace(body, 'alarm', 'info') WHERE seq = 7") == 7
    assert tampered("DELETE FROM revision WHERE seq = 7") == 8
    assert tampered("UPDATE revision SET chain = lower(hex(randomblob(32))) WHERE seq = 7") == 7
    assert tampered("DELETE FROM revision WHERE seq = 19") is None  # only the head tells


def test_bodies_are_plain_json(outbox: Outbox) -> None:
    outbox.write([alert(1)])
    ((_, _, _), (_, body, _)) = list(outbox.chain())
    data = json.loads(body)
    assert data["id"] == alert(1).id
    assert data["severity"] == "alarm"


def test_memory_is_bounded_while_storage_fails_and_what_is_lost_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.outbox._MAX_UNWRITTEN", 5)
    (tmp_path / "file").write_text("not a folder")
    box = Outbox(tmp_path / "file" / "alerts.db")
    for n in range(1, 9):
        with pytest.raises(OutboxError):
            box.write([alert(n)])
    assert (box.unwritten, box.dropped) == (5, 3)
    (tmp_path / "file").unlink()
    assert box.write([]) == 5
    assert [a.opened for a in box.history()] == [4, 5, 6, 7, 8]
    box.close()


def test_book_keeping_of_what_was_taken_does_not_grow(outbox: Outbox) -> None:
    outbox.register("a")
    for n in range(1, 50):
        outbox.write([alert(n)])
        outbox.taken("a", [key(alert(n))])
    db = sqlite3.connect(outbox.path)
    assert db.execute("SELECT count(*) FROM settled").fetchone() == (0,)
    assert db.execute("SELECT cursor FROM sink").fetchone() == (49,)
    db.close()
