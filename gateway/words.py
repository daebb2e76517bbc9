"""In which language does the command line speak? The catalogue's, by the person's own locale.

``LC_ALL``, ``LC_MESSAGES`` and ``LANG`` are read as everywhere; zh gives Simplified Chinese, all else
English. ``HEARTHWATCH_LANGUAGE`` decides where the locale is not the family's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "alerts" / "text"


def language(environ: Mapping[str, str] | None = None) -> str:
    """Which of the two catalogues?

    >>> language({"LANG": "zh_CN.UTF-8"}), language({"LANG": "de_DE.UTF-8"}), language({})
    ('zh-CN', 'en', 'en')
    """
    environ = os.environ if environ is None else environ
    for name in ("HEARTHWATCH_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        said = environ.get(name, "")
        if said:
            return "zh-CN" if said.lower().startswith("zh") else "en"
    return "en"


@lru_cache(maxsize=4)
def catalogue(name: str) -> dict[str, str]:
    """All texts of the command line in one language; a group of commands may have a file of its own."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob(f"cli*.{name}.json")):
        found.update(json.loads(path.read_text(encoding="utf-8")))
    return found


def word(key: str, in_language: str | None = None) -> str:
    """The text for a key. Raises KeyError where the catalogue lacks it (a test sees to that)."""
    return catalogue(in_language or language())[key]
