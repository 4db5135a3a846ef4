"""Silver's plan and log: what each batch takes in and touches.

Belongs here: reading and appending `silver.batches`, and what can be derived from it: the watermark, the digest of
every hour, the dates that changed.
Does not: deciding a plan (`plan`) or carrying it out (`execute`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from lake.fence import write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import BATCHES

APP_ID = "silver/batch"
"""Fence of Silver, in `silver.batches` and in each table a batch writes."""
_MARK = "silver/bronze"
"""Where a plan's commit keeps its mark of Bronze: a hint, so no column of the contract."""
_RECENT = 20


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One row of `silver.batches`; see the contract for the meaning of each field."""

    batch: int
    planned_at: datetime
    mode: str
    digest: str
    watermark: dict[str, int]
    previous: dict[str, int]
    reached: dict[str, int]
    hours: tuple[str, ...]
    event_dates: tuple[date, ...]
    readings_version: int
    quarantine_version: int
    duplicates_version: int
    events: int
    accepted: int
    quarantined: int
    duplicates: int


def _parsed(row: dict[str, Any]) -> Batch:
    for name in ("watermark", "previous", "reached"):
        row[name] = dict(row[name])
    for name in ("hours", "event_dates"):
        row[name] = tuple(row[name])
    return Batch(**row)


def held(target: DeltaTable) -> int:
    """The last batch a table holds; 0 where it holds none."""
    return int(target.transaction_version(APP_ID) or 0)


def append(target: DeltaTable, planned: Batch, mark: str | None) -> None:
    """Commit a plan through the object whose fence was read before planning; `mark` as in `unread`, or None.

    Raises: CommitFailedError where another run planned the same number meanwhile: plan again.
    """
    row = asdict(planned)
    for name in ("watermark", "previous", "reached"):
        row[name] = sorted(row[name].items())
    rows = pa.Table.from_pylist([row], schema=arrow_schema(BATCHES))
    metadata = {APP_ID: planned.batch} | ({_MARK: mark} if mark else {})
    write(target, rows, {APP_ID: planned.batch}, metadata=metadata)


def last(head: DeltaTable) -> Batch | None:
    """The newest batch planned in `head` (the opened `silver.batches`), finished or not; None before the first."""
    number = held(head)
    return numbered(head, number) if number else None


def numbered(head: DeltaTable, number: int) -> Batch:
    """The batch of that number, which must be there."""
    columns = [f.name for f in fields(Batch)]
    found = head.to_pyarrow_dataset().to_table(columns=columns, filter=pc.field("batch") == number)
    return _parsed(found.to_pylist()[0])


def bronze_mark(head: DeltaTable) -> str | None:
    """The mark that the newest batch left of the Bronze files it read to their end; None where it is not at hand."""
    for commit in head.history(limit=_RECENT):
        if APP_ID in commit:
            mark: str | None = commit.get(_MARK)
            return mark
    return None


@dataclass(frozen=True)
class Touch:
    """What one batch did to readings of a date, as far as its plan tells."""

    batch: int
    mode: str
    hours: tuple[str, ...]
    event_dates: frozenset[date]


def between(lake: Lake, after: int, upto: int) -> list[Touch]:
    """The batches after `after` and up to `upto`, oldest first."""
    number = pc.field("batch")
    names = [f.name for f in fields(Touch)]
    rows = lake.rows(BATCHES, columns=names, where=(number > after) & (number <= upto)).to_pylist()
    touches = (Touch(r["batch"], r["mode"], tuple(r["hours"]), frozenset(r["event_dates"])) for r in rows)
    return sorted(touches, key=lambda touch: touch.batch)


def _log(lake: Lake, upto: int, column: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lake.rows(BATCHES, columns=["batch", "digest", column]).to_pylist()
    return sorted((row for row in rows if row["batch"] <= upto), key=lambda row: row["batch"])


def dates_touched(lake: Lake, upto: int) -> dict[date, int]:
    """Event date to the last batch, not after `upto`, that added or removed readings of it."""
    return {day: row["batch"] for row in _log(lake, upto, "event_dates") for day in row["event_dates"]}


def hours_touched(lake: Lake, upto: int) -> dict[str, int]:
    """Enqueued hour to the last batch, not after `upto`, that wrote it."""
    return {hour: row["batch"] for row in _log(lake, upto, "hours") for hour in row["hours"]}


def hour_digests(lake: Lake, upto: int) -> dict[str, str]:
    """Enqueued hour to the digest its rows were made with."""
    return {hour: row["digest"] for row in _log(lake, upto, "hours") for hour in row["hours"]}
