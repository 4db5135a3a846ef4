"""Gold to staging: dirty dates, replacement per date, and a state that never claims too much."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime

import duckdb
import pytest

from assets.warm.build import begin_build, finish_build
from assets.warm.database import build_database, writing
from assets.warm.engine import NotPublishableError, WarmBusyError, WarmMissingError
from assets.warm.migration import StagingDriftError
from assets.warm.publish import publish, warm_counts
from assets.warm.staging import dirty_warm_dates, load_staging
from quality.contracts.warm import WHOLE_DATE

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 30), date(2026, 3, 31), date(2026, 4, 1)
SUNDAY = date(2026, 3, 29)


def rows(settings, query):
    with duckdb.connect(str(build_database(settings)), read_only=True) as db:
        return db.execute(query).fetchall()


def staged(settings):
    return {
        name: rows(settings, f"select * from staging.{name} order by all")
        for name in ("readings_1h", "readings_1d", "data_quality_1d")
    }


def test_a_lake_without_gold_has_no_dirty_dates_and_is_left_alone(fresh):
    assert dirty_warm_dates(fresh.lake, fresh.settings) == {}
    assert not fresh.settings.home.exists()


def test_a_date_is_dirty_in_either_lane_and_once(fresh):
    fresh.readings(TUESDAY, 3, [("bms:a", 1.0)])
    fresh.quality(MONDAY, 4, {"accepted": 1})
    fresh.quality(TUESDAY, 5, {"accepted": 1})
    assert dirty_warm_dates(fresh.lake, fresh.settings) == {MONDAY: 4, TUESDAY: 5}


def test_a_load_alone_leaves_its_dates_dirty_until_they_are_published(fresh):
    fresh.readings(MONDAY, 1, [("bms:a", 1.0)])
    load_staging(fresh.lake, fresh.settings, [MONDAY])
    assert dirty_warm_dates(fresh.lake, fresh.settings) == {MONDAY: 1}


def test_what_is_published_is_clean_and_only_a_newer_batch_is_dirty_again(built):
    assert dirty_warm_dates(built.lake, built.settings) == {}
    built.readings(TUESDAY, 2, [("bms:left", 1.0)])
    assert dirty_warm_dates(built.lake, built.settings) == {TUESDAY: 2}


def test_staging_holds_the_rows_of_gold_with_naive_utc_timestamps(fresh):
    fresh.readings(MONDAY, 1, [("bms:a", 20.0)])
    fresh.quality(MONDAY, 1, {"accepted": 8})
    load = load_staging(fresh.lake, fresh.settings, [MONDAY])
    assert {name: held for name, held in load.rows.items() if held} == {
        "readings_1h": 2,
        "readings_1d": 1,
        "data_quality_1d": 1,
    }
    found = rows(fresh.settings, "select window_start, avg_value, stdev_value from staging.readings_1h order by all")
    assert found == [
        (datetime.fromisoformat("2026-03-30T00:00"), 20.0, 0.5),
        (datetime.fromisoformat("2026-03-30T17:00"), 37.0, None),
    ]


def test_loading_again_changes_nothing(fresh):
    fresh.readings(MONDAY, 1, [("bms:a", 20.0), ("bms:b", 21.0)])
    fresh.quality(MONDAY, 1, {"accepted": 8})
    load_staging(fresh.lake, fresh.settings, [MONDAY])
    once = staged(fresh.settings)
    load_staging(fresh.lake, fresh.settings, [MONDAY, MONDAY])
    assert staged(fresh.settings) == once


def test_a_date_that_gold_emptied_is_emptied_and_its_neighbour_is_not(fresh):
    fresh.readings(MONDAY, 1, [("bms:a", 20.0)])
    fresh.readings(TUESDAY, 1, [("bms:a", 20.0)])
    load_staging(fresh.lake, fresh.settings, [MONDAY, TUESDAY])
    fresh.readings(MONDAY, 2, [])
    assert load_staging(fresh.lake, fresh.settings, [MONDAY]).rows["readings_1d"] == 0
    assert rows(fresh.settings, "select distinct event_date from staging.readings_1h") == [(TUESDAY,)]


def test_dates_nobody_has_heard_of_leave_no_state(fresh):
    fresh.readings(MONDAY, 1, [("bms:a", 20.0)])
    load_staging(fresh.lake, fresh.settings, [SUNDAY, MONDAY])
    assert rows(fresh.settings, "select lane, date, silver_batch, built_batch from staging.date_state") == [
        ("readings", MONDAY, 1, None)
    ]


def test_a_renewed_lake_makes_every_date_dirty_once_whatever_its_batch_numbers(built):
    built.lake.renew_identity("restored for a test")
    built.readings(TUESDAY, 2, [("bms:left", 1.0)])
    dirty = dirty_warm_dates(built.lake, built.settings)
    assert dirty.pop(WHOLE_DATE) > 0  # versions of the tables that are staged whole
    assert dirty == {MONDAY: 0, TUESDAY: 2, WEDNESDAY: 0}
    dirty[WHOLE_DATE] = 0

    load_staging(built.lake, built.settings, dirty)
    finish_build(built.settings, begin_build(built.settings))  # as if dbt had run: its part is tested elsewhere
    publish(built.settings)
    assert dirty_warm_dates(built.lake, built.settings) == {}
    built.readings(MONDAY, 3, [])
    assert dirty_warm_dates(built.lake, built.settings) == {MONDAY: 3}


def test_another_contract_is_refused_with_what_to_do(fresh):
    with writing(fresh.settings) as db:
        db.execute("create schema staging")
        db.execute("create table staging.readings_1h (event_date date not null, device varchar)")
    fresh.readings(MONDAY, 1, [("bms:a", 20.0)])
    with pytest.raises(StagingDriftError, match=r"staging\.readings_1h .* delete warm\.build\.duckdb"):
        load_staging(fresh.lake, fresh.settings, [MONDAY])


def test_a_second_writer_waits_and_then_says_who_is_in_the_way(fresh):
    path = build_database(fresh.settings)
    path.parent.mkdir(parents=True)
    hold = "import duckdb, sys; db = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(WarmBusyError, match=rf"written by another process[\s\S]*{holder.pid}"),
            writing(fresh.settings, wait_seconds=0.5),
        ):
            pass
        holder.communicate(timeout=20)
    with writing(fresh.settings, wait_seconds=0) as db:
        assert db.execute("select 1").fetchall() == [(1,)]


def test_a_lost_build_file_comes_back_with_every_published_date(built):
    build_database(built.settings).unlink()
    built.readings(TUESDAY, 2, [("bms:left", 1.0)])
    load_staging(built.lake, built.settings, [TUESDAY])
    found = rows(
        built.settings, "select event_date, count(*) from staging.readings_1d group by event_date order by all"
    )
    assert found == [(MONDAY, 2), (TUESDAY, 1), (WEDNESDAY, 2)]


def test_nothing_is_published_before_the_first_build(fresh):
    with pytest.raises(NotPublishableError, match="not been built"):
        publish(fresh.settings)
    with pytest.raises(WarmMissingError, match="nothing has been published"):
        warm_counts(fresh.settings)


def test_a_staged_date_that_is_not_built_blocks_publication(built):
    built.readings(TUESDAY, 2, [("bms:left", 1.0)])
    load_staging(built.lake, built.settings, [TUESDAY])
    before = built.settings.warm_database.read_bytes()
    with pytest.raises(NotPublishableError, match="1 staged date not in the marts"):
        publish(built.settings)
    assert built.settings.warm_database.read_bytes() == before


def test_a_build_takes_on_what_is_staged_and_what_is_asked_for_and_nothing_else(built):
    assert begin_build(built.settings).staged == ()
    built.readings(TUESDAY, 2, [("bms:left", 1.0)])
    load_staging(built.lake, built.settings, [TUESDAY])
    build = begin_build(built.settings, [MONDAY])
    assert [(lane, day, batch) for lane, day, _, batch in build.staged] == [
        ("domain", TUESDAY, 1),
        ("quality", TUESDAY, 1),
        ("readings", MONDAY, 1),
        ("readings", TUESDAY, 2),
    ]
    assert not build.full_refresh


def test_changed_models_rebuild_every_date(built, monkeypatch):
    monkeypatch.setattr("assets.warm.build.fingerprint", lambda options: "of other models")
    build = begin_build(built.settings)
    assert build.full_refresh
    assert {day for _, day, _, _ in build.staged} == {WHOLE_DATE, MONDAY, TUESDAY, WEDNESDAY}


def test_a_reader_keeps_the_file_it_opened_while_the_next_reader_sees_the_new_one(built):
    with duckdb.connect(str(built.settings.warm_database), read_only=True) as reader:
        with writing(built.settings) as db:
            db.execute("delete from marts.dim_metric where metric = 'co2'")
        rows_published = publish(built.settings).rows
        assert reader.execute("select count(*) from marts.dim_metric").fetchall() == [
            (rows_published["dim_metric"] + 1,)
        ]
    assert warm_counts(built.settings) == rows_published


def test_a_sensors_load_stages_a_date_anew_only_in_the_lanes_that_are_behind(built):
    before = staged(built.settings)
    built.quality(TUESDAY, 2, {"accepted": 9})
    load = load_staging(built.lake, built.settings, dirty_warm_dates(built.lake, built.settings), behind=True)
    assert (load.dates, set(load.rows)) == ((TUESDAY,), {"data_quality_1d"})
    after = staged(built.settings)
    assert {name for name in after if after[name] != before[name]} == {"data_quality_1d"}
    unbuilt = rows(built.settings, "select lane, date from staging.date_state where built_batch is null")
    assert unbuilt == [("quality", TUESDAY)]
