"""What can go wrong with a source or a log, told to people in one sentence?"""

from __future__ import annotations


class SourceError(Exception):
    """A source cannot be started as configured: says which link, why, and what to do."""


class LogError(Exception):
    """A log cannot be read: says which file, why, and what to do."""
