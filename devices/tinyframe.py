"""How is a TinyFrame of the ADT6101P radar family laid out, and what stands in it?

Spoken by Hi-Link LD6002, LD6002B, LD6002C and Seeed MR60BHA2, MR60FDA2; their drivers are in
``ld6002.py``, which also lists how well each type is confirmed. Frame [vendor documents, captures, three
drivers]: ``01 | id u16 | len u16 | type u16 | NOT(XOR) of those 7 | data (little-endian) | NOT(XOR) of the
data``; the header is **big-endian**; with len 0 there is no data check. 01 is common inside payloads, so
a start counts only if the header check fits, the type is known and the length is legal for it.
"""

from __future__ import annotations

import struct
from typing import Any

from devices.framing import Format, hexed, xor8

PRESENCE, TARGETS, CLOUD, PHASES, BREATH, HEART, RANGE, POSITION = (
    0x0F09, 0x0A04, 0x0A08, 0x0A13, 0x0A14, 0x0A15, 0x0A16, 0x0A17,
)  # fmt: skip
FIRMWARE, FALL, SET_HEIGHT, GET_PARAMETERS, SET_THRESHOLD, SET_SENSITIVITY, SET_RECTANGLE = (
    0xFFFF, 0x0E02, 0x0E04, 0x0E06, 0x0E08, 0x0E0A, 0x0E0C,
)  # fmt: skip
HEIGHT_REPORT, LOG_SWITCH, CONTROL, LOG, FACTORY_RESET = 0x0E0E, 0x010E, 0x0201, 0x0100, 0x2110

NAMES = {
    PRESENCE: "presence", TARGETS: "targets", CLOUD: "point cloud", PHASES: "phases",
    BREATH: "breath rate", HEART: "heart rate", RANGE: "range", POSITION: "position",
    FIRMWARE: "firmware", FALL: "fall state", SET_HEIGHT: "set/ack install height",
    GET_PARAMETERS: "get parameters", SET_THRESHOLD: "set/ack fall threshold",
    SET_SENSITIVITY: "set/ack sensitivity", SET_RECTANGLE: "set/ack alarm rectangle",
    HEIGHT_REPORT: "height report", LOG_SWITCH: "user log switch", CONTROL: "control",
    LOG: "debug log", FACTORY_RESET: "factory reset",
}  # fmt: skip

LENGTHS: dict[int, tuple[int, ...]] = {
    PRESENCE: (1, 2, 4), PHASES: (12,), BREATH: (4,), HEART: (4,), RANGE: (8,), POSITION: (12,),
    FIRMWARE: (0, 4), FALL: (0, 1), SET_HEIGHT: (0, 1, 4), GET_PARAMETERS: (0, 28),
    SET_THRESHOLD: (0, 1, 4), SET_SENSITIVITY: (0, 1, 4), SET_RECTANGLE: (0, 1, 16),
    HEIGHT_REPORT: (0, 4), LOG_SWITCH: (0, 1, 4), CONTROL: (0, 1, 4), FACTORY_RESET: (0, 1),
}  # fmt: skip
"""Legal data lengths by type; targets, cloud and log are computed."""

LONGEST = 1015


def measure(buffer: bytes, start: int) -> int | str:
    """The length of the frame, once its header is whole and true."""
    if len(buffer) - start < 8:
        return 0
    if xor8(buffer[start : start + 7]) ^ 0xFF != buffer[start + 7]:
        return "header_checksum"
    length = int.from_bytes(buffer[start + 3 : start + 5], "big")
    kind = int.from_bytes(buffer[start + 5 : start + 7], "big")
    if kind in (TARGETS, CLOUD):
        rest = length - 4
        legal = rest >= 0 and (rest % 20 == 0 or (kind == TARGETS and rest % 16 == 0))
    elif kind == LOG:
        legal = True
    else:
        if kind not in LENGTHS:
            return "unknown_type"
        legal = length in LENGTHS[kind]
    if not legal or length > LONGEST:
        return "length"
    return 8 + length + (1 if length else 0)


def check(frame: bytes) -> str:
    """Does the data check fit, and do counts agree with the length?"""
    if len(frame) == 8:
        return ""
    if xor8(frame[8:-1]) ^ 0xFF != frame[-1]:
        return "checksum"
    kind = int.from_bytes(frame[5:7], "big")
    if kind in (TARGETS, CLOUD):
        count, size = int.from_bytes(frame[8:12], "little", signed=True), len(frame) - 13
        strides = (16, 20) if kind == TARGETS else (20,)
        if count < 0 or all(count * stride != size for stride in strides):
            return "count"
    return ""


FORMAT = Format(headers=(b"\x01",), measure=measure, check=check, max_length=LONGEST + 9)


def frame(kind: int, data: bytes = b"", number: int = 0) -> bytes:
    """A frame as bytes.

    >>> frame(0x0E06).hex(" ")
    '01 00 00 00 00 0e 06 f6'
    """
    head = struct.pack(">BHHH", 1, number & 0xFFFF, len(data), kind)
    head += bytes([xor8(head) ^ 0xFF])
    return head + data + bytes([xor8(data) ^ 0xFF]) if data else head


def decode(raw: bytes) -> dict[str, Any]:
    """One whole frame in words."""
    number, length, kind = struct.unpack_from(">HHH", raw, 1)
    data = raw[8 : 8 + length]
    view: dict[str, Any] = {
        "kind_of_frame": "tinyframe",
        "id": number,
        "type": f"0x{kind:04X}",
        "type_name": NAMES.get(kind, "unknown"),
        "length": length,
    }
    if data:
        view["data_hex"] = hexed(data)
        view.update(_content(kind, data))
    return view


def _content(kind: int, data: bytes) -> dict[str, Any]:
    size = len(data)
    if kind in (PRESENCE, FALL):
        return {"value": data[0]}
    if kind == TARGETS:
        return _targets(data)
    if kind == CLOUD:
        return _cloud(data)
    if kind == LOG:
        return {"text": data.decode("ascii", "replace")}
    if kind == FIRMWARE:
        return {"project": data[0], "version": f"{data[1]}.{data[2]}.{data[3]}"}
    if size == 1:
        return {"result": data[0]}
    if kind == PHASES:
        return dict(zip(("total_phase", "breath_phase", "heart_phase"), _floats(data), strict=True))
    if kind == BREATH:
        return {"breath_rate_bpm": _floats(data)[0]}
    if kind == HEART:
        return {"heart_rate_bpm": _floats(data)[0]}
    if kind == RANGE:
        flag, cm = struct.unpack("<If", data)
        return {"range_valid_flag": flag, "range_cm": cm}
    if kind == POSITION:
        return dict(zip(("x_m", "y_m", "z_m"), _floats(data), strict=True))
    if kind == GET_PARAMETERS:
        height, threshold, sensitivity, *rectangle = struct.unpack("<ffI4f", data)
        return {
            "height_m": height,
            "threshold_m": threshold,
            "sensitivity": sensitivity,
            "rect_m": rectangle,
        }
    if kind in (SET_HEIGHT, SET_THRESHOLD, HEIGHT_REPORT):
        return {"value_m": _floats(data)[0]}
    if kind == SET_RECTANGLE:
        return {"rect_m": _floats(data)}
    return {"value_u32": int.from_bytes(data, "little")}


def _floats(data: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def _targets(data: bytes) -> dict[str, Any]:
    count = int.from_bytes(data[:4], "little")
    stride = (len(data) - 4) // count if count else None
    targets = []
    for at in range(4, len(data), stride or 1):
        target: dict[str, Any] = {}
        target["x_m"], target["y_m"] = struct.unpack_from("<ff", data, at)
        if stride == 20:
            (target["z_m"],) = struct.unpack_from("<f", data, at + 8)
        target["doppler_index"], target["cluster"] = struct.unpack_from("<ii", data, at + (stride or 16) - 8)
        targets.append(target)
    return {"n_targets": count, "stride": stride, "targets": targets}


def _cloud(data: bytes) -> dict[str, Any]:
    points = [
        {"cluster": cluster, "x_m": x, "y_m": y, "z_m": z, "speed_m_s": speed}
        for cluster, x, y, z, speed in struct.iter_unpack("<iffff", data[4:])
    ]
    return {"n_points": len(points), "points": points}
