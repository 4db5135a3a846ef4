"""`gold.data_quality_1d`: what became of the rows that arrived on a day.

Belongs here: counting Silver's three tables per date of enqueued_at, mapping, outcome and reason.
Does not: judging the numbers (`quality.checks`), or which dates are due (`state`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.date_state import loaded, record, replace_dates
from assets.silver.snapshot import Snapshot
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import DATA_QUALITY_1D, DUPLICATES, EVENT_NAMES, QUARANTINE, READINGS

_OUTCOMES = ((READINGS, "accepted"), (QUARANTINE, "quarantined"), (DUPLICATES, "duplicate"))
_EVENT = ", ".join(EVENT_NAMES)
# Rows are counted per event first: far fewer groups meet in the second step than rows in the first.
_COUNT = f"""
WITH per_event AS (
    SELECT CAST(enqueued_hour[:10] AS DATE) AS enqueued_date, coalesce(mapping_id, '') AS mapping_id,
        {{reason}} AS reason, {_EVENT}, count(*) AS row_count
    FROM silver GROUP BY ALL
)
SELECT enqueued_date, mapping_id, '{{outcome}}' AS outcome, reason, CAST(sum(row_count) AS BIGINT) AS row_count,
    count(*) AS event_count
FROM per_event GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class QualityLoad:
    """What was done about one date."""

    date: date
    skipped: bool
    rows: int


def load_quality(lake: Lake, snapshot: Snapshot, dates: Sequence[date]) -> list[QualityLoad]:
    """Bring the dates of enqueued_at to the snapshot's batch; a date that holds it is left alone."""
    wanted, state = sorted(set(dates)), loaded(lake, "quality")
    due = [day for day in wanted if state.get(day, 0) < snapshot.batch]
    if not due:
        return [QualityLoad(day, skipped=True, rows=0) for day in wanted]
    counted = count(lake, snapshot, due)
    lake_id = lake.identity()
    replace_dates(lake, lake_id, DATA_QUALITY_1D, due, batch=snapshot.batch, rows=lambda days: _of(counted, days))
    arrived = {day: pc.sum(_of(counted, [day])["row_count"]).as_py() or 0 for day in due}
    record(lake, lake_id, "quality", snapshot.batch, arrived)
    return [QualityLoad(day, skipped=day not in arrived, rows=_of(counted, [day]).num_rows) for day in wanted]


def count(lake: Lake, snapshot: Snapshot, dates: Sequence[date]) -> pa.Table:
    """The rows of `gold.data_quality_1d` for these dates, at the snapshot's versions."""
    versions = {READINGS: snapshot.readings, QUARANTINE: snapshot.quarantine, DUPLICATES: snapshot.duplicates}
    hours = [f"{day.isoformat()}-{hour:02}" for day in dates for hour in range(24)]
    parts = [_counted(lake, table, versions[table], hours, outcome) for table, outcome in _OUTCOMES]
    return pa.concat_tables(parts)


def _counted(lake: Lake, table: Table, version: int, hours: list[str], outcome: str) -> pa.Table:
    reason = "reason" if table is QUARANTINE else "''"
    columns = ["enqueued_hour", "mapping_id", *EVENT_NAMES, *(["reason"] if table is QUARANTINE else [])]
    rows = lake.dataset(table, version).scanner(columns=columns, filter=pc.field("enqueued_hour").isin(hours))
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as db:
        db.register("silver", rows.to_reader())
        found = db.sql(_COUNT.format(reason=reason, outcome=outcome)).to_arrow_table()
        assert found is not None, "a select has a result"
        return found.cast(arrow_schema(DATA_QUALITY_1D))


def _of(counted: pa.Table, dates: Sequence[date]) -> pa.Table:
    return counted.filter(pc.field("enqueued_date").isin(list(dates)))
