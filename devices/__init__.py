"""Which devices do we speak? One file per wire format, one line here per device."""

from __future__ import annotations

from core.contracts import DriverSpec

DRIVERS: dict[str, DriverSpec] = {
    spec.name: spec
    for spec in (
        # one line per device
    )
}
