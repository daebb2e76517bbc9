"""What is around an emulated sensor, and what would it therefore measure?

:class:`Around` is set by a test or a person ("somebody stands at two metres", "80 ppm of CO"); every sensor
looks at it in its own words. One rule a quantity, none a device: which of them a device can say follows from
its driver's ``spans``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from math import hypot
from typing import Any

import numpy as np

from core.quantity import Quantity as Q

Row = tuple[Q, Any]
PPM_PER_LEL = 500.0  # methane: 5 %vol is the lower explosive limit
GAS_ALARM_LEL_PCT = 10.0
NAN = float("nan")


@dataclass(slots=True)
class Around:
    """What is true near the sensor; x to its right and y in front of it, in metres."""

    present: bool = True
    moving: bool = True
    fallen: bool = False
    in_bed: bool = False
    x_m: float = 0.5
    y_m: float = 2.0
    height_m: float = 1.7
    breath_bpm: float = 16.0
    heart_bpm: float = 64.0
    co_ppm: float = 0.4
    methane_lel_pct: float = 0.0
    co2_ppm: float = 640.0
    formaldehyde_ppm: float = 0.021
    smoke: bool = False
    heat: bool = False
    test: bool = False
    fault: bool = False
    battery_low: bool = False
    temperature_c: float = 21.5
    light_level: float = 120.0
    door_open: bool = False
    water: bool = False
    battery_pct: float = 87.0

    def change(self, **values: Any) -> None:
        """Set some of it. Raises ValueError for a word that is not known or a value of the wrong kind."""
        known = {f.name: getattr(self, f.name) for f in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"nothing around a sensor is called {name!r}; there are {', '.join(known)}")
            if isinstance(known[name], bool) is not isinstance(value, bool):
                raise ValueError(f"{name} cannot be {value!r}")
            setattr(self, name, value if isinstance(value, bool) else float(value))

    @property
    def distance_m(self) -> float:
        """From the sensor to the person, to the centimetre."""
        return round(hypot(self.x_m, self.y_m), 2)


def parse(text: str) -> dict[str, Any]:
    """Words as a person types them, as values for :meth:`Around.change`.

    >>> parse("co_ppm=80,present=no")
    {'co_ppm': 80.0, 'present': False}
    """
    out: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        word = value.strip().lower()
        if word in ("yes", "true", "on", "no", "false", "off"):
            out[name.strip()] = word in ("yes", "true", "on")
        else:
            try:
                out[name.strip()] = float(word)
            except ValueError:
                raise ValueError(f"{part!r} should look like co_ppm=80 or present=no") from None
    return out


def _cloud(a: Around) -> Any:
    """Points on a column about the person: standing, or low when fallen."""
    if not a.present:
        return np.zeros((0, 5))
    top = 0.3 if a.fallen else a.height_m
    rows = [
        (a.x_m + 0.1 * (i % 3 - 1), a.y_m + 0.05 * (i % 2), -0.5 + top * i / 12, 0.25 * a.moving, 150.0)
        for i in range(12)
    ]
    return np.round(np.array(rows) * 256) / 256 if rows else np.zeros((0, 5))


_ANYBODY: Mapping[Q, Callable[[Around], Any]] = {
    Q.TARGET: lambda a: (a.x_m, a.y_m, 0.2 if a.moving else 0.0, 0.36),
    Q.TRACK: lambda a: (0.0, a.x_m, a.y_m, 0.25 if a.fallen else 1.0, *([0.0] * 6)),
    Q.HEIGHT: lambda a: (0.0, 0.3 if a.fallen else a.height_m, 0.05),
    Q.DISTANCE_M: lambda a: a.distance_m,
    Q.MOVING_DISTANCE_M: lambda a: a.distance_m if a.moving else None,
    Q.STILL_DISTANCE_M: lambda a: None if a.moving else a.distance_m,
    Q.BREATH_RATE_BPM: lambda a: a.breath_bpm,
    Q.HEART_RATE_BPM: lambda a: a.heart_bpm,
}
"""Told only while somebody is there."""

_ALWAYS: Mapping[Q, Callable[[Around], Any]] = {
    Q.PRESENCE: lambda a: a.present,
    Q.MOVING: lambda a: a.present and a.moving,
    Q.STILL: lambda a: a.present and not a.moving,
    Q.MOVING_ENERGY: lambda a: 60 if a.present and a.moving else 4,
    Q.STILL_ENERGY: lambda a: 80 if a.present and not a.moving else 6,
    Q.TARGET_COUNT: lambda a: 1 if a.present else 0,
    Q.CLOUD: _cloud,
    Q.FALL_STATE: lambda a: 2 if a.fallen else 0,
    Q.BED_OCCUPIED: lambda a: a.present and a.in_bed,
    Q.LIGHT_LEVEL: lambda a: round(a.light_level),
    Q.CO_PPM: lambda a: a.co_ppm,
    Q.CO: lambda a: a.co_ppm >= 50,
    Q.GAS_LEL_PCT: lambda a: a.methane_lel_pct,
    Q.METHANE_PPM: lambda a: a.methane_lel_pct * PPM_PER_LEL,
    Q.GAS: lambda a: a.methane_lel_pct >= GAS_ALARM_LEL_PCT,
    Q.CO2_PPM: lambda a: round(a.co2_ppm),
    Q.FORMALDEHYDE_PPM: lambda a: a.formaldehyde_ppm,
    Q.SMOKE: lambda a: a.smoke,
    Q.HEAT: lambda a: a.heat,
    Q.TEST: lambda a: a.test,
    Q.FAULT: lambda a: a.fault,
    Q.BATTERY_LOW: lambda a: a.battery_low,
    Q.TEMPERATURE_C: lambda a: a.temperature_c,
    Q.DEVICE_TEMPERATURE_C: lambda a: round(a.temperature_c) + 3,
    Q.VOLTAGE_V: lambda a: 7.2 if a.battery_low else 9.0,
    Q.CONTACT_OPEN: lambda a: a.door_open,
    Q.WATER: lambda a: a.water,
    Q.MOTION: lambda a: a.present and a.moving,
    Q.BATTERY_PCT: lambda a: a.battery_pct,
    Q.HUMIDITY_PCT: lambda a: 45,
    Q.PRESSURE_HPA: lambda a: 1013,
    Q.ILLUMINANCE_LX: lambda a: a.light_level,
    Q.LINK_QUALITY: lambda a: 120,
    Q.RSSI_DBM: lambda a: -61,
    Q.PM2_5_UGM3: lambda a: 9,
    Q.POWER_W: lambda a: 5,
    **dict.fromkeys((Q.VIBRATION, Q.TAMPER, Q.MAINS_LOST, Q.WARMING_UP, Q.END_OF_LIFE), lambda a: False),
}


def rows(around: Around, quantities: Iterable[Q]) -> list[Row]:
    """What a sensor of these quantities measures now, in their order; what has no value is left out."""
    out: list[Row] = []
    for quantity in quantities:
        value = None
        if quantity in _ANYBODY:
            value = _ANYBODY[quantity](around) if around.present else None
        elif quantity in _ALWAYS:
            value = _ALWAYS[quantity](around)
        if value is not None:
            out.append((quantity, float(value) if isinstance(value, bool | int) else value))
    return out
