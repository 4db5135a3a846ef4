"""The subject tables as Dagster runs them."""

from __future__ import annotations

import dagster as dg

from assets.gold.domain.asset import engagement_kpis, gold_domain, site_intensity
from assets.gold.domain.due import due
from assets.runs import INCREMENTAL
from orchestration.partitions import event_dates
from quality.contracts.domain_tables import BY_DATE, SITE_INTENSITY, WHOLE
from settings.model import Settings


def test_a_run_makes_its_dates_checks_them_and_says_which(estate, steady, tmp_path) -> None:
    estate.read(*steady("2026-05-04", "2026-05-05", every=3600))
    with dg.instance_for_test() as instance:
        done = dg.materialize(
            [gold_domain(event_dates()), site_intensity(), engagement_kpis()],
            instance=instance,
            resources={"lake": estate.lake, "settings": Settings(home=tmp_path, _env_file=None)},
            tags={
                INCREMENTAL: "true",
                "dagster/asset_partition_range_start": "2026-05-03",
                "dagster/asset_partition_range_end": "2026-05-05",
            },
        )
    assert done.success
    told = {
        event.asset_key.path[-1]: event.materialization.metadata for event in done.get_asset_materialization_events()
    }
    assert told.keys() == {table.name for table in (*BY_DATE, *WHOLE)}
    assert told["site_readings_1h"]["dates_loaded"].value == "2026-05-04"
    assert told["site_readings_1h"]["dagster/partition_row_count"].value == 24
    assert told[SITE_INTENSITY.name]["is_changed"].value is False
    judged = done.get_asset_check_evaluations()
    assert len(judged) == 2 * len(told)
    assert all(check.passed for check in judged)
    assert due(estate.lake) == {}
