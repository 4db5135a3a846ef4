"""Bronze, read for Silver: which events are new, and which belong to an hour.

Belongs here: the predicates over `bronze.telemetry` and the cutting into chunks of bounded size.
Does not: decoding (`canonical`) or deciding what to read (`plan`).

A stream is one life of one hub partition, named `hub/partition/epoch`; sequence numbers rise within it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.silver.unread import mark_of, unread
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY, EVENT_NAMES

EVENT_COLUMNS = (
    *EVENT_NAMES, "enqueued_at", "device_id", "content_type", "content_encoding", "schema_ref", "properties", "body",
)  # fmt: skip
CHUNK_BYTES = 64 * 2**20
_SCAN_ROWS = 2048
_JUDGED_ROWS = 16_384
_JUDGED = (*EVENT_NAMES, "enqueued_at", "ingest_date")
"""What a predicate over Bronze can ask."""
_PLACE = "place"


@dataclass(frozen=True)
class Intake:
    """New events of a batch: how many, up to where, and in which hours they were enqueued."""

    events: int
    previous: dict[str, int]
    watermark: dict[str, int]
    reached: dict[str, int]
    hours: tuple[str, ...]
    mark: str | None
    """Of the Bronze files that hold nothing new after this batch (`unread`)."""


_PARTS = """
select hub, partition_id, epoch, epoch_us(enqueued_at) // 3600000000 as hour,
    count(*) as events, max(sequence_number) as newest, arg_max(enqueued_at, sequence_number) as reached
from {events} group by all
"""
# Within a stream the order is the sequence number's, whatever the clock did: hence the running maximum.
_PICKED = """
select *, row_number() over (order by in_order, hub, partition_id, epoch, sequence_number) as place
from (
    select *, max(enqueued_at) over (
        partition by hub, partition_id, epoch order by sequence_number
    ) as in_order
    from bronze
)
qualify place <= $limit
"""


def stream_name(hub: str, partition_id: str, epoch: int) -> str:
    """Name of a stream in watermarks."""
    return f"{hub}/{partition_id}/{epoch}"


def _of_stream(stream: str) -> ds.Expression:
    hub, partition_id, epoch = stream.rsplit("/", 2)
    return (pc.field("hub") == hub) & (pc.field("partition_id") == partition_id) & (pc.field("epoch") == int(epoch))


def _any(clauses: Sequence[ds.Expression]) -> ds.Expression:
    return reduce(or_, clauses) if clauses else pc.scalar(value=False)


def hour_of(instant: datetime) -> str:
    """The enqueued hour, as rows name it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d-%H")


def hour_start(hour: str) -> datetime:
    """First instant of an enqueued hour."""
    return datetime.strptime(hour, "%Y-%m-%d-%H").replace(tzinfo=UTC)


def new_events(
    lake: Lake, previous: Mapping[str, int], reached: Mapping[str, int], limit: int, mark: str | None = None
) -> Intake:
    """What lies beyond `previous`, at most `limit` events, as a contiguous prefix of every stream.

    Prefixes are cut by the time of enqueueing over all streams together, so that batches follow the order of
    positions as far as the streams' own order allows. Only the small columns are read, of files not there at `mark`.
    """
    seen = [_of_stream(stream) & (pc.field("sequence_number") > number) for stream, number in previous.items()]
    unseen = ~_any([_of_stream(stream) for stream in previous]) if previous else None
    predicate = _any(seen) | unseen if unseen is not None else None
    bronze = lake.open(BRONZE_TELEMETRY)
    found = unread(lake, bronze, mark)

    def fresh() -> pa.RecordBatchReader:
        scanner = found.scanner(
            columns=[*EVENT_NAMES, "enqueued_at"], filter=predicate, batch_readahead=4, fragment_readahead=2
        )
        return scanner.to_reader()

    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.register("bronze", fresh())
        connection.execute(f"create table part as {_PARTS.format(events='bronze')}")
        counted = connection.execute("select coalesce(sum(events), 0)::bigint from part").fetchall()[0][0]
        if counted > limit:
            connection.unregister("bronze")
            connection.register("bronze", fresh())
            connection.execute(f"create table picked as {_PICKED}", {"limit": limit})
            connection.execute(f"create or replace table part as {_PARTS.format(events='picked')}")
            counted = limit
        streams = connection.execute(
            "select hub, partition_id, epoch, max(newest), epoch_us(arg_max(reached, newest)) from part group by all"
        ).fetchall()
        hours = connection.execute(
            "select distinct strftime(make_timestamp(hour * 3600000000), '%Y-%m-%d-%H') as hour from part order by hour"
        ).fetchall()
    names = {stream_name(hub, partition, epoch): (number, at) for hub, partition, epoch, number, at in streams}
    return Intake(
        events=int(counted),
        previous=dict(previous),
        watermark={**previous, **{name: number for name, (number, _) in names.items()}},
        reached={**reached, **{name: at for name, (_, at) in names.items()}},
        hours=tuple(hour for (hour,) in hours),
        mark=mark_of(bronze) if counted < limit else mark,
    )


def between(previous: Mapping[str, int], watermark: Mapping[str, int], hours: Sequence[str]) -> ds.Expression:
    """Events of `hours` after `previous` up to `watermark`."""
    clauses = []
    for stream, number in watermark.items():
        clause = _of_stream(stream) & (pc.field("sequence_number") <= number)
        if stream in previous:
            clause &= pc.field("sequence_number") > previous[stream]
        clauses.append(clause)
    return in_hours(hours) & _any(clauses)


def in_hours(hours: Sequence[str]) -> ds.Expression:
    """Events of the hours, as few ranges of enqueued_at; the dates prune the partitions."""
    starts = sorted(hour_start(hour) for hour in set(hours))
    ranges: list[tuple[datetime, datetime]] = []
    for start in starts:
        end = start + timedelta(hours=1)
        if ranges and ranges[-1][1] == start:
            ranges[-1] = (ranges[-1][0], end)
        else:
            ranges.append((start, end))
    within = [(pc.field("enqueued_at") >= start) & (pc.field("enqueued_at") < end) for start, end in ranges]
    return pc.field("ingest_date").isin(sorted({start.date() for start in starts})) & _any(within)


def chunks(
    lake: Lake, predicate: ds.Expression, rows: int, columns: Sequence[str] = EVENT_COLUMNS
) -> Iterator[pa.Table]:
    """The events in tables of about `rows` rows or 64 MB, whichever is less: memory stays flat."""
    waiting: list[pa.RecordBatch] = []
    count = size = 0
    for batch in _wanted(lake, predicate, min(rows, _SCAN_ROWS), columns):
        waiting.append(batch)
        count += batch.num_rows
        size += batch.nbytes
        if count >= rows or size >= CHUNK_BYTES:
            yield pa.Table.from_batches(waiting)
            waiting, count, size = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def _wanted(lake: Lake, predicate: ds.Expression, rows: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The events, read whole and then judged by their small columns: mostly all of them are wanted, and stay as is.

    A filter inside the scan would be asked of each batch, and copy the bodies of all.
    """
    dataset = lake.dataset(BRONZE_TELEMETRY)
    groups = [
        group
        for fragment in dataset.get_fragments(filter=predicate)
        for group in fragment.split_by_row_group(filter=predicate, schema=dataset.schema)
    ]
    read = ds.FileSystemDataset(groups, dataset.schema, dataset.format, dataset.filesystem).scanner(
        columns=list(dict.fromkeys([*columns, *_JUDGED])), batch_size=rows, batch_readahead=2, fragment_readahead=1
    )
    for scanned in _grouped(piece for batch in read.to_reader() for piece in _pieces(batch)):
        places = scanned.select(_JUDGED).append_column(_PLACE, pa.arange(0, len(scanned))).filter(predicate)
        wanted = scanned.select(columns)
        if len(places) < len(scanned):
            mask = np.zeros(len(scanned), np.bool_)
            mask[places.column(_PLACE).to_numpy()] = True
            wanted = wanted.filter(pa.array(mask))
        yield from wanted.to_batches()


def _grouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Enough of them at a time that judging them costs little."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(each.num_rows for each in waiting) >= _JUDGED_ROWS or sum(b.nbytes for b in waiting) >= CHUNK_BYTES // 2:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in slices of about half a chunk, so that a chunk ends near its size whatever bodies there are."""
    length = max(1, batch.num_rows * CHUNK_BYTES // (2 * max(1, batch.nbytes)))
    for start in range(0, batch.num_rows, length):
        yield batch.slice(start, length)
