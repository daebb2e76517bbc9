"""How often does each serial device speak, and when? The rates of the data sheets, one line a device.

``per_s`` is the pace of its reports; ``frames_per_s`` the range in which the frames of a whole device must
come (a report may be several frames), None where no paper states a rate: then nothing is promised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.quantity import Quantity as Q


@dataclass(frozen=True, slots=True)
class Sheet:
    """The pace of one device. ``per_s`` 0: it speaks only when asked or when something changes."""

    per_s: float
    frames_per_s: tuple[float, float] | None = None
    on_change: frozenset[Q] = frozenset()  # told when they change, not at each report
    slow: frozenset[Q] = frozenset()  # told at every third report only
    stimulus: str = ""  # what a person can do to make it say something else


_TEN = Sheet(10.0, (5.0, 20.0), stimulus="walk")
_UNSTATED = Sheet(10.0, stimulus="walk")
_TINY = Sheet(2.0, stimulus="walk")
_MIC = Sheet(
    1.0,
    (0.2, 15.0),
    on_change=frozenset({Q.PRESENCE, Q.MOVING, Q.STILL, Q.BED_OCCUPIED, Q.FALL_STATE}),
    slow=frozenset({Q.BREATH_RATE_BPM, Q.HEART_RATE_BPM}),
    stimulus="walk",
)
_SECOND = Sheet(1.0, (0.8, 1.25), stimulus="test_gas")
_ASKED = Sheet(0.0, (0.5, 1.25), stimulus="test_gas")
_TI = Sheet(1 / 0.055, (1.0, 40.0), stimulus="walk")  # people tracking: a frame each 55 ms

SHEETS: Mapping[str, Sheet] = {
    "ld2410": _TEN,
    "ld2410b": _TEN,
    "ld2410c": _TEN,
    "ld2410s": Sheet(2.0, stimulus="walk"),
    "ld2412": _UNSTATED,
    "ld2420": _UNSTATED,
    "ld2450": Sheet(10.0, (8.0, 12.0), stimulus="walk"),
    "ld6002": _TINY,
    "ld6002b": _TINY,
    "ld6002c": _TINY,
    "ld6002h": Sheet(1.0, stimulus="walk"),
    "mr60bha2": _TINY,
    "mr60fda2": _TINY,
    "r60abd1": _MIC,
    "mr60bha1": _MIC,
    "mr60fda1": _MIC,
    "mr24hpc1": _MIC,
    "c1001": _MIC,
    "ti_iwr6843": _TI,
    "ti_iwrl6432": Sheet(4.0, (1.0, 40.0), stimulus="walk"),
    "ze07_co": _SECOND,
    "ze08_ch2o": _SECOND,
    "mh_z19b": _ASKED,
    "mh_440d": _ASKED,
    "mh_441d": _ASKED,
    "zc05": _ASKED,
    "mh_z9041a": _SECOND,
    "bm22s2021": Sheet(1 / 8, (0.1, 0.15), stimulus="test_smoke"),
    "bm22s3021": _SECOND,
    "bm22s3031": _SECOND,
    "bm22s3221": _SECOND,
    "gira_dual": Sheet(
        0.0, on_change=frozenset({Q.SMOKE, Q.HEAT, Q.TEST, Q.FAULT, Q.BATTERY_LOW}), stimulus="test_button"
    ),
    "modbus_rtu": Sheet(0.0, (0.5, 5.0), stimulus="test_gas"),
}
