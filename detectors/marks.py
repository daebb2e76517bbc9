"""Which flag bits may a hot path test? :class:`core.model.Flag` as plain integers.

``IntFlag`` arithmetic makes an object for every ``&``; on plain integers it costs a twentieth.
"""

from __future__ import annotations

from core.model import Flag

RETAINED = int(Flag.RETAINED)
WEAK = int(Flag.WEAK)
TEST = int(Flag.TEST)
REPEAT = int(Flag.REPEAT)
"""The bits, one by one."""

STALE = RETAINED | REPEAT
"""A number with one of these says nothing new about now."""
