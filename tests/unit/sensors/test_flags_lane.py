"""The flags lane as the daemon runs it: after Silver, by event date, and again when somebody asks."""

from __future__ import annotations

import dagster as dg

from quality.contracts.tables import READING_FLAGS, SUSPECT_READINGS_1D

KEYS = {dg.AssetKey([table.layer, table.name]) for table in (READING_FLAGS, SUSPECT_READINGS_1D)}


def test_flags_are_raised_for_the_dates_silver_changed_and_on_request(laptop):
    laptop.arrive([1, 2])
    assert laptop.promote().success
    [request] = laptop.tick("flags_dirty_dates").run_requests

    done = laptop.run("flags_lane", {**request.tags, "dagster/run_key": request.run_key})

    assert done.success
    assert {event.asset_key for event in done.get_asset_materialization_events()} == KEYS
    assert all(check.passed for check in done.get_asset_check_evaluations())
    assert laptop.tick("flags_dirty_dates").skip_message == "no date is dirty"
    rows = laptop.lake.rows(SUSPECT_READINGS_1D).to_pylist()
    # The second is a degree warmer than the first, a second later.
    assert {row["metric"] for row in rows if row["suspect_count"]} == {"air_temperature"}
    assert {row["code"]: (row["suspect_count"], row["reading_count"]) for row in rows if row["suspect_count"]} == {
        "rate_of_change": (1, 2),
        "": (1, 2),
    }
    held = laptop.lake.version(READING_FLAGS)
    by_hand = {tag: value for tag, value in request.tags.items() if tag.startswith("dagster/asset_partition")}
    assert laptop.run("flags_lane", by_hand).success
    assert laptop.lake.version(READING_FLAGS) == held + 1


def test_no_other_lane_raises_flags(laptop):
    repository = laptop.definitions.get_repository_def()
    raising = {job.name for job in repository.get_all_jobs() if KEYS & set(job.asset_layer.selected_asset_keys)}
    assert {name for name in raising if not name.startswith("__")} == {"flags_lane"}
