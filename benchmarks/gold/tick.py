"""What one tick costs: a thousand readings added to a date that holds a million, beside a load of the whole date.

Belongs here: a Silver of one date written in bulk, both loads against the local Kusto endpoint, wall and CPU time of
this process and of the endpoint.
Does not: rows a second over all tiers, or other engines.

Run: `python benchmarks/gold/tick.py [READINGS] [ADDED]`; prints one JSON line per load.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import psutil
import pyarrow as pa

from assets.gold.load import load_dates
from assets.silver import digests
from assets.silver.snapshot import Snapshot
from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_specs
from lake.fence import write
from lake.store import Lake
from local_azure.kusto import launch
from orchestration.resources.kusto import Kusto
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import BATCHES, DUPLICATES, QUARANTINE, READINGS

DAY = date(2026, 3, 1)
DEVICES = 500
_ROWS = """
SELECT 'simulator:sim-' || (n % $devices) AS device_id, 'air_temperature' AS metric, '' AS channel, '' AS discriminator,
    $begin::TIMESTAMPTZ + to_microseconds(($first + n * $span // $rows) * 1000000) AS recorded_at,
    20 + n % 1000 / 1000 AS value, NULL AS value_text, 'degC' AS unit, 0 AS flags, 'device' AS recorded_at_source,
    'telemetry' AS hub, '0' AS partition_id, 0 AS epoch, $batch * 10000000 + n AS sequence_number, 0 AS "index",
    'simulator_json' AS mapping_id, $digest AS digest, $batch AS silver_batch, recorded_at AS enqueued_at,
    strftime(make_timestamp(epoch_us(recorded_at)), '%Y-%m-%d-%H') AS enqueued_hour
FROM range($rows) AS made(n)
"""


def commit(lake: Lake, digest: str, batch: int, rows: int, *, first: int, span: int) -> Snapshot:
    """One Silver batch of readings spread over `span` seconds of the date."""
    given = {"devices": DEVICES, "begin": f"{DAY}T00:00:00Z", "first": first, "span": span, "rows": rows}
    with duckdb.connect() as db:
        found = db.sql(_ROWS, params=given | {"batch": batch, "digest": digest}).to_arrow_table()
    schema = arrow_schema(READINGS)
    made = pa.table([found[field.name].cast(field.type) for field in schema], schema=schema)
    hours = sorted(set(made["enqueued_hour"].to_pylist()))
    log = {"batch": batch, "planned_at": datetime(2026, 1, 1, tzinfo=UTC), "digest": digest, "mode": "append"}
    log |= {"hours": hours, "event_dates": [DAY]}
    for column in BATCHES.columns:
        log.setdefault(column.name, [] if column.type == "counts" else 0)
    fence = {"silver/batch": batch}
    write(lake.open(BATCHES), pa.Table.from_pylist([log], schema=arrow_schema(BATCHES)), fence)
    for table, data in ((QUARANTINE, None), (DUPLICATES, None), (READINGS, made)):
        empty = arrow_schema(table).empty_table()
        write(lake.open(table), empty if data is None else data, fence, metadata=fence)
    return Snapshot(batch, *(lake.version(table) for table in (READINGS, QUARANTINE, DUPLICATES)))


def measured(name: str, lake: Lake, kusto: Kusto, snapshot: Snapshot, endpoint: psutil.Process, *, again: bool) -> None:
    """Load the date and print what it took."""
    used, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    served = sum(endpoint.cpu_times()[:2])
    (done,) = load_dates(lake, kusto, snapshot, [DAY], again=again)
    now = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "load": name,
        "mode": done.mode,
        "readings": done.rows["Readings"],
        "added": done.added,
        "wall_s": round(time.perf_counter() - began, 2),
        "loader_cpu_s": round(now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime, 2),
        "kusto_cpu_s": round(sum(endpoint.cpu_times()[:2]) - served, 2),
    }
    print(json.dumps(told), flush=True)


def main(readings: int = 1_000_000, added: int = 1_000) -> None:
    """A whole load, three ticks of the last hour, one late reading, and the whole load again."""
    with tempfile.TemporaryDirectory() as home:
        lake, canonicaliser = Lake(f"{home}/lake"), Canonicaliser.of(load_specs())
        digests.keep(lake, canonicaliser)
        running = launch.start(Path(home) / "kusto")
        kusto = Kusto(running.uri, running.database)
        endpoint = psutil.Process(running.process.pid)
        try:
            whole = commit(lake, canonicaliser.digest, 1, readings, first=0, span=23 * 3600)
            measured("whole", lake, kusto, whole, endpoint, again=False)
            for tick in range(3):
                gained = commit(lake, canonicaliser.digest, 2 + tick, added, first=23 * 3600 + 60 * tick, span=60)
                measured(f"tick {tick + 1}", lake, kusto, gained, endpoint, again=False)
            late = commit(lake, canonicaliser.digest, 5, 1, first=3 * 3600 + 1, span=1)
            measured("late reading", lake, kusto, late, endpoint, again=False)
        finally:
            kusto.close()
            running.stop()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
