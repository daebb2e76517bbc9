"""What is a thing used as, where does it hang, and what should it be called? From what it says and its name.

The quantities it speaks decide first, then its model, then words of its name in English and Chinese. What is
only guessed is said to be guessed; a name alone never makes a sensor of something that says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from core.model import Room
from core.quantity import Quantity
from devices.kinds import model_kind

Q = Quantity

ABOUT_ITSELF: Final = frozenset({
    Q.AVAILABLE, Q.BATTERY_PCT, Q.BATTERY_LOW, Q.TAMPER, Q.FAULT, Q.TEST, Q.END_OF_LIFE, Q.WARMING_UP,
    Q.MAINS_LOST, Q.VOLTAGE_V, Q.LINK_QUALITY, Q.RSSI_DBM, Q.DEVICE_TEMPERATURE_C, Q.POWER_W,
})  # fmt: skip
"""A thing that says only such is no sensor of the home: a plug, a lamp, a repeater, a phone."""

_KIND_OF: Final[tuple[tuple[frozenset[Quantity], str], ...]] = (
    (frozenset({Q.SMOKE, Q.SMOKE_OBSCURATION_PCT_M}), "smoke"),
    (frozenset({Q.HEAT}), "heat"),
    (frozenset({Q.CO, Q.CO_PPM}), "co"),
    (frozenset({Q.GAS, Q.GAS_LEL_PCT, Q.METHANE_PPM}), "gas"),
    (frozenset({Q.WATER}), "water"),
    (frozenset({Q.SOS}), "button"),
    (frozenset({Q.FALL_STATE}), "fall"),
    (frozenset({Q.BED_OCCUPIED}), "bed"),
    (frozenset({Q.SEAT_OCCUPIED}), "seat"),
    (frozenset({Q.PRESENCE, Q.MOVING, Q.STILL, Q.TARGET, Q.TARGET_COUNT, Q.TRACK}), "presence"),
    (frozenset({Q.CONTACT_OPEN}), "door"),
    (frozenset({Q.MOTION}), "motion"),
    (frozenset({Q.VIBRATION}), "vibration"),
    (frozenset({Q.HEART_RATE_BPM, Q.BREATH_RATE_BPM}), "vitals"),
    (frozenset({Q.WATER_L}), "meter"),
    (frozenset({Q.USE, Q.BUTTON}), "switch"),
    (
        frozenset({Q.TEMPERATURE_C, Q.HUMIDITY_PCT, Q.PRESSURE_HPA, Q.ILLUMINANCE_LX, Q.CO2_PPM})
        | {Q.FORMALDEHYDE_PPM, Q.TVOC_PPB, Q.PM2_5_UGM3, Q.LIGHT_LEVEL},
        "climate",
    ),
)

_CONTACT_NAMES: Final[tuple[tuple[str, str], ...]] = (
    (r"window|fenster|窗", "window"),
    (r"fridge|refrigerator|冰箱", "fridge"),
    (r"\bbed\b|bed_?(pad|mat)|床垫", "bed"),
    (r"cupboard|cabinet|drawer|wardrobe|medicine|橱|柜|抽屉|药", "cupboard"),
    (r"\bgate\b|大门外|院门", "gate"),
)
_INPUT_NAMES: Final[tuple[tuple[str, str], ...]] = (
    *_CONTACT_NAMES,
    (r"door|reed|门", "door"),
    (r"motion|pir|移动", "motion"),
    (r"presence|occupancy|radar|人体|存在", "presence"),
    (r"smoke|烟", "smoke"),
    (r"flood|leak|water|漏水|水浸", "water"),
    (r"sos|panic|emergency|call_?button|呼叫|求助", "button"),
    (r"(^|_)co(_|\d|$)|carbon_?monoxide|一氧化碳", "co"),
    (r"gas|methane|燃气|煤气", "gas"),
    (r"button|按钮", "button"),
)
_CALLS: Final = re.compile(r"emergency|\bSOS\b|panic|call button|紧急|呼叫|求助", re.IGNORECASE)
_ROOM_WORDS: Final[dict[str, str]] = {
    "hall": r"hall|entrance|corridor|foyer|front|门厅|玄关|走廊|过道|入户|大门",
    "living": r"living|lounge|sitting|客厅|起居",
    "bedroom": r"bed_?room|卧室|主卧|次卧|\bbed\b",
    "bathroom": r"bath|toilet|shower|\bwc\b|restroom|卫生间|浴室|厕所|洗手间",
    "kitchen": r"kitchen|cooker|stove|fridge|厨房|灶|冰箱",
    "outdoors": r"outdoor|garden|balcony|yard|阳台|院",
}


def is_sensor(said: Iterable[Quantity]) -> bool:
    """Does it say anything about the home, or only about itself?"""
    return any(q not in ABOUT_ITSELF for q in said)


def kind_of(said: Iterable[Quantity], model: str = "", name: str = "") -> str:
    """Which enrolled kind fits? "" if nothing tells.

    >>> kind_of([Quantity.CONTACT_OPEN], name="kitchen window"), kind_of([Quantity.SMOKE], "Heat alarm")
    ('window', 'heat')
    """
    found = set(said)
    kind = next((k for quantities, k in _KIND_OF if quantities & found), "")
    told = model_kind(model)
    if kind == "smoke" and told == "heat":
        return "heat"
    if kind in ("door", "motion") and told in ("bed", "seat"):
        return told
    if kind == "motion" and told in ("presence", "fall"):
        return "presence"
    if kind == "door":
        return _by_name(_CONTACT_NAMES, name) or kind
    return kind


def input_kind(name: str) -> str:
    """What a bare switch input is, by its name alone ("" if the name does not tell).

    >>> input_kind("reed_front_door"), input_kind("relay board")
    ('door', '')
    """
    return _by_name(_INPUT_NAMES, name)


def calls_for_help(model: str, name: str = "") -> bool:
    """Was this button sold, or named, as a call for help?

    >>> calls_for_help("HEIMAN HS1EB Smart emergency button"), calls_for_help("IKEA remote control")
    (True, False)
    """
    return bool(_CALLS.search(f"{model} {name}"))


def _by_name(table: tuple[tuple[str, str], ...], name: str) -> str:
    words = re.sub(r"[/\-. ]", "_", name.lower())
    spaced = words.replace("_", " ")
    return next((k for p, k in table if re.search(p, words) or re.search(p, spaced)), "")


def room_for(name: str, rooms: Mapping[str, Room]) -> str:
    """Which of the home's rooms does a name mean? "" unless exactly one fits.

    >>> home = {"wc": Room("wc", "bathroom", "卫生间"), "hall": Room("hall", "hall")}
    >>> room_for("bathroom leak", home), room_for("卫生间水浸", home), room_for("sensor 3", home)
    ('wc', 'wc', '')
    """
    low = re.sub(r"[/\-._]", " ", name.lower())
    named = [i for i, r in rooms.items() if _in(i.replace("_", " "), low) or (r.name and r.name in name)]
    if len(named) == 1:
        return named[0]
    if named:
        return ""
    fits = [i for i, r in rooms.items() if r.kind in _ROOM_WORDS and re.search(_ROOM_WORDS[r.kind], low)]
    return fits[0] if len(fits) == 1 else ""


def _in(word: str, text: str) -> bool:
    return bool(re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", text))


def identifier(name: str, fallback: str, taken: Iterable[str]) -> str:
    """A configuration id for it: from its name where that has Latin letters, else ``fallback``; never taken.

    >>> identifier("Front Door", "door", []), identifier("门磁", "door", ["door"])
    ('front_door', 'door_2')
    """
    used = set(taken)
    stem = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:48]
    if len(re.sub(r"[^a-z]", "", stem)) < 2 or re.fullmatch(r"0x[0-9a-f]+", name.lower()):
        stem = fallback
    found, n = stem, 1
    while found in used:
        n += 1
        found = f"{stem}_{n}"
    return found
