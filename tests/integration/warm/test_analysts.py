"""The example queries of docs/analysts: T-SQL as they stand, and right, by what Polars computes from Silver alone."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from lake.store import Lake
from quality.tsql import findings
from settings.model import Settings
from tests.integration.warm.alike import comparable, differences
from tests.integration.warm.answers.every import ANSWERS
from tests.integration.warm.answers.intensity import site_rows
from tests.integration.warm.answers.silver import Silver
from tests.integration.warm.estate import GHOST
from tests.integration.warm.estate_home import make

QUERIES = sorted((Path(__file__).parents[3] / "docs" / "analysts" / "queries").glob("*.sql"))
ASKED = [pytest.param(query, answer, id=query.stem) for query, answer in zip(QUERIES, ANSWERS, strict=True)]

MISTAKES = (
    (1, "sum(fact.avg_value * fact.reading_count) / sum(fact.reading_count)", "avg(fact.avg_value)"),
    (1, "where metric.metric = 'air_temperature'", ""),
    (2, "fact.hour_of_day,", "fact.hour_of_day + 1,"),
    (3, "sum(fact.avg_value * fact.reading_count) / sum(fact.reading_count)", "avg(fact.avg_value)"),
    (4, "count(distinct fact.device_key)", "count(fact.device_key)"),
    (4, "day.fiscal_quarter_name", "cast(day.quarter_of_year as varchar(8))"),
    (5, " and site.is_current = 1", ""),
    (6, "is_current = 1 and ", ""),
    (7, "where is_current = 1 and", "where"),
    (8, "< 0.9", "< 0.8"),
    (9, "nullif(sum(fact.hours_known), 0)", "sum(fact.hours_known + fact.hours_above)"),
    (10, ">= 1", "> 1"),
    (11, "day.month_start", "day.calendar_date"),
    (12, "day.fiscal_year_name", "cast(day.calendar_year as varchar(8))"),
    (12, "site.organisation_name", "site.name"),
    (13, "health.is_expected = 1 and ", ""),
    (14, "< 20", "< 15"),
    (14, "min(health.battery_last)", "max(health.battery_last)"),
    (15, "count(*)", "count(distinct site_key)"),
    (16, "sum(hours_affected)", "max(hours_affected)"),
    (17, "alert.alert_type = 'fault'", "alert.severity = 'warning'"),
    (18, "'quarantined'", "'duplicate'"),
    (19, "rank() over", "row_number() over"),
    (20, "/ nullif(sum(case when fact.actual_cost is not null then fact.revenue end), 0)", "/ sum(fact.revenue)"),
    (20, "case when fact.budget_variance > 0 then fact.budget_variance else 0 end", "fact.budget_variance"),
    (21, "sum(case when fact.floor_area is not null then fact.reported_amount end)", "sum(fact.reported_amount)"),
    (21, "sum(case when fact.measured_amount is not null then fact.floor_area end)", "sum(fact.floor_area)"),
    (21, "fact.resource in ('energy', 'water')", "fact.resource not in ('energy')"),
    (
        21,
        "sum(case when fact.measured_to_reported is not null then fact.reported_amount end)",
        "sum(fact.reported_amount)",
    ),
)
"""What somebody might have written: question, words, other words."""


@pytest.fixture(scope="module")
def silver(estate_home) -> Silver:
    """The Silver that the marts were made of."""
    return Silver(Lake.of(Settings(home=estate_home, _env_file=None)))


@pytest.fixture(scope="module")
def marts(estate_home):
    """The estate as an analyst opens it."""
    with duckdb.connect(str(Settings(home=estate_home, _env_file=None).warm_database), read_only=True) as db:
        yield db


def test_there_are_twenty_one_and_each_opens_with_its_question():
    assert [path.name[:3] for path in QUERIES] == [f"{number:02}-" for number in range(1, 22)]
    firsts = [path.read_text().splitlines()[0] for path in QUERIES]
    assert [first for first in firsts if not (first.startswith("-- ") and first.endswith("?"))] == []


@pytest.mark.parametrize(("query", "answer"), ASKED)
def test_a_question_has_the_answer_that_silver_gives(marts, silver, query, answer):
    found = comparable(marts.execute(query.read_text()).fetchall())
    assert len(found) > 1
    assert differences(found, comparable(answer(silver))) == []


def test_each_sites_use_per_floor_area_is_what_its_meters_and_returns_give(marts, silver):
    query = """
        select site.name, site.organisation_name, day.fiscal_year_name, fact.* exclude (site_key, date_key)
        from marts.fct_site_intensity as fact
        join marts.dim_site as site using (site_key)
        join marts.dim_date as day using (date_key)
    """
    wanted = comparable(site_rows(silver))
    assert differences(comparable(marts.execute(query).fetchall()), wanted) == []
    held = {(row[0], row[3], row[4]) for row in wanted}
    assert {("Infirmary", 2024, "heat"), ("New Infirmary", 2025, "energy"), (GHOST, 2024, "water")} <= held
    assert (GHOST, 2025, "water") not in held, "that return was taken back"


@pytest.mark.parametrize(("number", "words", "others"), MISTAKES)
def test_a_mistake_in_a_query_is_told(marts, silver, number, words, others):
    text = QUERIES[number - 1].read_text()
    assert words in text
    found = comparable(marts.execute(text.replace(words, others)).fetchall())
    assert differences(found, comparable(ANSWERS[number - 1](silver)))


@pytest.mark.parametrize("query", QUERIES, ids=lambda path: path.stem)
def test_an_example_query_is_t_sql_as_it_stands(query):
    assert [str(finding) for finding in findings(query.read_text())] == []


def test_every_mart_has_an_example(marts):
    names = marts.execute("select table_name from information_schema.tables where table_schema = 'marts'").fetchall()
    words = {word for path in QUERIES for word in path.read_text().split()}
    assert [name for (name,) in names if f"marts.{name}" not in words] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.deep
def test_the_answers_are_the_same_by_way_of_kusto(tmp_path):
    scratch = tmp_path / "kusto"
    scratch.mkdir()
    settings = Settings(home=tmp_path / "home", _env_file=None)
    make(settings.home, scratch)
    silver = Silver(Lake.of(settings))
    with duckdb.connect(str(settings.warm_database), read_only=True) as db:
        wrong = {
            query.stem: told
            for query, answer in zip(QUERIES, ANSWERS, strict=True)
            if (told := differences(comparable(db.execute(query.read_text()).fetchall()), comparable(answer(silver))))
        }
    assert wrong == {}
