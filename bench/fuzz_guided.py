"""Can bytes chosen by coverage make a serial driver raise, keep too much, lose count or say nonsense?

``python -m bench.fuzz_guided [--driver NAME ...] [--seconds 600] [--json] [--out FILE]`` gives each serial
driver this many seconds of *CPU* (the machine may be shared) in a process of its own, in which atheris
instruments the drivers and chooses the sessions of ``bench/fuzz_session.py``. It begins with what the
drivers' own encoders say, with the questions they ask, with small frames, and with the shared vectors
where HEARTHWATCH_DATA holds them. A finding is kept, made small, and printed; the driver still gets all
its time. ``--out`` appends a line of JSON per driver; drivers that have had their time in that file are
skipped. ``--wall`` ends the whole run early, with the seconds that were really given.

Exit code 0 nothing found, 1 something found, 2 atheris is not installed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.contracts import DriverSpec

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 4096
# formats with hand-written framing or length fields first; drivers that share their code come last
FIRST = (
    "ti_iwr6843", "ld6002", "gira_dual", "modbus_rtu", "mh_z9041a", "mr60bha1", "ld2420", "ld2410c",
    "bm22s2021", "c1001", "ld2450", "mr60fda2", "ze07_co", "mh_z19b", "ld2412", "ld6002h", "ld2410s",
    "ti_iwrl6432", "r60abd1", "mr24hpc1", "bm22s3021", "bm22s3031", "ld6002b", "ld6002c", "ze08_ch2o",
)  # fmt: skip


def names() -> list[str]:
    """Which drivers are fuzzed, in which order?"""
    from devices import DRIVERS

    serial = [s.name for s in DRIVERS.values() if s.transport == "serial"]
    return [n for n in FIRST if n in serial] + [n for n in serial if n not in FIRST]


def seeds(spec: DriverSpec) -> Iterator[bytes]:
    """Sessions to begin with: frames the device says, alone and together, plain and troubled."""
    from bench.fuzz_session import pack

    found = sorted({f for f in frames(spec) if f}, key=lambda f: (len(f), f))
    calm, waits, torn = b"\x0f", b"\x6f\x5b\x4f", b"\x93\xa3\x09\xc8\x76"
    for i, frame in enumerate(found):
        for controls in (b"", calm, waits, torn):
            yield pack(frame, controls, i)
        yield pack(frame * 3, b"\xcf", 0)
    joined = b"".join(found)[:LONGEST]
    for choice in range(8):
        yield pack(joined, waits, choice)
        yield pack(joined, torn, 37 * choice + 1)


def frames(spec: DriverSpec) -> Iterator[bytes]:
    """What stands on the line: the device's reports, our commands, and what others wrote down."""
    from bench.fuzz_session import driver_of, sensor_of
    from bench.parse import middle
    from core.model import SECOND, Reading

    for choice in (0, 1, 2, 3, 5, 8, 13, 40, 200):
        sensor = sensor_of(spec, choice)
        driver = driver_of(spec, choice)
        for i in range(40):
            yield from (p.data for p in driver.due(i * SECOND))
        if choice == 0:
            for group in spec.spans:
                said = [Reading(sensor.id, s.quantity, SECOND, middle(s)) for s in group]
                yield from (p.data for p in spec.encode(sensor, said))
    yield from driver_of(spec, 0).form.headers
    yield from (b"Done\n", b"Error\n", b"\x06", b"\x15")
    yield from written_down(spec.name)


def written_down(name: str) -> Iterator[bytes]:
    """Frames of the shared vector file, where it is held."""
    from bench.decode_serial import driver_name

    data = Path(os.environ.get("HEARTHWATCH_DATA", ROOT.parent / "shared" / "data"))
    path = data.parent / "protocols" / "serial-vectors.json"
    if not path.exists():
        return
    for vector in json.loads(path.read_text(encoding="utf-8")):
        if driver_name(vector) == name:
            text = next((v for k, v in vector.items() if k.endswith("_hex") and isinstance(v, str)), "")
            try:
                yield bytes.fromhex(text)[:LONGEST]
            except ValueError:
                continue


def where(error: BaseException) -> str:
    """What went wrong and at which line? Two findings of one line are one."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


def child(name: str, seconds: float, folder: Path, until: float) -> None:
    """Fuzz one driver in this process; leaves result.json in ``folder``. Does not return."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["devices"]):
        from devices import DRIVERS
    from bench.fuzz_session import play

    spec = DRIVERS[name]
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for i, seed in enumerate(seeds(spec)):
        (corpus / f"seed-{i:04d}").write_bytes(seed)
    found: dict[str, tuple[str, bytes]] = {}
    begun, runs = time.process_time(), 0

    def finish() -> None:
        spent = time.process_time() - begun
        result = {
            "driver": name,
            "cpu_s": round(spent, 1),
            "executions": runs,
            "corpus": sum(1 for _ in corpus.iterdir()),
            "findings": [
                {"where": k, "error": words, "data_hex": data.hex()}
                for k, (words, data) in sorted(found.items())
            ],
        }
        (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
        os._exit(0)

    def one(data: bytes) -> None:
        nonlocal runs
        runs += 1
        if time.process_time() - begun >= seconds or time.time() >= until:
            finish()
        try:
            play(spec, data)
        except Exception as error:
            text = where(error)
            if text not in found or len(found[text][1]) > len(data):
                found[text] = str(error)[:200], bytes(data)

    limits = [f"-max_len={LONGEST}", "-timeout=300", "-rss_limit_mb=1024", "-verbosity=0", "-seed=7"]
    atheris.Setup([name, str(corpus), *limits], one)
    atheris.Fuzz()


def smallest(spec: DriverSpec, data: bytes, text: str, tries: int = 3000) -> bytes:
    """The same finding with fewer bytes: pieces are left out as long as it stays."""
    from bench.fuzz_session import play

    def same(candidate: bytes) -> bool:
        try:
            play(spec, candidate)
        except Exception as error:
            return where(error) == text
        return False

    size = len(data) // 2
    while size:
        at = 0
        while at < len(data) and tries:
            tries -= 1
            shorter = data[:at] + data[at + size :]
            if same(shorter):
                data = shorter
            else:
                at += size
        size //= 2
    return data


def run(name: str, seconds: float, until: float) -> dict[str, Any]:
    """Fuzz one driver in a child process. Raises RuntimeError if the child did not come to an end."""
    from devices import DRIVERS

    with tempfile.TemporaryDirectory(prefix="hearthwatch-fuzz-") as made:
        folder = Path(made)
        call = [sys.executable, "-m", "bench.fuzz_guided", "--child", name, "--seconds", str(seconds)]
        call += ["--folder", made, "--until", str(until)]
        done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
        path = folder / "result.json"
        if not path.exists():
            raise RuntimeError(f"{name}: the fuzzer ended with code {done.returncode}: {done.stderr[-2000:]}")
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for finding in result["findings"]:
        data = bytes.fromhex(finding["data_hex"])
        finding["data_hex"] = smallest(DRIVERS[name], data, finding["where"]).hex()
    result["date"] = datetime.now(UTC).date().isoformat()
    return result


def had(path: Path | None, seconds: float) -> set[str]:
    """Which drivers have had this much time in that file?"""
    if path is None or not path.exists():
        return set()
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {r["driver"] for r in lines if r["cpu_s"] >= seconds}


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz_guided", description=__doc__.split("\n")[0])
    parser.add_argument("--driver", nargs="+", default=[], help="only these drivers")
    parser.add_argument("--seconds", type=float, default=600.0, help="of CPU, for each driver")
    parser.add_argument("--wall", type=float, default=None, help="end the whole run after these seconds")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", type=Path, default=None, help="append a line of JSON per driver")
    for hidden in ("--child", "--folder", "--until"):
        parser.add_argument(hidden, default="", help=argparse.SUPPRESS)
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    chosen = arguments(given)
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: pip install -r requirements/fuzz.txt (x86-64 Linux only)")
        return 2
    if chosen.child:
        child(chosen.child, chosen.seconds, Path(chosen.folder), float(chosen.until))
    known = names()
    unknown = [n for n in chosen.driver if n not in known]
    if unknown:
        print(f"no serial driver is called {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    until = time.time() + chosen.wall if chosen.wall is not None else float("inf")
    skip = had(chosen.out, chosen.seconds)
    results = []
    for name in chosen.driver or known:
        if name in skip or time.time() >= until:
            continue
        result = run(name, chosen.seconds, until)
        results.append(result)
        if chosen.out:
            with chosen.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
        if not chosen.json:
            print(f"{name:12} {result['cpu_s']:7.1f} s {result['executions']:9d} sessions", flush=True)
            for finding in result["findings"]:
                print(f"    {finding['where']}: {finding['error']}\n    {finding['data_hex']}", flush=True)
    if chosen.json:
        print(json.dumps(results, indent=1))
    return 1 if any(r["findings"] for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
