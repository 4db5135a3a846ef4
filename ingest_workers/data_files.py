"""The rows of a flush as Parquet files of the Bronze table, not yet committed.

Belongs here: columns to Arrow, one file per ingest date, and the statistics a commit states about it. On a local disk
the files are durable before they can be committed.
Does not: the commit (`sink`). A file without a commit is invisible to every reader and goes with the next vacuum.

Files are written here, and not by delta-rs inside its write, so that writing and committing are two steps with a
named point between them: a crash test can kill the worker exactly there.
"""

from __future__ import annotations

import json
import os
import uuid
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction

from ingest_workers.durable import make_folder, sync
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
LONGEST_COLUMN = 2**31 - 1
"""Bytes that Arrow's 32-bit offsets reach."""
COMPARED = [*STATED, "device_id", "content_type", "schema_ref"]
"""Columns with extremes per row group; finding those of bodies costs a tenth of all writing and prunes nothing."""
Opened: TypeAlias = "Callable[[str], Any]"
"""From a path within the table to a context that gives a stream and ends with the file complete."""


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
        "body": _bodies(events.body),
        "erased_at": pa.nulls(count, SCHEMA.field("erased_at").type),
    }
    arrays = [
        columns[field.name] if field.name in columns else pa.array(getattr(events, field.name), field.type)
        for field in SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _bodies(bodies: list[bytes]) -> pa.Array:
    """Bodies laid end to end in one step; Arrow's own builder grows by doubling, and faults every page in twice."""
    whole = b"".join(bodies)
    if len(whole) > LONGEST_COLUMN:
        return pa.array(bodies, pa.binary())
    ends = array("i", [0])
    ends.extend(accumulate(map(len, bodies)))
    return pa.BinaryArray.from_buffers(pa.binary(), len(bodies), [None, pa.py_buffer(ends), pa.py_buffer(whole)])


def write(lake: Lake, table: Table, content: Sequence[pa.Table]) -> list[AddAction]:
    """Write the rows to the table's folder, a file per ingest date, and say what was written."""
    uri = lake.uri(table)
    opened: Opened
    if "://" in uri:
        opened = pafs.PyFileSystem(DeltaStorageHandler(uri, lake.options or None)).open_output_stream
    else:
        opened = _durably_in(Path(uri))
    whole = pa.concat_tables(content)
    dates = whole["ingest_date"].unique().to_pylist()
    return [
        _write_date(opened, day, whole if len(dates) == 1 else whole.filter(pc.equal(whole["ingest_date"], day)))
        for day in sorted(dates)
    ]


def _durably_in(folder: Path) -> Opened:
    """Local files that survive a power cut once they are closed; one that cannot be finished leaves no bytes behind."""

    @contextmanager
    def opened(path: str) -> Iterator[Any]:
        target = folder / path
        make_folder(target.parent, folder)
        try:
            with target.open("xb") as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
        except BaseException:
            with suppress(OSError):
                target.unlink()
            raise
        sync(target.parent)

    return opened


def _write_date(opened: Opened, day: date, content: pa.Table) -> AddAction:
    path = f"ingest_date={day.isoformat()}/part-{uuid.uuid4()}.zstd.parquet"
    stored = content.drop_columns(["ingest_date"])
    with opened(path) as out:
        pq.write_table(
            stored,
            out,
            compression="zstd",
            compression_level=1,
            row_group_size=ROW_GROUP,
            use_dictionary=REPEATING + REPEATING_IN_MAP,
            write_statistics=COMPARED,
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
