"""The warm assets as Dagster sees them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets.warm.dbt import DbtProcess, staging_specs, warm_dbt_assets, warm_dbt_project
from assets.warm.project import prepare_manifest

ROOT = Path(__file__).parents[4]
DATES = dg.DailyPartitionsDefinition(start_date="2000-01-01", end_offset=2)
MARTS = {"dim_date", "dim_device", "dim_metric", "fct_data_quality_daily", "fct_readings_daily", "fct_readings_hourly"}


@pytest.fixture(scope="module")
def warm() -> dg.AssetsDefinition:
    return warm_dbt_assets(warm_dbt_project(), DATES)


def test_every_model_is_an_asset_of_the_warm_group(warm):
    keys = {spec.key.path[-1] for spec in warm.specs}
    assert keys > MARTS
    assert {spec.key.path[0] for spec in warm.specs} == {"warm"}
    assert {spec.group_name for spec in warm.specs} == {"warm"}


def test_every_asset_says_what_it_is_whose_it_is_and_how_fresh(warm):
    for spec in [*warm.specs, *staging_specs()]:
        assert spec.description, spec.key
        assert spec.owners == ["team:data-platform"], spec.key
        assert "duckdb" in spec.kinds, spec.key
        assert spec.freshness_policy is not None, spec.key
        assert spec.metadata["dagster/column_schema"].columns, spec.key


def test_dbts_sources_are_the_staged_tables(warm):
    made = {spec.key for spec in warm.specs}
    outside = {dep.asset_key for spec in warm.specs for dep in spec.deps} - made
    assert outside == {spec.key for spec in staging_specs()}
    assert {dep.asset_key.path[0] for spec in staging_specs() for dep in spec.deps} == {"gold", "silver"}


def test_a_range_of_dates_is_one_run_in_the_pool_of_the_one_writer(warm):
    assert warm.partitions_def == DATES
    assert warm.backfill_policy == dg.BackfillPolicy.single_run()
    assert warm.op.pool == "sql_warm"


def test_every_data_test_is_a_check_of_its_asset(warm):
    nodes = json.loads(prepare_manifest().read_text())["nodes"].values()
    tested = {node["attached_node"].rpartition(".")[2] for node in nodes if node.get("attached_node")}
    checked = {spec.asset_key.path[-1] for spec in warm.check_specs}
    assert checked >= tested
    assert tested >= {mart for mart in MARTS if mart.startswith("fct_")}


def test_the_methods_replaced_in_dagster_dbt_are_still_its_own():
    parent = DbtProcess.__mro__[1]
    assert hasattr(parent, "_cli_version")
    assert hasattr(parent, "_initialize_dbt_core_adapter")


def test_loading_the_assets_does_not_load_dbt():
    code = "import sys, assets.warm.dbt; sys.exit(any(m.startswith(('dbt.', 'dbt_common')) for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=False).returncode == 0
