"""Which kind of log is this file, and who reads it?

A log of packets (a recording, mosquitto_sub, rtl_433, raw bytes) goes through the drivers:
:func:`open_log`. A log of meanings (a home's CSV, radar arrays, target lists) enters behind them:
:func:`open_blocks`. Content decides; a suffix only where content cannot.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.contracts import Log
from core.model import Block, Home
from ingest import cloud_npz, home_csv, ld2450_jsonl, mosquitto_log, recording, rtl433_log
from ingest.errors import LogError
from ingest.mosquitto_log import MosquittoLog
from ingest.recording import SUFFIXES, RecordingReader
from ingest.rtl433_log import Rtl433Log
from ingest.uart_log import UartLog

LOGS: dict[str, Callable[..., Log]] = {
    "recording": RecordingReader,
    "mosquitto": MosquittoLog,
    "rtl433": Rtl433Log,
    "uart": UartLog,
}
BLOCKS = ("home_csv", "ld2450", "cloud_npz")
LOOK_AT = 20  # lines


def recognise(path: Path | str) -> str:
    """The name of the format: a key of LOGS or one of BLOCKS. Raises LogError if it cannot tell."""
    path = Path(path)
    if path.is_dir():
        inside = [p for p in path.iterdir() if p.name.endswith(SUFFIXES)]
        if inside:
            return "recording"
        raise LogError(f"{path}: is a folder without recordings (*.jsonl, *.jsonl.zst)")
    if not path.is_file():
        raise LogError(f"{path}: no such file or folder")
    if path.suffix == ".npz":
        return "cloud_npz"
    for raw in _first_lines(path):
        try:
            line = raw.decode("utf-8", "surrogateescape").strip().lstrip("\ufeff")
        except ValueError:
            continue
        if recording.is_recording(line):
            return "recording"
        if home_csv.recognises(line):
            return "home_csv"
        if mosquitto_log.recognises(line):
            return "mosquitto"
        if ld2450_jsonl.recognises(line):
            return "ld2450"
        if rtl433_log.recognises(line):
            return "rtl433"
    raise LogError(
        f"{path}: no known kind of log. Known: a recording of ours, mosquitto_sub -F %j, rtl_433 -F json, "
        f"a home's CSV ({','.join(home_csv.COLUMNS)}), radar arrays (.npz), target lists. Raw bytes of a "
        "port cannot be recognised: state the format uart and the baud rate"
    )


def open_log(path: Path | str, format: str = "", **options: Any) -> Log:
    """The packets of a file (or folder of recordings). Raises LogError.

    ``options`` go to the reader: ``link``, ``topic``, ``time_zone``, ``baud``, ``bytes_per_s``, ``start_ns``.
    """
    name = format or ("uart" if {"baud", "bytes_per_s"} & set(options) else recognise(path))
    if name in BLOCKS:
        raise LogError(f"{path}: is a log of meanings ({name}), not of packets; it enters behind the drivers")
    reader = LOGS.get(name)
    if reader is None:
        raise LogError(f"no format is called {name!r}; use one of {', '.join((*LOGS, *BLOCKS))}")
    with _told(path, name):
        return reader(path, **options)


def open_blocks(path: Path | str, format: str = "", **options: Any) -> list[tuple[Home, list[Block]]]:
    """Home and blocks of a file; of radar clips one pair each, else one pair. Raises LogError."""
    name = format or recognise(path)
    with _told(path, name):
        if name == "home_csv":
            return [home_csv.read(path, **options)]
        if name == "ld2450":
            return [ld2450_jsonl.read(path, **options)]
        if name == "cloud_npz":
            found = cloud_npz.read(path, **options)
            return [(found.home, list(clip.blocks)) for clip in found.clips]
    raise LogError(f"{path}: is a log of packets ({name}); it goes through the drivers")


@contextlib.contextmanager
def _told(path: Path | str, name: str) -> Any:
    try:
        yield
    except TypeError as error:  # an option the reader does not have
        raise LogError(f"{path}: {error}; this option does not belong to format {name}") from None


def _first_lines(path: Path) -> list[bytes]:
    found: list[bytes] = []
    for line in recording.lines(path):
        if len(line) > 1 << 20 or (b"\0" in line and not path.name.endswith(".zst")):
            break
        found.append(line)
        if len(found) >= LOOK_AT:
            break
    return found
