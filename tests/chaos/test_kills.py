"""`kill -9` of the worker and of Dagster's runs at named points, and the same command given again.

Each kill comes on top of what the ones before it have left, so one chain of few processes meets many half-done states.
"""

from __future__ import annotations

import os
import signal
import time

import dagster as dg
import psutil
import pytest

from local_azure import endpoints

BRONZE = ("bronze.between_data_file_and_commit", "bronze.before_commit", "bronze.after_commit")
SILVER = (
    "silver.after_plan",
    "silver.after_duplicates@2",
    "silver.after_quarantine",
    "silver.after_readings@2",
)
GOLD = ("gold.after_export", "gold.after_ingest", "gold.after_swap", "gold.after_copy@2")
WARM = ("warm.before_publish", "warm.after_delete@2")


@pytest.mark.deep
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_worker_and_runs_killed_at_named_points_leave_what_an_undisturbed_run_leaves(
    with_hub_log, undisturbed, same_tiers
) -> None:
    laptop = with_hub_log
    with laptop.up(endpoints.event_hubs(), endpoints.kusto()):
        for point in BRONZE:
            laptop.run_killed_at(point, "ingest", "bronze", "--until-head")
        assert laptop.run("ingest", "bronze", "--until-head") == 0
        laptop.assert_bronze_is_the_hub_log()
        for point in (*SILVER, *GOLD, *WARM):
            laptop.run_killed_at(point, "materialize")
        kill_while_dbt_runs(laptop)
        assert laptop.run("materialize") == 0
        laptop.assert_ledger_balances()
        same_tiers(laptop.tiers(), undisturbed.tiers)
    assert_only_the_killed_runs_failed(
        laptop, {"silver_lane": len(SILVER), "gold_lane": len(GOLD), "warm_lane": len(WARM) + 1}
    )


def kill_while_dbt_runs(laptop) -> None:
    """Kill the run; its dbt, left alone, would hold the database against the next run, so it ends with it."""
    driver, deadline = (
        psutil.Process(laptop.start("-m", "orchestration.cli.main", "materialize")),
        time.monotonic() + 60,
    )
    while not (dbt := [child for child in driver.children() if "dbt" in command_of(child)]):
        assert time.monotonic() < deadline, "dbt was not started within 60 s"
        time.sleep(0.05)
    os.kill(driver.pid, signal.SIGKILL)
    assert laptop.nursery.buried() == -signal.SIGKILL
    assert psutil.wait_procs(dbt, timeout=60)[1] == []


def command_of(process: psutil.Process) -> str:
    """Its command line; empty where it has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def assert_only_the_killed_runs_failed(laptop, killed: dict[str, int]) -> None:
    """No run is left open for ever, and none failed that was not killed."""
    runs = laptop.runs()
    assert {status for _, status in runs} == {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}
    failed = [job for job, status in runs if status is dg.DagsterRunStatus.FAILURE]
    assert {job: failed.count(job) for job in failed} == killed
