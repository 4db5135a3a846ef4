from __future__ import annotations
import pytest

from local_azure import endpoints

BRONZE = ("bronze.before_commit", "bronze.between_data_file_and_commit", "bronze.after_commit")
SILVER = (
    "silver.after_plan",
    "silver.after_quarantine",
    "silver.after_duplicates@2",
    "silver.after_readings@2",
)
GOLD = ("gold.after_export@2", "gold.after_ingest", "gold.after_swap", "gold.after_level@2", "gold.after_copy@3")
WARM = ("warm.after_delete@2", "warm.after_staging", "warm.after_dbt", "warm.before_publish")


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_a_worker_and_runs_killed_at_every_point_leave_what_an_undisturbed_run_leaves(laptop, undisturbed, same_tiers):
    with laptop.up(endpoints.event_hubs(), endpoints.kusto()):
        for point in BRONZE:
            laptop.run_killed_at(point, "ingest", "bronze", "--until-head")
        laptop.run_until_it_succeeds("ingest", "bronze", "--until-head")
        for point in (*SILVER, *GOLD, *WARM):
            laptop.run_killed_at(point, "materialize")
        assert laptop.run_until_it_succeeds("materialize") == 1
        laptop.assert_bronze_is_the_hub_log()
        laptop.assert_ledger_balances()
        same_tiers(laptop.tiers(), undisturbed)
