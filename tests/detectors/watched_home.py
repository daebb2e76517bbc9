"""The small home with tags, keys and a resident who is watched closely."""

from __future__ import annotations

from dataclasses import replace

from core.model import Home, Reading, Resident
from core.quantity import Quantity as Q
from core.watch import Watch
from tests.detectors.daily_home import at, home, sensor


def watched(watch: Watch, *others: Resident) -> Home:
    """Ann lives here, watched like that; her tag, the carer's tag and a key hook are known."""
    extra = [
        sensor("bath", "bathroom", "motion"),
        sensor("ann_tag", "hall", "tag"),
        sensor("carer_tag", "hall", "tag"),
        sensor("hook", "hall", "key"),
    ]
    return replace(home(extra=extra), residents=(Resident("ann", watch=watch), *others))


def tag(source: str, hours: float, here: bool) -> Reading:
    """A tag is heard at home from now on, or no more."""
    return Reading(source, Q.PRESENCE, at(hours), float(here))


def hook(hours: float, taken: bool) -> Reading:
    """The key is taken off its hook, or hung up."""
    return Reading("hook", Q.CONTACT_OPEN, at(hours), float(taken))
