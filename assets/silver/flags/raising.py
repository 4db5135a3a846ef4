"""Doubts about accepted readings, date by date.

Belongs here: the readings of a date and of the days before it at one Silver version, in DuckDB that spills to disk; the
rules asked over them; what a date then holds in `silver.reading_flags` and `gold.suspect_readings_1d`. A date is a
function of Silver's readings, the register and the rules: raised again, it is the same.
Does not: the rules (`quality.rules`), which dates are due (`state`), or Dagster (`asset`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.date_state import loaded, record, replace_dates
from assets.silver.flags.register import Register
from assets.silver.flags.state import misjudged
from assets.silver.snapshot import Snapshot
from assets.spilling import SpillingDuckdb
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.model import Table
from quality.contracts.tables import READING_FLAGS, READINGS, SUSPECT_READINGS_1D
from quality.rules.suspect import LOOK_BACK_DAYS, rules_version
from quality.rules.views import VIEWS, flags_of, limits
from settings.failpoints import reach

DATES_AT_ONCE = 31
"""Dates that are committed together."""

_KEPT = tuple(name for name in READING_FLAGS.names if name in READINGS.names and name != "silver_batch")
_READ = (*_KEPT, "unit")
_COUNT = """
INSERT INTO suspects BY NAME
WITH own AS (
    SELECT mapping_id, metric, count(*) AS reading_count FROM readings WHERE recorded_at >= getvariable('day_start')
    GROUP BY ALL
), doubted AS (
    SELECT mapping_id, metric, code, count(*) AS suspect_count, count(DISTINCT device_id) AS device_count
    FROM flags WHERE event_date = $day GROUP BY ALL
    UNION ALL
    SELECT mapping_id, metric, '' AS code, count(*), count(DISTINCT device_id) FROM (
        SELECT DISTINCT mapping_id, metric, device_id, channel, recorded_at, discriminator
        FROM flags WHERE event_date = $day
    ) GROUP BY mapping_id, metric
), rows AS (
    SELECT mapping_id, metric, code, suspect_count, device_count FROM doubted
    UNION ALL
    SELECT mapping_id, metric, '', 0, 0 FROM own ANTI JOIN doubted USING (mapping_id, metric)
)
SELECT $day AS event_date, mapping_id, metric, code, suspect_count, reading_count, device_count,
    $register AS register_digest
FROM rows JOIN own USING (mapping_id, metric)
"""


@dataclass(frozen=True)
class FlagLoad:
    """What was done about one date: readings looked at, flags raised per rule, and rows they were counted in."""

    date: date
    skipped: bool
    readings: int = 0
    flags: tuple[tuple[str, int], ...] = ()
    counts: int = 0


def raise_flags(
    lake: Lake, snapshot: Snapshot, dates: Sequence[date], *, again: bool = False, spill: Path | None = None
) -> list[FlagLoad]:
    """Bring the flags of these dates of recorded_at to the snapshot's batch and to what the register says of them now.

    `again`: dates that hold both too, because rules or limits are others now. `spill`: folder for what memory does not
    hold. A run that is killed leaves dates due; running them again finishes them.
    """
    wanted, state = sorted(set(dates)), loaded(lake, "flags")
    lake_id, register = lake.identity(), Register(lake)
    other = misjudged(lake, register)
    due = [day for day in wanted if again or day in other or state.get(day, 0) < snapshot.batch]
    done = {day: FlagLoad(day, skipped=True) for day in wanted}
    for first in range(0, len(due), DATES_AT_ONCE):
        group = due[first : first + DATES_AT_ONCE]
        with _Days(lake, snapshot, register, spill) as days:
            loads = [days.judge(day) for day in group]
            for table, source in ((READING_FLAGS, "flags"), (SUSPECT_READINGS_1D, "suspects")):
                # Under another register a date may hold this batch already, in one table or in both.
                rows = days.rows(table, source)
                replace_dates(lake, lake_id, table, group, batch=snapshot.batch, rows=rows, again=again or bool(other))
                reach(f"flags.after_{source}")
        record(lake, lake_id, "flags", snapshot.batch, {load.date: load.readings for load in loads})
        done |= {load.date: load for load in loads}
    return [done[day] for day in wanted]


class _Days(SpillingDuckdb):
    """A DuckDB that judges one date after another and gathers what they come to; gone when closed."""

    def __init__(self, lake: Lake, snapshot: Snapshot, register: Register, spill: Path | None) -> None:
        self._readings = lake.dataset(READINGS, snapshot.readings)
        self._register, self._batch = register, snapshot.batch
        super().__init__("flags", spill)
        self._db.register("limits", limits())
        for table, name in ((READING_FLAGS, "flags"), (SUSPECT_READINGS_1D, "suspects")):
            self._db.register("columns", arrow_schema(table).empty_table())
            self._db.execute(f"CREATE TEMP TABLE {name} AS FROM columns")
            self._db.unregister("columns")

    def judge(self, day: date) -> FlagLoad:
        """Ask every rule over the readings of a date; what they doubt is added to what is gathered."""
        start = datetime.combine(day, time(), UTC)
        end = start + timedelta(days=1)
        recorded = pc.field("recorded_at")
        within = (recorded >= pa.scalar(start - timedelta(days=LOOK_BACK_DAYS))) & (recorded < pa.scalar(end))
        rows = self._readings.scanner(columns=list(_READ), filter=within, batch_readahead=4, fragment_readahead=2)
        self._db.register("silver", rows.to_reader())
        self._db.execute("CREATE OR REPLACE TEMP TABLE readings AS FROM silver")
        self._db.unregister("silver")
        self._db.execute("SET VARIABLE day_start = $start::TIMESTAMPTZ", {"start": start})
        self._db.execute("SET VARIABLE day_end = $end::TIMESTAMPTZ", {"end": end})
        self._register.put(self._db, day)
        for view in VIEWS:
            self._db.execute(
                f"INSERT INTO flags BY NAME SELECT *, $day::DATE AS event_date, '{rules_version()}' AS rules_version, "
                f"$batch::BIGINT AS silver_batch FROM ({flags_of(view, _KEPT)})",
                {"day": day, "batch": self._batch},
            )
        self._db.execute(_COUNT, {"day": day, "register": self._register.digest(day)})
        looked_at, counts = self._db.execute(
            "SELECT (SELECT count(*) FROM readings WHERE recorded_at >= getvariable('day_start')), "
            "(SELECT count(*) FROM suspects WHERE event_date = ?)",
            [day],
        ).fetchall()[0]
        raised = self._db.execute(
            "SELECT code, count(*) FROM flags WHERE event_date = ? GROUP BY code ORDER BY code", [day]
        ).fetchall()
        return FlagLoad(day, skipped=False, readings=int(looked_at), flags=tuple(raised), counts=int(counts))

    def rows(self, table: Table, source: str) -> _Rows:
        """The gathered rows of a table, for the dates it is asked for."""
        return _Rows(self._db, table, source)


@dataclass(frozen=True)
class _Rows:
    db: duckdb.DuckDBPyConnection
    table: Table
    source: str

    def __call__(self, dates: Sequence[date]) -> pa.RecordBatchReader:
        """Sorted, so that a date is the same file whenever it is written."""
        schema = arrow_schema(self.table)
        order = ", ".join(f'"{name}"' for name in dict.fromkeys((*self.table.partition_by, *self.table.key)))
        found = self.db.sql(
            f"SELECT {', '.join(self.table.names)} FROM {self.source} "
            f"WHERE event_date IN (SELECT unnest($days::DATE[])) ORDER BY {order}",
            params={"days": list(dates)},
        ).to_arrow_reader(100_000)

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in found:
                yield from pa.Table.from_batches([batch]).cast(schema).to_batches()

        return pa.RecordBatchReader.from_batches(schema, batches())
