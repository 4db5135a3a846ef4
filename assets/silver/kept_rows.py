"""Some rows of a table whose columns share their memory, without giving that up.

Belongs here: leaving out rows. The readings of an event have its reference, device and time in common, as one array
that stands in a table several times: it is thinned out once. A text that is the same in each row is only cut shorter.
Does not: which rows stay (`candidates`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

Mask: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.bool_]]"
_Key: TypeAlias = tuple[Any, ...]


def kept_rows(rows: pa.Table, kept: Mask) -> pa.Table:
    """The rows that `kept` says."""
    made: dict[_Key, pa.Array] = {}
    return pa.Table.from_batches(list(_thinned(rows, kept, made)), schema=rows.schema)


def _thinned(rows: pa.Table, kept: Mask, made: dict[_Key, pa.Array]) -> Iterator[pa.RecordBatch]:
    first = 0
    for batch in rows.to_batches():
        here = kept[first : first + batch.num_rows]
        first += batch.num_rows
        count = int(here.sum())
        if count == batch.num_rows:
            yield batch
        if count in {0, batch.num_rows}:
            continue
        mask, which = pa.array(here), np.packbits(here).tobytes()
        columns = []
        for column in batch.columns:
            if _is_constant(column):
                columns.append(column.slice(0, count))
                continue
            key = (which, *_memory_of(column))
            if key not in made:
                made[key] = column.filter(mask)
            columns.append(made[key])
        yield pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def _is_constant(column: pa.Array) -> bool:
    if column.null_count:
        return bool(column.null_count == len(column))
    return bool(pa.types.is_dictionary(column.type) and len(column.dictionary) == 1)


def _memory_of(column: pa.Array) -> _Key:
    """What says that two arrays are the same piece of memory; all of them live as long as the table does."""
    places = tuple(None if buffer is None else buffer.address for buffer in column.buffers())
    texts = column.dictionary.buffers() if pa.types.is_dictionary(column.type) else []
    return (column.type, column.offset, len(column), places, tuple(b.address for b in texts if b is not None))
