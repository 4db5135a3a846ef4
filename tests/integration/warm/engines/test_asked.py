"""What `lakehouse status` and `lakehouse trace` say of the warm tier comes from the engine that holds it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from assets.warm import state
from assets.warm.engine import Session, engine_of
from assets.warm.publish import publish
from assets.warm.staging import dirty_warm_dates, load_staging
from lake import fence
from lake.store import Lake
from orchestration.tier_status import tiers
from orchestration.trace import follow
from quality.contracts.arrow import arrow_schema
from quality.contracts.tables import (
    BATCHES,
    BRONZE_TELEMETRY,
    COUNTERS,
    DUPLICATES,
    LEVEL_TABLES,
    QUARANTINE,
    READINGS,
)
from settings.model import Settings
from settings.warm import Warm

DAY, NEXT = date(2026, 3, 30), date(2026, 3, 31)
NOON = datetime(2026, 3, 30, 12, 34, 56, tzinfo=UTC)
EVENT = {"hub": "telemetry", "partition_id": "0", "epoch": 0, "sequence_number": 7}
BLANK = {"string": "", "long": 0, "int": 0, "double": 0.0, "binary": b"", "timestamp": NOON, "date": DAY}
MARTS = (
    "create table marts.dim_device (device_key varchar(32), device_id varchar(64))",
    "create table marts.dim_metric (metric_key varchar(32), metric varchar(64))",
    *(
        f"create table marts.{fact} (device_key varchar(32), metric_key varchar(32), channel varchar(64), {at} {kind},"
        " reading_count int, min_value float, max_value float, avg_value float)"
        for fact, at, kind in (
            ("fct_readings_hourly", "window_start", "datetime2(6)"),
            ("fct_readings_daily", "event_date", "date"),
        )
    ),
    "insert into marts.dim_device values ('d', 'x:1')",
    "insert into marts.dim_metric values ('m', 'energy')",
    "insert into marts.fct_readings_hourly values ('d', 'm', '', '2026-03-30 12:00:00', 3, 1, 2, 1.5)",
    "insert into marts.fct_readings_hourly values ('d', 'm', '', '2026-03-30 13:00:00', 4, 1, 2, 1.5)",
    "insert into marts.fct_readings_daily values ('d', 'm', '', '2026-03-30', 9, 0, 5, 2.5)",
)


def put(tier, table, **given) -> None:
    row = {c.name: None if c.null else BLANK.get(c.type, []) for c in table.columns} | given
    rows = [row] if given else []
    made = pa.Table.from_pylist(rows, schema=arrow_schema(table))
    fence.write(tier.lake.open(table), made, {"silver/batch": 1}, metadata={"silver/batch": 1})


def build(tier) -> None:
    """What dbt and the lane do, with marts made by hand."""
    dirty = dirty_warm_dates(tier.lake, tier.settings)
    load_staging(tier.lake, tier.settings, dirty)
    engine, duckdb = engine_of(tier.settings), tier.settings.warm.engine == "duckdb"

    def marts(session: Session) -> None:
        there = "if schema_id('marts') is null exec('create schema marts')"
        session.execute("create schema if not exists marts" if duckdb else there)
        for sql in MARTS:
            session.execute(sql.replace("datetime2(6)", "timestamp") if duckdb else sql)
        taken, _ = state.take_on(session, "by hand", (), NOON.replace(tzinfo=None))
        state.set_built(session, taken, "by hand", NOON.replace(tzinfo=None))

    engine.write(marts)
    publish(tier.settings)


def test_status_and_trace_ask_the_engine_that_is_set(tier) -> None:
    assert tiers(tier.lake, tier.settings) == [], "nothing is published and nothing is told"
    tier.gold(DAY, 1, 2)
    put(tier, BATCHES, batch=1, mode="append", event_dates=[DAY], hours=["2026-03-30-12"])
    put(tier, BRONZE_TELEMETRY, **EVENT, enqueued_at=NOON, ingest_date=DAY)
    series = {"device_id": "x:1", "metric": "energy", "enqueued_at": NOON, "enqueued_hour": "2026-03-30-12"}
    put(tier, READINGS, **EVENT, **series, recorded_at=NOON, value=1.5, silver_batch=1)
    for table in (QUARANTINE, DUPLICATES):
        put(tier, table)
    window = {
        "device_id": "x:1",
        "metric": "energy",
        "event_date": DAY,
        "window_start": NOON.replace(minute=0, second=0),
    }
    put(tier, COUNTERS["1h"], **window, increase=4.0)
    build(tier)

    (warm,) = (line for line in tiers(tier.lake, tier.settings) if line.tier == "warm")
    assert (warm.behind, warm.newest) == ("", datetime(2026, 3, 30, tzinfo=UTC))
    assert warm.at is not None
    assert warm.last in engine_of(tier.settings).location
    stops = follow(tier.settings, "telemetry/0/0/7")["stops"]
    assert [row["increase"] for row in stops["gold.counters_1h"]] == [4.0]
    assert {f"gold.{made.table.name}" for made in LEVEL_TABLES} | {"gold.device_health_1d"} <= stops.keys()
    (hour,), (day,) = stops["warm.fct_readings_hourly"], stops["warm.fct_readings_daily"]
    assert (hour["device_id"], hour["window_start"], hour["reading_count"]) == (
        "x:1",
        NOON.replace(tzinfo=None, minute=0, second=0),
        3,
    )
    assert (day["event_date"], day["avg_value"]) == (DAY, 2.5)

    tier.gold(NEXT, 2, 1)
    (warm,) = (line for line in tiers(tier.lake, tier.settings) if line.tier == "warm")
    assert warm.behind.startswith("2 dates, oldest 2000-01-01")


@pytest.mark.timeout(60)
def test_a_server_that_is_away_is_told_and_does_not_hide_the_other_tiers(tmp_path) -> None:
    pytest.importorskip("mssql_python")
    away = Warm(
        engine="sqlserver", server="127.0.0.1", port=9, database="lake", user="sa", password="no", encrypt=False
    )
    settings = Settings(home=tmp_path, warm=away, _env_file=None)

    (warm,) = tiers(Lake.of(settings), settings)

    assert warm.last == "127.0.0.1,9/lake"
    assert warm.behind.startswith("does not answer: ")
