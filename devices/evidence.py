"""How well is each format known, point by point? What rests on one source only is marked as such.

The level of a device is that of its frame, on which all else rests. ``points`` are the parts of it that are
known better or worse; ``options`` say how well the effect of each setting is known. The words for the
points stand in ``alerts/text/cli_evidence.*.json``; the sources are named in the docstring of each
device's file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """How was it confirmed?"""

    CAPTURED = "captured"  # bytes or messages of real devices, and documents or drivers that agree
    DOCUMENTED = "documented"  # two independent sources at least: maker's documents, drivers, source code
    ONE_SOURCE = "one_source"
    UNCONFIRMED = "unconfirmed"  # sources disagree, or one says so without saying how it knows
    OURS = "ours"  # a setting of this gateway; nothing about the device


CAPTURED, DOCUMENTED, ONE, UNSURE, OURS = Level


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one device, and how."""

    level: Level
    points: Mapping[str, Level] = field(default_factory=dict)
    options: Mapping[str, Level] = field(default_factory=dict)

    def of(self, level: Level) -> list[str]:
        """Which points are of this level? The frame first, options last, as ``option:<name>``."""
        return [
            *(["frame"] if self.level is level else []),
            *(p for p, known in self.points.items() if known is level),
            *(f"option:{o}" for o, known in self.options.items() if known is level),
        ]


_PRESSES: Final = {"any_press": OURS, "sos_actions": OURS}
_LD2410: Final = Evidence(CAPTURED, {"commands": CAPTURED, "report_rate": ONE}, {"engineering": CAPTURED})
_TINY: Final = {"fall_types": DOCUMENTED, "rare_types": ONE}
_FALLS: Final = {"threshold_m": DOCUMENTED, "sensitivity": DOCUMENTED}
_TI: Final = {"cfg": DOCUMENTED, "cfg_file": OURS, "command_link": OURS}
_SCALE: Final = {"warm_up_s": OURS, "ppm_per_count": OURS}

EVIDENCE: Final[dict[str, Evidence]] = {
    "ld2410": _LD2410,
    "ld2410b": _LD2410,
    "ld2410c": _LD2410,
    "ld2410s": Evidence(CAPTURED, {"minimal_report": ONE, "states_0_1": ONE}),
    "ld2412": Evidence(CAPTURED, {"engineering_report": ONE}, {"engineering": ONE}),
    "ld2420": Evidence(ONE, {}, {"mode": ONE}),
    "ld2450": Evidence(
        CAPTURED,
        {"commands": DOCUMENTED, "speed_sign": ONE, "firmware_2_14": UNSURE},
        {"tracking": DOCUMENTED},
    ),
    "ld6002": Evidence(CAPTURED, _TINY),
    "ld6002b": Evidence(CAPTURED, _TINY),
    "ld6002c": Evidence(CAPTURED, _TINY, _FALLS),
    "ld6002h": Evidence(ONE, {"field_order": UNSURE}),
    "mr60bha2": Evidence(DOCUMENTED, {**_TINY, "no_capture_of_board": DOCUMENTED}),
    "mr60fda2": Evidence(DOCUMENTED, {**_TINY, "no_capture_of_board": DOCUMENTED}, _FALLS),
    "r60abd1": Evidence(CAPTURED, {"registers": CAPTURED, "sleep_states": DOCUMENTED}),
    "mr60bha1": Evidence(
        CAPTURED, {"old_map": CAPTURED, "new_map": DOCUMENTED, "old_distance": UNSURE}, {"map": CAPTURED}
    ),
    "mr60fda1": Evidence(DOCUMENTED, {"fall_registers": ONE, "no_capture_of_board": DOCUMENTED}),
    "mr24hpc1": Evidence(CAPTURED, {"energies": DOCUMENTED}),
    "c1001": Evidence(DOCUMENTED, {"replies": ONE, "no_capture_of_board": DOCUMENTED}, {"mode": DOCUMENTED}),
    "ti_iwr6843": Evidence(
        CAPTURED, {"layouts_a_b": CAPTURED, "layout_c": DOCUMENTED, "vital_signs": DOCUMENTED}, _TI
    ),
    "ti_iwrl6432": Evidence(DOCUMENTED, {"lists_3xx": DOCUMENTED}, _TI),
    "ze07_co": Evidence(CAPTURED, {"fault_bit": ONE, "answer_layout": ONE}, {"mode": ONE, "warm_up_s": OURS}),
    "ze08_ch2o": Evidence(DOCUMENTED, {"answer_layout": ONE}, {"mode": ONE, "warm_up_s": OURS}),
    "mh_z19b": Evidence(CAPTURED, {"own_temperature": UNSURE, "status_byte": UNSURE}, {"warm_up_s": OURS}),
    "mh_440d": Evidence(DOCUMENTED, {"scale_lel": ONE, "scale_vol": UNSURE}, _SCALE),
    "mh_441d": Evidence(DOCUMENTED, {"scale_lel": ONE, "scale_vol": UNSURE}, _SCALE),
    "zc05": Evidence(DOCUMENTED, {"value_ppm": ONE}, _SCALE),
    "mh_z9041a": Evidence(
        ONE, {"line_format": ONE, "registers": ONE, "line_xor": UNSURE, "weak_laser": UNSURE}, {"mode": ONE}
    ),
    "bm22s2021": Evidence(
        ONE, {"status_bits": UNSURE}, {"warm_up_s": OURS, "threshold_a": ONE, "threshold_b": ONE}
    ),
    "bm22s3021": Evidence(ONE, {"status_bits": UNSURE, "class_byte": UNSURE}, {"warm_up_s": OURS}),
    "bm22s3031": Evidence(ONE, {"status_bits": UNSURE}, {"warm_up_s": OURS}),
    "bm22s3221": Evidence(ONE, {"status_bits": UNSURE}, {"warm_up_s": OURS}),
    "gira_dual": Evidence(CAPTURED, {"battery_temperature_units": ONE}, {"poll_s": OURS}),
    "modbus_rtu": Evidence(
        DOCUMENTED,
        {"register_maps": UNSURE},
        {"address": DOCUMENTED, "poll_s": OURS, "registers": OURS},
    ),
    "zigbee2mqtt": Evidence(
        CAPTURED,
        {"common_fields": CAPTURED, "converter_fields": ONE, "heiman_gas": ONE},
        {**_PRESSES, "inverted": OURS, "base": OURS, "gas_unit": OURS, "ieee": DOCUMENTED},
    ),
    "ha_discovery": Evidence(CAPTURED, {"schema": ONE}, {**_PRESSES, "prefix": DOCUMENTED}),
    "ha_statestream": Evidence(ONE, {"no_capture": ONE}, _PRESSES),
    "esphome": Evidence(ONE, {"no_capture": ONE, "name_table": ONE}, _PRESSES),
    "tasmota": Evidence(
        CAPTURED,
        {"zigbee_alarms": ONE, "modules": ONE},
        {**_PRESSES, "sleeps": OURS, "inverted": OURS, "off_codes": OURS},
    ),
    "shelly_gen1": Evidence(
        DOCUMENTED,
        {"info_gas_topics": CAPTURED, "other_topics": ONE},
        {**_PRESSES, "sleeps": OURS, "inverted": OURS, "fahrenheit": ONE, "gas": ONE},
    ),
    "shelly_gen2": Evidence(
        CAPTURED, {"flood_pushes_blu": ONE}, {**_PRESSES, "sleeps": OURS, "inverted": OURS}
    ),
    "rtl_433": Evidence(
        CAPTURED,
        {"interlogix": ONE, "other_decoders": ONE, "no_identity": CAPTURED},
        {**_PRESSES, "inverted": OURS, "on_receipt": OURS},
    ),
    "theengs": Evidence(DOCUMENTED, {"other_decoders": ONE}, {**_PRESSES, "off_codes": OURS}),
    "zwave_js_ui": Evidence(DOCUMENTED, {"no_capture": DOCUMENTED}, _PRESSES),
    "homie": Evidence(ONE, {"no_capture": ONE}, {**_PRESSES, "inverted": OURS}),
}
"""One entry a device of ``devices.DRIVERS``; a test sees to it that none is missing."""
