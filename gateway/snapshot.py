"""Where is the detectors' memory kept between runs? One JSON file, written atomically, checked on reading.

The file is one line of header (format, length and BLAKE2 of the body) and the body. Torn, foreign or
unreadable snapshots are set aside and mean a cold start that is announced; the one before it is tried
first, so a torn write costs minutes of memory, not weeks.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

FORMAT = "hearthwatch-snapshot-1"


def save(path: Path, state: dict[str, Any], config_hash: str) -> None:
    """Write it beside, sync, then swap; the old one stays as ``.old``. Raises OSError."""
    body = json.dumps({"config": config_hash, "state": state}, separators=(",", ":")).encode()
    digest = hashlib.blake2b(body, digest_size=16).hexdigest()
    beside = path.with_suffix(".new")
    with open(beside, "wb") as file:
        file.write(f"{FORMAT} {len(body)} {digest}\n".encode() + body)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        os.replace(path, path.with_suffix(".old"))
    os.replace(beside, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load(path: Path, config_hash: str) -> tuple[dict[str, Any] | None, str]:
    """The newest whole state and "", or None and why there is none. Never raises.

    >>> load(Path("/nonexistent/x.json"), "")
    (None, '')
    """
    why = ""
    for candidate in (path, path.with_suffix(".old")):
        if not candidate.exists():
            continue
        try:
            raw = candidate.read_bytes()
            state, problem = _check(raw, config_hash)
        except OSError as error:
            state, problem = None, f"cannot be read: {error.strerror}"
        if state is not None:
            return state, why
        why = why or f"{candidate.name} {problem}"
    return None, why


def _check(raw: bytes, config_hash: str) -> tuple[dict[str, Any] | None, str]:
    head, newline, body = raw.partition(b"\n")
    words = head.split(b" ")
    if not newline or len(words) != 3:
        return None, "is torn"
    if words[0] != FORMAT.encode():
        return None, "is of another version"
    if words[1] != str(len(body)).encode():
        return None, "is torn"
    if words[2] != hashlib.blake2b(body, digest_size=16).hexdigest().encode():
        return None, "is damaged"
    document = json.loads(body)
    if document.get("config") != config_hash:
        return None, "belongs to another configuration"
    state = document.get("state")
    return (state, "") if isinstance(state, dict) else (None, "is not a state")
