"""Silver made in bulk: readings of gauges at a steady pace, committed as batches that Gold takes for its own.

Belongs here: rows by arithmetic on their number, and the commits of a batch to Silver's tables. Does not: what becomes
of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import duckdb
import pyarrow as pa

from assets.silver import digests
from canonical.canonicaliser import Canonicaliser
from canonical.specs import FOLDER, load_spec
from lake.fence import write
from lake.store import Lake
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import BATCHES, DUPLICATES, QUARANTINE, READINGS

EVERY_S = 15
"""Seconds between two readings of a device: what its mapping declares."""
DAY_S = 86_400
MAPPING = "simulator_json"
_ROWS = f"""
SELECT 'simulator:sim-' || (n % $devices) AS device_id, 'air_temperature' AS metric, '' AS channel, '' AS discriminator,
    day + to_microseconds(($first + n // $devices * $every) * 1000000 + $batch) AS recorded_at,
    15 + (hash(n, $batch) % 1500) / 100 AS value, NULL AS value_text, 'degC' AS unit, 0 AS flags,
    'device' AS recorded_at_source, 'telemetry' AS hub, '0' AS partition_id, 0 AS epoch,
    $batch::BIGINT * 1000000000 + row_number() OVER () AS sequence_number, 0 AS "index", '{MAPPING}' AS mapping_id,
    $digest AS digest, $batch AS silver_batch, recorded_at AS enqueued_at,
    strftime(make_timestamp(epoch_us(if($hourly, recorded_at, day))), '%Y-%m-%d-%H') AS enqueued_hour
FROM range($rows) AS made(n), (SELECT unnest($days::TIMESTAMPTZ[]) AS day)
"""


@dataclass
class Silver:
    """A lake with Silver's tables. No two batches have a reading of the same instant."""

    lake: Lake
    digest: str = ""
    batch: int = 0
    readings: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        canonicaliser = Canonicaliser.of([load_spec(FOLDER / f"{MAPPING}.yaml")])
        digests.keep(self.lake, canonicaliser)
        self.digest = canonicaliser.digest

    def commit(
        self,
        days: Sequence[date],
        rows: int,
        *,
        devices: int,
        every_s: int = EVERY_S,
        first_s: int = 0,
        hourly: bool = True,
    ) -> int:
        """One batch: `rows` readings on each day, all devices in turn each `every_s`; returns how many in all.

        `hourly`: Silver's partitions are the hours the readings were made in; else what came of a day came in one.
        """
        self.batch += 1
        given = {"days": [f"{day}T00:00:00Z" for day in days], "rows": rows, "devices": devices, "every": every_s}
        given |= {"first": first_s, "hourly": hourly, "batch": self.batch, "digest": self.digest}
        with duckdb.connect() as db:
            db.execute("SET TimeZone = 'UTC'")
            found = db.sql(_ROWS, params=given).to_arrow_table()
        schema = arrow_schema(READINGS)
        made = pa.table([found[field.name].cast(field.type) for field in schema], schema=schema)
        log = {"batch": self.batch, "planned_at": datetime(2026, 1, 1, tzinfo=UTC), "digest": self.digest}
        log |= {"mode": "append", "hours": sorted(set(made["enqueued_hour"].to_pylist())), "event_dates": list(days)}
        for column in BATCHES.columns:
            log.setdefault(column.name, [] if column.type == "counts" else 0)
        fence = {"silver/batch": self.batch}
        write(self.lake.open(BATCHES), pa.Table.from_pylist([log], schema=arrow_schema(BATCHES)), fence)
        for table, data in ((QUARANTINE, None), (DUPLICATES, None), (READINGS, made)):
            empty = arrow_schema(table).empty_table()
            write(self.lake.open(table), empty if data is None else data, fence, metadata=fence)
        self.readings += len(made)
        return len(made)


def days_from(first: date, count: int) -> list[date]:
    """So many dates in a row."""
    return [first + timedelta(days=turn) for turn in range(count)]
