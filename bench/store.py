"""How much does the sample store write to the card in a day, and how fast are its answers?

``python -m bench.store [--json] [--days N] [--query-days N] [--folder DIR]`` lets simulated homes run
through the store, second by second, without waiting:

* ``quiet``: 20 sensors, 1.28 readings a second in all (the home of the design's comparison);
* ``radars``: the same and three radars, 50 readings a second in all, with tracks that are kept only around
  two events a day.

Bytes are the kernel's count for this process (``write_bytes``), syncs are counted with strace where it is
installed. ``query`` fills a file with two readings a second and times 24 hours of one series.
JSON: ``homes`` (rows_in, rows_kept, mb_written, syncs, file_mb, cpu_s; all per day) and ``query``.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.clock import ManualClock
from core.config import SamplesConfig
from core.model import DAY, HOUR, SECOND, Block
from core.quantity import Quantity
from store.sqlite import SampleStore

START = 20_000 * DAY
HOMES = ("quiet", "radars")
EVENTS_A_DAY = 2


def quiet_second(chance: random.Random, values: list[float], t: int) -> Iterator[Block]:
    """One second of 20 slow sensors: every one speaks about each 15.6 s, values to two decimals."""
    for n in range(20):
        if chance.random() < 1.28 / 20:
            values[n] += chance.gauss(0, 0.1)
            at = t + chance.randrange(SECOND)
            yield Block.build(f"sensor{n}", Quantity.TEMPERATURE_C, [at], [round(values[n], 2)], [0])


def radar_second(chance: random.Random, t: int) -> Iterator[Block]:
    """One second of three radars: five reports a second of distance, energy and one track each."""
    for n in range(3):
        at = [t + k * SECOND // 5 + chance.randrange(SECOND // 50) for k in range(5)]
        far = [round(abs(chance.gauss(2.5, 0.5)), 2) for _ in at]
        flags = [0] * len(at)
        source = f"radar{n}"
        yield Block.build(source, Quantity.MOVING_DISTANCE_M, at, far, flags)
        yield Block.build(
            source, Quantity.MOVING_ENERGY, at, [float(chance.randrange(100)) for _ in at], flags
        )
        yield Block.build(
            source, Quantity.TRACK, at, [[float(n), x, 1.0, 0.9, 0, 0, 0, 0, 0, 0] for x in far], flags
        )
        yield Block.build(source, Quantity.PRESENCE, at[:1], [float(far[0] < 3)], [0])


def live(home: str, days: int, folder: Path) -> dict[str, Any]:
    """Run one home for some days; what was read, kept and written, per day."""
    clock = ManualClock(START)
    store = SampleStore(folder / "samples.db", SamplesConfig(), clock, threaded=False)
    chance = random.Random(7)
    values = [chance.uniform(10, 30) for _ in range(20)]
    wrote, used = written_bytes(), cpu_s()
    for second in range(days * 86_400):
        t = clock.now()
        blocks = list(quiet_second(chance, values, t))
        if home == "radars":
            blocks += radar_second(chance, t)
        if blocks:
            store.write(sorted(blocks, key=lambda b: int(b.t[0])))
        if second % (86_400 // EVENTS_A_DAY) == 40_000 and home == "radars":
            store.mark(t)
        clock.advance(SECOND)
        store.turn()
    store.close()
    status = store.status()
    return {
        "rows_in": status["rows_in"] / days,
        "rows_kept": status["rows_kept"] / days,
        "rows_dropped": status["rows_dropped"],
        "mb_written": (written_bytes() - wrote) / 1e6 / days,
        "file_mb": (folder / "samples.db").stat().st_size / 1e6 / days,
        "cpu_s": (cpu_s() - used) / days,
    }


def query(days: int, folder: Path) -> dict[str, Any]:
    """Fill a file, then time 24 h of one series at a random place, in ms."""
    clock = ManualClock(START)
    store = SampleStore(folder / "samples.db", SamplesConfig(keep_days=3650), clock, threaded=False)
    chance = random.Random(7)
    rows = 0
    for hour in range(days * 24):
        t0 = START + hour * HOUR
        blocks = []
        for n in range(20):
            at = sorted(t0 + chance.randrange(HOUR) for _ in range(180))
            values = [round(chance.uniform(10, 30), 2) for _ in at]
            blocks.append(Block.build(f"sensor{n}", Quantity.TEMPERATURE_C, [*at], values, [0] * len(at)))
            rows += len(at)
        # in minutes, so that what waits stays small
        for block in blocks:
            store.write([block])
        clock.advance(HOUR)
        store.turn()
    store.close()
    store = SampleStore(folder / "samples.db", SamplesConfig(keep_days=3650), clock, threaded=False)
    times: list[float] = []
    got = 0
    for _ in range(200):
        t0 = START + chance.randrange((days - 1) * 24) * HOUR
        began = time.perf_counter()
        got = len(store.read(f"sensor{chance.randrange(20)}", Quantity.TEMPERATURE_C, t0, t0 + DAY))
        times.append((time.perf_counter() - began) * 1000)
    began = time.perf_counter()
    series = len(store.latest())
    latest = (time.perf_counter() - began) * 1000
    store.close()
    size = (folder / "samples.db").stat().st_size
    kept = store_rows(folder / "samples.db")
    return {
        "rows_in": rows,
        "rows_kept": kept,
        "mb_per_million_rows_kept": size / kept,
        "day_rows": got,
        "day_ms_p50": statistics.median(times),
        "day_ms_p99": sorted(times)[int(len(times) * 0.99)],
        "latest_of_all_ms": latest,
        "series": series,
    }


def store_rows(path: Path) -> int:
    import sqlite3

    link = sqlite3.connect(path)
    try:
        packed = link.execute("SELECT total(n) FROM pack").fetchone()[0]
        return int(packed + link.execute("SELECT count(*) FROM tail").fetchone()[0])
    finally:
        link.close()


def written_bytes() -> int:
    """What this process has given the kernel to write to disks."""
    for line in Path("/proc/self/io").read_text().splitlines():
        name, value = line.split(": ")
        if name == "write_bytes":
            return int(value)
    return 0


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def syncs(home: str, folder: Path) -> float | None:
    """How many fsync and fdatasync calls does one day make? None without strace."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    log = folder / "strace.txt"
    watch = [strace, "-f", "-qq", "-e", "trace=fsync,fdatasync,sync_file_range", "-o", str(log)]
    command = [*watch, sys.executable, "-m", "bench.store", "--only", home, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        return None
    return float(sum("sync" in line for line in log.read_text().splitlines()))


def in_folder(parent: Path) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="bench-store-", dir=parent)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.store", description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--days", type=int, default=1, help="simulated days a home (default 1)")
    parser.add_argument("--query-days", type=int, default=30, help="days in the file that is asked")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="on a real disk")
    parser.add_argument("--only", choices=HOMES, help="one home, nothing else (used to count syncs)")
    told = parser.parse_args(arguments)
    found: dict[str, Any] = {"homes": {}}
    for home in [told.only] if told.only else HOMES:
        with in_folder(told.folder) as folder:
            found["homes"][home] = live(home, told.days, Path(folder))
        if not told.only:
            with in_folder(told.folder) as folder:
                found["homes"][home]["syncs"] = syncs(home, Path(folder))
    if not told.only:
        with in_folder(told.folder) as folder:
            found["query"] = query(told.query_days, Path(folder))
    if told.json:
        print(json.dumps(found, indent=1))
    else:
        _print(found)
    return 0


def _print(found: dict[str, Any]) -> None:
    print(
        f"{'a day of':10}{'rows in':>12}{'kept':>10}{'MB written':>12}{'syncs':>8}{'file MB':>9}{'CPU s':>8}"
    )
    for home, f in found["homes"].items():
        count = f.get("syncs")
        print(
            f"{home:10}{f['rows_in']:>12,.0f}{f['rows_kept']:>10,.0f}{f['mb_written']:>12.1f}"
            f"{'?' if count is None else format(count, '.0f'):>8}{f['file_mb']:>9.2f}{f['cpu_s']:>8.1f}"
        )
        if f["mb_written"] == 0:
            print("  nothing was counted: the folder lies in memory; give --folder on a real disk")
    if "query" in found:
        q = found["query"]
        print(
            f"24 h of one series ({q['day_rows']:,} rows) out of {q['rows_kept']:,}: "
            f"p50 {q['day_ms_p50']:.2f} ms, p99 {q['day_ms_p99']:.2f} ms; newest of {q['series']} series "
            f"{q['latest_of_all_ms']:.2f} ms; {q['mb_per_million_rows_kept']:.1f} MB per million rows kept"
        )


if __name__ == "__main__":
    sys.exit(main())
