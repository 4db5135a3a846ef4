"""Which dates a lane holds, up to which Silver batch.

Belongs here: `gold.date_state`, read and appended, and the replacement of whole dates of a table in one fenced commit:
what every lane that is cut by date shares.
Does not: which dates are due (`assets.silver.flags.state`, `assets.gold.state`), or their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from lake.fence import on_fresh_table, write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import DATE_STATE
from settings.clock import now

Lane = Literal["readings", "quality", "flags", "domain"]
Rows = Callable[[Sequence[date]], "pa.RecordBatchReader | pa.Table"]


def app_id(lake_id: str, table: Table, day: date, lane: str = "") -> str:
    """Fence of one date of one table; the lake's id is in it because a restored lake counts batches anew."""
    return "/".join(part for part in (table.layer, lake_id, table.name, lane, day.isoformat()) if part)


def loaded(lake: Lake, lane: Lane) -> dict[date, int]:
    """Date to the Silver batch it holds; what a lake held before it was restored does not count."""
    of_lane = (pc.field("lane") == lane) & (pc.field("lake_id") == lake.identity())
    rows = lake.rows(DATE_STATE, columns=["date", "silver_batch"], where=of_lane)
    if rows.num_rows == 0:
        return {}
    newest = rows.group_by("date").aggregate([("silver_batch", "max")])
    return dict(zip(newest["date"].to_pylist(), newest["silver_batch_max"].to_pylist(), strict=True))


def record(lake: Lake, lake_id: str, lane: Lane, batch: int, rows: Mapping[date, int]) -> None:
    """Note that these dates hold `batch`, with as many rows of the lane's source; each date and batch once."""

    def attempt(target: DeltaTable) -> None:
        fences = {app_id(lake_id, DATE_STATE, day, lane): day for day in rows}
        fresh = {app: day for app, day in fences.items() if (target.transaction_version(app) or 0) < batch}
        if not fresh:
            return
        told = [
            {
                "lane": lane,
                "date": day,
                "lake_id": lake_id,
                "silver_batch": batch,
                "rows_loaded": rows[day],
                "loaded_at": now(),
            }
            for day in fresh.values()
        ]
        write(target, pa.Table.from_pylist(told, schema=arrow_schema(DATE_STATE)), dict.fromkeys(fresh, batch))

    on_fresh_table(lake, DATE_STATE, attempt)


def newer(touched: Mapping[date, int], held: Mapping[date, int]) -> dict[date, int]:
    """The dates whose batch is later than the one they hold, in order."""
    return {day: batch for day, batch in sorted(touched.items()) if batch > held.get(day, 0)}


def replace_dates(
    lake: Lake, lake_id: str, table: Table, dates: Sequence[date], *, batch: int, rows: Rows, again: bool = False
) -> list[date]:
    """Make the partitions of `dates` hold `rows(dates)` as of `batch`; returns the dates written.

    A date that already holds a later batch is left alone, and `rows` is not asked for it; one that holds this batch is
    left alone too, unless `again`: the same batch under other rules or another register.
    """
    (partition,) = table.partition_by

    def attempt(target: DeltaTable) -> list[date]:
        due = [day for day in sorted(dates) if (held(target, lake_id, table, day) or 0) < batch + again]
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
    """The Silver batch a date of an opened table holds; None where it was never written."""
    version = target.transaction_version(app_id(lake_id, table, day))
    return None if version is None else int(version)
