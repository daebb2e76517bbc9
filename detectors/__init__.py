"""Which questions do we ask of the readings? One file per question, one line here per detector."""

from __future__ import annotations

from core.contracts import DetectorSpec
from detectors import (
    bathroom,
    battery,
    bed_absence,
    call,
    carbon_monoxide,
    door,
    erratic,
    fall,
    family,
    gas,
    inactivity,
    leaving,
    morning,
    outing,
    silence,
    smoke,
    vitals,
    wandering,
    water,
)

DETECTORS: dict[str, DetectorSpec] = {
    spec.name: spec
    for spec in (
        # one line per detector
        smoke.SPEC,
        gas.SPEC,
        carbon_monoxide.SPEC,
        water.SPEC,
        call.SPEC,
        fall.SPEC,
        inactivity.SPEC,
        door.SPEC,
        silence.SPEC,
        battery.SPEC,
        outing.SPEC,
        morning.SPEC,
        bathroom.SPEC,
        bed_absence.SPEC,
        leaving.SPEC,
        wandering.SPEC,
        vitals.SPEC,
        family.SPEC,
        erratic.SPEC,
    )
}
