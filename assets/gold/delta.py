"""Dates of a Gold Delta table, replaced in one fenced commit.

Belongs here: the overwrite of whole date partitions with a txn per date.
Does not: where the rows come from (`copying`, `quality`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import pyarrow as pa
from deltalake import DeltaTable

from assets.gold.state import app_id
from lake.fence import on_fresh_table, write
from lake.store import Lake
from quality.contracts.model import Table


def replace_dates(
    lake: Lake,
    lake_id: str,
    table: Table,
    dates: Sequence[date],
    *,
    batch: int,
    rows: Callable[[Sequence[date]], pa.RecordBatchReader | pa.Table],
) -> list[date]:
    """Make the partitions of `dates` hold `rows(dates)` as of `batch`; returns the dates written.

    A date that already holds `batch` or a later one is left alone, and `rows` is not asked for it.
    """
    (partition,) = table.partition_by

    def attempt(target: DeltaTable) -> list[date]:
        due = [day for day in sorted(dates) if (held(target, lake_id, table, day) or 0) < batch]
        if due:
            listed = ", ".join(f"'{day.isoformat()}'" for day in due)
            write(
                target,
                rows(due),
                {app_id(lake_id, table, day): batch for day in due},
                mode="overwrite",
                predicate=f"{partition} IN ({listed})",
                metadata={"silver_batch": batch},
            )
        return due

    return on_fresh_table(lake, table, attempt)


def held(target: DeltaTable, lake_id: str, table: Table, day: date) -> int | None:
    """The Silver batch a date of an opened Gold table holds; None where it was never written."""
    version = target.transaction_version(app_id(lake_id, table, day))
    return None if version is None else int(version)
