"""Where are the shared vectors and recordings, and what is in them? Absent data skips a test, with the reason."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


def data_dir() -> Path:
    """The recordings: HEARTHWATCH_DATA, or ../shared/data beside the repository."""
    return Path(os.environ.get("HEARTHWATCH_DATA", ROOT.parent / "shared" / "data"))


def recording(*parts: str) -> Path:
    """One recording or folder; skips the test if it is not held."""
    path = data_dir().joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no recording at {path}; point HEARTHWATCH_DATA at the data folder")
    return path


def vectors(name: str) -> list[dict[str, Any]]:
    """A vector file (serial-vectors.json, mqtt-vectors.json); skips the test if it is not held."""
    path = data_dir().parent / "protocols" / name
    if not path.exists():
        pytest.skip(f"no vectors at {path}")
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found
