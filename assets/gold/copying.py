"""Aggregates from Azure Data Explorer to Gold Delta.

Belongs here: reading a level back in slices that Kusto will not cut, typed by the contract, into one fenced commit.
Does not: computing or swapping a level (`load`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from assets.date_state import app_id, replace_dates
from assets.gold.export import instants
from lake.fence import on_fresh_table, write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.kusto import identifier, kusto_name
from quality.contracts.model import Table

if TYPE_CHECKING:
    from orchestration.resources.kusto import Kusto

SLICE_ROWS = 150_000
"""Kusto cuts a result at 500,000 rows or 64 MB; a row of a level is well below 400 bytes of JSON."""

_RANGE = """declare query_parameters(since: datetime, until: datetime);
{table}
| where window_start >= since and window_start < until
"""
_HEX_DIGITS = "0123456789abcdef"


class CopyError(RuntimeError):
    """Kusto answered with other rows than it was loaded with; nothing was committed."""


def copy_level(
    lake: Lake, kusto: Kusto, table: Table, rows: Mapping[date, int], *, lake_id: str, batch: int
) -> list[date]:
    """Replace these dates of a level in Gold Delta by what Kusto holds; `rows` is how many each must have.

    Returns: the dates written; the others hold this batch or a later one.
    Raises: CopyError where the answer has not the expected rows.
    """
    schema = arrow_schema(table)
    failures: list[Exception] = []

    def batches(dates: Sequence[date]) -> Iterator[pa.RecordBatch]:
        try:
            for piece in _slices(kusto, table, dates, rows):
                yield from piece.cast(schema).to_batches()
        except Exception as error:
            failures.append(error)
            raise

    def read(dates: Sequence[date]) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(schema, batches(dates))

    try:
        return replace_dates(lake, lake_id, table, list(rows), batch=batch, rows=read)
    except DeltaError as wrapped:
        # Delta's writer gives back only the text of what failed while it was reading.
        if failures:
            raise failures[-1] from wrapped
        raise


def copy_windows(
    lake: Lake,
    kusto: Kusto,
    table: Table,
    day: date,
    spans: Sequence[tuple[datetime, datetime]],
    *,
    expected: int,
    lake_id: str,
    base: int,
    batch: int,
) -> None:
    """Replace the windows of some spans of a date in Gold Delta by what Kusto holds: in one commit, or not at all.

    `expected` is how many windows the spans must have together; `base` the batch Delta holds the date at. Where that is
    `batch` or later by now, nothing is done.
    Raises: CopyError where the answer has not the expected windows, or another loader wrote the date.
    """
    fence, schema = app_id(lake_id, table, day), arrow_schema(table)
    pieces = [_typed(piece, table) for span in spans for piece in _range(kusto, table, span, expected)]
    _refuse_other(table, f"hours of {day}", sum(piece.num_rows for piece in pieces), expected)
    ranges = (f"(window_start >= {_moment(since)} AND window_start < {_moment(until)})" for since, until in spans)
    predicate = f"event_date = '{day.isoformat()}' AND ({' OR '.join(ranges)})"

    def attempt(target: DeltaTable) -> None:
        at = target.transaction_version(fence) or 0
        if at >= batch:
            return
        if at != base:
            raise CopyError(f"{table.path} holds {day} at Silver batch {at} and no longer at {base}: run it again.")
        write(
            target,
            pa.concat_tables([piece.cast(schema) for piece in pieces]),
            {fence: batch},
            mode="overwrite",
            predicate=predicate,
            metadata={"silver_batch": batch},
        )

    on_fresh_table(lake, table, attempt)


def _moment(instant: datetime) -> str:
    # Typed as the column is: a literal of SQL's own has nanoseconds, which Delta does not compare with microseconds.
    return f"arrow_cast('{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}', 'Timestamp(Microsecond, Some(\"UTC\"))')"


def _refuse_other(table: Table, what: str, found: int, expected: int) -> None:
    if found != expected:
        raise CopyError(
            f"{kusto_name(table)} answered {found} rows for {what}, but holds {expected}; "
            "nothing was copied. Another loader may be at work: run the dates again."
        )


def _slices(kusto: Kusto, table: Table, dates: Sequence[date], rows: Mapping[date, int]) -> Iterator[pa.Table]:
    """The rows of the dates, a bearable number at a time; raises at the end if a date has not its number."""
    for group in _grouped(dates, rows):
        since, until = instants(group[0], group[-1])
        expected = sum(rows[day] for day in group)
        found = 0
        for piece in _range(kusto, table, (since, until), expected):
            typed = _typed(piece, table)
            found += typed.num_rows
            yield typed
        _refuse_other(table, f"{group[0]} to {group[-1]}", found, expected)


def _grouped(dates: Sequence[date], rows: Mapping[date, int]) -> Iterator[list[date]]:
    """Neighbouring dates that fit into one answer; a date too large for one is a group of its own."""
    group: list[date] = []
    for day in sorted(day for day in dates if rows[day]):
        full = sum(rows[other] for other in group) + rows[day] > SLICE_ROWS
        if group and (full or day - group[-1] > timedelta(days=1)):
            yield group
            group = []
        group.append(day)
    if group:
        yield group


def _range(kusto: Kusto, table: Table, span: tuple[datetime, datetime], expected: int) -> Iterator[pa.Table]:
    query = _RANGE.format(table=identifier(kusto_name(table)))
    parameters = {"since": span[0], "until": span[1]}
    if expected <= SLICE_ROWS:
        yield kusto.query(query, parameters)
        return
    counts = kusto.query(query + "| summarize rows = count() by window_start | sort by window_start asc", parameters)
    since, taken = span[0], 0
    for start, count in zip(counts["window_start"].to_pylist(), counts["rows"].to_pylist(), strict=True):
        if taken and taken + count > SLICE_ROWS:
            yield from _windows(kusto, table, (since, start), taken)
            since, taken = start, 0
        taken += count
    yield from _windows(kusto, table, (since, span[1]), taken)


def _windows(kusto: Kusto, table: Table, span: tuple[datetime, datetime], expected: int) -> Iterator[pa.Table]:
    """A range of windows; a single window with too many devices is cut by a hash of the device."""
    parameters = {"since": span[0], "until": span[1]}
    if expected <= SLICE_ROWS:
        yield kusto.query(_RANGE.format(table=identifier(kusto_name(table))), parameters)
        return
    # Half full on average leaves room for devices with many channels.
    digits = max(1, math.ceil(math.log(2 * expected / SLICE_ROWS, len(_HEX_DIGITS))))
    query = _RANGE.replace("until: datetime", "until: datetime, beginning: string").format(
        table=identifier(kusto_name(table))
    )
    for number in range(len(_HEX_DIGITS) ** digits):
        beginning = f"{number:0{digits}x}"
        yield kusto.query(
            query + "| where hash_sha256(device_id) startswith beginning", parameters | {"beginning": beginning}
        )


def _typed(rows: pa.Table, table: Table) -> pa.Table:
    """Kusto's columns as the contract's, by name: dates are midnights there."""
    columns = {}
    for field in arrow_schema(table):
        values = rows[field.name]
        columns[field.name] = pc.cast(values, field.type) if values.type != field.type else values
    return pa.table(columns)
