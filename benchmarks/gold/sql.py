"""DuckDB SQL as an engineer tunes it: four levels, each from Silver's files in one statement, written as Parquet.

No dates, tags, counts or swaps: a second run writes everything again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from benchmarks.gold.aggregates import EXPECTED_S, PERCENTILES, WINDOWS, between, files
from benchmarks.measured import child

_PERCENTILES = "".join(f", quantile_disc(value, {share}) AS {name}" for name, share in PERCENTILES.items())


def _level(seconds: int) -> str:
    window = seconds * 1_000_000
    return f"""
        SELECT device_id, metric, channel, make_timestamp(epoch_us(recorded_at) // {window} * {window}) AS window_start,
            window_start::DATE AS event_date, unit, count(*) AS reading_count, min(value) AS min_value,
            max(value) AS max_value, avg(value) AS avg_value, stddev_samp(value) AS stdev_value,
            arg_min(value, recorded_at) AS first_value, arg_max(value, recorded_at) AS last_value,
            {seconds / EXPECTED_S} AS expected_count, reading_count / expected_count AS completeness
            {_PERCENTILES if seconds >= 3600 else ""}
        FROM readings GROUP BY device_id, metric, channel, window_start, unit"""


def work(job: dict[str, Any]) -> int:
    """All levels."""
    out = Path(job["out"])
    with duckdb.connect(config={"preserve_insertion_order": False, "memory_limit": "4GB"}) as db:
        db.execute("SET TimeZone = 'UTC'")
        where = between(job)
        within = "true" if where is None else f"recorded_at >= '{where[0]}' AND recorded_at < '{where[1]}'"
        db.execute(f"CREATE VIEW readings AS FROM read_parquet({files(job)!r}) WHERE value IS NOT NULL AND {within}")
        for level, seconds in WINDOWS.items():
            (out / level).mkdir()
            db.execute(f"COPY ({_level(seconds)}) TO '{out / level}/0.parquet' (COMPRESSION zstd)")
        found = db.execute("SELECT count(*) FROM readings").fetchone()
    assert found is not None
    return int(found[0])


if __name__ == "__main__":
    child(work)
