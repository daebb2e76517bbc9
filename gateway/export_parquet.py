"""How do alerts and readings look as Parquet? Typed columns, in row groups, so that years fit into memory.

The library belongs to the extra ``parquet`` and is loaded only here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

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
    parts = [
        pa.Table.from_arrays([_column(pa, f, block, home) for f in schema], schema=schema) for block in group
    ]
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks()


def _column(pa: Any, field: Any, block: Block, home: Home) -> Any:
    """One column of one block; arrays are handed over as they are."""
    count, shape, quantity = len(block), block.quantity.shape, block.quantity
    words = {
        "source": block.source,
        "room": home.room_of(block.source),
        "quantity": str(quantity),
        "unit": quantity.unit,
    }
    if field.name in words:
        return pa.DictionaryArray.from_arrays(
            np.zeros(count, np.int32), pa.array([words[field.name]], pa.string())
        )
    if field.name == "t":
        return pa.array(block.t)
    if field.name == "time":
        return pa.array(block.t // 1000).cast(pa.timestamp("us", tz="UTC")).cast(field.type)
    if field.name == "flags":
        return pa.array(block.flags)
    if field.name == "value" and shape in ("flag", "scalar"):
        return pa.array(block.value, field.type, mask=~np.isfinite(block.value))
    if field.name == shape == "points":
        return pa.array([block.points(i).tolist() for i in range(count)], field.type)
    if field.name == shape:
        return pa.array(block.value.tolist(), field.type)
    return pa.nulls(count, field.type)
