"""A home in a folder, for the tests of what was kept."""

from __future__ import annotations

from pathlib import Path


def home_at(folder: Path, more: str = "") -> Path:
    """A configuration without links whose state lies beside it."""
    path = folder / "config.yaml"
    path.write_text(
        "home: {id: h, time_zone: Asia/Shanghai, language: en}\n"
        "residents: {wang: {name: 王秀英, born: 1943}}\n"
        "rooms: {kitchen: {kind: kitchen, name: 厨房}, bath: {kind: bathroom}}\n"
        f"links: {{}}\nsensors: {{}}\nstore: {{state_dir: {folder / 'state'}}}\n{more}",
        encoding="utf-8",
    )
    return path
