"""How does a file get into a system without surprising anybody? Renamed into place, told, the old kept."""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Done = Literal["written", "unchanged", "replaced", "kept"]


@dataclass(frozen=True, slots=True)
class File:
    """One file of the system, by its path there. ``secret``: its content is never shown.

    ``once``: never replaced, a person may have changed it. ``owner`` and ``group``: whose it is to be.
    """

    path: str
    content: str
    mode: int = 0o644
    secret: bool = False
    once: bool = False
    owner: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one file; ``backup`` is where the old content is."""

    file: File
    done: Done
    backup: str = ""


def place(root: Path, file: File) -> Path:
    """Where does it lie under this root?"""
    return root / file.path.lstrip("/")


def put(root: Path, file: File) -> Step:
    """Write it, if it is not so already; what was there before and differs is kept as ``.bak``.

    Raises OSError.
    """
    target = place(root, file)
    if target.is_symlink():
        raise OSError(f"{target} is a link; remove it first, so that nothing elsewhere is overwritten")
    old = target.read_bytes() if target.exists() else None
    wanted = file.content.encode()
    if old is not None and file.once:
        _give(target, file, root)
        return Step(file, "kept")
    if old == wanted:
        if target.stat().st_mode & 0o777 != file.mode:
            target.chmod(file.mode)
        _give(target, file, root)
        return Step(file, "unchanged")
    target.parent.mkdir(parents=True, exist_ok=True)
    backup = ""
    if old is not None:
        kept = _backup_name(target)
        _write(kept, old, file.mode)
        backup = kept.name
    _write(target, wanted, file.mode)
    _give(target, file, root)
    return Step(file, "replaced" if old is not None else "written", backup)


def secret_in(root: Path, path: str) -> str:
    """The secret that lies there, or a new one where there is none (192 bits, safe in any file)."""
    target = root / path.lstrip("/")
    if target.exists():
        found = target.read_text(encoding="utf-8").strip()
        if found:
            return found
    return secrets.token_urlsafe(24)


def _backup_name(target: Path) -> Path:
    number, kept = 1, target.with_name(target.name + ".bak")
    while kept.exists():
        number += 1
        kept = target.with_name(f"{target.name}.bak{number}")
    return kept


def _write(target: Path, content: bytes, mode: int) -> None:
    beside = target.with_name(f".{target.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(handle, mode)
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
    finally:
        os.close(handle)
    os.replace(beside, target)


def _give(target: Path, file: File, root: Path) -> None:
    """To whom it is for, where that user exists and we may; under another root names mean nothing."""
    if os.geteuid() != 0 or root != Path("/"):
        return
    import grp
    import pwd

    with contextlib.suppress(KeyError):  # the next steps say which user is missing
        if file.owner:
            found = pwd.getpwnam(file.owner)
            os.chown(target, found.pw_uid, found.pw_gid)
        elif file.group:
            os.chown(target, 0, grp.getgrnam(file.group).gr_gid)
