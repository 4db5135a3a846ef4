"""Polars as its manual advises: lazy frames on the streaming engine, four levels, each from Silver's files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.gold.aggregates import EXPECTED_S, PERCENTILES, WINDOWS, between, files
from benchmarks.measured import child

_OF = ("device_id", "metric", "channel", "unit")


def _level(readings: pl.LazyFrame, seconds: int) -> pl.LazyFrame:
    value, at = pl.col("value"), pl.col("recorded_at")
    # Nearest rank, as everybody else counts: `quantile` has no such interpolation.
    ranks = {
        name: value.sort().get((pl.len() * share).ceil().cast(pl.Int64) - 1) for name, share in PERCENTILES.items()
    }
    made = {
        "reading_count": pl.len(),
        "min_value": value.min(),
        "max_value": value.max(),
        "avg_value": value.mean(),
        "stdev_value": value.std(),
        "first_value": value.get(at.arg_min()),
        "last_value": value.get(at.arg_max()),
        **(ranks if seconds >= 3600 else {}),
    }
    grouped = readings.group_by(*_OF, at.dt.truncate(timedelta(seconds=seconds)).alias("window_start")).agg(**made)
    expected = seconds / EXPECTED_S
    return grouped.with_columns(
        event_date=pl.col("window_start").dt.date(),
        expected_count=pl.lit(expected),
        completeness=pl.col("reading_count") / expected,
    )


def work(job: dict[str, Any]) -> int:
    """All levels."""
    out, where = Path(job["out"]), between(job)
    readings = pl.scan_parquet(files(job)).filter(pl.col("value").is_not_null())
    if where is not None:
        readings = readings.filter(pl.col("recorded_at").is_between(*where, closed="left"))
    for level, seconds in WINDOWS.items():
        (out / level).mkdir()
        _level(readings, seconds).sink_parquet(out / level / "0.parquet", compression="zstd", engine="streaming")
    return int(readings.select(pl.len()).collect().item())


if __name__ == "__main__":
    child(work)
