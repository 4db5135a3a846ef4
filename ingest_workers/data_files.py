"""The rows of a flush as Parquet files of the Bronze table, not yet committed.

Belongs here: columns to Arrow, one file per ingest date, and the statistics a commit states about it. On a local disk
the files are durable before they can be committed.
Does not: the commit (`sink`). A file without a commit is invisible to every reader and goes with the next vacuum.

Files are written here, and not by delta-rs inside its write, so that writing and committing are two steps with a
named point between them: a crash test can kill the worker exactly there.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction

from ingest_workers.durable import make_folder
from ingest_workers.events import Events
from lake.files import sync
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import BRONZE_TELEMETRY
from settings.clock import now

SCHEMA = arrow_schema(BRONZE_TELEMETRY)
STATED = BRONZE_TELEMETRY.stated
"""Columns whose smallest and largest value a file states, and no others: a reader takes a column that has statistics
but no minimum for one that holds nothing (delta-rs 1.6)."""
REPEATING = ["hub", "partition_id", "device_id", "content_type", "content_encoding", "schema_ref"]
"""Columns worth a dictionary; bodies, offsets and numbers are all different."""
REPEATING_IN_MAP = ["properties.key_value.key", "properties.key_value.value"]
ROW_GROUP = 131_072
COMPARED = [*STATED, "device_id", "content_type", "schema_ref"]
"""Columns with extremes per row group; finding those of bodies costs a tenth of all writing and prunes nothing."""
Opened: TypeAlias = "Callable[[str], Any]"
"""From a path within the table to a context that gives a stream and ends with the file complete."""


def rows(hub: str, epoch: int, events: Events) -> pa.Table:
    """Events of one partition as rows of Bronze; what they bring is not copied."""
    count = len(events)
    columns = {
        "ingest_date": pc.cast(events.content["enqueued_at"], pa.date32()),
        "hub": pa.repeat(hub, count),
        "partition_id": pa.repeat(events.partition_id, count),
        "epoch": pa.repeat(pa.scalar(epoch, pa.int64()), count),
        "sequence_number": events.numbers,
        "erased_at": pa.nulls(count, SCHEMA.field("erased_at").type),
    }
    return pa.Table.from_arrays(
        [columns[name] if name in columns else events.content[name] for name in SCHEMA.names], schema=SCHEMA
    )


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
            with pa.OSFile(str(target), "wb") as out:  # writes without asking for Python's lock page by page
                yield out
            sync(target)
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
        "nullCount": {name: content[name].null_count for name in STATED},
    }


def _stated(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value
