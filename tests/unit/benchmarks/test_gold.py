"""How the benchmark of Gold and the warm tier counts and compares; the measuring itself is not a test's work."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from importlib import import_module
from pathlib import Path

import duckdb
import pytest

from lake.store import Lake

ROOT = Path(__file__).parents[3]
DAY = date(2026, 3, 1)


@pytest.fixture
def load(monkeypatch):
    """Modules of the benchmarks, which are no package of the product."""
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: import_module(f"benchmarks.{name}")


@pytest.fixture
def results(load):
    return load("gold.results")


@pytest.fixture
def computed(load, tmp_path):
    """What two contenders make of the same Silver: three devices for two dates, but for the last hour."""
    silver = load("gold.silver")
    lake = Lake(str(tmp_path / "lake"))
    rows = silver.Silver(lake).commit(silver.days_from(DAY, 2), 3 * 23 * 240, devices=3)
    totals = {}
    for who in ("sql", "frames"):
        out = tmp_path / who
        out.mkdir()
        assert load(f"gold.{who}").work({"lake": lake.root, "out": str(out)}) == rows
        totals[who] = load("gold.aggregates").totals(out)
    return totals


def test_contenders_come_to_the_same_levels_and_another_result_is_named(load, computed):
    difference = load("gold.aggregates").difference
    assert difference(computed["sql"], computed["frames"]) == ""
    windows = {level: sums[0] for level, sums in computed["sql"].items()}
    assert windows == {"1m": 2 * 3 * 23 * 60, "5m": 2 * 3 * 23 * 12, "1h": 2 * 3 * 23, "1d": 2 * 3}
    wrong = computed["frames"] | {"1h": (computed["frames"]["1h"][0], 0.0, *computed["frames"]["1h"][2:])}
    assert difference(computed["sql"], wrong).startswith("1h: reading_count 0.0 where Gold has 33120")


def test_a_peer_is_told_as_a_multiple_of_the_last_row_that_is_ours(results):
    section = results.Section("t", "a")
    for who, cpu, ours in (("ours", 2.0, True), ("peer", 1.0, False), ("ours again", 8.0, True), ("other", 4.0, False)):
        section.rows.append(results.Row(who, 100, 1.0, cpu, 10, 50, ours=ours, peer=not ours))
    place = results.COLUMNS.index("CPU, ours = 1")
    assert [cells[place] for cells in section.cells()] == ["1", "0.5", "1", "0.5"]


def test_the_page_has_every_section_with_what_went_wrong(load, results, tmp_path):
    about = load("report").About("a machine", "abc1234", "today", True, 1.0)
    section = results.Section("Levels", "Who does what.", [results.Row("Gold", 10, 2.0, 4.0, 1, 50)])
    section.wrong.append("Polars did not come to its end.")
    results.write(tmp_path / "page.md", [section], about)
    page = (tmp_path / "page.md").read_text()
    assert "## Levels" in page
    assert "| Gold | 10 | 2.00 | 4.00 | 5 | 2 |" in page
    assert "- Polars did not come to its end." in page


def test_a_stage_counts_the_time_of_a_process_it_ran(load, tmp_path):
    module = load("gold.stages")
    stages = module.Stages(tmp_path)
    with stages.stage("work") as stage:
        stage.rows = 3
        subprocess.run([sys.executable, "-S", "-c", "for _ in range(4_000_000): pass"], check=True)
    (told,) = module.told(tmp_path)
    assert (told.name, told.rows) == ("work", 3)
    assert told.cpu > told.own


def test_marts_grow_by_days_that_lead_to_the_calendar(load):
    asking = load("warm.asking")
    with duckdb.connect() as db:
        db.execute("CREATE SCHEMA marts")
        db.execute(
            "CREATE TABLE marts.fct_readings_hourly AS SELECT 20260227 AS date_key, DATE '2026-02-27' AS event_date, "
            "TIMESTAMP '2026-02-27 05:00' AS window_start, 20.0::DOUBLE AS avg_value, 4::BIGINT AS reading_count"
        )
        assert asking.facts(db) == {"fct_readings_hourly": "event_date"}
        asking.grow(db, "fct_readings_hourly", "event_date", 1, 13)
        found = db.execute("FROM marts.fct_readings_hourly ORDER BY event_date").fetchall()
    assert len(found) == 13
    assert [row[0] for row in found[:3]] == [20260227, 20260228, 20260301]
    assert all(row[1] == row[2].date() for row in found)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Server=127.0.0.1,1533;Database=lake;UID=sa;PWD=x;Encrypt=no", ("127.0.0.1", 1533, "lake", "sa", False)),
        ("Server=tcp:a.example.org;Database=w;Encrypt=strict", ("a.example.org", 1433, "w", "", True)),
    ],
)
def test_a_server_is_named_as_odbc_names_it(load, text, told):
    warm = load("warm.tier").warm_of(text)
    assert (warm.server, warm.port, warm.database, warm.user, warm.encrypt) == told
