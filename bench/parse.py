"""What does each serial driver cost, beside a loop that only reads the same bytes?

``python -m bench.parse [--json] [--seconds S]``. For every serial driver a stream is made by its own
encoder (one reading of every kind it carries, at its usual rate, about 256 KiB) and written through an
operating-system pipe twice: once to a bare read loop, once to a read loop that also feeds the driver. Both
run in this process in pieces of 4096 bytes, alternating, and process CPU time is counted. Shown: CPU per
byte of both, the driver's own share, and the share of one core at the driver's line speed (ten bits a
byte, the line never idle). TI radars are also shown on real captures where HEARTHWATCH_DATA holds them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.contracts import DriverSpec, Span
from core.model import SECOND, Packet, Reading, Sensor
from devices import DRIVERS

CHUNK = 4096
TARGET = 256 * 1024
ROOT = Path(__file__).resolve().parent.parent


def middle(span: Span) -> Any:
    """A value in the middle of what a span allows: an ordinary reading."""

    def one(low: float, high: float, step: float) -> float:
        if low != low or not step:
            return low
        return round(low + step * round((high - low) / step / 2), 9)

    if span.quantity.shape == "vector":
        return tuple(one(*column) for column in span.columns)
    if span.quantity.shape == "points":
        return np.array([[one(*column) for column in span.columns]] * 8)
    return one(span.low, span.high, span.step)


def stream(spec: DriverSpec) -> bytes:
    """What the device would send for a while: every group of readings it can say, again and again."""
    sensor = spec.example or Sensor("s", spec.name, "port")
    once = b""
    for i, group in enumerate(spec.spans):
        readings = [Reading(sensor.id, span.quantity, i * SECOND, middle(span)) for span in group]
        once += b"".join(packet.data for packet in spec.encode(sensor, readings))
    return once * (TARGET // len(once) + 1)


def captures() -> Iterator[tuple[str, bytes]]:
    """Real bytes of TI radars, where they are held."""
    folder = Path(os.environ.get("HEARTHWATCH_DATA", ROOT.parent / "shared" / "data")) / "falls" / "uart"
    for path in sorted(folder.glob("longhao/*.bin")):
        yield f"ti_iwr6843, {path.name}", path.read_bytes()
    clips = sorted(folder.glob("jjc/*/*.dat"))
    if clips:
        yield f"ti_iwr6843, {len(clips)} jjc clips", b"".join(path.read_bytes() for path in clips)


def through_a_pipe(data: bytes, take: Callable[[bytes, int], Any]) -> float:
    """CPU seconds to read ``data`` from a pipe in pieces and hand each to ``take``."""
    reader, writer = os.pipe()
    try:
        start = time.process_time()
        for at in range(0, len(data), CHUNK):
            os.write(writer, data[at : at + CHUNK])
            take(os.read(reader, CHUNK), at)
        return time.process_time() - start
    finally:
        os.close(reader)
        os.close(writer)


def measure(name: str, spec: DriverSpec, data: bytes, seconds: float) -> dict[str, Any]:
    """Nanoseconds a byte, bare and with the driver: the least of several alternating runs."""
    sensor = spec.example or Sensor("s", spec.name, "port")
    bare: list[float] = []
    with_driver: list[float] = []
    frames = refused = 0
    deadline = time.monotonic() + seconds
    while len(bare) < 3 or time.monotonic() < deadline:
        bare.append(through_a_pipe(data, lambda piece, at: None))
        driver = spec.make([sensor])
        with_driver.append(
            through_a_pipe(data, lambda piece, at, d=driver: d.feed(Packet("port", "", at, piece)))  # type: ignore[misc]
        )
        health = driver.health()
        # a stream that repeats has gaps in its packet numbers; those are no refusals
        frames, refused = (
            health.frames_good,
            sum(n for word, n in health.refused.items() if word != "packets_missed"),
        )
    bare_ns, full_ns = (min(runs) / len(data) * 1e9 for runs in (bare, with_driver))
    baud = spec.line.baud if spec.line else 0
    return {
        "name": name,
        "baud": baud,
        "bytes": len(data),
        "frames": frames,
        "refused": refused,
        "bare_ns_per_byte": round(bare_ns, 2),
        "ns_per_byte": round(full_ns, 2),
        "us_per_frame": round((full_ns - bare_ns) * len(data) / max(frames, 1) / 1000, 2),
        "core_pct_at_line_speed": round(full_ns * baud / 10 / 1e9 * 100, 3),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.parse", description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--seconds", type=float, default=0.5, help="at least this long for each driver")
    parser.add_argument("--only", default="", help="only drivers whose name contains this")
    chosen = parser.parse_args(arguments)
    jobs = [(s.name, s, stream(s)) for s in DRIVERS.values() if s.transport == "serial"]
    jobs += [(name, DRIVERS["ti_iwr6843"], data) for name, data in captures()]
    rows = [measure(n, s, d, chosen.seconds) for n, s, d in jobs if chosen.only in n]
    if chosen.json:
        print(json.dumps({"drivers": rows}, indent=1))
        return 0
    width = max((len(r["name"]) for r in rows), default=6)
    print(
        f"{'driver':{width}}    baud  frames  refused  bare ns/B  with ns/B  us/frame  core % at line speed"
    )
    for r in rows:
        counts = f"{r['baud']:7} {r['frames']:7} {r['refused']:7}"
        costs = f"{r['bare_ns_per_byte']:10.2f} {r['ns_per_byte']:9.2f} {r['us_per_frame']:9.2f}"
        print(f"{r['name']:{width}} {counts} {costs} {r['core_pct_at_line_speed']:10.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
