"""Does the sample store come through a kill and a disk that is really full? In processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.config import SamplesConfig
from core.model import DAY, MINUTE
from core.quantity import Quantity
from store.sqlite import SampleStore

START = 400 * DAY

WRITER = """
import sys
from core.clock import ManualClock
from core.config import SamplesConfig
from core.model import DAY, MINUTE, Block
from core.quantity import Quantity
from store.sqlite import SampleStore
clock = ManualClock(400 * DAY)
store = SampleStore(sys.argv[1], SamplesConfig(), clock, threaded=False)
n = 0
while True:
    clock.advance(MINUTE)
    store.write([Block.build("s", Quantity.CO_PPM, [clock.now()], [float(n)], [0])])
    store.turn()
    clock.advance(MINUTE)
    store.turn()
    n += 1
    if store.status()["pending_rows"] == 0:
        print(n - 1, flush=True)  # the newest bucket of a minute is still open
"""

FULL = """
import resource, signal, sys
from core.clock import ManualClock
from core.config import SamplesConfig
from core.model import DAY, MINUTE, Block
from core.quantity import Quantity
from store.sqlite import SampleStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
clock = ManualClock(400 * DAY)
store = SampleStore(sys.argv[1], SamplesConfig(), clock, threaded=False)
def go(minutes, text):
    for _ in range(minutes):
        clock.advance(MINUTE)
        t = clock.now()
        store.write([Block.build("s", Quantity.BUTTON, [t + k], [text * 50], [0]) for k in range(100)])
        store.turn()
    return store.status()
fine = go(3, "before")
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
stuck = go(40, "full")
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
again = go(3, "after")
store.close()
assert fine["fault"] == "", fine
assert stuck["fault"], stuck
assert stuck["pending_rows"] > 0, stuck
assert again["fault"] == "", again
assert again["rows_dropped"] == 0, again
assert store.status()["pending_rows"] == 0
assert not store.status()["set_aside"], store.status()
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}


@pytest.mark.parametrize("lines", [1, 3, 40])
def test_f01_killed_at_any_moment_it_opens_clean_with_all_that_was_committed(tmp_path, lines):
    path = tmp_path / "samples.db"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        committed = 0
        for _ in range(lines):
            committed = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        for line in process.stdout:  # what it had said before it died
            if line.endswith("\n"):
                committed = int(line)
    store = SampleStore(path, SamplesConfig(), ManualClock(START + DAY), threaded=False)
    kept = store.read("s", Quantity.CO_PPM, START, START + 400 * DAY)
    store.turn()
    assert kept.value.tolist()[:committed] == [float(n) for n in range(committed)]
    assert kept.t.tolist()[:committed] == [START + (2 * n + 1) * MINUTE for n in range(committed)]
    assert store.status()["fault"] == ""
    assert store.status()["set_aside"] == []
    store.close()


def test_f05_a_disk_that_is_full_is_survived_and_recovered_from(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "samples.db")],
        capture_output=True, text=True, env=environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    store = SampleStore(tmp_path / "samples.db", SamplesConfig(), ManualClock(START + DAY), threaded=False)
    texts = store.read("s", Quantity.BUTTON, START, START + DAY).value.tolist()
    assert len(texts) == 100 * 46
    assert {text[:4] for text in texts} == {"befo", "full", "afte"}
    store.close()
