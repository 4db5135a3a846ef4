"""What the sensor on Bronze's log reports and when it starts Silver."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from quality.contracts.tables import BRONZE_TELEMETRY
from sensors.bronze_log import COVERED

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
TELEMETRY = dg.AssetKey(["bronze", "telemetry"])
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def hours(request: dg.RunRequest) -> tuple[str, str]:
    return request.tags[RANGE[0]], request.tags[RANGE[1]]


def test_without_a_table_it_says_how_to_get_one(laptop):
    result = laptop.tick("bronze_delta_log")
    assert not result.run_requests
    assert "lakehouse ingest bronze" in result.skip_message


def test_a_table_that_a_worker_made_and_nothing_arrived_in_starts_no_run(laptop):
    laptop.lake.open(BRONZE_TELEMETRY)
    result = laptop.tick("bronze_delta_log")
    assert not result.run_requests
    assert "holds no events yet" in result.skip_message
    laptop.arrive([1])
    assert laptop.tick("bronze_delta_log").run_requests


def test_a_commit_is_reported_with_its_delta_version_rows_and_place(laptop):
    laptop.arrive([1, 2, 3])
    laptop.arrive([4])
    laptop.tick("bronze_delta_log")
    (event,) = laptop.instance.fetch_materializations(TELEMETRY, limit=10).records
    metadata = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    head = laptop.lake.version(BRONZE_TELEMETRY)
    assert metadata == {
        "dagster/row_count": 4,
        "dagster/uri": laptop.lake.uri(BRONZE_TELEMETRY),
        "delta_version": head,
        "files": 2,
    }
    assert event.asset_materialization.tags["dagster/data_version"] == str(head)


def test_a_version_is_reported_once(laptop):
    laptop.arrive([1])
    laptop.tick("bronze_delta_log")
    laptop.tick("bronze_delta_log")
    assert len(laptop.instance.fetch_materializations(TELEMETRY, limit=10).records) == 1


def test_a_run_is_named_after_the_newest_hour_and_reports_exactly_the_hours_with_events(laptop):
    laptop.arrive([1, 2])
    laptop.arrive([3], NOON + timedelta(days=150))
    laptop.arrive([4], NOON + timedelta(hours=2))
    (request,) = laptop.tick("bronze_delta_log").run_requests
    assert hours(request) == ("2026-08-28-12", "2026-08-28-12")
    assert laptop.run("silver_lane", request.tags).success
    touched = {"2026-03-31-12", "2026-03-31-14", "2026-08-28-12"}
    assert laptop.instance.get_materialized_partitions(dg.AssetKey(["silver", "readings"])) == touched


def test_what_was_taken_in_is_not_asked_for_again_and_what_comes_later_is(laptop):
    laptop.arrive([1, 2])
    assert laptop.promote().success
    result = laptop.tick("bronze_delta_log")
    assert not result.run_requests
    assert "has taken in Bronze up to version" in result.skip_message
    laptop.arrive([3])
    assert laptop.promote().success
    assert not laptop.tick("bronze_delta_log").run_requests


def test_run_keys_differ_whatever_happened_between(laptop, minutes_later):
    minutes_later(20)
    laptop.arrive([1])
    keys = []
    for status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE):
        (request,) = laptop.tick("bronze_delta_log").run_requests
        keys.append(request.run_key)
        laptop.past_run("silver_lane", status, request.tags)
    assert len(set(keys)) == 3


def test_another_lake_in_the_same_folder_is_not_taken_for_the_one_dagster_knows(laptop):
    laptop.arrive([1, 2])
    assert laptop.promote().success
    laptop.lake.renew_identity("restored")
    (request,) = laptop.tick("bronze_delta_log").run_requests
    assert request.tags[COVERED].startswith(laptop.lake.identity())


@pytest.mark.parametrize("clock", ["2024-06-01T10:30:00+00:00", "2031-01-01T00:00:30+00:00"])
def test_with_another_clock_the_hours_asked_for_exist_and_the_run_succeeds(laptop, monkeypatch, clock):
    monkeypatch.setenv("LAKE_CLOCK_START", clock)
    now = datetime.fromisoformat(clock).astimezone(UTC)
    laptop.arrive([1, 2, 3], now)
    (request,) = laptop.tick("bronze_delta_log").run_requests
    assert hours(request)[0] == now.strftime("%Y-%m-%d-%H")
    assert laptop.run("silver_lane", request.tags).success
    assert laptop.instance.get_materialized_partitions(dg.AssetKey(["silver", "readings"])) == {hours(request)[0]}


def test_events_from_before_the_first_partition_are_taken_in_all_the_same(laptop):
    laptop.arrive([1, 2], datetime(2019, 5, 1, tzinfo=UTC))
    (request,) = laptop.tick("bronze_delta_log").run_requests
    assert hours(request)[0] == "2024-01-01-00"
