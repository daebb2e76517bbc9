"""How many vectors of a file do our drivers decode right, wrong, or not at all?

``python -m bench.decode [FILE ...] [--json] [--wrong]`` reads vector files in the two shared formats
(serial frames, MQTT payloads), tells them apart by their fields, and prints per device and in all.
Without files it takes both under ``../shared/protocols``. ``--wrong`` also lists what disagrees.
JSON: ``right``, ``wrong``, ``uncovered``, ``by_device`` (the same three per device), ``failures``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import decode_mqtt, decode_serial

DEFAULT = Path(__file__).resolve().parent.parent.parent / "shared" / "protocols"
NAMES = ("serial-vectors.json", "mqtt-vectors.json")


def load(path: Path) -> list[dict[str, Any]]:
    """The vectors of a file: a JSON list, or an object that holds one under ``vectors``."""
    found = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(found, Mapping):
        found = found["vectors"]
    return list(found)


def judge(vectors: list[dict[str, Any]]) -> list[tuple[str, str, list[str] | None]]:
    """(device, id, what is wrong) of every vector; None = no driver for it."""
    out = []
    for vector in vectors:
        serial = "frame_hex" in vector
        device = vector["device"] if serial else f"mqtt {vector.get('convention', '')}"
        judged = decode_serial.judge(vector) if serial else decode_mqtt.judge(vector)
        out.append((device, str(vector.get("id", "")), judged))
    return out


def summary(judged: list[tuple[str, str, list[str] | None]]) -> dict[str, Any]:
    """Counts in all and per device."""
    total = {"right": 0, "wrong": 0, "uncovered": 0}
    by_device: dict[str, dict[str, int]] = {}
    failures: dict[str, list[str]] = {}
    for device, name, wrong in judged:
        word = "uncovered" if wrong is None else "wrong" if wrong else "right"
        total[word] += 1
        by_device.setdefault(device, {"right": 0, "wrong": 0, "uncovered": 0})[word] += 1
        if wrong:
            failures[name] = wrong
    return {**total, "by_device": by_device, "failures": failures}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.decode", description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, help="vector files (default: both shared ones)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--wrong", action="store_true", help="also list what disagrees")
    chosen = parser.parse_args(arguments)
    files = chosen.files or [DEFAULT / name for name in NAMES]
    judged = []
    for path in files:
        try:
            vectors = load(path)
        except (OSError, ValueError, KeyError) as error:
            print(f"{path}: cannot be read as vectors: {error}", file=sys.stderr)
            return 2
        judged += judge(vectors)
    result = summary(judged)
    if chosen.json:
        print(json.dumps(result, ensure_ascii=False, indent=1))
        return 0
    width = max([len(d) for d in result["by_device"]], default=6)
    print(f"{'device':{width}}  right wrong uncovered")
    for device, counts in result["by_device"].items():
        print(f"{device:{width}}  {counts['right']:5} {counts['wrong']:5} {counts['uncovered']:9}")
    print(f"{'all':{width}}  {result['right']:5} {result['wrong']:5} {result['uncovered']:9}")
    if chosen.wrong:
        for name, wrong in result["failures"].items():
            print(name, *(f"\n    {line}" for line in wrong))
    return 0


if __name__ == "__main__":
    sys.exit(main())
