"""Contract to Arrow and Delta schema.

Belongs here: one function a direction. Timestamps are `timestamp[us, UTC]` and nothing else.
Does not: writing tables (`lake.table`).
"""

from __future__ import annotations

import pyarrow as pa

from quality.contracts.model import Column, Table

ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "double": pa.float64(),
    "long": pa.int64(),
    "int": pa.int32(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "binary": pa.binary(),
    "map": pa.map_(pa.string(), pa.string()),
    "counts": pa.map_(pa.string(), pa.int64()),
    "strings": pa.list_(pa.field("element", pa.string())),
    "dates": pa.list_(pa.field("element", pa.date32())),
}


def arrow_field(column: Column) -> pa.Field:
    """One column as Arrow sees it."""
    return pa.field(column.name, ARROW[column.type], nullable=column.null)


def arrow_schema(table: Table) -> pa.Schema:
    """The table as Arrow sees it, columns in contract order."""
    return pa.schema([arrow_field(column) for column in table.columns])
