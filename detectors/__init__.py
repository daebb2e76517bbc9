"""Which questions do we ask of the readings? One file per question, one line here per detector."""

from __future__ import annotations

from core.contracts import DetectorSpec

DETECTORS: dict[str, DetectorSpec] = {
    spec.name: spec
    for spec in (
        # one line per detector
    )
}
