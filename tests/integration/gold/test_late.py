"""One reading three months late, through Dagster: a tick of the sensor, one run, and the windows it tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import dagster as dg
import pytest

import sensors.dirty_dates
from assets.gold.asset import gold_readings
from assets.gold.load import load_dates
from assets.gold.state import dirty_dates
from lake.store import Lake
from orchestration.resources.kusto import Kusto
from quality.contracts.kusto import kusto_name
from quality.contracts.tables import AGGREGATES
from sensors.dirty_dates import dirty_dates_sensor
from settings.model import Settings

LONG_AGO, TODAY = date(2025, 12, 1), date(2026, 3, 1)
DATES = dg.DailyPartitionsDefinition(start_date="2000-01-01", end_date="2026-03-03")


def written(lake: Lake, kusto: Kusto, day: date) -> tuple[set[str], set[str]]:
    """Extents and Delta files with rows of a date."""
    names = ", ".join(["Readings", *(kusto_name(table) for table in AGGREGATES.values())])
    extents = kusto.command(f".show tables ({names}) extents | where Tags has 'drop-by:{day}' | project ExtentId")
    files = {uri for table in AGGREGATES.values() for uri in lake.open(table).file_uris() if f"event_date={day}" in uri}
    return {row["ExtentId"] for row in extents}, files


@pytest.mark.timeout(180)
def test_a_late_reading_is_one_run_that_rewrites_the_windows_of_its_hour(
    silver: Any,
    lake: Lake,
    kusto: Kusto,
    assert_equals_oracle: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Nobody judged the ledger of a Silver written by hand.
    monkeypatch.setattr(sensors.dirty_dates, "why_not_promoted", lambda *_: "")
    load_dates(
        lake,
        kusto,
        silver.commit(silver.steady(LONG_AGO, hours=3, every=60) + silver.steady(TODAY, every=60)),
        [LONG_AGO, TODAY],
    )
    today = written(lake, kusto, TODAY)
    moment = datetime.fromisoformat(f"{LONG_AGO}T01:20:30+00:00")
    silver.commit([{"recorded_at": moment, "value": 5.0, "enqueued_at": silver.at("2026-03-01T12:00:00")}])

    settings, instance = Settings(), dg.DagsterInstance.ephemeral()
    sensor = dirty_dates_sensor("late", "gold", DATES, lambda lake, _: dirty_dates(lake), "Late readings.")
    with dg.build_sensor_context(instance=instance, resources={"settings": settings, "lake": lake}) as context:
        (request,) = sensor.evaluate_tick(context).run_requests
    assert request.tags["dagster/asset_partition_range_start"] == str(LONG_AGO)
    assert request.tags["dagster/asset_partition_range_end"] == str(LONG_AGO)
    result = dg.materialize(
        [gold_readings(DATES)],
        instance=instance,
        resources={"settings": settings, "lake": lake, "kusto": kusto},
        partition_key=str(LONG_AGO),
        tags={"lakehouse/incremental": "true"},
    )

    assert result.success
    told = {
        event.asset_key.path[-1]: {name: value.value for name, value in event.metadata.items()}
        for event in result.asset_materializations_for_node("gold_load")
    }
    assert told["adx_readings"]["modes"] == {"append": 1}
    assert told["adx_readings"]["readings_added"] == 1
    rewritten = {table.name: told[table.name]["windows_rewritten"] for table in AGGREGATES.values()}
    # All of two devices in one hour; no window is new, because each minute had a reading.
    assert rewritten == {"readings_1m": 120, "readings_5m": 24, "readings_1h": 2, "readings_1d": 2}
    assert written(lake, kusto, TODAY) == today
    assert_equals_oracle()
