"""Which points does a TLV of a TI packet hold? float64[n,5]: x, y, z (m), doppler (m/s), snr.

Vectorised, because a radar fills a line of 921600 baud. Coordinates are relative to the sensor as it
hangs; an snr the TLV does not carry is NaN.
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np

from core.model import Floats
from devices import ti_frame as ti

_COMPRESSED = np.dtype([("el", "i1"), ("az", "i1"), ("doppler", "<i2"), ("range", "<u2"), ("snr", "<u2")])
_EXT = np.dtype([("xyzd", "<i2", (4,)), ("snr", "u1"), ("noise", "u1")])
_UNITS = struct.Struct("<5f")
_EXT_UNITS = struct.Struct("<3f")


def spherical(distance: Any, azimuth: Any, elevation: Any, out: Floats) -> None:
    """Range and angles (rad) to x, y, z in the first three columns of ``out``."""
    flat = distance * np.cos(elevation)
    np.multiply(flat, np.sin(azimuth), out=out[:, 0])
    np.multiply(flat, np.cos(azimuth), out=out[:, 1])
    np.multiply(distance, np.sin(elevation), out=out[:, 2])


def compressed(packet: bytes, start: int, length: int) -> Floats:
    """A cloud of TLV 1020."""
    el_unit, az_unit, doppler_unit, range_unit, snr_unit = _UNITS.unpack_from(packet, start)
    raw = np.frombuffer(packet, _COMPRESSED, (length - 20) // 8, start + 20)
    out = np.empty((len(raw), 5))
    spherical(raw["range"] * range_unit, raw["az"] * az_unit, raw["el"] * el_unit, out)
    np.multiply(raw["doppler"], doppler_unit, out=out[:, 3])
    np.multiply(raw["snr"], snr_unit, out=out[:, 4])
    return out


def cartesian(packet: bytes, start: int, length: int) -> Floats:
    """A cloud of TLV 1, still without snr."""
    count = length // 16
    out = np.empty((count, 5))
    out[:, :4] = np.frombuffer(packet, "<f4", 4 * count, start).reshape(count, 4)
    out[:, 4] = math.nan
    return out


def floats(packet: bytes, start: int, length: int, width: int) -> Floats:
    """A cloud of range, azimuth, elevation, doppler[, snr] as floats (TLV 1000, and layout C)."""
    count = length // (4 * width)
    raw = np.frombuffer(packet, "<f4", width * count, start).reshape(count, width).astype(np.float64)
    out = np.empty((count, 5))
    spherical(raw[:, 0], raw[:, 1], raw[:, 2], out)
    out[:, 3] = raw[:, 3]
    out[:, 4] = raw[:, 4] if width == 5 else math.nan
    return out


def planar(packet: bytes, start: int, length: int) -> Floats:
    """A flat cloud of range, azimuth, doppler, snr as floats (layout C of 2-D radars)."""
    count = length // 16
    raw = np.frombuffer(packet, "<f4", 4 * count, start).reshape(count, 4).astype(np.float64)
    out = np.empty((count, 5))
    spherical(raw[:, 0], raw[:, 1], np.zeros(count), out)
    out[:, 3:] = raw[:, 2:]
    return out


def extended(packet: bytes, start: int, length: int) -> Floats:
    """A cloud of TLV 301 (xWRL6432)."""
    xyz_unit, doppler_unit, snr_unit = _EXT_UNITS.unpack_from(packet, start)
    raw = np.frombuffer(packet, _EXT, (length - 20) // 10, start + 20)
    out = np.empty((len(raw), 5))
    out[:, :4] = raw["xyzd"]
    out[:, :3] *= xyz_unit
    out[:, 3] *= doppler_unit
    np.multiply(raw["snr"], snr_unit, out=out[:, 4])
    return out


def cloud(packet: bytes, head: ti.Header, tlv: ti.Tlv) -> Floats | None:
    """The cloud in a TLV, None if it holds none."""
    kind, start, length = tlv
    if kind == ti.COMPRESSED:
        return compressed(packet, start, length)
    if kind == ti.POINTS:
        return cartesian(packet, start, length)
    if kind == ti.EXT_POINTS:
        return extended(packet, start, length)
    if kind == ti.SPHERICAL:
        return floats(packet, start, length, 4)
    if kind == ti.C_POINTS:
        if length % 20 == 0 and (length % 16 or head.platform == 0x000A6843):
            return floats(packet, start, length, 5)
        return planar(packet, start, length)
    return None
