"""Nothing acknowledged is lost: killed at random instants, full disk, failing disk, killed in a migration."""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from alerts.audit import verify
from alerts.outbox import Outbox
from tests.alerts.making import alert, key

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import sys
from alerts.outbox import Outbox
from tests.alerts.making import alert, key
path, start = sys.argv[1], int(sys.argv[2])
box = Outbox(path)
box.register("sink", from_start=True)
print("ready", flush=True)
for n in range(start, start + 100_000):
    batch = [alert(n, r) for r in range(1, 1 + n % 4 + 1)]
    box.write(batch)
    print(*(f"{i}:{r}" for i, r in map(key, batch)), flush=True)  # only now is it promised
    if n % 3 == 0:
        box.taken("sink", [key(batch[0])])
"""


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def _killed_run(path: Path, start: int, after_s: float) -> list[tuple[str, int]]:
    """What a writer had promised when it was killed ``after_s`` after it was ready."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(start)],
        stdout=subprocess.PIPE, cwd=ROOT, env=_environment(),
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    end_at = select.poll()
    end_at.register(child.stdout, 0)  # woken by nothing but the end: waits just the time given
    end_at.poll(after_s * 1000)
    child.send_signal(signal.SIGKILL)
    said = child.stdout.read().decode()
    child.stdout.close()
    child.wait()
    whole = said[: said.rfind("\n") + 1]
    return [(i, int(r)) for word in whole.split() for i, _, r in [word.partition(":")]]


def _survives_kills(path: Path, runs: int, seed: int) -> None:
    rng = random.Random(seed)
    promised: list[tuple[str, int]] = []
    for run in range(runs):
        promised += _killed_run(path, run * 100_000 + 1, rng.uniform(0.002, 0.12))
        box = Outbox(path)
        kept = [key(a) for a in box.history(limit=10_000_000)]
        assert len(kept) == len(set(kept)), "a revision stands twice"
        assert set(promised) <= set(kept), f"lost: {sorted(set(promised) - set(kept))[:5]}"
        assert verify(box.chain()).whole
        assert box.set_aside == []
        pending = [key(a) for a in box.pending("sink", 10_000_000)]
        assert len(pending) == len(set(pending)) == box.backlog("sink")
        box.close()
    assert promised, "no run lived long enough to promise anything"


def test_what_was_promised_survives_being_killed(tmp_path: Path) -> None:
    _survives_kills(tmp_path / "alerts.db", runs=6, seed=11)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_was_promised_survives_being_killed_a_thousand_times(tmp_path: Path) -> None:
    for series in range(50):  # a fresh file each, so that checking stays quick
        _survives_kills(tmp_path / f"{series}.db", runs=20, seed=series)


MIGRATOR = """
import sqlite3, sys
from alerts import schema
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
steps = schema.MIGRATIONS + (
    ("CREATE TABLE extra (id TEXT, body TEXT)", "INSERT INTO extra SELECT id, body FROM revision",
     "CREATE INDEX by_id ON extra (id)", "UPDATE extra SET body = body || ' '"),
    ("ALTER TABLE extra ADD COLUMN n INTEGER", "UPDATE extra SET n = length(body)"),
)
print("ready", flush=True)
schema.migrate(db, steps)
print("done", flush=True)
"""


def test_killed_in_a_migration_leaves_the_old_layout_or_the_new_one(tmp_path: Path) -> None:
    import sqlite3

    original = tmp_path / "old.db"
    box = Outbox(original)
    box.write([alert(n) for n in range(1, 3000)])
    box.close()
    rng = random.Random(5)
    versions = set()
    for run in range(8):
        path = tmp_path / f"{run}.db"
        shutil.copy(original, path)
        child = subprocess.Popen(
            [sys.executable, "-c", MIGRATOR, str(path)], stdout=subprocess.PIPE, cwd=ROOT, env=_environment()
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        end_at = select.poll()
        end_at.register(child.stdout, 0)
        end_at.poll(rng.uniform(0, 30))
        child.kill()
        child.wait()
        child.stdout.close()
        db = sqlite3.connect(path)
        version = db.execute("PRAGMA user_version").fetchone()[0]
        versions.add(version)
        tables = {n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert ("extra" in tables) == (version >= 2)
        if version >= 2:
            assert db.execute("SELECT count(*) FROM extra").fetchone()[0] == 2999
            columns = {row[1] for row in db.execute("PRAGMA table_info(extra)")}
            assert ("n" in columns) == (version >= 3)
        assert db.execute("SELECT count(*) FROM revision").fetchone()[0] == 2999
        assert db.execute("PRAGMA quick_check").fetchone()[0] == "ok"
        db.close()
    assert versions <= {1, 2, 3}


DISK = """
import json, os, subprocess, sys
from pathlib import Path
from alerts.outbox import Outbox, OutboxError
from alerts.route import Route
from core.clock import ManualClock
from tests.alerts.making import alert, key

folder = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=True)

class Sink:
    def __init__(self):
        self.got = []
    def deliver(self, alerts):
        self.got += [key(a) for a in alerts]
        return [key(a) for a in alerts]

report = {}
sink, clock = Sink(), ManualClock()
box = Outbox(folder / "alerts.db")
box.register("s")
route = Route("s", sink, box, clock)
def pump():
    for _ in range(200):
        due = route.step()
        if due is None or due > clock.now():
            return
def write(alerts):
    try:
        box.write(alerts)
        route.nudge()
        return "kept"
    except OutboxError as error:
        route.push_live(alerts)
        return error.reason
report["before"] = write([alert(1)])
pump()
filler = folder / "filler"
handle = os.open(filler, os.O_CREAT | os.O_WRONLY)
try:
    while os.write(handle, b"x" * 4096):
        pass
except OSError:
    os.close(handle)
n = 1
reasons = set()
while len(reasons - {"kept"}) == 0 and n < 500:
    n += 1
    reasons.add(write([alert(n, evidence={"text": "y" * 400})]))
report["full"] = sorted(reasons)
pump()
report["live"] = key(alert(n)) in sink.got
filler.unlink()
report["freed"] = write([])
pump()
box.close()  # the kernel lets nobody remount while a file is open for writing
subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
box = Outbox(folder / "alerts.db")  # as after a restart with a card that went read-only
route = Route("s", sink, box, clock)
report["read_only"] = write([alert(1000)])
pump()
report["live_read_only"] = key(alert(1000)) in sink.got
subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
report["back"] = write([alert(1001)])
clock.advance(10**10)
pump()
report["lost"] = [k for k in [*(key(alert(i)) for i in range(1, n + 1)), key(alert(1000)), key(alert(1001))]
                  if k not in sink.got]
report["twice"] = len(sink.got) - len(set(sink.got))
report["kept"] = sum(key(a) in set(sink.got) for a in box.history(limit=9999)) == len(set(sink.got))
print(json.dumps(report))
"""


def test_full_and_read_only_disks_alerts_still_go_out_once_and_are_kept_later(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "true"], capture_output=True).returncode:
        pytest.skip("no user namespace with mounts of its own here")
    done = subprocess.run(
        [unshare, "-rm", sys.executable, "-c", DISK, str(tmp_path)],
        capture_output=True, text=True, cwd=ROOT, env=_environment(), timeout=60,
    )  # fmt: skip
    if "mount" in done.stderr and "CalledProcessError" in done.stderr:
        pytest.skip(f"cannot mount here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == {
        "before": "kept", "full": ["full", "kept"] if "kept" in report["full"] else ["full"],
        "live": True, "freed": "kept", "read_only": report["read_only"], "live_read_only": True,
        "back": "kept", "lost": [], "twice": 0, "kept": True,
    }  # fmt: skip
    assert report["read_only"] in ("read_only", "io", "full")


EIO = """
import sys
from alerts.outbox import Outbox, OutboxError
from tests.alerts.making import alert, key
box = Outbox(sys.argv[1])
for n in range(1, 25):
    try:
        box.write([alert(n)])
        print(*key(alert(n)), sep=":")
    except OutboxError as error:
        print("error", error.reason)
print("unwritten", box.unwritten)
"""


@pytest.mark.parametrize("nth", [1, 2, 5, 11])
def test_a_failing_sync_is_never_taken_for_durable(tmp_path: Path, nth: int) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed; it injects the failing sync")
    path = tmp_path / "alerts.db"
    done = subprocess.run(
        [strace, "-f", "-qq", "-e", "trace=fdatasync,fsync", "-e", f"inject=fdatasync:error=EIO:when={nth}",
         "-o", os.devnull, sys.executable, "-c", EIO, str(path)],
        capture_output=True, text=True, cwd=ROOT, env=_environment(), timeout=60,
    )  # fmt: skip
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split()
    promised = [(i, int(r)) for word in lines if ":" in word for i, _, r in [word.partition(":")]]
    box = Outbox(path)
    kept = {key(a) for a in box.history(limit=1000)}
    box.close()
    assert set(promised) <= kept
    assert len(kept) == 24, "what waited in memory was written with the next call"
    assert lines[-1] == "0"
