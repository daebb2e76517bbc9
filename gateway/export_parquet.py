"""How do alerts and readings look as Parquet? Typed columns, in row groups, so that years fit into memory.

The library belongs to the extra ``parquet`` and is loaded only here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from core.model import Block, Home

MISSING = (
    "Parquet needs the library pyarrow, which is not installed; run: pip install 'hearthwatch[parquet]', "
    "or export as csv"
)
_GROUP = 50_000


def available() -> bool:
    """Is the library there? Asked without loading it."""
    from importlib.util import find_spec

    return find_spec("pyarrow") is not None


def write_alerts(path: Path, rows: Iterable[tuple[Any, ...]], zone: str) -> int:
    """``opened`` and ``changed`` are ns; ``*_at`` the same to the µs, in the zone; evidence is JSON."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    stamp = pa.timestamp("us", tz=zone)
    words = ("id", "kind", "severity", "state", "source", "room", "resident")
    schema = pa.schema(
        [
            *((name, pa.string()) for name in words[:1]), ("revision", pa.int32()),
            *((name, pa.string()) for name in words[1:]), ("opened", pa.int64()), ("changed", pa.int64()),
            ("opened_at", stamp), ("changed_at", stamp), ("title", pa.string()), ("evidence", pa.string()),
        ]
    )  # fmt: skip
    done = 0
    walk = iter(rows)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(walk, _GROUP)):
            columns: list[Any] = [list(c) for c in zip(*group, strict=True)]
            columns[10] = [t // 1000 for t in columns[8]]
            columns[11] = [t // 1000 for t in columns[9]]
            columns[13] = [json.dumps(e, ensure_ascii=False, sort_keys=True) for e in columns[13]]
            arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            done += len(group)
    return done


def write_readings(path: Path, blocks: Iterable[Block], home: Home) -> int:
    """One row a reading: numbers in ``value``, words in ``text``, the others in ``vector`` and ``points``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    words = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema(
        [
            ("t", pa.int64()), ("time", pa.timestamp("us", tz=home.zone)), ("source", words), ("room", words),
            ("quantity", words), ("unit", words), ("value", pa.float64()), ("text", pa.string()),
            ("vector", pa.list_(pa.float64())), ("points", pa.list_(pa.list_(pa.float64()))),
            ("flags", pa.uint8()),
        ]
    )  # fmt: skip
    done = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _groups(blocks):
            writer.write_table(_table(pa, schema, group, home))
            done += sum(map(len, group))
    return done


def _groups(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    group: list[Block] = []
    rows = 0
    for block in blocks:
        group.append(block)
        rows += len(block)
        if rows >= _GROUP:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _table(pa: Any, schema: Any, group: list[Block], home: Home) -> Any:
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for block in group:
        count, shape = len(block), block.quantity.shape
        times = block.t.tolist()
        columns["t"] += times
        columns["time"] += [t // 1000 for t in times]
        for name, word in (
            ("source", block.source), ("room", home.room_of(block.source)),
            ("quantity", str(block.quantity)), ("unit", block.quantity.unit),
        ):  # fmt: skip
            columns[name] += [word] * count
        empty: list[Any] = [None] * count
        values: list[Any] = block.value.tolist()
        if shape == "points":
            values = [block.points(i).tolist() for i in range(count)]
        numbers = shape in ("flag", "scalar")
        columns["value"] += [v if math.isfinite(v) else None for v in values] if numbers else empty
        for name in ("text", "vector", "points"):
            columns[name] += values if shape == name else empty
        columns["flags"] += block.flags.tolist()
    arrays = []
    for field in schema:
        if pa.types.is_dictionary(field.type):
            arrays.append(pa.array(columns[field.name], pa.string()).dictionary_encode())
        else:
            arrays.append(pa.array(columns[field.name], field.type))
    return pa.Table.from_arrays(arrays, names=schema.names).cast(schema)
