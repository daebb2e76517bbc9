"""How do many samples of one series become one small blob, and come back exactly?

Columns are packed apart: times as differences, values as whole numbers where a decimal scaling gives
each one back bit for bit (sensors speak in tenths), else as the bytes of float64, flags by runs. Bytes of
equal weight are put side by side, then zlib. The first byte is the version of this format.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from core.model import Floats, Ints

VERSION = 1
LEVEL = 6
_HEAD = struct.Struct("<BBBIqq")  # version, kind of values, decimals, rows, first time, time unit
_FLOATS, _WHOLE, _TEXT, _WIDE = 0, 1, 2, 3
_UNITS = (1_000_000_000, 1_000_000, 1_000, 1)

Flags = npt.NDArray[np.uint8]


class Damaged(ValueError):
    """A blob that cannot be unpacked."""


def pack(t: Ints, value: npt.NDArray[Any], flags: Flags, offsets: Ints | None = None) -> bytes:
    """One blob of ``t`` int64[n], ``value`` (float64 of any shape, or text), ``flags`` uint8[n].

    >>> blob = pack(np.array([0, 10**9]), np.array([20.5, 20.6]), np.zeros(2, np.uint8))
    >>> unpack(blob)[1].tolist()
    [20.5, 20.6]
    """
    count = len(t)
    first = int(t[0]) if count else 0
    steps = np.diff(t)
    unit = next(u for u in _UNITS if u == 1 or not (steps % u).any())
    parts = [_squeeze_whole(steps // unit)]
    decimals = 0
    if value.dtype.kind in "US":
        kind = _TEXT
        parts.append(json.dumps(value.tolist(), ensure_ascii=False).encode("utf-8", "surrogatepass"))
    elif value.ndim == 1 and offsets is None:
        whole = _as_whole(value)
        if whole is not None:
            kind = _WHOLE
            decimals, numbers = whole
            parts.append(struct.pack("<q", int(numbers[0]) if count else 0))
            parts.append(_squeeze_whole(np.diff(numbers)))
        else:
            kind = _FLOATS
            parts.append(_squeeze(value.astype("<f8")))
    else:
        kind = _WIDE
        sizes = np.diff(offsets) if offsets is not None else np.zeros(0, np.int64)
        width = value.shape[1]
        parts.append(struct.pack("<I?", width, offsets is not None) + _squeeze_whole(sizes))
        parts.append(_squeeze(np.ascontiguousarray(value.T, dtype="<f8").ravel()))
    parts.append(b"" if not flags.any() else flags.tobytes())
    head = _HEAD.pack(VERSION, kind, decimals, count, first, unit)
    body = b"".join(struct.pack("<I", len(p)) + p for p in parts)
    return head + zlib.compress(body, LEVEL)


def unpack(blob: bytes) -> tuple[Ints, npt.NDArray[Any], Flags, Ints | None]:
    """What :func:`pack` was given. Raises Damaged."""
    try:
        return _unpack(blob)
    except Damaged:
        raise
    except (struct.error, zlib.error, ValueError, IndexError, OverflowError, MemoryError) as error:
        raise Damaged(f"a packed block is damaged: {error}") from None


def _unpack(blob: bytes) -> tuple[Ints, npt.NDArray[Any], Flags, Ints | None]:
    version, kind, decimals, count, first, unit = _HEAD.unpack_from(blob)
    if version != VERSION:
        raise Damaged(f"a packed block is of version {version}, this program reads {VERSION}")
    body = zlib.decompress(blob[_HEAD.size :])
    parts: list[bytes] = []
    at = 0
    while at < len(body):
        (size,) = struct.unpack_from("<I", body, at)
        parts.append(body[at + 4 : at + 4 + size])
        at += 4 + size
    t = np.empty(count, np.int64)
    if count:
        t[0] = 0
        np.cumsum(_loosen_whole(parts[0]) * unit, out=t[1:])
        t += first
    flags = np.frombuffer(parts[-1], np.uint8).copy() if parts[-1] else np.zeros(count, np.uint8)
    offsets: Ints | None = None
    value: npt.NDArray[Any]
    if kind == _TEXT:
        told = json.loads(parts[1].decode("utf-8", "surrogatepass"))
        value = np.array(told, dtype=np.str_)
    elif kind == _WHOLE:
        numbers = np.empty(count, np.int64)
        if count:
            numbers[0] = 0
            np.cumsum(_loosen_whole(parts[2]), out=numbers[1:])
            numbers += struct.unpack("<q", parts[1])[0]
        value = numbers / 10.0**decimals
    elif kind == _FLOATS:
        value = _loosen(parts[1]).astype(np.float64)
    elif kind == _WIDE:
        width, has_offsets = struct.unpack_from("<I?", parts[1])
        value = np.ascontiguousarray(_loosen(parts[2]).reshape(width, -1).T, dtype=np.float64)
        if has_offsets:
            offsets = np.zeros(count + 1, np.int64)
            np.cumsum(_loosen_whole(parts[1][5:]), out=offsets[1:])
    else:
        raise Damaged(f"a packed block holds values of an unknown kind {kind}")
    if len(flags) != count or (offsets is None and len(value) != count):
        raise Damaged("a packed block holds columns of different lengths")
    return t, value, flags, offsets


def _as_whole(value: Floats) -> tuple[int, Ints] | None:
    """Decimals and whole numbers that give every value back exactly, or None."""
    if not np.isfinite(value).all() or (np.abs(value) > 1e12).any():
        return None
    if (np.signbit(value) & (value == 0)).any():
        return None  # minus zero
    for decimals in range(5):
        numbers = np.rint(value * 10.0**decimals)
        if (numbers / 10.0**decimals == value).all():
            return decimals, numbers.astype(np.int64)
    return None


def _squeeze_whole(numbers: Ints) -> bytes:
    """Whole numbers in the narrowest type that holds them all, by byte weight."""
    if len(numbers) == 0:
        return b""
    low, high = int(numbers.min()), int(numbers.max())
    for code in ("<i1", "<i2", "<i4", "<i8"):
        info = np.iinfo(code)
        if info.min <= low and high <= info.max:
            break
    return code[1:].encode() + _squeeze(numbers.astype(code))


def _loosen_whole(data: bytes) -> Ints:
    if not data:
        return np.zeros(0, np.int64)
    code = "<" + data[:2].decode("ascii", "replace")
    if code not in ("<i1", "<i2", "<i4", "<i8"):
        raise Damaged("a packed block holds whole numbers of an unknown width")
    return _loosen(data[2:], code).astype(np.int64)


def _squeeze(column: npt.NDArray[Any]) -> bytes:
    """Bytes of equal weight side by side: what changes little then compresses well."""
    width = column.dtype.itemsize
    return np.ascontiguousarray(column).view(np.uint8).reshape(-1, width).T.tobytes()


def _loosen(data: bytes, code: str = "<f8") -> npt.NDArray[Any]:
    width = np.dtype(code).itemsize
    planes = np.frombuffer(data, np.uint8).reshape(width, -1)
    return np.ascontiguousarray(planes.T).view(code).ravel()
