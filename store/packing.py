"""How do many samples of one series become one small blob, and come back exactly?

Columns are packed apart: times as differences, values as whole numbers where a decimal scaling gives
each one back bit for bit (sensors speak in tenths), else as the bytes of float64; means of buckets, which
have more decimals, in a column of their own. Bytes of equal weight are put side by side, then zlib. The
first byte is the version of this format.
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
_FLOATS, _WHOLE, _TEXT, _WIDE, _SPLIT = 0, 1, 2, 3, 4
MEAN = 128
"""Flag of a row that is the mean of its bucket, not a sample. Never leaves the store as a reading."""

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
        mean = (flags & MEAN) != 0
        if mean.any() and not mean.all():
            kind = _SPLIT
            for some in (value[~mean], value[mean]):
                inner, decimals, packed = _numbers(some)
                parts += [bytes((inner, decimals)), *packed]
            decimals = 0
        else:
            kind, decimals, packed = _numbers(value)
            parts += packed
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
    elif kind in (_WHOLE, _FLOATS):
        value = _values(kind, decimals, parts[1:3], count)
    elif kind == _SPLIT:
        mean = (flags & MEAN) != 0
        value = np.empty(count)
        at = 1
        for rows in (~mean, mean):
            inner, decimals = parts[at]
            value[rows] = _values(inner, decimals, parts[at + 1 : at + 3], int(rows.sum()))
            at += 3
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


def _numbers(value: Floats) -> tuple[int, int, list[bytes]]:
    """Kind, decimals and two parts of a column of numbers."""
    whole = _as_whole(value)
    if whole is None:
        return _FLOATS, 0, [_squeeze(value.astype("<f8")), b""]
    decimals, numbers = whole
    first = int(numbers[0]) if len(numbers) else 0
    return _WHOLE, decimals, [struct.pack("<q", first), _squeeze_whole(np.diff(numbers))]


def _values(kind: int, decimals: int, parts: list[bytes], count: int) -> Floats:
    """What :func:`_numbers` was given."""
    if kind == _FLOATS:
        return _loosen(parts[0]).astype(np.float64)
    if kind != _WHOLE:
        raise Damaged(f"a packed block holds numbers of an unknown kind {kind}")
    numbers = np.empty(count, np.int64)
    if count:
        numbers[0] = 0
        np.cumsum(_loosen_whole(parts[1]), out=numbers[1:])
        numbers += struct.unpack("<q", parts[0])[0]
    scaled: Floats = numbers / 10.0**decimals
    return scaled


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
