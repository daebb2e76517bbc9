"""What can a sensor say, in which unit and which shape?

One closed vocabulary for the whole project. A driver may only speak these words, a detector may only
want these words, the store names its series by them. The unit stands in the name (``co_ppm``) or is
given by :attr:`Quantity.unit`. Absent, null, NaN, "unknown" are *no reading*, never 0.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Shape = Literal["flag", "scalar", "vector", "points", "text"]


class Quantity(StrEnum):
    """Which physical or logical quantity does a reading carry?

    ``flag`` values are 0.0 or 1.0; 1 always means the word is true (``contact_open`` 1 = open).

    >>> Quantity.CO_PPM.unit, Quantity.CO_PPM.shape
    ('ppm', 'scalar')
    >>> Quantity("contact_open").shape
    'flag'

    Frames, all in metres. ``cloud``: the sensor's own, as it hangs: origin at the antenna, x to the side, y
    along the beam, z across both (up, on a wall, untilted); nobody has levelled it or lifted it to the floor,
    that is the mounting's affair (``Sensor.mounting``). Logs whose points are levelled and count from the
    floor must be named to whoever judges heights (``detectors.fall.from_floor``). A planar radar's z is
    always 0. ``track`` and ``height``: as the sensor sends them; a tracking radar that was told how it hangs
    sends them levelled and counted from the floor, one that was not in the frame of its cloud. A z of
    exactly 0 is a missing height. ``target``: x to the side, y ahead, on the floor plane of the sensor.
    """

    # -- life safety; handled at once, never held back by the watermark
    SMOKE = "smoke"
    GAS = "gas"
    CO = "co"
    WATER = "water"
    SOS = "sos"  # a call button was pressed; each reading of 1 is one press
    HEAT = "heat"  # a heat alarm's own verdict
    GAS_LEL_PCT = "gas_lel_pct"
    METHANE_PPM = "methane_ppm"
    CO_PPM = "co_ppm"
    SMOKE_OBSCURATION_PCT_M = "smoke_obscuration_pct_m"
    # -- the sensor's own opinion of a fall: 0 none, 1 suspected, 2 confirmed
    FALL_STATE = "fall_state"
    # -- doors, presence, bed
    CONTACT_OPEN = "contact_open"
    MOTION = "motion"  # a pulse: something moved (PIR)
    PRESENCE = "presence"  # a state: somebody is there (radar)
    MOVING = "moving"  # a radar's moving-target state
    STILL = "still"  # a radar's still-target state
    BED_OCCUPIED = "bed_occupied"
    SEAT_OCCUPIED = "seat_occupied"
    USE = "use"  # a cupboard, tap, flush, switch or appliance was used; a sign of life
    VIBRATION = "vibration"
    BUTTON = "button"  # text of an action that is not a call for help
    # -- radar geometry
    TARGET = "target"  # x, y (m), radial speed (m/s, + = away), resolution (m)
    TARGET_COUNT = "target_count"
    TRACK = "track"  # tid, x, y, z (m), vx, vy, vz (m/s), ax, ay, az (m/s2)
    HEIGHT = "height"  # tid, top (m), bottom (m); missing pairs are not sent
    CLOUD = "cloud"  # points x, y, z (m), doppler (m/s), snr; one radar frame a row
    DISTANCE_M = "distance_m"
    MOVING_DISTANCE_M = "moving_distance_m"
    STILL_DISTANCE_M = "still_distance_m"
    MOVING_ENERGY = "moving_energy"
    STILL_ENERGY = "still_energy"
    # -- people's bodies; 0 bpm is no value
    HEART_RATE_BPM = "heart_rate_bpm"
    BREATH_RATE_BPM = "breath_rate_bpm"
    SLEEP_STAGE = "sleep_stage"  # the device's own: 0 awake, 1 light, 2 deep, 3 REM
    TURN_OVERS = "turn_overs"  # turn-overs in bed since the reading before
    # -- climate and meters
    TEMPERATURE_C = "temperature_c"
    DEVICE_TEMPERATURE_C = "device_temperature_c"
    HUMIDITY_PCT = "humidity_pct"
    PRESSURE_HPA = "pressure_hpa"
    ILLUMINANCE_LX = "illuminance_lx"
    LIGHT_LEVEL = "light_level"  # brightness on a device's own scale, without a unit
    CO2_PPM = "co2_ppm"
    FORMALDEHYDE_PPM = "formaldehyde_ppm"
    TVOC_PPB = "tvoc_ppb"
    PM2_5_UGM3 = "pm2_5_ugm3"
    WATER_L = "water_l"
    POWER_W = "power_w"
    # -- the device about itself
    AVAILABLE = "available"
    BATTERY_PCT = "battery_pct"
    BATTERY_LOW = "battery_low"
    TAMPER = "tamper"
    FAULT = "fault"
    TEST = "test"
    END_OF_LIFE = "end_of_life"
    WARMING_UP = "warming_up"
    MAINS_LOST = "mains_lost"
    VOLTAGE_V = "voltage_v"
    LINK_QUALITY = "link_quality"
    RSSI_DBM = "rssi_dbm"
    # -- the gateway about itself; source is ``link:<name>`` or ``gateway``
    LINK_UP = "link_up"
    BLIND_S = "blind_s"  # the gateway saw nothing for this long, ending at t
    WALL_OFFSET_S = "wall_offset_s"  # wall clock minus event time from t on

    @property
    def shape(self) -> Shape:
        """How is one value of it laid out in a block?"""
        return _SHAPE.get(self, "flag")

    @property
    def unit(self) -> str:
        """In which unit is it given? Empty for flags, text and pure numbers."""
        return _UNIT.get(self, "")

    @property
    def prompt(self) -> bool:
        """Is it released at once, with no lateness allowance (smoke, gas, CO, water, call button)?"""
        return self in PROMPT


Q = Quantity

_UNIT: dict[Quantity, str] = {
    Q.GAS_LEL_PCT: "%LEL", Q.METHANE_PPM: "ppm", Q.CO_PPM: "ppm", Q.SMOKE_OBSCURATION_PCT_M: "%/m",
    Q.DISTANCE_M: "m", Q.MOVING_DISTANCE_M: "m", Q.STILL_DISTANCE_M: "m",
    Q.HEART_RATE_BPM: "1/min", Q.BREATH_RATE_BPM: "1/min", Q.TEMPERATURE_C: "°C",
    Q.DEVICE_TEMPERATURE_C: "°C", Q.HUMIDITY_PCT: "%", Q.PRESSURE_HPA: "hPa", Q.ILLUMINANCE_LX: "lx",
    Q.CO2_PPM: "ppm", Q.FORMALDEHYDE_PPM: "ppm", Q.TVOC_PPB: "ppb", Q.PM2_5_UGM3: "µg/m³",
    Q.WATER_L: "l", Q.POWER_W: "W", Q.BATTERY_PCT: "%", Q.VOLTAGE_V: "V", Q.RSSI_DBM: "dBm",
    Q.BLIND_S: "s", Q.WALL_OFFSET_S: "s", Q.TARGET: "m", Q.TRACK: "m", Q.HEIGHT: "m", Q.CLOUD: "m",
}  # fmt: skip

_SHAPE: dict[Quantity, Shape] = {
    **dict.fromkeys(_UNIT, "scalar"),
    **dict.fromkeys(
        (
            Q.FALL_STATE, Q.TARGET_COUNT, Q.MOVING_ENERGY, Q.STILL_ENERGY, Q.LINK_QUALITY, Q.LIGHT_LEVEL,
            Q.SLEEP_STAGE, Q.TURN_OVERS,
        ),
        "scalar",
    ),
    Q.TARGET: "vector", Q.TRACK: "vector", Q.HEIGHT: "vector", Q.CLOUD: "points", Q.BUTTON: "text",
}  # fmt: skip

PROMPT: frozenset[Quantity] = frozenset({
    Q.SMOKE, Q.GAS, Q.CO, Q.WATER, Q.SOS, Q.HEAT, Q.GAS_LEL_PCT, Q.METHANE_PPM, Q.CO_PPM,
    Q.SMOKE_OBSCURATION_PCT_M, Q.TEST, Q.FAULT, Q.WARMING_UP,
})  # fmt: skip

VECTOR_WIDTH: dict[Quantity, int] = {Q.TARGET: 4, Q.TRACK: 10, Q.HEIGHT: 3, Q.CLOUD: 5}
"""Columns of one row of a vector (or of one point of a cloud)."""
