"""The estate through the product: Silver to Gold, to staging, to marts.

Belongs here: the steps in order, as the lanes take them. Levels of Gold that Azure Data Explorer computes are put in
its place from Silver by what judges them elsewhere; with `deep` they come from the endpoint.
Does not: the estate itself (`estate`).
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa

from assets.date_state import record
from assets.gold.domain.due import due
from assets.gold.domain.engagements import load_kpis
from assets.gold.domain.intensity import load_intensity
from assets.gold.domain.load import load_domain
from assets.gold.load import load_dates
from assets.gold.quality import load_quality
from assets.silver.snapshot import snapshot
from assets.warm.build import begin_build, finish_build
from assets.warm.project import artifacts, environment, run_dbt
from assets.warm.publish import publish
from assets.warm.staging import dirty_warm_dates, load_staging
from lake.fence import write
from lake.store import Lake
from local_azure.kusto import launch
from orchestration.resources.kusto import Kusto
from quality.contracts.arrow import arrow_schema
from quality.contracts.gold_tables import COUNTERS_1H, LEVELS, READINGS_1D, READINGS_1H, READINGS_5M, STATES_1H
from quality.contracts.model import Table
from quality.contracts.tables import READINGS
from settings.model import Settings
from tests.integration.gold import oracle
from tests.integration.warm.estate import DAYS, INTERVALS, settle


def make(home: Path, scratch: Path | None = None) -> None:
    """A home with the estate in all tiers, published; with a folder for the endpoint, by way of Kusto."""
    settings = Settings(home=home, _env_file=None)
    lake = Lake.of(settings)
    settle(lake, followed=scratch is not None)
    to_gold(lake, DAYS, scratch)
    warm_up(settings)


def warm_up(settings: Settings) -> None:
    """What is due, staged, built and published. Without dbt's tests, which others run over the same models."""
    dirty = dirty_warm_dates(Lake.of(settings), settings)
    load_staging(Lake.of(settings), settings, dirty)
    build = begin_build(settings, dirty)
    arguments = (*build.arguments, "--exclude-resource-type", "test")
    run_dbt(arguments, target=artifacts(settings), env=environment(settings), timeout_seconds=200)
    finish_build(settings, build)
    publish(settings)


def to_gold(lake: Lake, dates: Collection[date], scratch: Path | None = None) -> None:
    """What the lanes of Gold do about these dates."""
    silver = snapshot(lake)
    assert silver is not None
    if scratch is None:
        _levels(lake, dates, silver.batch)
    else:
        endpoint = launch.start(scratch)
        try:
            with closing(Kusto(endpoint.uri, endpoint.database, ingest_timeout_seconds=60)) as kusto:
                load_dates(lake, kusto, silver, sorted(dates))
        finally:
            endpoint.stop()
    load_quality(lake, silver, DAYS)  # by when rows arrived, whatever they are about
    load_domain(lake, list(due(lake)))
    load_intensity(lake)
    load_kpis(lake)


def _levels(lake: Lake, dates: Collection[date], batch: int) -> None:
    """All levels that the tiers after them read, made whole."""
    readings = pl.DataFrame(lake.rows(READINGS))
    for table, level in ((READINGS_5M, "5m"), (READINGS_1H, "1h"), (READINGS_1D, "1d")):
        _put(lake, table, _gauges(readings, LEVELS[level]))
    _put(lake, COUNTERS_1H, oracle.counters(readings, "1h"))
    _put(lake, STATES_1H, oracle.states(readings, "1h"))
    record(lake, lake.identity(), "readings", batch, dict.fromkeys(dates, 1))


def _gauges(readings: pl.DataFrame, seconds: int) -> pl.DataFrame:
    value = pl.col("value")
    interval = pl.col("mapping_id").replace_strict(INTERVALS, default=None, return_dtype=pl.Float64)
    ranks = {"p05_value": 5, "p50_value": 50, "p95_value": 95}
    return (
        readings.filter(value.is_not_null())
        .sort("recorded_at")
        .with_columns(window_start=pl.col("recorded_at").dt.truncate(f"{seconds}s"))
        .group_by("device_id", "metric", "channel", "unit", "window_start")
        .agg(
            event_date=pl.col("recorded_at").first().dt.date(), reading_count=pl.len().cast(pl.Int64),
            min_value=value.min(), max_value=value.max(), avg_value=value.mean(), stdev_value=value.std(),
            first_value=value.first(), last_value=value.last(), expected_count=seconds / interval.min(),
            **{name: value.sort().get(((pl.len() * rank + 99) // 100).clip(1) - 1) for name, rank in ranks.items()},
        )
        .with_columns(completeness=pl.col("reading_count") / pl.col("expected_count"))
    )  # fmt: skip


def _put(lake: Lake, table: Table, rows: pl.DataFrame) -> None:
    made = rows.select(table.names).to_arrow()
    write(lake.open(table), pa.table(made).cast(arrow_schema(table)), {}, mode="overwrite")
