"""Silver written by hand, a real Kusto endpoint, and what Gold must then hold, computed another way."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from assets.silver import digests
from assets.silver.snapshot import Snapshot
from canonical.canonicaliser import Canonicaliser
from canonical.specs import load_specs
from lake.fence import write
from lake.store import Lake
from local_azure.kusto import launch
from orchestration.resources.kusto import Kusto
from quality.contracts.arrow import arrow_schema
from quality.contracts.gold_tables import PERCENTILES
from quality.contracts.kusto import kusto_name
from quality.contracts.tables import AGGREGATES, BATCHES, DUPLICATES, LEVELS, QUARANTINE, READINGS

MAPPING = "simulator_json"
INTERVALS = {"air_temperature": 15.0, "relative_humidity": 15.0}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[launch.Running]:
    running = launch.start(tmp_path_factory.mktemp("kusto"))
    yield running
    running.stop()


@pytest.fixture
def kusto(endpoint: launch.Running) -> Iterator[Kusto]:
    """The endpoint's database, without rows of an earlier test."""
    client = Kusto(endpoint.uri, endpoint.database, ingest_timeout_seconds=60)
    for table in client.command(".show tables"):
        client.command(f".clear table {table['TableName']} data")
    yield client
    client.close()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@dataclass
class Silver:
    """Silver of a lake, batch after batch, as the three tables and the log would hold it."""

    lake: Lake
    digest: str
    batch: int = 0

    @staticmethod
    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    @staticmethod
    def steady(
        day: date, *, devices: int = 2, every: int = 15, hours: int = 1, base: float = 20.0
    ) -> list[dict[str, Any]]:
        """A reading per device each `every` seconds from the day's midnight on."""
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return [
            {
                "device_id": f"simulator:sim-{device}",
                "recorded_at": begin + timedelta(seconds=second),
                "value": base + device + (second * 7919 % 1000) / 1000,
            }
            for device in range(devices)
            for second in range(0, hours * 3600, every)
        ]

    def rows(self, readings: Sequence[dict[str, Any]]) -> pa.Table:
        """Full rows of silver.readings from the fields a test cares about."""
        made = []
        for number, reading in enumerate(readings):
            row = {
                "device_id": "simulator:sim-1", "metric": "air_temperature", "channel": "", "discriminator": "",
                "value": None, "value_text": None, "unit": "degC", "flags": 0, "recorded_at_source": "device",
                "hub": "telemetry", "partition_id": "0", "epoch": 0, "sequence_number": 1000 * self.batch + number,
                "index": 0, "mapping_id": MAPPING, "digest": self.digest, "silver_batch": self.batch,
            } | reading  # fmt: skip
            row.setdefault("enqueued_at", row["recorded_at"])
            row["enqueued_hour"] = f"{row['enqueued_at']:%Y-%m-%d-%H}"
            made.append(row)
        return pa.Table.from_pylist(made, schema=arrow_schema(READINGS))

    def commit(
        self,
        readings: Sequence[dict[str, Any]] | pa.Table,
        *,
        quarantine: pa.Table | None = None,
        duplicates: pa.Table | None = None,
        instead_of: str | None = None,
        touching: Sequence[date] | None = None,
    ) -> Snapshot:
        """One batch in all three tables; `instead_of` is a predicate of readings it replaces."""
        self.batch += 1
        rows = readings if isinstance(readings, pa.Table) else self.rows(readings)
        fence = {"silver/batch": self.batch}
        frame = pl.from_arrow(rows)
        days = set(touching or ()) | set(frame["recorded_at"].dt.date())
        log = {
            "batch": self.batch, "planned_at": datetime(2026, 1, 1, tzinfo=UTC), "digest": self.digest,
            "mode": "replace" if instead_of else "append", "hours": sorted(set(frame["enqueued_hour"])),
            "event_dates": sorted(days),
        }  # fmt: skip
        for column in BATCHES.columns:
            log.setdefault(column.name, [] if column.type == "counts" else 0)
        write(self.lake.open(BATCHES), pa.Table.from_pylist([log], schema=arrow_schema(BATCHES)), fence)
        for table, given in ((QUARANTINE, quarantine), (DUPLICATES, duplicates)):
            empty = arrow_schema(table).empty_table()
            write(self.lake.open(table), given if given is not None else empty, fence, metadata=fence)
        mode = "overwrite" if instead_of else "append"
        write(self.lake.open(READINGS), rows, fence, mode=mode, predicate=instead_of, metadata=fence)
        versions = {table.name: self.lake.version(table) for table in (READINGS, QUARANTINE, DUPLICATES)}
        return Snapshot(self.batch, *(versions[name] for name in ("readings", "quarantine", "duplicates")))


@pytest.fixture
def silver(lake: Lake) -> Silver:
    canonicaliser = Canonicaliser.of(load_specs())
    digests.keep(lake, canonicaliser)
    return Silver(lake, canonicaliser.digest)


@pytest.fixture(name="gold")
def gold_fixture() -> Callable[[Lake, str], pl.DataFrame]:
    return gold


def oracle(readings: pa.Table, level: str) -> pl.DataFrame:
    """A level by Polars from Silver's rows: nothing here knows KQL."""
    seconds = LEVELS[level]
    frame = pl.from_arrow(readings)
    assert isinstance(frame, pl.DataFrame)
    interval = pl.col("metric").replace_strict(INTERVALS, default=None, return_dtype=pl.Float64)
    grouped = (
        frame.filter(pl.col("value").is_not_null())
        .sort("recorded_at", "discriminator")
        .with_columns(
            window_start=pl.col("recorded_at").dt.truncate(f"{seconds}s"),
            interval=pl.when(pl.col("mapping_id") == MAPPING).then(interval),
        )
        .group_by("device_id", "metric", "channel", "window_start", "unit", maintain_order=True)
        .agg(
            event_date=pl.col("recorded_at").first().dt.date(),
            reading_count=pl.len().cast(pl.Int64),
            min_value=pl.col("value").min(),
            max_value=pl.col("value").max(),
            avg_value=pl.col("value").mean(),
            values=pl.col("value"),
            first_value=pl.col("value").first(),
            last_value=pl.col("value").last(),
            expected_count=seconds / pl.col("interval").min(),
        )
    )
    return (
        grouped.with_columns(
            # In exact fractions: no engine's way to sum is trusted.
            stdev_value=pl.Series(
                [statistics.stdev(v) if len(v) > 1 else None for v in grouped["values"].to_list()], dtype=pl.Float64
            ),
            completeness=pl.col("reading_count") / pl.col("expected_count"),
            **{name: nearest_rank(grouped["values"], percent) for name, percent in PERCENTILES.items()},
        )
        .select(AGGREGATES[level].names)
        .sort("device_id", "metric", "channel", "window_start")
    )


def nearest_rank(values: pl.Series, percent: int) -> pl.Series:
    """Of each list the value at place ceil(n * percent / 100), in whole numbers."""
    return pl.Series([sorted(v)[max(1, -(-len(v) * percent // 100)) - 1] for v in values.to_list()], dtype=pl.Float64)


def gold(lake: Lake, level: str) -> pl.DataFrame:
    frame = pl.from_arrow(lake.rows(AGGREGATES[level]))
    assert isinstance(frame, pl.DataFrame)
    return frame.sort("device_id", "metric", "channel", "window_start")


def in_adx(kusto: Kusto, level: str) -> pl.DataFrame:
    frame = pl.from_arrow(kusto.query(kusto_name(AGGREGATES[level])))
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(pl.col("event_date").dt.date()).sort("device_id", "metric", "channel", "window_start")


@pytest.fixture
def assert_equals_oracle(lake: Lake, kusto: Kusto) -> Callable[..., None]:
    """Both Azure Data Explorer and Gold Delta hold, at every level, what Polars computes from Silver."""

    def check(version: int | None = None) -> None:
        readings = lake.rows(READINGS, version=version)
        assert kusto.query("Readings | count")["Count"].to_pylist() == [readings.num_rows]
        for level in LEVELS:
            wanted = oracle(readings, level)
            for found in (gold(lake, level), in_adx(kusto, level)):
                assert_same(found, wanted)

    return check


def assert_same(found: pl.DataFrame, wanted: pl.DataFrame) -> None:
    loose = ["avg_value", "stdev_value"]
    exact = [name for name in wanted.columns if name not in loose]
    assert found.select(exact).rows() == wanted.select(exact).rows()
    for name in loose:
        assert found[name].is_null().to_list() == wanted[name].is_null().to_list()
        assert found[name].drop_nulls().to_list() == pytest.approx(wanted[name].drop_nulls().to_list(), rel=1e-9)
