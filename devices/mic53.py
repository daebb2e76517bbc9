"""How is the `53 59` protocol framed, and what do its registers mean?

Spoken by MicRadar R60ABD1, Seeed MR60BHA1, MR60FDA1, MR24HPC1 and DFRobot C1001 (their drivers are in
``mic_radar.py``). Line 115200 8N1 [MR24HPC1's manual also prints 9600, a left-over]. Frame [manuals,
captures, three drivers]::

    53 59 | ctrl | cmd | len u16 BE | data | low byte of the sum of all before | 54 43

The tail and even whole tails occur inside real payloads, stray ``00`` stand between frames. A query is
cmd + 80 with data 0F; its reply echoes that cmd (exceptions: composite 84/0C is queried as 84/8D,
statistics 84/0D as 84/8F). Position is sign-magnitude with **bit 15 set = negative**, the opposite of
an LD2450.

Two firmware generations of the MR60BHA1 give the same bytes different meaning: 81/02 is the heart rate
in the old map and the breath rate in the new one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from devices.framing import Format, hexed, sum8

HEADER, TAIL = b"\x53\x59", b"\x54\x43"
LONGEST = 64
QUERY = b"\x0f"

Key = tuple[int, int]

REPLY_OF: dict[Key, Key] = {(0x84, 0x8D): (0x84, 0x0C), (0x84, 0x8F): (0x84, 0x0D)}
"""Replies whose register is not simply cmd - 80."""


def measure(buffer: bytes, start: int) -> int | str:
    """From the length field."""
    if len(buffer) - start < 6:
        return 0
    length = buffer[start + 4] << 8 | buffer[start + 5]
    return length + 9 if length <= LONGEST else "length"


def check(frame: bytes) -> str:
    """Do the sum and the tail fit?"""
    if frame[-2:] != TAIL:
        return "tail"
    return "" if sum8(frame[:-3]) == frame[-3] else "checksum"


FORMAT = Format((HEADER,), measure, check, max_length=LONGEST + 9)


def frame(ctrl: int, cmd: int, data: bytes = QUERY) -> bytes:
    """A frame as bytes.

    >>> frame(0x80, 0x81).hex(" ")
    '53 59 80 81 00 01 0f bd 54 43'
    """
    body = HEADER + bytes([ctrl, cmd]) + len(data).to_bytes(2, "big") + data
    return body + bytes([sum8(body)]) + TAIL


def signed(word: int) -> int:
    """Sign-magnitude with bit 15 set for negative.

    >>> signed(0x801E), signed(0x0064)
    (-30, 100)
    """
    return -(word & 0x7FFF) if word & 0x8000 else word


def unsigned(value: int) -> int:
    """The inverse of :func:`signed`."""
    return 0x8000 | min(-value, 0x7FFF) if value < 0 else min(value, 0x7FFF)


def _position(data: bytes) -> dict[str, Any]:
    x, y, z = (signed(w) for w in struct.unpack(">HHH", data))
    return {"x_cm": x, "y_cm": y, "z_cm": z}


def _composite(data: bytes) -> dict[str, Any]:
    names = ("presence", "sleep_state", "avg_breath", "avg_heart", "turnovers", "large_move_pct",
             "small_move_pct", "apnea_count")  # fmt: skip
    return dict(zip(names, data, strict=True))


def _statistics(data: bytes) -> dict[str, Any]:
    names = ("score", "sleep_total_min", "awake_pct", "light_pct", "deep_pct", "out_of_bed_min",
             "bed_exits", "turnovers", "avg_breath", "avg_heart", "apnea_count")  # fmt: skip
    return dict(zip(names, struct.unpack(">BH9B", data), strict=True))


def _energies(data: bytes) -> dict[str, Any]:
    existence, still, motion, moving, speed = data
    return {
        "existence_energy": existence,
        "still_distance_m": still * 0.5,
        "motion_energy": motion,
        "motion_distance_m": moving * 0.5,
        "speed_m_s": (speed - 10) * 0.5,
    }


def _triple(data: bytes) -> dict[str, Any]:
    return {"values": list(struct.unpack(">HHH", data))}


def _pair(data: bytes) -> dict[str, Any]:
    x, y = struct.unpack(">HH", data)
    return {"x": x, "y": y}


Content = Callable[[bytes], dict[str, Any]]

NEW: dict[Key, tuple[str, int | None, Content | None]] = {
    (0x01, 0x01): ("heartbeat", 1, None),
    (0x01, 0x02): ("module reset", 1, None),
    (0x05, 0x01): ("initialisation done", 1, None),
    (0x05, 0x07): ("scene", 1, None),
    (0x05, 0x08): ("sensitivity", 1, None),
    (0x06, 0x01): ("installation angle", 6, _triple),
    (0x06, 0x02): ("installation height", None, None),
    (0x07, 0x07): ("target inside detection range", 1, None),
    (0x80, 0x00): ("presence function switch", 1, None),
    (0x80, 0x01): ("presence", 1, None),
    (0x80, 0x02): ("motion", 1, None),
    (0x80, 0x03): ("body movement 0-100", 1, None),
    (0x80, 0x04): ("distance cm", 2, None),
    (0x80, 0x05): ("position x,y,z sign-magnitude cm", 6, _position),
    (0x80, 0x0A): ("unmanned time", None, None),
    (0x80, 0x0B): ("approach", 1, None),
    (0x81, 0x01): ("breath state", 1, None),
    (0x81, 0x02): ("breath rate /min", 1, None),
    (0x81, 0x05): ("breath waveform", 5, None),
    (0x83, 0x01): ("fall state", 1, None),
    (0x83, 0x02): ("fall confidence", 1, None),
    (0x83, 0x03): ("fall location", 4, _pair),
    (0x83, 0x05): ("stationary dwell", 1, None),
    (0x83, 0x0A): ("dwell time s", 4, None),
    (0x83, 0x0C): ("fall time s", 4, None),
    (0x83, 0x0D): ("fall sensitivity", 1, None),
    (0x83, 0x0E): ("track", 4, _pair),
    (0x84, 0x01): ("bed state", 1, None),
    (0x84, 0x02): ("sleep state", 1, None),
    (0x84, 0x03): ("awake duration min", 2, None),
    (0x84, 0x04): ("light sleep duration min", 2, None),
    (0x84, 0x05): ("deep sleep duration min", 2, None),
    (0x84, 0x06): ("sleep score", 1, None),
    (0x84, 0x0C): ("sleep composite", 8, _composite),
    (0x84, 0x0D): ("sleep statistics", 12, _statistics),
    (0x84, 0x0E): ("sleep anomaly", 1, None),
    (0x84, 0x10): ("sleep rating", 1, None),
    (0x84, 0x11): ("struggle state", 1, None),
    (0x85, 0x02): ("heart rate bpm", 1, None),
    (0x85, 0x05): ("heart waveform", 5, None),
}
"""ctrl/cmd to (meaning, length of the data or None, how it is taken apart)."""

HPC1_ENERGIES: Key = (0x08, 0x01)

OLD: dict[Key, tuple[str, int | None, Content | None]] = {
    **{k: v for k, v in NEW.items() if k[0] not in (0x81, 0x84, 0x85)},
    (0x81, 0x02): ("HEART rate bpm (old firmware)", 1, None),
    (0x81, 0x03): ("heart waveform", 5, None),
    (0x81, 0x04): ("respiration code", 1, None),
    (0x81, 0x05): ("BREATH rate /min (old firmware)", 1, None),
    (0x81, 0x06): ("breath waveform", 5, None),
    (0x81, 0x07): ("location anomaly flag", 1, None),
    (0x81, 0x08): ("distance u16 (cm, unit single-source)", 2, None),
    (0x81, 0x09): ("angle u16 (unit single-source)", 2, None),
}


def register_of(view: dict[str, Any]) -> Key:
    """Which register does a frame speak of? A reply speaks of the one that was asked."""
    key = (int(view["ctrl"], 16), int(view["cmd"], 16))
    if key in REPLY_OF:
        return REPLY_OF[key]
    return (key[0], key[1] & 0x7F)


def decode(raw: bytes, old: bool = False) -> dict[str, Any]:
    """One whole frame in words, by the new register map or the old one."""
    ctrl, cmd, length = raw[2], raw[3], len(raw) - 9
    data = raw[6:-3]
    view: dict[str, Any] = {
        "kind_of_frame": "mic53",
        "ctrl": f"0x{ctrl:02X}",
        "cmd": f"0x{cmd:02X}",
        "length": length,
        "checksum": f"0x{raw[-3]:02X}",
    }
    if cmd & 0x80 and data == QUERY:
        return view | {"direction": "query", "query_for": f"0x{cmd & 0x7F:02X}"}
    if data:
        view["data_hex"] = hexed(data)
    key = register_of(view)
    meaning, expected, content = (OLD if old else NEW).get(key, ("", None, None))
    if expected is not None and expected != length:
        meaning, content = "", None  # a length the register never has: shown, not understood
    if meaning:
        view["meaning"] = meaning
    if "waveform" in meaning:
        view["waveform_minus_128"] = [byte - 128 for byte in data]
    elif content is not None:
        view.update(content(data))
    elif key == HPC1_ENERGIES and length == 5:
        view.update(_energies(data))
    elif ctrl == 0x02 and 0x21 <= (cmd & 0x7F) <= 0x24:
        view["text"] = data.decode("ascii", "replace")
    elif length in (1, 2, 4):
        view["value"] = int.from_bytes(data, "big")
    return view
