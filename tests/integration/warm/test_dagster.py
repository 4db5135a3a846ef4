"""The warm tier under Dagster: one dbt build for a range of dates, reported per asset."""

from __future__ import annotations

from datetime import date

import dagster as dg
import pytest

from assets.warm.database import writing
from assets.warm.dbt import warm_dbt_assets, warm_dbt_project
from assets.warm.engine import NotPublishableError
from assets.warm.publish import publish
from assets.warm.staging import dirty_warm_dates, load_staging
from orchestration.build import build_defs
from orchestration.drive import instance_at, run_due

TUESDAY, WEDNESDAY = date(2026, 3, 31), date(2026, 4, 1)
RANGE = {"dagster/asset_partition_range_start": "2026-03-31", "dagster/asset_partition_range_end": "2026-04-01"}


@pytest.fixture(scope="module")
def warm() -> dg.AssetsDefinition:
    return warm_dbt_assets(warm_dbt_project(), dg.DailyPartitionsDefinition(start_date="2000-01-01", end_offset=2))


def materialize(assets, settings, **more):
    with dg.instance_for_test() as instance:
        return dg.materialize(
            [assets], instance=instance, resources={"settings": settings}, tags=RANGE, raise_on_error=False, **more
        )


@pytest.mark.slow
def test_a_range_is_built_once_checked_and_reported_with_its_rows(warm, built):
    built.readings(TUESDAY, 2, [("bms:left", 32.0)])
    load_staging(built.lake, built.settings, dirty_warm_dates(built.lake, built.settings))
    result = materialize(warm, built.settings)

    assert result.success
    reported = {
        (event.asset_key.path[-1], event.partition): event.materialization.metadata.get("dagster/row_count")
        for event in result.get_asset_materialization_events()
    }
    assert {partition for _, partition in reported} == {"2026-03-31", "2026-04-01"}
    assert reported["fct_readings_daily", "2026-03-31"].value == 5
    assert reported["dim_date", "2026-04-01"].value == 18628
    assert all(check.passed for check in result.get_asset_check_evaluations())
    assert publish(built.settings).rows["fct_readings_daily"] == 5


@pytest.mark.slow
def test_a_failed_test_fails_the_run_and_nothing_can_be_published(warm, built):
    built.quality(WEDNESDAY, 2, {"vanished": 1})
    load_staging(built.lake, built.settings, dirty_warm_dates(built.lake, built.settings))
    result = materialize(warm, built.settings)

    assert not result.success
    assert [check.check_name for check in result.get_asset_check_evaluations() if not check.passed] == [
        "accepted_values_fct_data_quality_daily_outcome__accepted__quarantined__duplicate"
    ]
    with pytest.raises(NotPublishableError):
        publish(built.settings)


@pytest.mark.slow
def test_building_some_models_does_not_pass_for_building_them_all(warm, built):
    result = materialize(warm, built.settings, selection=[dg.AssetKey(["warm", "dim_metric"])])
    assert result.success
    with writing(built.settings) as db:
        assert db.execute(
            "select distinct date from staging.date_state where built_batch is null order by date"
        ).fetchall() == [
            (TUESDAY,),
            (WEDNESDAY,),
        ]
    with pytest.raises(NotPublishableError, match="2 staged dates"):
        publish(built.settings)


@pytest.mark.slow
@pytest.mark.deep
def test_dates_years_apart_share_one_build_and_dagster_knows_of_each(built, tmp_path):
    far = date(2020, 1, 6)
    built.readings(far, 2, [("bms:left", 30.0)])
    built.readings(TUESDAY, 2, [("bms:left", 32.0)])
    with instance_at(tmp_path / "dagster") as instance:
        done = run_due(build_defs(built.settings), instance, lanes=["warm_dirty_dates"])

        assert [run.job for run in done] == ["warm_lane"]
        assert dirty_warm_dates(built.lake, built.settings) == {}
        for name in ("staging_readings_1d", "fct_readings_daily", "published"):
            known = instance.get_materialized_partitions(dg.AssetKey(["warm", name]))
            assert known == {"2020-01-06", "2026-03-31"}, name
