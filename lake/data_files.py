"""Rows as Parquet files of a table's folder, not yet committed.

Belongs here: one file per value of the partition column, and what a commit states about it.
Does not: the commit (`lake.fence`), or which rows (their owner's module). A file without a commit is invisible to
every reader and goes with the next vacuum. They are not forced to the disk: what is written here can be made again.

What is stated are the columns the contract names and no others: a reader takes a column that has statistics but no
minimum for one that holds nothing, and leaves the file out (delta-rs 1.6; the table's property tells it which count).

Written by Arrow, and not inside delta-rs' write: texts that repeat are encoded once and rising numbers as differences.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction

from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from settings.clock import now

ROW_GROUP = 1_048_576
SMALLEST_ROW_GROUP = 131_072
_NUMBERS = (pa.timestamp("us", "UTC"), pa.int64())


class DataFiles:
    """Files of one table in the making, one per value of its only partition column."""

    def __init__(self, lake: Lake, table: Table) -> None:
        (self._partition,) = table.partition_by
        self._uri, self._options = lake.uri(table), lake.options or None
        stored = [field for field in arrow_schema(table) if field.name != self._partition]
        self._schema = pa.schema([_as_stored(field) for field in stored])
        self._stated = [name for name in table.stated if name != self._partition]
        self._open: dict[str, _File] = {}

    def add(self, rows: pa.Table) -> None:
        """Append rows to the files of their partitions; texts may be dictionaries."""
        values = pc.unique(rows.column(self._partition)).to_pylist()
        for value in values:
            mine = rows if len(values) == 1 else rows.filter(pc.equal(rows.column(self._partition), value))
            if value not in self._open:
                path = f"{self._partition}={value}/part-{uuid.uuid4()}.zstd.parquet"
                partition = {self._partition: value}
                self._open[value] = _File(self._stream(path), path, partition, self._schema, self._stated)
            self._open[value].add(mine)

    def close(self) -> list[AddAction]:
        """Finish all of them; what a commit needs to know."""
        return [self._open.pop(value).close() for value in sorted(self._open)]

    def _stream(self, path: str) -> IO[bytes] | Any:
        if "://" in self._uri:
            return pafs.PyFileSystem(DeltaStorageHandler(self._uri, self._options)).open_output_stream(path)
        target = Path(self._uri) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.open("xb")


class _File:
    """One file: rows wait until they make a row group worth its cost."""

    def __init__(
        self,
        stream: IO[bytes] | Any,
        path: str,
        partition: dict[str, str],
        schema: pa.Schema,
        stated: Sequence[str],
    ) -> None:
        self._stream, self._path, self._partition, self._schema, self._stated = stream, path, partition, schema, stated
        # What files are pruned by rises nearly evenly; measured values are as different as they are many.
        rising = [name for name in stated if schema.field(name).type in _NUMBERS]
        plain = {field.name for field in schema if pa.types.is_floating(field.type)}
        self._writer = pq.ParquetWriter(
            stream,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name in schema.names if name not in {*rising, *plain}],
            column_encoding=dict.fromkeys(rising, "DELTA_BINARY_PACKED"),
            write_statistics=list(stated),
            store_schema=False,  # readers go by the table's schema, which knows no dictionaries
        )
        self._waiting: list[pa.Table] = []
        self._rows = self._waiting_rows = 0
        self._extremes: dict[str, tuple[Any, Any]] = {}
        self._nulls = dict.fromkeys(stated, 0)

    def add(self, rows: pa.Table) -> None:
        rows = rows.select(self._schema.names).cast(self._schema)
        self._waiting.append(rows)
        self._waiting_rows += rows.num_rows
        if self._waiting_rows >= SMALLEST_ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting_rows:
            return
        rows = pa.concat_tables(self._waiting)
        self._waiting, self._waiting_rows = [], 0
        self._writer.write_table(rows, row_group_size=ROW_GROUP)
        self._rows += rows.num_rows
        for name in self._stated:
            self._nulls[name] += rows.column(name).null_count
            found = pc.min_max(rows.column(name)).as_py()
            if found["min"] is not None:
                low, high = self._extremes.get(name, (found["min"], found["max"]))
                self._extremes[name] = min(low, found["min"]), max(high, found["max"])

    def close(self) -> AddAction:
        self._flush()
        self._writer.close()
        size = self._stream.tell()
        self._stream.close()
        return AddAction(
            path=self._path,
            size=size,
            partition_values=self._partition,
            modification_time=int(now().timestamp() * 1000),
            data_change=True,
            stats=json.dumps(
                {
                    "numRecords": self._rows,
                    "minValues": {name: _stated(low) for name, (low, _) in self._extremes.items()},
                    "maxValues": {name: _stated(high) for name, (_, high) in self._extremes.items()},
                    "nullCount": self._nulls,
                }
            ),
        )


def _as_stored(field: pa.Field) -> pa.Field:
    if pa.types.is_string(field.type):
        return field.with_type(pa.dictionary(pa.int32(), pa.string()))
    return field


def _stated(value: Any) -> Any:
    """Whole microseconds, so that no reader has to allow for a cut maximum."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value
