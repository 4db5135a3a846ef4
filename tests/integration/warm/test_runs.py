"""Run after run: only what changed is rebuilt, and what failed or was killed is never shown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from assets.warm.build import build_warm
from assets.warm.database import writing
from assets.warm.engine import NotPublishableError
from assets.warm.project import DbtError
from assets.warm.publish import publish, warm_counts
from assets.warm.staging import dirty_warm_dates, load_staging

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 30), date(2026, 3, 31), date(2026, 4, 1)
TABLES = (
    *("staging.readings_1h", "staging.readings_1d", "staging.data_quality_1d"),
    *("marts.dim_device", "marts.dim_metric", "marts.fct_readings_hourly", "marts.fct_readings_daily"),
    "marts.fct_data_quality_daily",
)
# A kill before dbt is told of without dbt in `engines/test_loader`; here it costs a build. All with LAKE_DEEP_TESTS.
DEEP = bool(os.environ.get("LAKE_DEEP_TESTS"))
POINTS = (
    ("warm.after_delete", "warm.after_staging", "warm.after_dbt", "warm.before_publish")
    if DEEP
    else ("warm.after_dbt",)
)
RUN = """
import sys
from pathlib import Path
from assets.warm.build import build_warm
from assets.warm.publish import publish
from assets.warm.staging import dirty_warm_dates, load_staging
from lake.store import Lake
from settings.model import Settings
settings = Settings(home=Path(sys.argv[1]), _env_file=None)
lake = Lake.of(settings)
dirty = dirty_warm_dates(lake, settings)
load_staging(lake, settings, dirty)
build_warm(settings, dirty)
publish(settings)
"""


def everything(settings):
    """All rows of the published file, and which batch each date is built of."""
    with duckdb.connect(str(settings.warm_database), read_only=True) as db:
        found = {name: db.execute(f"select * from {name} order by all").fetchall() for name in TABLES}
        state = "select lane, date, silver_batch, built_batch from staging.date_state order by all"
        return found | {"state": db.execute(state).fetchall()}


def run(home: Path, kill_at: str | None = None) -> int:
    """One run of the warm tier in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    env |= {"LAKE_KILL_AT": kill_at} if kill_at else {}
    return subprocess.run([sys.executable, "-c", RUN, str(home)], env=env, timeout=200, check=False).returncode


@pytest.fixture
def changed(built):
    """Tuesday has new values, Wednesday lost all its readings and with them a device, quality has a second day."""
    built.readings(TUESDAY, 2, [("bms:left", 32.0), ("bms:right", 33.0)])
    built.readings(WEDNESDAY, 2, [])
    built.quality(WEDNESDAY, 2, {"accepted": 1})
    return built


@pytest.mark.slow
def test_a_run_replaces_changed_dates_empties_vanished_ones_and_leaves_the_rest_alone(changed, published):
    settings = changed.settings
    with writing(settings) as db:  # a mark that only a rebuild of Monday would wipe out
        db.execute("update marts.fct_readings_daily set completeness = 0.25 where event_date = ?", [MONDAY])
    dirty = dirty_warm_dates(changed.lake, settings)
    load_staging(changed.lake, settings, dirty)
    build = build_warm(settings, dirty)
    publish(settings)

    assert dirty == {TUESDAY: 2, WEDNESDAY: 2}
    assert not build.full_refresh
    daily = "select event_date, avg_value, completeness from marts.fct_readings_daily order by all"
    assert published(settings, daily) == [
        (MONDAY, 20.0, 0.25),
        (MONDAY, 21.0, 0.25),
        (TUESDAY, 32.0, 1.0),
        (TUESDAY, 33.0, 1.0),
    ]
    hourly = "select event_date, count(*) from marts.fct_readings_hourly group by event_date order by all"
    assert published(settings, hourly) == [(MONDAY, 4), (TUESDAY, 4)]
    devices = """
        select device_id, last_seen_date from marts.dim_device
        where is_current and last_seen_date is not null order by all
    """
    assert published(settings, devices) == [("bms:left", TUESDAY), ("bms:right", TUESDAY)]
    quality = (
        "select enqueued_date, sum(row_count) from marts.fct_data_quality_daily group by enqueued_date order by all"
    )
    assert published(settings, quality) == [(TUESDAY, 100), (WEDNESDAY, 1)]
    assert dirty_warm_dates(changed.lake, settings) == {}


@pytest.fixture(scope="session")
def undisturbed():
    """What the run of `changed` ends with; filled by the first test that needs it."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_anywhere_and_run_again_ends_with_the_same_rows(changed, undisturbed, point, tmp_path):
    settings = changed.settings
    if not undisturbed:
        calm = settings.model_copy(update={"home": tmp_path / "calm"})
        subprocess.run(["cp", "-r", str(settings.home), str(calm.home)], check=True)
        assert run(calm.home) == 0
        undisturbed.update(everything(calm))
    before = everything(settings)

    assert run(settings.home, kill_at=point) == -signal.SIGKILL
    assert everything(settings) == before
    assert dirty_warm_dates(changed.lake, settings) == {TUESDAY: 2, WEDNESDAY: 2}

    assert run(settings.home) == 0
    assert everything(settings) == undisturbed
    assert dirty_warm_dates(changed.lake, settings) == {}


@pytest.mark.slow
def test_readers_keep_what_they_have_while_a_test_fails_and_get_the_mended_build(built):
    settings = built.settings
    before = settings.warm_database.read_bytes()
    built.quality(TUESDAY, 2, {"accepted": 90, "vanished": 1})
    load_staging(built.lake, settings, dirty_warm_dates(built.lake, settings))
    with pytest.raises(DbtError, match="accepted_values_fct_data_quality_daily_outcome"):
        build_warm(settings)
    with pytest.raises(NotPublishableError):
        publish(settings)
    assert settings.warm_database.read_bytes() == before
    assert dirty_warm_dates(built.lake, settings) == {TUESDAY: 2}

    built.quality(TUESDAY, 3, {"accepted": 91})
    load_staging(built.lake, settings, dirty_warm_dates(built.lake, settings))
    build_warm(settings)
    publish(settings)
    assert warm_counts(settings)["fct_data_quality_daily"] == 1
