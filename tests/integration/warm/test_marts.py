"""Staging to marts: what analysts read is what Gold holds, and says what it is."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from assets.warm.build import build_warm
from assets.warm.database import writing
from assets.warm.project import artifacts, environment, run_dbt
from assets.warm.publish import publish, warm_counts
from assets.warm.staging import dirty_warm_dates, load_staging
from quality.contracts.metrics import METRICS
from quality.contracts.warm import WHOLE_DATE
from settings.model import Settings

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 30), date(2026, 3, 31), date(2026, 4, 1)


@pytest.fixture
def settings(built_home):
    """The shared build, read only."""
    return Settings(home=built_home, _env_file=None)


def test_every_mart_is_counted(settings):
    assert warm_counts(settings) == {
        "dim_client": 1,
        "dim_date": 18628,
        "dim_device": 7,  # left: before the register, north, south; right: before, since; the third; none
        "dim_engagement": 1,
        "dim_metric": len(METRICS) + 1,
        "dim_site": 5,  # each before the register and since; none
        "fct_alerts_daily": 2,
        "fct_data_quality_daily": 3,
        "fct_device_health_daily": 2,
        "fct_engagement": 1,
        "fct_readings_daily": 6,
        "fct_readings_hourly": 12,
        "fct_site_comfort_daily": 2,
        "fct_site_intensity": 3,
        "fct_site_use_daily": 1,
    }


def test_daily_facts_are_golds_rows_through_their_dimensions(settings, published):
    query = """
        select device.device_id, metric.metric, metric.unit, day.calendar_date, fact.reading_count, fact.min_value,
               fact.max_value, fact.avg_value, fact.stdev_value, fact.first_value, fact.last_value,
               fact.expected_count, fact.completeness
        from marts.fct_readings_daily as fact
        join marts.dim_device as device using (device_key)
        join marts.dim_metric as metric using (metric_key)
        join marts.dim_date as day using (date_key)
        order by fact.avg_value
    """
    devices = ["bms:left", "bms:right", "bms:left", "bms:right", "bms:left", "register:7:4"]
    days = [MONDAY, MONDAY, TUESDAY, TUESDAY, WEDNESDAY, WEDNESDAY]
    assert published(settings, query) == [
        (device, "air_temperature", "degC", day, 4, v - 1, v + 1, v, 0.5, v, v, 4.0, 1.0)
        for v, device, day in zip((20.0, 21.0, 22.0, 23.0, 24.0, 25.0), devices, days, strict=True)
    ]


def test_hourly_facts_keep_their_hour_in_utc(settings, published):
    query = "select window_start, hour_of_day, avg_value, stdev_value from marts.fct_readings_hourly order by avg_value"
    assert published(settings, query)[:1] + published(settings, query)[-1:] == [
        (datetime.fromisoformat("2026-03-30T00:00"), 0, 20.0, 0.5),
        (datetime.fromisoformat("2026-04-01T17:00"), 17, 42.0, None),
    ]


def test_data_quality_has_its_outcomes_and_reasons(settings, published):
    query = """
        select enqueued_date, date_key, mapping_id, outcome, reason, row_count, event_count
        from marts.fct_data_quality_daily order by row_count
    """
    assert published(settings, query) == [
        (TUESDAY, 20260331, "simulator", "duplicate", "", 3, 3),
        (TUESDAY, 20260331, "simulator", "quarantined", "not_finite", 7, 7),
        (TUESDAY, 20260331, "simulator", "accepted", "", 90, 90),
    ]


def test_devices_are_known_by_source_and_by_when_they_were_seen(settings, published):
    query = """
        select device_id, source, native_id, first_seen_date, last_seen_date, active_days, metric_count, reading_count
        from marts.dim_device where is_current and device_id <> '' order by device_id
    """
    assert published(settings, query) == [
        ("bms:left", "bms", "left", MONDAY, WEDNESDAY, 3, 1, 12),
        ("bms:right", "bms", "right", MONDAY, TUESDAY, 2, 1, 8),
        ("register:7:4", "register", "7:4", WEDNESDAY, WEDNESDAY, 1, 1, 4),
    ]


WHERE = """
    select device.device_id, fact.window_start, device.is_registered, site.name
    from marts.fct_readings_hourly as fact
    join marts.dim_device as device using (device_key)
    join marts.dim_site as site using (site_key)
    where fact.event_date < '2026-04-01'
    order by device.device_id, fact.window_start
"""


def test_a_fact_leads_to_the_version_that_held_at_its_time(settings, published):
    at = [datetime(2026, 3, day, hour) for day in (30, 31) for hour in (0, 17)]  # noqa: DTZ001 - naive UTC, as held
    assert published(settings, WHERE) == [
        *(("bms:left", moment, True, "Infirmary") for moment in at[:3]),
        ("bms:left", at[3], True, "Health centre"),
        *(("bms:right", moment, False, "Unknown") for moment in at[:3]),
        ("bms:right", at[3], True, "Health centre"),
    ]


@pytest.mark.slow
def test_a_corrected_register_rebuilds_the_dates_whose_facts_lead_elsewhere_and_no_others(built, published):
    with writing(built.settings) as db:  # marks that only a rebuild of their date would wipe out
        db.execute("update marts.fct_readings_hourly set completeness = 0.25")
        db.execute("update marts.fct_site_use_daily set amount = 0.25")
        db.execute("update marts.fct_site_intensity set floor_area = 0.25")
    built.register(2, datetime(2026, 3, 31, tzinfo=UTC))
    dirty = dirty_warm_dates(built.lake, built.settings)
    assert dirty.keys() == {WHOLE_DATE}
    load_staging(built.lake, built.settings, dirty)
    build_warm(built.settings, dirty)
    publish(built.settings)

    query = "select distinct event_date, completeness from marts.fct_readings_hourly order by all"
    assert published(built.settings, query) == [(MONDAY, 0.25), (TUESDAY, 1.0), (WEDNESDAY, 0.25)]
    assert published(built.settings, "select amount from marts.fct_site_use_daily") == [(0.25,)]
    replaced = "select distinct floor_area from marts.fct_site_intensity"
    assert published(built.settings, replaced) == [(84.0,)], "its rows are few, and all of them are replaced"
    moved = [row for row in published(built.settings, WHERE) if row[0] == "bms:right"]
    assert [registered for _, _, registered, _ in moved] == [False, False, True, True]


def test_alerts_are_faults_and_silences_with_their_device_and_site(settings, published):
    query = """
        select device.device_id, site.name, alert.alert_type, alert.code, alert.severity, alert.hours_affected
        from marts.fct_alerts_daily as alert
        join marts.dim_device as device using (device_key)
        join marts.dim_site as site using (site_key)
        order by device.device_id
    """
    assert published(settings, query) == [
        ("bms:left", "Infirmary", "fault", "ahu.leak", "warning", 5.0),
        ("bms:right", "Unknown", "silence", "device.silent", "critical", 24.0),
    ]


def test_the_calendar_agrees_with_python_on_every_day(settings, published):
    query = """
        select calendar_date, date_key, calendar_year, quarter_of_year, month_of_year, month_name, month_start,
               day_of_month, day_of_year, iso_year, iso_week, weekday, weekday_name, is_weekend,
               fiscal_year, fiscal_year_name, fiscal_quarter, fiscal_month
        from marts.dim_date order by calendar_date
    """
    found = published(settings, query)
    first, last = date(2000, 1, 1), date(2050, 12, 31)
    assert found == [_calendar_row(first + timedelta(days=n)) for n in range((last - first).days + 1)]


def _calendar_row(day: date) -> tuple[object, ...]:
    iso = day.isocalendar()
    begins = day.year if day.month >= 4 else day.year - 1
    months_in = (day.year - begins) * 12 + day.month - 4
    return (
        *(day, int(day.strftime("%Y%m%d")), day.year, (day.month + 2) // 3, day.month, day.strftime("%B")),
        *(day.replace(day=1), day.day, day.timetuple().tm_yday, iso.year, iso.week, iso.weekday),
        *(day.strftime("%A"), int(iso.weekday > 5), begins, f"FY{begins}/{(begins + 1) % 100:02}"),
        *(months_in // 3 + 1, months_in + 1),
    )


def test_every_column_of_every_relation_is_documented(settings, published):
    manifest = json.loads((artifacts(settings) / "manifest.json").read_text())
    documented = {
        f"{node['schema']}.{node['alias']}": {
            name for name, column in node["columns"].items() if column["description"].strip()
        }
        for node in [
            *manifest["nodes"].values(),
            *({"alias": s["identifier"], **s} for s in manifest["sources"].values()),
        ]
        if node["resource_type"] in {"model", "seed", "snapshot", "source"} and node["description"].strip()
    }
    held: dict[str, set[str]] = {}
    for relation, column in published(
        settings,
        "select table_schema || '.' || table_name, column_name from information_schema.columns"
        " where table_schema in ('staging', 'intermediate', 'marts', 'seeds', 'history') "
        " and table_name not in ('built_with', 'publication')",
    ):
        held.setdefault(relation, set()).add(column)
    assert len(held) == 55
    assert held == documented


def test_dbts_unit_tests_pass(built):
    run_dbt(
        ["test", "--select", "test_type:unit"],
        target=artifacts(built.settings),
        env=environment(built.settings),
        timeout_seconds=120,
    )
    results = json.loads((artifacts(built.settings) / "run_results.json").read_text())["results"]
    assert [result["status"] for result in results] == ["pass"] * 6


def test_views_still_work_where_the_file_is_attached_by_its_own_name(settings):
    with duckdb.connect() as db:
        db.execute(f"attach '{settings.warm_database}' (read_only)")
        assert db.execute("select count(*) from warm.intermediate.int_devices_seen").fetchall() == [(3,)]


def test_marts_can_be_read_under_any_name(settings):
    with duckdb.connect() as db:
        db.execute(f"attach '{settings.warm_database}' as report (read_only)")
        assert db.execute("select count(*) from report.marts.dim_device").fetchall() == [(7,)]


def test_dbt_leaves_nothing_in_the_project_but_its_target(built_home):
    """`built_home` has run dbt; git knows what it may leave (dbt_warm/target is ignored)."""
    from assets.warm.project import PROJECT

    stray = [
        path.name for path in PROJECT.iterdir() if path.suffix in {".duckdb", ".wal", ".log"} or path.name == "logs"
    ]
    assert stray == []
    assert (
        subprocess.run(["git", "check-ignore", "-q", "dbt_warm/target"], cwd=PROJECT.parent, check=False).returncode
        == 0
    )
