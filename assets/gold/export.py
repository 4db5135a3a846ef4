"""Silver's readings of some dates, laid out for Azure Data Explorer.

Belongs here: reading the pinned version once for a run of dates, the columns Readings has beyond Silver's (ordinal,
declared interval, what is expected), what every table must hold afterwards, and Parquet files of sensible size.
Does not: steps of counters and spans of states (`kinds`), sending rows (`load`), or aggregates themselves (KQL computes
those; here they are only counted, so that the load can tell that KQL saw every window).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.gold.counting import Source, count_rows
from assets.gold.expected import EXPECTATIONS
from assets.gold.neighbours import midnight
from assets.silver.digests import fetch
from assets.spilling import SpillingDuckdb
from canonical.schedules import SCHEDULES
from lake.store import Lake
from quality.contracts.kusto import kusto_name
from quality.contracts.tables import ADX_READINGS, LEVEL_TABLES, READINGS

FILE_ROWS = 2_000_000
_SOURCE = tuple(name for name in (*ADX_READINGS.names, "digest") if name in READINGS.names)
_SCHEDULES = pa.schema([("digest", pa.string()), *SCHEDULES])
_DAY = "CAST(make_timestamp(epoch_us(recorded_at)) AS DATE)"

# A state is a reading, but nothing to average.
SOURCE = Source(ADX_READINGS, "loaded", "recorded_at", seen="value IS NOT NULL")

# A reading without discriminator is alone at its instant or the first there, so only the others need ranking.
_ORDINALS = """
CREATE TEMP TABLE ranked AS
WITH tied AS (SELECT DISTINCT device_id, metric, channel, recorded_at FROM loaded WHERE discriminator <> '')
SELECT device_id, metric, channel, recorded_at, discriminator, row_number() OVER (
    PARTITION BY device_id, metric, channel, recorded_at ORDER BY discriminator
) - 1 AS ordinal
FROM loaded SEMI JOIN tied USING (device_id, metric, channel, recorded_at)
"""
_READINGS = """
CREATE TEMP VIEW readings AS
SELECT {columns}
FROM loaded
LEFT JOIN ranked USING (device_id, metric, channel, recorded_at, discriminator)
LEFT JOIN schedules USING (digest, mapping_id, metric, channel)
LEFT JOIN expectations ON expectations.row = loaded.rowid
"""


@dataclass(frozen=True)
class Expected:
    """What one date holds in Silver: rows in all, and rows each Kusto table must have of it."""

    rows: int
    tables: dict[str, int]


def instants(first: date, last: date) -> tuple[datetime, datetime]:
    """From the first midnight (inclusive) to the one after `last` (exclusive)."""
    return midnight(first), midnight(last + timedelta(days=1))


def recorded_within(spans: Sequence[tuple[datetime, datetime]]) -> pc.Expression:
    """Readings recorded in any of these spans; their ends are exclusive."""
    recorded = pc.field("recorded_at")
    return reduce(or_, ((recorded >= pa.scalar(since)) & (recorded < pa.scalar(until)) for since, until in spans))


class Export(SpillingDuckdb):
    """The readings of a run of dates at one Delta version, held in DuckDB; spills to disk, gone when closed."""

    def __init__(
        self,
        lake: Lake,
        version: int,
        dates: Sequence[date],
        *,
        spill: Path | None = None,
        memory_limit: str = "2GB",
    ) -> None:
        self._dates = sorted(dates)
        super().__init__("gold", spill, memory_limit=memory_limit)
        try:
            self._load(lake, version)
        except BaseException:
            self.close()
            raise

    def _load(self, lake: Lake, version: int) -> None:
        rows = lake.dataset(READINGS, version).scanner(columns=list(_SOURCE), filter=recorded_within(self._spans()))
        self._db.register("silver", rows.to_reader())
        self._db.execute(
            f"CREATE TEMP TABLE loaded AS SELECT *, {_DAY} AS event_date FROM silver "
            f"WHERE {_DAY} IN (SELECT unnest(?::DATE[]))",
            [self._dates],
        )
        self._db.unregister("silver")
        self._db.execute(_ORDINALS)
        self._db.register("schedules_read", self._schedules(lake))
        self._db.execute("CREATE TEMP TABLE schedules AS FROM schedules_read")
        self._db.execute(EXPECTATIONS)
        added = {
            "ordinal": "coalesce(ranked.ordinal, 0) AS ordinal",
            "interval_s": "schedules.interval_s AS interval_s",
            "expected": "expectations.expected AS expected",
        }
        columns = [added.get(name, f'loaded."{name}"') for name in ADX_READINGS.names]
        self._db.execute(_READINGS.format(columns=", ".join(["loaded.event_date", "loaded.rowid AS row", *columns])))

    def _spans(self) -> list[tuple[datetime, datetime]]:
        """What is read of Silver, by recorded_at."""
        return [instants(self._dates[0], self._dates[-1])]

    def _schedules(self, lake: Lake) -> pa.Table:
        """When readings are expected, under each digest that occurs: digest, then columns of SCHEDULES."""
        digests = [row[0] for row in self._db.execute("SELECT DISTINCT digest FROM loaded").fetchall()]
        parts = [_SCHEDULES.empty_table()]
        for digest in sorted(digests):
            declared = fetch(lake, digest).schedules()
            parts.append(declared.add_column(0, "digest", pa.array([digest] * declared.num_rows, pa.string())))
        return pa.concat_tables([part.cast(_SCHEDULES) for part in parts])

    def expected(self) -> dict[date, Expected]:
        """Per date asked for, also those without a reading."""
        counts = count_rows(self._db, [SOURCE])
        names = [kusto_name(made.table) for made in LEVEL_TABLES if made.source == ADX_READINGS]
        return {
            day: Expected(rows, {kusto_name(ADX_READINGS): rows} | {name: counts.get((day, name), 0) for name in names})
            for day in self._dates
            for rows in [counts.get((day, kusto_name(ADX_READINGS)), 0)]
        }

    def hours(self) -> dict[date, int]:
        """The hours of each date in which readings were recorded; bits as in `hours:` of an extent."""
        found = self._db.execute(
            "SELECT event_date, bit_or(1 << date_part('hour', recorded_at)) FROM loaded GROUP BY event_date"
        ).fetchall()
        return {day: int(bits) for day, bits in found}

    def files(self, day: date, rows: int) -> Iterator[bytes]:
        """The readings of a date as Parquet files of at most about `FILE_ROWS` rows, columns of `ADX_READINGS`."""
        parts = -(-rows // FILE_ROWS)
        for part in range(parts):
            found = self._db.sql(
                "SELECT * EXCLUDE (event_date, row) FROM readings WHERE event_date = ? AND row % ? = ?",
                params=[day, parts, part],
            ).to_arrow_table()
            yield as_parquet(found)


def as_parquet(rows: pa.Table) -> bytes:
    """A Parquet file in memory."""
    buffer = io.BytesIO()
    # Snappy: what every reader of Parquet in Azure knows.
    pq.write_table(rows, buffer, compression="snappy")
    return buffer.getvalue()
