"""Can any bytes make a serial driver raise, keep too much, or lose count?

``python -m bench.fuzz [--seconds S] [--only NAME] [--seed N]`` feeds each serial driver hostile streams for S
seconds: its own good frames with bits flipped, bytes lost, doubled, cut and joined, headers repeated, and
noise, in random pieces with stalls and interruptions between them. It needs no other package; where atheris
is installed ``bench.fuzz_guided`` chooses the bytes by coverage. Stops at the first finding with the input as
hexadecimal.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from typing import Any

from bench.parse import stream
from core.contracts import DriverSpec
from core.model import SECOND, Mark, Packet, Sensor
from devices import DRIVERS
from devices.port import PortDriver

MARKS = (Mark.UP, Mark.DOWN, Mark.LOST, Mark.BLIND, Mark.CLOCK, Mark.END)
GAPS = (0, SECOND // 100, SECOND // 4, SECOND, 100 * SECOND)


def feed(spec: DriverSpec, data: bytes, choose: Any) -> int:
    """One hostile session; the number of readings it gave. Raises AssertionError on a finding."""
    driver = spec.make([spec.example or Sensor("s", spec.name, "port")])
    assert isinstance(driver, PortDriver)
    health, limit = driver.health(), driver.form.max_length
    at = position = given = 0
    while position < len(data):
        size = 1 + choose(64)
        at += GAPS[choose(len(GAPS))] if choose(8) == 0 else SECOND // 1000
        if choose(40) == 0:
            driver.feed(Packet("port", "", at, b"0.5", MARKS[choose(len(MARKS))]))
        given += len(driver.feed(Packet("port", "", at, data[position : position + size])))
        position += size
        driver.due(at)
        assert health.bytes_pending <= limit, f"keeps {health.bytes_pending} bytes, {limit} allowed"
        closed = health.bytes_good + health.bytes_discarded + health.bytes_pending
        assert health.bytes_in == closed, "book-keeping does not close"
    return given


def hostile(good: bytes, headers: tuple[bytes, ...], dice: random.Random) -> bytes:
    """A stream made of what the device says and of what lines do to it."""
    out = bytearray()
    while len(out) < 3000:
        kind = dice.randrange(6)
        start = dice.randrange(len(good))
        if kind == 0:
            out += dice.randbytes(dice.randrange(1, 40))
        elif kind == 1:
            out += dice.choice(headers) * dice.randrange(1, 4) + dice.randbytes(dice.randrange(8))
        else:
            piece = bytearray(good[start : start + dice.randrange(1, 400)])
            for _ in range(dice.randrange(4) if kind < 5 else 0):
                spot = dice.randrange(len(piece) or 1)
                if not piece:
                    break
                if dice.randrange(3):
                    piece[spot] ^= 1 << dice.randrange(8)
                else:
                    del piece[spot]
            out += piece
    return bytes(out)


def run(spec: DriverSpec, seconds: float, seed: int) -> dict[str, int]:
    """Fuzz one driver for a while; how many sessions, bytes and readings it took."""
    dice = random.Random(f"{seed} {spec.name}")
    good = stream(spec)[:20_000]
    driver = spec.make([])
    assert isinstance(driver, PortDriver)
    counts = {"sessions": 0, "bytes": 0, "readings": 0}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        data = hostile(good, driver.form.headers, dice)
        try:
            counts["readings"] += feed(spec, data, dice.randrange)
        except Exception:
            print(f"{spec.name}: {data.hex()}", file=sys.stderr)
            raise
        counts["sessions"] += 1
        counts["bytes"] += len(data)
    return counts


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each driver")
    parser.add_argument("--only", default="", help="only the driver of this name")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    specs = [s for s in DRIVERS.values() if s.transport == "serial" and chosen.only in ("", s.name)]
    for spec in specs:
        counts = run(spec, chosen.seconds, chosen.seed)
        print(spec.name, *(f"{name} {count}" for name, count in counts.items()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
