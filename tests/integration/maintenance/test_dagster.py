"""Maintenance under Dagster: an asset a table, one job, once a night."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pytest

from assets.maintenance import asset, maintain
from orchestration.build import build_defs
from orchestration.jobs import MAINTENANCE, lanes
from quality.contracts.tables import TABLES
from settings.clock import now
from settings.model import Settings

LAST_WEEK = (now() - timedelta(days=7)).date().isoformat()


@pytest.fixture(scope="module")
def definitions(tmp_path_factory) -> dg.Definitions:
    home = tmp_path_factory.mktemp("home")
    return build_defs(Settings(home=home, _env_file=None))


def test_every_table_of_the_registry_is_kept(definitions):
    kept = definitions.resolve_job_def(MAINTENANCE).asset_layer.selected_asset_keys
    assert kept == {dg.AssetKey([asset.GROUP, f"{table.layer}_{table.name}"]) for table in TABLES}


def test_no_lane_waits_for_maintenance(definitions):
    for lane in lanes():
        keys = definitions.resolve_job_def(lane.name).asset_layer.selected_asset_keys
        assert not [key for key in keys if key.path[0] == asset.GROUP]


def test_it_runs_by_itself_every_night_when_yesterday_is_closed(definitions):
    schedule = definitions.resolve_schedule_def("nightly_maintenance")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 2 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == MAINTENANCE


def test_the_job_reports_what_it_did_and_passes_over_tables_that_are_not_there(lake, fill, monkeypatch):
    fill(LAST_WEEK)
    monkeypatch.setattr(maintain, "now", lambda: now() + timedelta(hours=3))
    wanted = [asset.maintenance_of(table) for table in TABLES]
    with dg.instance_for_test() as instance:
        result = dg.materialize(wanted, instance=instance, resources={"lake": lake})
    assert result.success
    told = {
        event.asset_key.path[-1]: event.materialization.metadata for event in result.get_asset_materialization_events()
    }
    bronze = {name: value.value for name, value in told["bronze_telemetry"].items()}
    assert (bronze["rewritten"], bronze["files_before"], bronze["files_after"]) == (LAST_WEEK, 12, 1)
    assert (bronze["read_requests_before"], bronze["read_requests_after"]) == (24, 2)
    assert told["silver_readings"]["exists"].value is False
