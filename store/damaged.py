"""Where does a damaged file go, so that a new one can be begun and the old one looked at?"""

from __future__ import annotations

import contextlib
from pathlib import Path

KEPT = 2
_PARTS = ("", "-wal", "-shm")


def put_aside(path: Path, second: int) -> str:
    """Rename a database and what belongs to it; its new name. Only the newest few are kept."""
    target = path.with_name(f"{path.name}.damaged-{second}")
    for part in _PARTS:
        with contextlib.suppress(OSError):
            Path(f"{path}{part}").rename(f"{target}{part}")
    heads = [p for p in damaged_files(path) if not p.name.endswith(_PARTS[1:])]
    for old in heads[:-KEPT]:
        for part in _PARTS:
            with contextlib.suppress(OSError):
                Path(f"{old}{part}").unlink(missing_ok=True)
    return target.name


def damaged_files(path: Path) -> list[Path]:
    """All files that were put aside, oldest first."""
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))
