"""PySpark on two threads of this machine, warm: the same work is done once before it is measured.

Reads Bronze's Parquet files, writes Parquet (Delta's own writer for Spark is no Python package). Needs a Java that
Spark knows; without one the row is left out and the benchmark says so.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as f

from benchmarks.silver.sql import METRICS
from benchmarks.silver.warmed import child_with_children
from lake.store import Lake
from quality.contracts.tables import BRONZE_TELEMETRY

SCHEMA = (
    "device string, time timestamp, temperature double, humidity double, pressure double, co2 double, light double, "
    "battery double, broken string"
)


def local_session() -> SparkSession:
    """Two threads, a driver's memory as on a laptop, UTC."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    return (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.memory", "4g")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .getOrCreate()
    )


def _promote(session: SparkSession, files: list[str], out: str) -> int:
    bronze = session.read.parquet(*files).select(
        "hub", "partition_id", "epoch", "sequence_number", "enqueued_at", "device_id", "body"
    )
    text = bronze.withColumn(
        "m",
        f.from_json(
            f.col("body").cast("string"), SCHEMA, {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": "broken"}
        ),
    )
    of_body = Window.partitionBy(f.xxhash64("body")).orderBy("enqueued_at", "partition_id", "sequence_number")
    parsed = text.select(
        "*",
        (f.col("m.broken").isNull() & f.col("m.time").isNotNull()).alias("sound"),
        (f.row_number().over(of_body) > 1).alias("resend"),
        f.date_format("enqueued_at", "yyyy-MM-dd-HH").alias("enqueued_hour"),
    ).cache()
    made = f.array(
        *(
            f.struct(
                f.lit(metric).alias("metric"),
                f.lit(unit).alias("unit"),
                f.lit(float(low)).alias("low"),
                f.lit(float(high)).alias("high"),
                f.expr(f"m.{how}").alias("value"),
                f.lit(place).alias("index"),
            )
            for place, (metric, unit, low, high, how) in enumerate(METRICS)
        )
    )
    split = parsed.where("sound").select("*", f.explode(made).alias("r")).select("*", "r.*").drop("r")
    within = f.col("value").between(f.col("low"), f.col("high"))
    shown = [
        f.concat(f.lit("bench:"), "device_id").alias("device_id"),
        f.col("m.time").alias("recorded_at"),
        *(f.col(n) for n in ("hub", "partition_id", "epoch", "sequence_number", "enqueued_at", "enqueued_hour")),
        *(f.col(n) for n in ("metric", "unit", "value", "index")),
    ]
    event = ["hub", "partition_id", "epoch", "sequence_number", "enqueued_at", "enqueued_hour", "body"]
    refused = (
        parsed.where("not sound")
        .select(*event, f.lit(-1).alias("index"))
        .unionByName(split.where(~within).select(*event, "index"))
    )
    tables: dict[str, DataFrame] = {
        "readings": split.where(within & ~f.col("resend")).select(*shown),
        "duplicates": split.where(within & f.col("resend")).select(*shown),
        "quarantine": refused,
    }
    for name, frame in tables.items():
        frame.write.partitionBy("enqueued_hour").parquet(f"{out}/{name}", mode="overwrite")
    count = parsed.count()
    parsed.unpersist()
    return count


def prepare(job: dict[str, Any]) -> tuple[SparkSession, list[str]]:
    """A session that has done the work once."""
    session = local_session()
    session.sparkContext.setLogLevel("ERROR")
    files = DeltaTable(Lake(job["lake"]).uri(BRONZE_TELEMETRY)).file_uris()
    _promote(session, files, f"{job['out']}/warming")
    time.sleep(0.5)
    return session, files


def work(job: dict[str, Any], prepared: tuple[SparkSession, list[str]]) -> int:
    """The work, measured."""
    session, files = prepared
    return _promote(session, files, job["out"])


if __name__ == "__main__":
    child_with_children(prepare, work)
