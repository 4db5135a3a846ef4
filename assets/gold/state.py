"""Which dates Gold holds, up to which Silver batch, and which are due.

Belongs here: `gold.date_state`, read and appended; dirty dates of both lanes, derived and never remembered elsewhere.
Does not: loading a date (`load`, `quality`) or deciding when (`sensors`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from assets.silver.batches import dates_touched, hours_touched
from assets.silver.snapshot import snapshot
from lake.fence import on_fresh_table, write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import DATE_STATE
from settings.clock import now

Lane = Literal["readings", "quality"]


def app_id(lake_id: str, table: Table, day: date, lane: str = "") -> str:
    """Fence of one date of one Gold table; the lake's id is in it because a restored lake counts batches anew."""
    return "/".join(part for part in ("gold", lake_id, table.name, lane, day.isoformat()) if part)


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


def dirty_dates(lake: Lake) -> dict[date, int]:
    """Dates of recorded_at whose readings changed after they were last loaded, with the batch that did it."""
    silver = snapshot(lake)
    if silver is None:
        return {}
    return _newer(dates_touched(lake, silver.batch), loaded(lake, "readings"))


def dirty_quality_dates(lake: Lake) -> dict[date, int]:
    """Dates of enqueued_at whose Silver hours were written after they were last counted, with the batch."""
    silver = snapshot(lake)
    if silver is None:
        return {}
    touched: dict[date, int] = {}
    for hour, batch in hours_touched(lake, silver.batch).items():
        day = date.fromisoformat(hour[:10])
        touched[day] = max(batch, touched.get(day, 0))
    return _newer(touched, loaded(lake, "quality"))


def _newer(touched: Mapping[date, int], held: Mapping[date, int]) -> dict[date, int]:
    return {day: batch for day, batch in sorted(touched.items()) if batch > held.get(day, 0)}
