from __future__ import annotations

import dataclasses
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from deltalake.exceptions import DeltaError

from assets.maintenance.survey import log_requests
from lake.store import Lake
from quality.contracts.model import Maintenance
from quality.contracts.tables import BRONZE_TELEMETRY, TABLES
from settings.clock import now

LAST_WEEK = (now() - timedelta(days=7)).date().isoformat()


def orphan(lake: Lake, name: str) -> Path:
    """A file beside a table's own that no commit names: its writer was killed, or has not committed yet."""
    folder = Path(lake.root) / BRONZE_TELEMETRY.path / f"ingest_date={LAST_WEEK}"
    path = folder / f"part-{name}.zstd.parquet"
    shutil.copy(next(folder.glob("*.parquet")), path)
    return path


def test_files_that_a_rewrite_replaced_stay_for_a_week_and_go_then(lake, fill, later, a_week_passes, data_files):
    fill(LAST_WEEK, commits=5)  # few enough that no checkpoint keeps the times as they were
    later(BRONZE_TELEMETRY)
    assert len(data_files(BRONZE_TELEMETRY)) == 6
    a_week_passes(BRONZE_TELEMETRY)
    report = later(BRONZE_TELEMETRY)
    assert report.deleted == 5
    assert len(data_files(BRONZE_TELEMETRY)) == 1
    assert lake.dataset(BRONZE_TELEMETRY).count_rows() == 50


def test_the_file_of_a_flush_in_flight_stays_and_an_old_orphan_goes(lake, fill, later, a_week_passes):
    fill(LAST_WEEK, commits=2)
    old = orphan(lake, "killed-long-ago")
    a_week_passes(BRONZE_TELEMETRY)
    young = orphan(lake, "in-flight")
    report = later(BRONZE_TELEMETRY)
    assert report.deleted == 1
    assert young.exists()
    assert not old.exists()


@pytest.mark.parametrize("days", [0, 1, 6])
def test_no_policy_can_say_less_than_a_week(days):
    with pytest.raises(ValueError, match="the least is 7"):
        Maintenance(vacuum_days=days)


def test_delta_enforces_the_week_too(lake, fill):
    fill(LAST_WEEK, commits=1)
    with pytest.raises(DeltaError, match="retention"):
        lake.open(BRONZE_TELEMETRY).vacuum(24, dry_run=True)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.path)
def test_a_policy_names_columns_of_its_table(table):
    assert set(table.maintenance.order_by) <= set(table.names)
    with pytest.raises(ValueError, match="no_such_column"):
        dataclasses.replace(table, maintenance=Maintenance(order_by=("no_such_column",)))


def test_opening_a_table_asks_for_fewer_objects_after_a_checkpoint(lake, fill, later):
    fill(LAST_WEEK, commits=15)
    before, _ = log_requests(lake, BRONZE_TELEMETRY)
    report = later(BRONZE_TELEMETRY)
    after, _ = log_requests(lake, BRONZE_TELEMETRY)
    assert report.checkpointed
    assert (report.open_requests_before, report.open_requests_after) == (before, after)
    assert (before, after) == (16, 2)


def test_a_short_log_is_not_worth_a_checkpoint(lake, fill, later):
    fill(LAST_WEEK, commits=1)
    assert not later(BRONZE_TELEMETRY).checkpointed
