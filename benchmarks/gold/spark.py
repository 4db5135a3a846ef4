"""PySpark on two threads of this machine, warm: the same work is done once before it is measured."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from benchmarks.gold.aggregates import EXPECTED_S, PERCENTILES, WINDOWS, between, files
from benchmarks.silver.spark import local_session
from benchmarks.silver.warmed import child_with_children


def _level(readings: DataFrame, seconds: int) -> DataFrame:
    window = seconds * 1_000_000
    start = f.timestamp_micros(f.expr(f"unix_micros(recorded_at) div {window} * {window}"))
    ranks = [
        f.expr(f"percentile_disc({share}) within group (order by value)").alias(name)
        for name, share in PERCENTILES.items()
    ]
    grouped = readings.groupBy("device_id", "metric", "channel", "unit", start.alias("window_start")).agg(
        f.count("value").alias("reading_count"),
        f.min("value").alias("min_value"),
        f.max("value").alias("max_value"),
        f.avg("value").alias("avg_value"),
        f.stddev_samp("value").alias("stdev_value"),
        f.min_by("value", "recorded_at").alias("first_value"),
        f.max_by("value", "recorded_at").alias("last_value"),
        *(ranks if seconds >= 3600 else []),
    )
    expected = seconds / EXPECTED_S
    return grouped.select(
        "*",
        f.to_date("window_start").alias("event_date"),
        f.lit(expected).alias("expected_count"),
        (f.col("reading_count") / expected).alias("completeness"),
    )


def _aggregate(session: SparkSession, job: dict[str, Any], out: Path) -> int:
    readings, where = session.read.parquet(*files(job)).where("value is not null"), between(job)
    if where is not None:
        readings = readings.where((f.col("recorded_at") >= where[0]) & (f.col("recorded_at") < where[1]))
    for level, seconds in WINDOWS.items():
        _level(readings, seconds).write.parquet(str(out / level), mode="overwrite")
    return readings.count()


def prepare(job: dict[str, Any]) -> SparkSession:
    """A session that has done the work once."""
    session = local_session()
    session.sparkContext.setLogLevel("ERROR")
    _aggregate(session, job, Path(job["out"]) / "warming")
    time.sleep(0.5)
    return session


def work(job: dict[str, Any], session: SparkSession) -> int:
    """The work, measured."""
    return _aggregate(session, job, Path(job["out"]))


if __name__ == "__main__":
    child_with_children(prepare, work)
