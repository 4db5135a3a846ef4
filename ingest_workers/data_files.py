"""The rows of a flush as Parquet files of the Bronze table, not yet committed.

Belongs here: columns to Arrow, one file per ingest date, and the statistics a commit states about it.
Does not: the commit (`sink`). A file without a commit is invisible to every reader and goes with the next vacuum.

Files are written here, and not by delta-rs inside its write, so that writing and committing are two steps with a
named point between them: a crash test can kill the worker exactly there.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction

from ingest_workers.source import Events
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.clock import now

SCHEMA = arrow_schema(BRONZE_TELEMETRY)
STATED = ("hub", "partition_id", "epoch", "sequence_number", "enqueued_at", "ingested_at")
"""Columns whose smallest and largest value a file states: those that readers prune by."""
REPEATING = ["hub", "partition_id", "device_id", "content_type", "content_encoding", "schema_ref"]
"""Columns worth a dictionary; bodies, offsets and numbers are all different."""
REPEATING_IN_MAP = ["properties.key_value.key", "properties.key_value.value"]
ROW_GROUP = 131_072


def rows(hub: str, epoch: int, events: Events) -> pa.Table:
    """Events of one partition as rows of Bronze."""
    count = len(events)
    enqueued_at = pa.array(events.enqueued_at, SCHEMA.field("enqueued_at").type)
    columns = {
        "ingest_date": pc.cast(enqueued_at, pa.date32()),
        "hub": pa.repeat(hub, count),
        "partition_id": pa.repeat(events.partition_id, count),
        "epoch": pa.repeat(pa.scalar(epoch, pa.int64()), count),
        "enqueued_at": enqueued_at,
        "erased_at": pa.nulls(count, SCHEMA.field("erased_at").type),
    }
    arrays = [
        columns[field.name] if field.name in columns else pa.array(getattr(events, field.name), field.type)
        for field in SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def write(lake: Lake, table: Table, content: Sequence[pa.Table]) -> list[AddAction]:
    """Write the rows to the table's folder, a file per ingest date, and say what was written."""
    store = pafs.PyFileSystem(DeltaStorageHandler(lake.uri(table), lake.options or None))
    whole = pa.concat_tables(content)
    dates = whole["ingest_date"].unique().to_pylist()
    return [
        _write_date(store, day, whole if len(dates) == 1 else whole.filter(pc.equal(whole["ingest_date"], day)))
        for day in sorted(dates)
    ]


def _write_date(store: pafs.FileSystem, day: date, content: pa.Table) -> AddAction:
    path = f"ingest_date={day.isoformat()}/part-{uuid.uuid4()}.zstd.parquet"
    stored = content.drop_columns(["ingest_date"])
    with store.open_output_stream(path) as out:
        pq.write_table(
            stored,
            out,
            compression="zstd",
            compression_level=1,
            row_group_size=ROW_GROUP,
            use_dictionary=REPEATING + REPEATING_IN_MAP,
        )
        size = out.tell()
    return AddAction(
        path=path,
        size=size,
        partition_values={"ingest_date": day.isoformat()},
        modification_time=int(now().timestamp() * 1000),
        data_change=True,
        stats=json.dumps(_statistics(stored)),
    )


def _statistics(content: pa.Table) -> dict[str, Any]:
    """What Delta keeps of a file, with whole microseconds: no reader has to allow for a cut maximum."""
    extremes = {name: pc.min_max(content[name]).as_py() for name in STATED}
    return {
        "numRecords": content.num_rows,
        "minValues": {name: _stated(pair["min"]) for name, pair in extremes.items()},
        "maxValues": {name: _stated(pair["max"]) for name, pair in extremes.items()},
        "nullCount": {name: content[name].null_count for name in content.column_names if name != "properties"},
    }


def _stated(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value
