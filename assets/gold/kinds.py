"""Counters, states and events of some dates, laid out for Azure Data Explorer.

Belongs here: reading them of the pinned version, whole dates and the dates before, and what is made of them beside the
reading before: steps of counters, spans of states. It is made here because functions over neighbouring rows are not
among what KQL does everywhere.
Does not: the SQL of steps and spans (`steps`, `spans`), gauges (`export`), or which dates a change reaches (`reach`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow.compute as pc

from assets.gold.counting import Source, count_rows
from assets.gold.export import as_parquet
from assets.gold.extents import ALL_HOURS
from assets.gold.neighbours import A_DAY, kinds, known, metrics_of, of_dates
from assets.gold.spans import STATE_SPANS
from assets.gold.steps import COUNTER_STEPS
from assets.spilling import SpillingDuckdb
from lake.store import Lake
from quality.contracts.kusto import kusto_name
from quality.contracts.model import Table
from quality.contracts.tables import ADX_COUNTER_STEPS, ADX_STATE_SPANS, LEVEL_TABLES, READINGS

FILE_ROWS = 2_000_000
SOURCES = {
    ADX_COUNTER_STEPS.name: Source(ADX_COUNTER_STEPS, "counter_steps", "recorded_at"),
    ADX_STATE_SPANS.name: Source(ADX_STATE_SPANS, "state_spans", "started_at"),
}
KIND_SOURCES: tuple[Table, ...] = (ADX_COUNTER_STEPS, ADX_STATE_SPANS)
KIND_TABLES: tuple[Table, ...] = (
    *KIND_SOURCES,
    *(made.table for made in LEVEL_TABLES if made.source.name in SOURCES),
)
"""What a change of a counter, a state or an event reaches."""

_READ = ("device_id", "metric", "channel", "recorded_at", "discriminator", "value", "value_text", "unit")
_SAID = """
CREATE TEMP TABLE said AS
SELECT read.*, kind, rolls_over_at, day.event_date, day.event_date IN (SELECT unnest(?::DATE[])) AS wanted,
    epoch_us(recorded_at) AS at_us, row_number() OVER (
        PARTITION BY device_id, metric, channel, recorded_at ORDER BY discriminator
    ) - 1 AS ordinal
FROM silver AS read
JOIN kinds USING (metric), LATERAL (SELECT CAST(make_timestamp(epoch_us(recorded_at)) AS DATE) AS event_date) AS day
"""


class Kinds(SpillingDuckdb):
    """Counters, states and events of dates at one Delta version, held in DuckDB; spills to disk, gone when closed."""

    def __init__(
        self, lake: Lake, version: int, dates: Sequence[date], *, spill: Path | None = None, memory_limit: str = "2GB"
    ) -> None:
        self._dates = sorted(dates)
        super().__init__("gold", spill, memory_limit=memory_limit)
        try:
            self._load(lake, version)
        except BaseException:
            self.close()
            raise

    def _load(self, lake: Lake, version: int) -> None:
        of_kinds = pc.field("metric").isin(metrics_of("counter", "state", "event"))
        days = {*self._dates, *(day - A_DAY for day in self._dates)}
        rows = lake.dataset(READINGS, version).scanner(columns=list(_READ), filter=of_dates(days) & of_kinds)
        self._db.register("silver", rows.to_reader())
        self._db.register("kinds", kinds())
        self._db.execute(_SAID, [self._dates])
        self._db.unregister("silver")
        self._db.execute(COUNTER_STEPS)
        holding = self._db.execute("SELECT 1 FROM said WHERE kind = 'state' LIMIT 1").fetchall()
        self._db.register("known", known(lake, version, self._dates, ask=bool(holding)))
        self._db.execute(STATE_SPANS)

    def expected(self) -> dict[date, dict[str, int]]:
        """Rows each Kusto table of `KIND_TABLES` must have, per date asked for."""
        counts = count_rows(self._db, SOURCES.values())
        names = [kusto_name(table) for table in KIND_TABLES]
        return {day: {name: counts.get((day, name), 0) for name in names} for day in self._dates}

    def sums(self, source: Table) -> dict[date, dict[int, tuple[int, str]]]:
        """Per date and hour that has any, how many rows of a source there are, and a hash of them in no order."""
        kept = SOURCES[source.name]
        columns = ", ".join(f'"{name}"' for name in source.names)
        found = self._db.execute(
            f"SELECT event_date, date_part('hour', make_timestamp(epoch_us({kept.moment}))), count(*), "
            f"sum(hash({columns})::HUGEINT) % 4294967295 + 1 FROM {kept.view} GROUP BY ALL"
        ).fetchall()
        sums: dict[date, dict[int, tuple[int, str]]] = {}
        for day, hour, rows, told in found:
            sums.setdefault(day, {})[int(hour)] = (int(rows), f"{int(told):08x}")
        return sums

    def windows(self, source: Table, hours: int) -> dict[str, int]:
        """Windows each level of a source must have in those hours of the one date; bits as in `hours:` of an extent."""
        kept = SOURCES[source.name]
        within = f"{hours} >> date_part('hour', make_timestamp(epoch_us({kept.moment}))) & 1 = 1"
        counts = count_rows(self._db, [replace(kept, seen=within)])
        return {name: rows for (_, name), rows in counts.items()}

    def files(self, source: Table, day: date, rows: int, hours: int = ALL_HOURS) -> Iterator[bytes]:
        """The rows of a source and date as Parquet files of about `FILE_ROWS` rows, columns in contract order.

        `hours`: only those; `rows` is how many there are in them.
        """
        parts = -(-rows // FILE_ROWS)
        moment = f"make_timestamp(epoch_us({SOURCES[source.name].moment}))"
        columns = ", ".join(f'"{name}"' for name in source.names)
        for part in range(parts):
            found = self._db.sql(
                f"SELECT {columns} FROM {SOURCES[source.name].view} WHERE event_date = ? AND row % ? = ? "
                f"AND {hours} >> date_part('hour', {moment}) & 1 = 1",
                params=[day, parts, part],
            )
            yield as_parquet(found.to_arrow_table())
