"""The raw limit: rows that are Arrow batches in memory already, into the same table, just as durable.

Parquet is written by two threads; a commit takes what is written, through one table object that is brought up to date.
No broker, no message, no fence: what a worker could reach if all of that were free.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from benchmarks.measured import child
from benchmarks.stream import CONTENT_TYPE, SCHEMA, bodies
from ingest_workers import data_files
from ingest_workers.durable import DurableLog
from ingest_workers.events import Draft
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY

ROWS = 100_000
THREADS = 2


def work(job: dict[str, Any]) -> int:
    """Write `count` rows; they were made before the word was given."""
    lake = Lake(job["lake"])
    table = lake.open(BRONZE_TELEMETRY)
    log = DurableLog(job["folder"])
    written = 0
    with ThreadPoolExecutor(THREADS) as pool:
        for files, rows in pool.map(
            lambda batch: (data_files.write(lake, BRONZE_TELEMETRY, [batch]), len(batch)), _MADE
        ):
            table.update_incremental()
            table.create_write_transaction(
                files, mode="append", schema=data_files.SCHEMA, partition_by=list(BRONZE_TELEMETRY.partition_by)
            )
            table.update_incremental()
            log.make_durable(table.version())
            written += rows
    return written


def _make(count: int, size: int) -> list[Any]:
    made, source = [], list(bodies(min(count, 20_000), size))
    for begin in range(0, count, ROWS):
        numbers = range(begin, min(count, begin + ROWS))
        draft = Draft("0")
        draft.sequence_number = list(numbers)
        draft.offset = list(map(str, numbers))
        draft.enqueued_at = draft.ingested_at = [1_790_000_000_000_000] * len(numbers)
        draft.device_id = [source[number % len(source)][0] for number in numbers]
        draft.content_type, draft.schema_ref = [CONTENT_TYPE] * len(numbers), [SCHEMA] * len(numbers)
        draft.content_encoding = [None] * len(numbers)
        draft.properties = [[("schema", SCHEMA)]] * len(numbers)
        draft.body = [source[number % len(source)][1] for number in numbers]
        made.append(data_files.rows("bench", 0, draft.events()))
    return made


if __name__ == "__main__":
    import json
    import sys
    from pathlib import Path

    asked = json.loads(sys.argv[1])
    _MADE = list(islice(_make(asked["count"], asked["size"]), None))
    asked["folder"] = Path(asked["lake"]) / BRONZE_TELEMETRY.path
    child(lambda job: work(job | {"folder": asked["folder"]}))
